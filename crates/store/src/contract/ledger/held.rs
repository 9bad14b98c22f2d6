//! What recording a call takes from what is held.

use promptgate_limits::{Holder, Measure, Subject, Window};
use promptgate_usage::{Hold, UsageEvent};

use super::{End, call, held_by, holder, limit, month, now, record, take, used_and_held};
use crate::contract::samples::WORKS;

/// A call takes from those who hold something for it just what they hold, and nothing where they hold nothing,
/// though they hold it for others: what was limited when it was under way, and what it used beyond.
pub async fn just_what_is_held_for_a_call_is_held_no_longer(ends: &[End; 3]) {
    let [here, there, _] = ends;
    let (at, first, second) = (now(), holder(), holder());
    let event = call(at, 150);
    let (limit, younger) = (
        month(event.token_id, 1_000),
        limit(Subject::Token(event.token_id), Measure::Cost, Window::Day, 1_000),
    );
    for holder in [first, second] {
        take(here, holder, &[&limit, &younger], at, 200).await.expect("there is room");
    }
    let hold = |holder: Holder, amount| Hold {
        holder: uuid::Uuid::from_u128(holder.0),
        counter: limit.counter.to_string(),
        amount,
    };
    let parts = vec![hold(first, 100), hold(second, 30)];
    let event = UsageEvent { held: Some(parts), ..held_by(event, first) };
    record(there, &[&event, &event]).await;
    record(here, &[&event]).await;
    assert_eq!(used_and_held(there, &limit, at).await, (150, 400 - 130));
    assert_eq!(used_and_held(there, &younger, at).await, (150, 400));
    here.counters.end(second).await.expect(WORKS);
    assert_eq!(used_and_held(there, &limit, at).await, (150, 100));
    let nothing =
        UsageEvent { held: Some(Vec::new()), token_id: event.token_id, ..held_by(call(at, 10), first) };
    record(there, &[&nothing]).await;
    assert_eq!(used_and_held(there, &limit, at).await, (160, 100));
}
