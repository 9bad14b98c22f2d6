//! Databases that are away for a moment: nobody can do anything meanwhile, and nobody is signed out.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use promptgate_e2e::{Gateway, Installation, eventually};

use super::relay::Relay;
use super::visitor::{Visitor, set_cookie};
use super::{ADMINISTRATOR, PASSWORD, prepared};

/// Everything that looks at a session, and a sign-in, says that it is not now, and leaves the cookie alone.
async fn nothing_is_told(visitor: &Visitor) {
    let calls = [
        (Method::GET, "/api/v1/me"),
        (Method::GET, "/api/v1/me/sessions"),
        (Method::GET, "/api/v1/admin/projects"),
        (Method::GET, "/auth/session"),
        (Method::GET, "/auth/logout"),
        (Method::POST, "/auth/logout"),
    ];
    let answers = join_all(calls.map(|(method, path)| {
        let visitor = visitor.clone();
        async move { (path, visitor.send(method, path, "").await) }
    }));
    let (mut answers, sign_in) = tokio::join!(answers, visitor.sign_in(ADMINISTRATOR, PASSWORD));
    answers.push(("/auth/password", sign_in));
    for (path, answer) in answers {
        assert_eq!(answer.status, 503, "{path}: {}", answer.text());
        assert_eq!(answer.json()["error"], "store_unavailable", "{path}: {}", answer.text());
        assert_eq!(set_cookie(&answer), None, "{path}");
    }
}

/// The same cookie opens again what it opened; until then, nobody says that it does not count.
async fn goes_on(visitor: &Visitor) {
    eventually("the session as it was", Duration::from_secs(30), || async {
        let answer = visitor.get("/api/v1/me").await;
        assert!(matches!(answer.status.as_u16(), 200 | 503), "{}: {}", answer.status, answer.text());
        assert_eq!(set_cookie(&answer), None);
        (answer.status == 200).then_some(())
    })
    .await
    .unwrap();
}

fn port_of(url: &str) -> u16 {
    let port = url.rsplit_once(':').unwrap().1;
    port.split('/').next().unwrap().parse().unwrap()
}

/// With a wire to the database of this setting.
async fn wired(installation: Installation, setting: &str) -> (Installation, Relay) {
    let url = installation.setting(setting).unwrap().to_owned();
    let relay = Relay::to(port_of(&url)).await;
    let wired = url.replace(&format!(":{}", port_of(&url)), &format!(":{}", relay.port()));
    (installation.set(setting, &wired), relay)
}

/// Cuts a wire for as long as it takes to ask for everything, and mends it.
async fn through_an_outage(visitor: &Visitor, wire: &mut Relay) {
    assert_eq!(visitor.status().await, 200);
    wire.cut().await;
    nothing_is_told(visitor).await;
    wire.mend().await;
    goes_on(visitor).await;
}

#[tokio::test]
async fn of_postgres_alone() {
    let installation = prepared(Installation::on_postgres().await.unwrap());
    let (installation, mut postgres) = wired(installation, "PROMPTGATE_DATABASE_URL").await;
    let gateway = Gateway::separate(&installation).await.unwrap();
    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    through_an_outage(&visitor, &mut postgres).await;
}

#[tokio::test]
async fn of_postgres_and_then_redis() {
    let installation = prepared(Installation::on_postgres_and_redis().await.unwrap());
    let (installation, mut postgres) = wired(installation, "PROMPTGATE_DATABASE_URL").await;
    let (mut installation, mut redis) = wired(installation, "PROMPTGATE_REDIS_URL").await;
    let gateway = Gateway::separate(&installation).await.unwrap();
    let visitor = Visitor::signed_in(&gateway.api, ADMINISTRATOR).await;
    through_an_outage(&visitor, &mut postgres).await;
    through_an_outage(&visitor, &mut redis).await;

    // One that is there and does not answer.
    installation.redis().unwrap().pause().unwrap();
    nothing_is_told(&visitor).await;
    installation.redis().unwrap().resume().unwrap();
    goes_on(&visitor).await;
}
