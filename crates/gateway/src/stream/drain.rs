//! Answers that no client waits for any more.

use tokio::time::{Instant, timeout_at};

use super::Opened;
use crate::record::{Record, Spent};
use crate::settle::cancelled;

/// Reads an answer to its end that no client waits for, but not beyond `deadline` nor beyond what its call has
/// reserved: for nobody, no more is. Books what was seen.
pub(crate) async fn drain(mut opened: Box<Opened>, mut record: Box<Record>, deadline: Instant) {
    for piece in std::mem::take(&mut opened.held) {
        let piece = opened.ruled(piece);
        record.transcript.hear(&piece);
    }
    let mut is_complete = opened.passing.has_ended();
    while !opened.passing.has_ended() && !opened.is_stopped() {
        if opened.is_full() {
            record.note("not read to its end: it was longer than what was reserved for it");
            break;
        }
        let (until, room) = (deadline.min(Instant::now() + opened.idle_timeout), opened.room());
        match timeout_at(until, opened.upstream.next(room)).await {
            Ok(Some(Ok(chunk))) => {
                let piece = opened.pass(chunk);
                record.transcript.hear(&piece);
                record.transcript.listen_at_leisure();
            }
            Ok(None) => {
                let last = opened.passing.end();
                let rest = opened.rest(last);
                record.transcript.hear(&rest);
                is_complete = opened.passing.has_ended() || opened.may_end_without_mark;
                break;
            }
            Ok(Some(Err(_))) | Err(_) => break,
        }
        is_complete = opened.passing.has_ended();
    }
    opened.close();
    let spent = spent_on(&opened);
    if let Some(rules) = &mut opened.ways.rules {
        is_complete &= !rules.is_stopped();
        let (verdict, micros) = rules.verdict();
        record.guarded(&verdict, micros);
    }
    if let Some(tap) = opened.tap.take() {
        tap.end(is_complete && !opened.passing.has_reported(), record.count(&spent).0);
    }
    cancelled(&mut record, spent);
}

/// What a provider only passes on costs nothing, and neither does an error in place of an answer.
pub(super) fn spent_on(opened: &Opened) -> Spent {
    let passing = &opened.passing;
    let said_nothing = passing.has_reported() && !passing.has_content() && !passing.is_broken_off();
    if passing.is_unread() || said_nothing { Spent::Nothing } else { Spent::Seen(passing.observed()) }
}
