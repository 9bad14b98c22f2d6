//! Two hundred who try passwords at once, at two replicas.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use promptgate_e2e::{Gateway, Installation, Process};

use super::visitor::{Visitor, refused, set_cookie};
use super::{ADMINISTRATOR, PASSWORD, audited, prepared};

const TRIES: usize = 200;

async fn no_more_than_five(installation: Installation) {
    let installation = prepared(installation);
    let gateway = Gateway::replicated(&installation).await.unwrap();
    let doors = gateway.apis();
    assert_eq!(doors.len(), 2);
    let answers = join_all((0..TRIES).map(|number| {
        let visitor = Visitor::at(&doors[number % 2]);
        async move { visitor.sign_in(ADMINISTRATOR, &format!("guess {number}")).await }
    }))
    .await;
    let mut counts = BTreeMap::new();
    for answer in &answers {
        *counts.entry(answer.status.as_u16()).or_insert(0) += 1;
    }
    let said = || gateway.processes.iter().map(Process::output).collect::<String>();
    let errors =
        || said().lines().filter(|line| line.contains("level=error")).take(5).collect::<Vec<_>>().join("\n");
    assert_eq!(counts, BTreeMap::from([(401, 5), (429, TRIES - 5)]), "{}", errors());
    for answer in answers.iter().filter(|answer| answer.status == 429) {
        refused(answer, 429, "too_many_attempts");
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
    }
    for door in &doors {
        let right = Visitor::at(door).sign_in(ADMINISTRATOR, PASSWORD).await;
        refused(&right, 429, "too_many_attempts");
        assert_eq!(set_cookie(&right), None);
    }
    assert_eq!(audited(&gateway, "auth.login_failed").await.len(), 5, "one row for each that was looked at");
}

#[tokio::test]
async fn get_five_tries_over_postgres_alone() {
    no_more_than_five(Installation::on_postgres().await.unwrap()).await;
}

#[tokio::test]
async fn get_five_tries_over_postgres_and_redis() {
    no_more_than_five(Installation::on_postgres_and_redis().await.unwrap()).await;
}
