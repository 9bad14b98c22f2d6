//! Behaviour of the counters of the ledger over a store of usage events. Each function is given the ends
//! that three replicas have, which keep time in [`ZONE`].

mod held;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use chrono_tz::Tz;
use futures_util::future::{join, join_all};
use promptgate_access::{Group, NewGroup, Patterns, Providers};
use promptgate_kernel::{
    AccountId, Clock, EndpointId, GroupId, LimitSet, Money, SystemClock, Timestamp, TokenId,
};
use promptgate_limits::{
    Counter, Counters, Demand, Grant, Holder, Limit, Measure, Refused, Settlement, Span, Standing, Subject,
    Taken, Window,
};
use promptgate_usage::{PriceBasis, Repriced, TokenCounts, UsageEvent};

use super::groups::stored_person;
use super::samples::{WORKS, clock, entropy, usage_event, write};
use super::tokens::line;
use crate::Store;

pub use held::just_what_is_held_for_a_call_is_held_no_longer;

/// The zone of the stores under test: one with summer time.
pub const ZONE: Tz = Tz::Europe__Berlin;

const LIFE: Duration = Duration::from_mins(15);
const DAY: Duration = Duration::from_hours(24);

/// What one replica has.
pub struct End {
    /// The store that calls are recorded in.
    pub store: Arc<dyn Store>,
    /// The counters in the same database.
    pub counters: Arc<dyn Counters>,
}

fn now() -> Timestamp {
    SystemClock.now()
}

