//! `promptgate firewall replay`: what rules would have made of recorded calls.

use std::fmt::Write;
use std::time::Duration;

use anyhow::{Context, bail};
use promptgate_control::guardrails::{self, Replay, Replayed, Tried};
use promptgate_kernel::{Clock, Timestamp};
use serde_json::{Value, json};

use super::{ACTOR, document, id};
use crate::accounts;
use crate::base::Base;
use crate::cli::FirewallReplay;
use crate::start::print;
use crate::storage;

/// So many calls are named where people read; JSON has all that are known.
const NAMED: usize = 10;

/// Does what `promptgate firewall replay …` says.
pub(crate) async fn run(base: Base, asked: FirewallReplay) -> anyhow::Result<()> {
    let tried = match (&asked.policy, asked.policy_only) {
        (Some(file), true) => Tried::Alone(document(file)?),
        (Some(file), false) => Tried::Over(document(file)?),
        (None, _) => Tried::Stored,
    };
    let wanted = Replay {
        tried,
        project: id(asked.project.as_deref(), "--project")?,
        token: id(asked.token.as_deref(), "--token")?,
        from: asked.since.as_deref().map(|when| since(when, &*base.clock)).transpose()?,
        to: None,
        limit: asked.limit,
    };
    let data = match base.common.database.url {
        Some(_) => None,
        None => storage::data_dir(&base.common, "")?,
    };
    let storage = storage::open(&base.common, data.as_ref()).await?;
    let control = accounts::offline(&base, &storage)?;
    let replayed = guardrails::replay(&control, ACTOR, wanted).await;
    base.stop.cancel();
    storage.connected.close().await;
    let replayed = replayed?;
    print(&if asked.json { as_json(&replayed)? } else { readable(&replayed) })
}

/// An instant, or so long ago.
fn since(when: &str, clock: &dyn Clock) -> anyhow::Result<Timestamp> {
    if let Ok(at) = when.parse() {
        return Ok(at);
    }
    let must = "--since must be an instant such as 2025-01-31T12:00:00Z, or so long ago: 90m, 24h, 7d";
    let unit = match when.bytes().last() {
        Some(b'm') => 60,
        Some(b'h') => 3_600,
        Some(b'd') => 86_400,
        _ => bail!(must),
    };
    let count: u64 = when[..when.len() - 1].parse().context(must)?;
    let ago = Duration::from_secs(count.checked_mul(unit).context(must)?);
    let micros = i64::try_from(ago.as_micros()).ok().context(must)?;
    Ok(Timestamp::from_micros(clock.now().as_micros().saturating_sub(micros)))
}

/// Microseconds for each of so many.
#[expect(clippy::cast_precision_loss, reason = "a quotient for people")]
fn each(micros: u64, of: f64) -> f64 {
    if of > 0.0 { micros as f64 / of } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "a quotient for people")]
fn readable(replayed: &Replayed) -> String {
    let Replayed { calls, unreadable, blocked, changed, noted, bytes, micros, .. } = *replayed;
    let read = calls.saturating_sub(unreadable);
    let (of_call, of_kib) = (each(micros, read as f64), each(micros, bytes as f64 / 1_024.0));
    let mut text = String::new();
    let _ = writeln!(text, "{calls} calls, {unreadable} of them kept in no form that can be read");
    let _ = writeln!(text, "{blocked} would be refused, {changed} changed, {noted} noted");
    let _ = writeln!(text, "{bytes} bytes in {micros} µs: {of_call:.0} µs a call, {of_kib:.1} µs a KiB");
    if !replayed.rules.is_empty() {
        let _ = writeln!(text, "by rule:");
    }
    for (rule, matched) in &replayed.rules {
        let _ = writeln!(text, "  {rule}: {} times in {} calls", matched.matches, matched.calls);
    }
    if !replayed.concerned.is_empty() {
        let _ = writeln!(text, "such as, newest first:");
    }
    for it in replayed.concerned.iter().take(NAMED) {
        let _ = writeln!(text, "  {} {}: {}", it.id, it.outcome.name(), it.rules.join(", "));
    }
    text
}

/// With the names that the API has for it.
fn as_json(replayed: &Replayed) -> anyhow::Result<String> {
    let rules = replayed
        .rules
        .iter()
        .map(|(rule, matched)| (rule.clone(), json!({"calls": matched.calls, "matches": matched.matches})));
    let concerned = replayed
        .concerned
        .iter()
        .map(|it| json!({"callId": it.id.to_string(), "outcome": it.outcome.name(), "rules": it.rules}));
    let all = json!({
        "calls": replayed.calls, "unreadable": replayed.unreadable, "blocked": replayed.blocked,
        "changed": replayed.changed, "noted": replayed.noted,
        "rules": rules.collect::<serde_json::Map<String, Value>>(),
        "concerned": concerned.collect::<Vec<_>>(), "bytes": replayed.bytes, "micros": replayed.micros,
    });
    let mut text = serde_json::to_string_pretty(&all)?;
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use promptgate_control::guardrails::{Concerned, Matched, Outcome};
    use promptgate_kernel::testing::TestClock;

    use super::*;

    #[test]
    fn since_is_an_instant_or_so_long_ago() {
        let clock = TestClock::at_millis(1_700_000_000_000);
        let now = clock.now().as_micros();
        let ago = |when: &str| since(when, &clock).map(|at| now - at.as_micros());
        assert_eq!(ago("90m").unwrap(), 90 * 60 * 1_000_000);
        assert_eq!(ago("24h").unwrap(), ago("1d").unwrap());
        let instant: Timestamp = "2025-01-31T12:00:00Z".parse().unwrap();
        assert_eq!(since("2025-01-31T12:00:00Z", &clock).unwrap(), instant);
        for wrong in ["", "d", "7", "7w", "-1d", "99999999999999999999d", "9999999999999999d", "€"] {
            ago(wrong).unwrap_err();
        }
    }

    #[test]
    fn counts_time_and_examples_are_told_and_nothing_else() {
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        let rules = vec!["pii_filter.email".to_owned()];
        let replayed = Replayed {
            calls: 5,
            unreadable: 1,
            blocked: 1,
            rules: [(rules[0].clone(), Matched { calls: 1, matches: 2 })].into(),
            concerned: vec![Concerned { id, outcome: Outcome::Blocked, rules }],
            bytes: 2_048,
            micros: 100,
            ..Replayed::default()
        };
        let expected = "5 calls, 1 of them kept in no form that can be read\n\
            1 would be refused, 0 changed, 0 noted\n\
            2048 bytes in 100 µs: 25 µs a call, 50.0 µs a KiB\n\
            by rule:\n  pii_filter.email: 2 times in 1 calls\n\
            such as, newest first:\n  018f4e6e-0000-7000-8000-000000000001 blocked: pii_filter.email\n";
        assert_eq!(readable(&replayed), expected);
        let told: Value = serde_json::from_str(&as_json(&replayed).unwrap()).unwrap();
        assert_eq!((&told["concerned"][0]["callId"], &told["micros"]), (&json!(id.to_string()), &json!(100)));
        assert_eq!(readable(&Replayed::default()).lines().count(), 3);
    }
}
