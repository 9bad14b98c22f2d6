//! Trouble under load, in short: what the soak does for longer.

use std::time::Duration;

use http::Method;
use promptgate_e2e::chaos::{Counted, Kept, Limited, NOTICE, Stage, deaths, rolling, troubles};
use promptgate_e2e::eventually;
use serde_json::Value;

const CALLS_A_MINUTE: u32 = 120;
/// Two replicas that cannot ask share it: each has half of it to give, and what it had in hand before. And a
/// Redis that comes back empty, which it does twice, counts anew.
const WHILE_DEGRADED: u64 = 4 * CALLS_A_MINUTE as u64;
/// A cent, in nano-dollars.
const BUDGET: u64 = 10_000_000;
const PATIENCE: Duration = Duration::from_mins(2);

fn nothing_is_lost(counted: Counted) {
    assert!(counted.answered > 0);
    assert_eq!((counted.lost, counted.double), (0, 0), "{counted:?}");
}

fn limits_are_kept(kept: &Kept, most_a_minute: u64) {
    nothing_is_lost(kept.counted);
    // A process that is too busy to wait for an answer gives its share.
    let most =
        if kept.unasked > 0 { most_a_minute.max(2 * u64::from(CALLS_A_MINUTE)) } else { most_a_minute };
    assert!(kept.fullest_minute <= most, "{kept:?}");
    assert!(kept.most_spent > 0 && kept.overspent == 0, "{kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_that_stop_freeze_or_slow_down_cost_no_call_and_no_event() {
    let mut stage = Stage::start(&[]).await.unwrap();
    let limited = Limited::start(&stage, CALLS_A_MINUTE, 20, BUDGET).await.unwrap();
    let (findings, counted) = troubles(&mut stage, Duration::from_secs(2)).await.unwrap();
    limited.stop().await;
    for finding in &findings {
        println!("{}: {}: before {}", finding.dependency, finding.trouble, finding.before);
        println!("    during {}; back after {:?}", finding.during, finding.recovery);
    }
    for finding in &findings {
        assert_eq!(finding.before.failures(), 0, "{finding:?}");
        assert_eq!(finding.during.failures(), 0, "{finding:?}");
    }
    nothing_is_lost(counted);
    let kept = limited.kept(&stage, PATIENCE).await.unwrap();
    println!("{kept:?}");
    limits_are_kept(&kept, WHILE_DEGRADED);
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_die_lose_no_event_and_hold_nothing_for_ever() {
    let mut stage = Stage::start(&[]).await.unwrap();
    // Each of them once.
    let mut turn = 0;
    let next = |among: usize| {
        turn += 1;
        turn % among
    };
    let limited = Limited::start(&stage, CALLS_A_MINUTE, 20, BUDGET).await.unwrap();
    let found = deaths(&mut stage, Duration::from_secs(10), next).await.unwrap();
    limited.stop().await;
    println!("{} deaths: {}", found.deaths.len(), found.during);
    assert_eq!(found.unexplained.failures(), 0, "{:?}", found.unexplained);
    nothing_is_lost(found.counted);
    limits_are_kept(&limited.kept(&stage, PATIENCE).await.unwrap(), CALLS_A_MINUTE.into());
    assert_eq!(limited.leaks(&stage).await.unwrap(), 0);
    limits_are_kept(&limited.kept(&stage, PATIENCE).await.unwrap(), CALLS_A_MINUTE.into());
}

/// Not only a release replaces every process: so does every change of a node.
mod nginx {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_rolling_restart_behind_nginx_costs_no_call() {
        let mut stage = Stage::start(&[NOTICE]).await.unwrap();
        let rolled = rolling(&mut stage).await.unwrap();
        assert_eq!(rolled.during.failures(), 0, "{:?}\nnginx: {}", rolled.during, rolled.complaints);
        nothing_is_lost(rolled.counted);
    }
}

/// An operator rehearses, and calls go on.
#[tokio::test(flavor = "multi_thread")]
async fn drills_are_obeyed_and_end_by_themselves() {
    let stage = Stage::start(&[]).await.unwrap();
    let project = stage.project().await.unwrap();
    let degraded = async || {
        let answer = project.chat("echo:echo").await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.header("x-promptgate-degraded").unwrap_or_default().to_owned()
    };
    for dependency in ["database", "redis"] {
        assert_eq!(degraded().await, "");
        let said = stage.operate(&["chaos", dependency, "--for", "8"]).await.unwrap();
        assert!(said.status.success(), "{}{}", said.output, said.errors);
        assert!(said.output.contains(dependency) && said.output.contains("  proxy on "), "{}", said.output);
        eventually("an answer that says so", Duration::from_secs(30), || async {
            degraded().await.contains(dependency).then_some(())
        })
        .await
        .unwrap();
        eventually("the end of the drill", Duration::from_mins(1), || async {
            degraded().await.is_empty().then_some(())
        })
        .await
        .unwrap();
    }
    let refused = stage.operate(&["chaos", "disk"]).await.unwrap();
    assert!(
        !refused.status.success() && refused.errors.contains("`disk` cannot be away"),
        "{}",
        refused.errors
    );
    let listed = stage.gateway.admin(Method::GET, "/audit?action=drill.begun", &Value::Null).await.unwrap();
    assert_eq!(listed.expect(200).unwrap()["items"].as_array().map(Vec::len), Some(2));
}