fn moment(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

fn holder() -> Holder {
    Holder(TokenId::mint(clock(), entropy()).as_uuid().as_u128())
}

fn limit(subject: Subject, measure: Measure, window: Window, cap: u64) -> Limit {
    Limit { counter: Counter { subject, model: None, measure, window }, cap }
}

fn span(limit: &Limit, at: Timestamp) -> Span {
    limit.counter.window.span(at, ZONE)
}

/// A call that took these tokens, and as many nano-dollars.
fn call(at: Timestamp, tokens: u64) -> UsageEvent {
    UsageEvent {
        tokens: TokenCounts { input: tokens / 2, output: tokens - tokens / 2, ..TokenCounts::default() },
        cost: Money::from_nanos(i64::try_from(tokens).expect("a small number")),
        ..usage_event(at)
    }
}

fn held_by(event: UsageEvent, holder: Holder) -> UsageEvent {
    UsageEvent { holder: Some(uuid::Uuid::from_u128(holder.0)), ..event }
}

async fn record(end: &End, events: &[&UsageEvent]) {
    let mut work = write(&*end.store).await;
    work.usage().record(events).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

/// Takes so much of each, or nothing.
async fn take(
    end: &End,
    holder: Holder,
    limits: &[&Limit],
    at: Timestamp,
    amount: u64,
) -> Result<Vec<Grant>, Refused> {
    let demands: Vec<Demand> = limits
        .iter()
        .map(|limit| Demand { limit: (*limit).clone(), span: span(limit, at), least: amount, most: amount })
        .collect();
    match end.counters.take(holder, &demands, now(), now().plus(LIFE)).await.expect(WORKS) {
        Taken::All(grants) => Ok(grants),
        Taken::Refused(refused) => Err(refused),
    }
}

async fn standing(end: &End, limit: &Limit, at: Timestamp) -> Standing {
    end.counters.standing(&[(limit.clone(), span(limit, at))], now()).await.expect(WORKS)[0]
}

async fn used_and_held(end: &End, limit: &Limit, at: Timestamp) -> (u64, u64) {
    let standing = standing(end, limit, at).await;
    (standing.used, standing.held)
}

fn settlement(limit: &Limit, at: Timestamp, spent: u64, freed: u64) -> Settlement {
    let Span { bucket, until, .. } = span(limit, at);
    Settlement { counter: limit.counter.clone(), bucket, until, spent, freed }
}

async fn settle(end: &End, holder: Holder, step: u64, settlements: &[Settlement]) {
    assert!(end.counters.settle(holder, step, settlements, now()).await.expect(WORKS));
}

/// A month of a token's tokens.
fn month(token: TokenId, cap: u64) -> Limit {
    limit(Subject::Token(token), Measure::Tokens, Window::Month, cap)
}

/// However often it is recorded, and by whom, an event counts once, and what it took is held no longer.
pub async fn an_event_is_charged_once(ends: &[End; 3]) {
    let [here, there, elsewhere] = ends;
    let (at, holder) = (now(), holder());
    let event = held_by(call(at, 7), holder);
    let limits =
        [month(event.token_id, 100), limit(Subject::Token(event.token_id), Measure::Cost, Window::Day, 100)];
    take(here, holder, &limits.each_ref(), at, 10).await.expect("there is room");
    for limit in &limits {
        assert_eq!(used_and_held(there, limit, at).await, (0, 10));
    }
    record(here, &[&event, &event]).await;
    join(record(there, &[&event]), record(elsewhere, &[&event, &call(at, 50)])).await;
    for limit in &limits {
        assert_eq!(used_and_held(there, limit, at).await, (7, 3));
    }
    settle(here, holder, 1, &limits.each_ref().map(|limit| settlement(limit, at, 0, 3))).await;
    for limit in &limits {
        assert_eq!(used_and_held(elsewhere, limit, at).await, (7, 0));
    }
}

/// What was used is told by the events alone: until then it is held, and a call that took more than it had
/// counts in full.
pub async fn what_is_told_as_spent_stays_held(ends: &[End; 3]) {
    let [here, there, _] = ends;
    let (at, holder) = (now(), holder());
    let event = held_by(call(at, 5), holder);
    let limit = month(event.token_id, 100);
    take(here, holder, &[&limit], at, 6).await.expect("there is room");
    settle(here, holder, 1, &[settlement(&limit, at, 4, 2)]).await;
    assert_eq!(used_and_held(there, &limit, at).await, (0, 4));
    record(there, &[&event]).await;
    assert_eq!(used_and_held(there, &limit, at).await, (5, 0));
    // What nobody reserved counts, too.
    record(there, &[&UsageEvent { token_id: event.token_id, ..call(at, 200) }]).await;
    assert_eq!(used_and_held(here, &limit, at).await, (205, 0));
    let refused = take(here, holder, &[&limit], at, 1).await.expect_err("it is over");
    assert_eq!((refused.standing.used, refused.standing.room()), (205, 0));
}

/// A call that reserved nothing of a counter takes nothing from what its process holds there for others.
pub async fn what_others_hold_stays_held(ends: &[End; 3]) {
    let [here, there, _] = ends;
    let (at, holder) = (now(), holder());
    let event = held_by(call(at, 5), holder);
    let limits = [
        month(event.token_id, 100),
        limit(Subject::Project(event.project_id), Measure::Cost, Window::Day, 100),
    ];
    take(here, holder, &limits.each_ref(), at, 20).await.expect("there is room");
    let event = UsageEvent { unheld: vec![limits[1].counter.to_string()], ..event };
    record(there, &[&event]).await;
    assert_eq!(used_and_held(here, &limits[0], at).await, (5, 15));
    assert_eq!(used_and_held(here, &limits[1], at).await, (5, 20));
}

/// A call counts against everybody whom it concerns, in every window, and against nobody else.
pub async fn everybody_concerned_is_charged(ends: &[End; 3]) {
    let [here, there, _] = ends;
    let (at, holder) = (now(), holder());
    let [top, middle, bottom] = line::<3>(&*here.store).await.map(|token| token.id);
    let owner = AccountId::mint(clock(), entropy());
    let (group, endpoint) = (GroupId::mint(clock(), entropy()), EndpointId::mint(clock(), entropy()));
    let event = UsageEvent {
        token_id: bottom,
        above: vec![middle, top],
        owner: Some(owner),
        groups: vec![group],
        endpoint_id: Some(endpoint),
        ..held_by(call(at, 9), holder)
    };
    let subjects = [
        Subject::Token(bottom),
        Subject::Token(middle),
        Subject::Token(top),
        Subject::Project(event.project_id),
        Subject::Owner(owner),
        Subject::Group(group),
        Subject::Endpoint(endpoint),
    ];
    let windows = [Window::Day, Window::Month, Window::FiveHours, Window::SevenDays];
    let measures = [Measure::Tokens, Measure::Cost];
    let mut limits = Vec::new();
    for subject in subjects {
        for window in windows {
            limits.extend(measures.map(|measure| limit(subject, measure, window, 100)));
        }
    }
    take(here, holder, &limits.iter().collect::<Vec<_>>(), at, 10).await.expect("there is room");
    let stranger = month(TokenId::mint(clock(), entropy()), 100);
    take(here, holder, &[&stranger], at, 10).await.expect("there is room");
    record(there, &[&event]).await;
    for limit in &limits {
        assert_eq!(used_and_held(here, limit, at).await, (9, 1), "{}", limit.counter);
    }
    assert_eq!(used_and_held(here, &stranger, at).await, (0, 10));
}

/// What the dead held is free again, and what their calls took counts whenever it is recorded.
pub async fn an_event_of_the_dead_counts_once(ends: &[End; 3]) {
    let [here, there, _] = ends;
    let (at, dead, other) = (now(), holder(), holder());
    let (late, early) = (held_by(call(at, 7), dead), held_by(call(at, 3), dead));
    let early = UsageEvent { token_id: late.token_id, ..early };
    let limit = month(late.token_id, 100);
    take(here, dead, &[&limit], at, 40).await.expect("there is room");
    record(there, &[&early]).await;
    assert_eq!(used_and_held(there, &limit, at).await, (3, 37));
    there.counters.sweep(now().plus(LIFE * 2)).await.expect(WORKS);
    assert_eq!(used_and_held(there, &limit, at).await, (3, 0));
    take(here, other, &[&limit], at, 20).await.expect("there is room");
    record(here, &[&late, &early]).await;
    assert_eq!(used_and_held(there, &limit, at).await, (10, 20));
    assert!(!here.counters.settle(dead, 9, &[settlement(&limit, at, 0, 7)], now()).await.expect(WORKS));
    assert_eq!(used_and_held(there, &limit, at).await, (10, 20));
}

/// How a counter stands of which nobody ever took is what was recorded, and so it stands when somebody
/// does: of a token with those that were minted under it, of a group with its members.
pub async fn a_counter_stands_as_recorded_before_anybody_takes(ends: &[End; 3]) {
    let [here, there, _] = ends;
    let at = now();
    let [top, bottom] = line::<2>(&*here.store).await.map(|token| token.id);
    let member = stored_person(&*here.store, "ada").await.id;
    let group = stored_group(&*here.store, member).await;
    let endpoint = EndpointId::mint(clock(), entropy());
    let event = UsageEvent { token_id: top, owner: Some(member), endpoint_id: Some(endpoint), ..call(at, 8) };
    let below = UsageEvent { token_id: bottom, project_id: event.project_id, ..call(at, 5) };
    let elsewhere = UsageEvent { owner: Some(AccountId::mint(clock(), entropy())), ..call(at, 100) };
    let older = UsageEvent { project_id: event.project_id, ..call(at.minus(DAY * 40), 1_000) };
    record(here, &[&event, &below, &elsewhere, &older]).await;
    let expected = [
        (Subject::Token(top), 13),
        (Subject::Token(bottom), 5),
        (Subject::Project(event.project_id), 13),
        (Subject::Owner(member), 8),
        (Subject::Group(group), 8),
        (Subject::Endpoint(endpoint), 8),
        (Subject::Token(TokenId::mint(clock(), entropy())), 0),
    ];
    for (subject, used) in expected {
        for window in [Window::Day, Window::Month, Window::FiveHours, Window::SevenDays] {
            for measure in [Measure::Tokens, Measure::Cost] {
                let limit = limit(subject, measure, window, 1_000);
                let before = standing(there, &limit, at).await;
                assert_eq!((before.used, before.held), (used, 0), "{}", limit.counter);
                let taken = take(there, holder(), &[&limit], at, 1).await.expect("there is room");
                let after = Standing { held: 1, ..before };
                assert_eq!(taken[0].standing, after, "{}", limit.counter);
                assert_eq!(standing(here, &limit, at).await, after, "{}", limit.counter);
            }
        }
    }
    // What somebody who joins later takes is the group's, too.
    record(here, &[&UsageEvent { groups: vec![group], owner: elsewhere.owner, ..call(at, 4) }]).await;
    let of_group = limit(Subject::Group(group), Measure::Tokens, Window::Day, 1_000);
    assert_eq!(used_and_held(there, &of_group, at).await, (12, 1));
}

async fn stored_group(store: &dyn Store, member: AccountId) -> GroupId {
    let new = NewGroup {
        name: "research".to_owned(),
        display_name: "Research".to_owned(),
        description: String::new(),
        providers: Providers::All,
        allow: Patterns::default(),
        exclude: Patterns::default(),
        for_new_accounts: false,
        limits: LimitSet::default(),
    };
    let group = Group::create(GroupId::mint(clock(), entropy()), new, now()).expect("a valid group");
    let mut work = write(store).await;
    work.groups().insert(&group).await.expect(WORKS);
    assert!(work.groups().add_member(group.id, member).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    group.id
}

/// A counter that was forgotten, in whole or as far as it was over, is as complete as before for whoever
/// comes back to it.
pub async fn what_was_forgotten_is_filled_again(ends: &[End; 3]) {
    let [here, there, _] = ends;
    let (at, earlier) = (now(), now().minus(DAY * 40));
    let (event, old) = (call(at, 6), call(earlier, 4));
    let old = UsageEvent { token_id: event.token_id, project_id: event.project_id, ..old };
    let limits = [
        month(event.token_id, 100),
        limit(Subject::Project(event.project_id), Measure::Cost, Window::Day, 100),
    ];
    for limit in &limits {
        take(here, holder(), &[limit], earlier, 1).await.expect("there is room");
    }
    record(here, &[&old]).await;
    // What was held then is gone, and the windows of that time are over.
    there.counters.sweep(at).await.expect(WORKS);
    there.counters.sweep(at.plus(LIFE * 2)).await.expect(WORKS);
    for limit in &limits {
        assert_eq!(used_and_held(there, limit, earlier).await, (4, 0), "{}", limit.counter);
        take(here, holder(), &[limit], at, 1).await.expect("there is room");
    }
    record(here, &[&event]).await;
    for limit in &limits {
        let late = take(there, holder(), &[limit], earlier, 5).await.expect("there is room");
        assert_eq!((late[0].standing.used, late[0].standing.held), (4, 5), "{}", limit.counter);
        assert_eq!(used_and_held(here, limit, at).await, (6, 1), "{}", limit.counter);
    }
    // Everything is over, and forgotten whole.
    there.counters.sweep(at.plus(DAY * 400)).await.expect(WORKS);
    there.counters.sweep(at.plus(DAY * 400)).await.expect(WORKS);
    for limit in &limits {
        assert_eq!(used_and_held(there, limit, earlier).await, (4, 0), "{}", limit.counter);
        let taken = take(there, holder(), &[limit], at, 1).await.expect("there is room");
        assert_eq!((taken[0].standing.used, taken[0].standing.held), (6, 1), "{}", limit.counter);
    }
}

/// Months add up after the calls themselves were removed.
pub async fn a_month_adds_up_after_calls_were_removed(ends: &[End; 3]) {
    let [here, there, _] = ends;
    let at = moment("2026-10-31T12:00:00Z");
    let first = call(moment("2026-09-30T22:00:00Z"), 1);
    let of = |text: &str, tokens| UsageEvent {
        token_id: first.token_id,
        project_id: first.project_id,
        ..call(moment(text), tokens)
    };
    let calls = [
        of("2026-09-30T21:59:59.999999Z", 1_000),
        of("2026-10-01T00:00:00Z", 2),
        of("2026-10-15T12:34:56Z", 4),
        of("2026-10-31T22:59:59.999999Z", 8),
        of("2026-10-31T23:00:00Z", 2_000),
    ];
    record(here, &[&first]).await;
    record(here, &calls.iter().collect::<Vec<_>>()).await;
    let limits = [
        month(first.token_id, 100),
        limit(Subject::Project(first.project_id), Measure::Cost, Window::Month, 100),
    ];
    // One of them is kept while the calls go, the other is not.
    take(here, holder(), &[&limits[0]], at, 1).await.expect("there is room");
    let mut work = write(&*there.store).await;
    assert_eq!(work.usage().prune(now().plus(DAY * 9_000), 100).await.expect(WORKS), 6);
    work.commit().await.expect(WORKS);
    for limit in &limits {
        assert_eq!(standing(there, limit, at).await.used, 15, "{}", limit.counter);
        assert_eq!(standing(there, limit, at).await.resets_at, moment("2026-10-31T23:00:00Z"));
        let taken = take(there, holder(), &[limit], at, 1).await.expect("there is room");
        assert_eq!(taken[0].standing.used, 15, "{}", limit.counter);
    }
    let next = moment("2026-11-10T00:00:00Z");
    for limit in &limits {
        assert_eq!(standing(there, limit, next).await.used, 2_000, "{}", limit.counter);
    }
}

/// What calls cost by other prices counts for everybody whom they were charged to, at once.
pub async fn calls_at_other_prices_count_at_those(ends: &[End; 3]) {
    let [here, there, _] = ends;
    let at = now();
    let [top, bottom] = line::<2>(&*here.store).await.map(|token| token.id);
    let member = stored_person(&*here.store, "ada").await.id;
    let group = stored_group(&*here.store, member).await;
    let event = UsageEvent {
        token_id: bottom,
        above: vec![top],
        owner: Some(member),
        groups: vec![group],
        price_basis: "exact".to_owned(),
        ..call(at, 50)
    };
    let subjects = [
        Subject::Token(bottom),
        Subject::Token(top),
        Subject::Project(event.project_id),
        Subject::Owner(member),
        Subject::Group(group),
    ];
    let limits = subjects.map(|subject| limit(subject, Measure::Cost, Window::Month, 100));
    take(here, holder(), &limits.each_ref(), at, 10).await.expect("there is room");
    record(there, &[&event]).await;
    let repriced = Repriced {
        event: &event,
        cost: Money::from_nanos(85),
        price_version: "new".to_owned(),
        price_basis: PriceBasis::Exact,
    };
    let mut work = write(&*there.store).await;
    assert_eq!(work.repricings().apply(&[repriced]).await.expect(WORKS), 1);
    work.commit().await.expect(WORKS);
    // Whoever sweeps meanwhile forgets nothing of that.
    let limits = limits.each_ref();
    there.counters.sweep(at).await.expect(WORKS);
    for limit in limits {
        assert_eq!(used_and_held(here, limit, at).await, (85, 10), "{}", limit.counter);
        let taken = take(here, holder(), &[limit], at, 5).await.expect("there is room");
        assert_eq!((taken[0].standing.used, taken[0].standing.held), (85, 15), "{}", limit.counter);
        take(there, holder(), &[limit], at, 1).await.expect_err("there is none");
    }
}

/// A day on which clocks go forward or back is as long as it is, for what was recorded before a counter
/// was kept, and for what is recorded then.
pub async fn days_turn_with_summer_time(ends: &[End; 3]) {
    let [here, there, _] = ends;
    // In UTC: the instants around both ends of the day, and one in it.
    for (before, begins, noon, last, after) in [
        (
            "2026-03-28T22:59:59.999999Z",
            "2026-03-28T23:00:00Z",
            "2026-03-29T12:00:00Z",
            "2026-03-29T21:59:59.999999Z",
            "2026-03-29T22:00:00Z",
        ),
        (
            "2026-10-24T21:59:59.999999Z",
            "2026-10-24T22:00:00Z",
            "2026-10-25T12:00:00Z",
            "2026-10-25T22:59:59.999999Z",
            "2026-10-25T23:00:00Z",
        ),
    ] {
        let (noon, first) = (moment(noon), call(moment(begins), 1));
        let of = |text: &str, tokens| UsageEvent {
            token_id: first.token_id,
            project_id: first.project_id,
            ..call(moment(text), tokens)
        };
        let calls = [of(before, 100), of(last, 2), of(after, 1_000)];
        let kept = limit(Subject::Token(first.token_id), Measure::Tokens, Window::Day, 10_000);
        let filled = limit(Subject::Project(first.project_id), Measure::Tokens, Window::Day, 10_000);
        take(here, holder(), &[&kept], noon, 1).await.expect("there is room");
        record(there, &[&first, &calls[0], &calls[1], &calls[2]]).await;
        for limit in [&kept, &filled] {
            take(here, holder(), &[limit], noon, 1).await.expect("there is room");
            let standing = standing(there, limit, noon).await;
            assert_eq!((standing.used, standing.resets_at), (3, moment(after)), "{}", limit.counter);
            let next = used_and_held(there, limit, moment(after)).await;
            assert_eq!(next, (1_000, 0), "{}", limit.counter);
        }
    }
}

/// What is recorded while a counter is first taken of counts once, whoever comes first.
pub async fn first_takes_race_with_recording(ends: &[End; 3]) {
    const CALLS: u64 = 120;
    let at = now();
    let sample = call(at, 1);
    let owner = AccountId::mint(clock(), entropy());
    let recording = (0..CALLS).map(|number| {
        let end = &ends[usize::try_from(number % 3).expect("a small number")];
        let (token_id, project_id) = (sample.token_id, sample.project_id);
        let event = UsageEvent { token_id, project_id, owner: Some(owner), ..call(at, 1) };
        async move { record(end, &[&event]).await }
    });
    let mut limits = Vec::new();
    for subject in
        [Subject::Token(sample.token_id), Subject::Project(sample.project_id), Subject::Owner(owner)]
    {
        for window in [Window::Day, Window::Month, Window::FiveHours, Window::SevenDays] {
            limits.push(limit(subject, Measure::Tokens, window, 1_000_000));
            limits.push(limit(subject, Measure::Cost, window, 1_000_000));
        }
    }
    let taking = limits.iter().enumerate().map(|(at_end, limit)| async move {
        for end in [&ends[at_end % 3], &ends[(at_end + 1) % 3]] {
            take(end, holder(), &[limit], at, 1).await.expect("there is room");
        }
    });
    join(join_all(recording), join_all(taking)).await;
    for limit in &limits {
        assert_eq!(used_and_held(&ends[0], limit, at).await, (CALLS, 2), "{}", limit.counter);
    }
}

/// What becomes of a caller.
#[derive(Clone, Copy)]
enum Fate {
    /// It is recorded, and gives back the rest.
    Lives,
    /// The other way round.
    LivesAndSettlesFirst,
    /// It dies before its event is anywhere.
    DiesAtOnce,
    /// It dies when its event is recorded; others record that again.
    DiesAfterwards,
    /// It dies, and its event is found when it was given up.
    IsFoundLater,
}

impl Fate {
    fn of(caller: u64) -> Self {
        // Neighbours differ, and so do those that share a replica.
        match (caller * 7 + caller / 3) % 5 {
            0 => Self::LivesAndSettlesFirst,
            1 => Self::DiesAtOnce,
            2 => Self::DiesAfterwards,
            3 => Self::IsFoundLater,
            _ => Self::Lives,
        }
    }
}

/// Two hundred callers over three replicas, some of which die at any moment: never more is used and held
/// than the cap, every call is charged once, and in the end nothing is held.
pub async fn caps_hold_whoever_dies(ends: &[End; 3]) {
    const CALLERS: u64 = 200;
    const RESERVED: u64 = 10;
    let at = now();
    let sample = call(at, 1);
    let limits = [
        limit(Subject::Token(sample.token_id), Measure::Tokens, Window::Day, 900),
        limit(Subject::Project(sample.project_id), Measure::Cost, Window::Month, 800),
    ];
    let (limits, sample, is_over) = (&limits, &sample, &AtomicBool::new(false));
    let callers = (0..CALLERS).map(|caller| async move {
        let end = |shift: u64| &ends[usize::try_from((caller + shift) % 3).expect("a small number")];
        let holder = holder();
        let order = if caller % 2 == 0 { [&limits[0], &limits[1]] } else { [&limits[1], &limits[0]] };
        if take(end(0), holder, &order, at, RESERVED).await.is_err() {
            return (0, None);
        }
        let spent = caller % (RESERVED + 1);
        let (token_id, project_id) = (sample.token_id, sample.project_id);
        let event = UsageEvent { token_id, project_id, ..held_by(call(at, spent), holder) };
        let freed = limits.each_ref().map(|limit| settlement(limit, at, spent, RESERVED - spent));
        match Fate::of(caller) {
            Fate::Lives => {
                record(end(1), &[&event]).await;
                settle(end(0), holder, 1, &freed).await;
            }
            Fate::LivesAndSettlesFirst => {
                settle(end(0), holder, 1, &freed).await;
                record(end(1), &[&event]).await;
            }
            Fate::DiesAtOnce => return (0, None),
            Fate::DiesAfterwards => {
                join(record(end(1), &[&event]), record(end(2), &[&event])).await;
            }
            Fate::IsFoundLater => return (spent, Some(event)),
        }
        (spent, None)
    });
    let watching = async {
        while !is_over.load(Ordering::Relaxed) {
            for limit in limits {
                let standing = standing(&ends[2], limit, at).await;
                assert!(standing.used + standing.held <= limit.cap, "{standing:?}");
            }
        }
    };
    let calling = async {
        let called = join_all(callers).await;
        is_over.store(true, Ordering::Relaxed);
        called
    };
    let (called, ()) = join(calling, watching).await;
    let found: Vec<UsageEvent> = called.iter().filter_map(|(_, found)| found.clone()).collect();
    assert!(!found.is_empty());
    ends[1].counters.sweep(now().plus(LIFE * 2)).await.expect(WORKS);
    for chunk in found.chunks(3) {
        record(&ends[0], &chunk.iter().collect::<Vec<_>>()).await;
    }
    let spent: u64 = called.iter().map(|(spent, _)| spent).sum();
    assert!(spent > 100, "{spent}");
    for limit in limits {
        assert_eq!(used_and_held(&ends[2], limit, at).await, (spent, 0), "{}", limit.counter);
        // Nothing leaked: all the rest is there to be taken.
        let rest = limit.cap - spent;
        take(&ends[0], holder(), &[limit], at, rest).await.expect("there is room");
        take(&ends[1], holder(), &[limit], at, 1).await.expect_err("there is none");
    }
}
