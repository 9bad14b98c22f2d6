//! Behaviour of a usage repository.

use futures_util::future::join_all;
use promptgate_kernel::{
    AccountId, CredentialId, EndpointId, Money, PageRequest, ProjectId, ProviderId, Revision, Timestamp,
    TokenId,
};
use promptgate_usage::{
    Attempt, CallFilter, Cursor, GuardMatch, Guarded, Outcome, TokenCounts, UsageEvent, UsageFilter,
};

use super::samples::{WORKS, at, clock, entropy, read, usage_event, write};
use crate::Store;

const LARGEST: u64 = i64::MAX.unsigned_abs();

async fn record(store: &dyn Store, events: &[UsageEvent]) {
    let mut work = write(store).await;
    work.usage().record(&events.iter().collect::<Vec<_>>()).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn find(store: &dyn Store, event: &UsageEvent) -> Option<UsageEvent> {
    read(store).await.usage().find(event.id).await.expect(WORKS)
}

async fn list(store: &dyn Store, filter: &UsageFilter, size: u32) -> (Vec<UsageEvent>, u64) {
    let page = PageRequest::clamped(1, size);
    let page = read(store).await.usage().list(filter, page).await.expect(WORKS);
    (page.items, page.total)
}

/// Every field comes back as it was, extremes too.
pub async fn everything_round_trips(store: &dyn Store) {
    let full = UsageEvent {
        owner: Some(AccountId::mint(clock(), entropy())),
        requested_model: Some("日本 \"x\" 🦀".repeat(10)),
        provider_id: Some(ProviderId::mint(clock(), entropy())),
        provider: Some("main".into()),
        model: Some(String::new()),
        streamed: true,
        tokens: TokenCounts {
            input: 1,
            cache_read: 2,
            cache_write_5m: 3,
            cache_write_1h: 4,
            audio_input: 5,
            output: 6,
            reasoning: 7,
            audio_output: LARGEST,
        },
        estimated: true,
        cost: Money::from_nanos(i64::MIN),
        latency_us: i64::MAX,
        time_to_first_byte_us: Some(0),
        outcome: Outcome::CallerCancelled,
        status: u16::MAX,
        error_code: Some("client_closed".into()),
        attempts: u32::MAX,
        client_ip: Some("2001:db8::1".into()),
        revision: Revision::from_number(i64::MAX),
        trace: vec!["rule: a\nb".into(), String::new()],
        endpoint_id: Some(EndpointId::mint(clock(), entropy())),
        endpoint_slug: Some("summarise".into()),
        parent_request_id: Some("parent".into()),
        credential_id: Some(CredentialId::mint(clock(), entropy())),
        routing_decision: Some("rule 2: \"long\"".into()),
        tried: vec![
            Attempt {
                provider: "main".into(),
                model: "ü".into(),
                credential_id: Some(CredentialId::mint(clock(), entropy())),
                fault: Some("upstream_timeout".into()),
                status: Some(u16::MAX),
                duration_us: i64::MAX,
            },
            Attempt {
                provider: String::new(),
                model: String::new(),
                credential_id: None,
                fault: None,
                status: None,
                duration_us: 0,
            },
        ],
        cache_hit: true,
        cached_tokens: LARGEST,
        error_message: Some("日本 \"x\" 🦀".into()),
        client_tool: Some("claude_code".into()),
        client_session: Some(String::new()),
        provider_response_id: Some("msg_1".into()),
        upstream_us: Some(i64::MAX),
        dropped: vec!["top_k".into(), String::new()],
        provider_kind: Some("openai".into()),
        prompted: true,
        tool_calls: u32::MAX,
        ..usage_event(at(0))
    };
    let plain: Vec<UsageEvent> =
        Outcome::ALL.into_iter().map(|outcome| UsageEvent { outcome, ..usage_event(at(1)) }).collect();
    record(store, std::slice::from_ref(&full)).await;
    record(store, &plain).await;
    record(store, &[]).await;
    for event in plain.iter().chain([&full]) {
        assert_eq!(find(store, event).await.as_ref(), Some(event));
    }
}

/// What a client or an upstream makes up never stops a batch: U+0000 becomes U+FFFD, a count that
/// no column takes the largest one.
pub async fn what_one_engine_cannot_keep_is_replaced_on_all(store: &dyn Store) {
    let event = UsageEvent {
        requested_model: Some("x\0y".into()),
        trace: vec!["\0".into()],
        tokens: TokenCounts { input: u64::MAX, ..TokenCounts::default() },
        cached_tokens: u64::MAX,
        error_message: Some("\0".into()),
        dropped: vec!["\0".into()],
        tried: vec![Attempt {
            provider: "a\0".into(),
            model: "\0".into(),
            credential_id: None,
            fault: Some("\0".into()),
            status: None,
            duration_us: 1,
        }],
        ..usage_event(at(0))
    };
    record(store, std::slice::from_ref(&event)).await;
    let found = find(store, &event).await.expect("it is there");
    assert_eq!(found.requested_model.as_deref(), Some("x\u{fffd}y"));
    assert_eq!(found.trace, ["\u{fffd}"]);
    assert_eq!((found.tokens.input, found.cached_tokens), (LARGEST, LARGEST));
    assert_eq!(
        (found.error_message.as_deref(), &*found.dropped),
        (Some("\u{fffd}"), &["\u{fffd}".to_owned()][..])
    );
    assert_eq!(
        (found.tried[0].provider.as_str(), found.tried[0].fault.as_deref()),
        ("a\u{fffd}", Some("\u{fffd}"))
    );
}

/// An event that comes again, in the same call, in the same unit of work or later, is ignored.
pub async fn recording_again_changes_nothing(store: &dyn Store) {
    let event = usage_event(at(0));
    let again = UsageEvent { status: 500, ..event.clone() };
    let mut work = write(store).await;
    work.usage().record(&[&event, &event]).await.expect(WORKS);
    work.usage().record(&[&again]).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    record(store, &[again, usage_event(at(1))]).await;
    assert_eq!(find(store, &event).await, Some(event));
    assert_eq!(list(store, &UsageFilter::default(), 10).await.1, 2);
}

/// A batch may be larger than what a database takes in one statement.
pub async fn many_are_recorded_at_once(store: &dyn Store) {
    let events: Vec<UsageEvent> = (0..1_500).map(|micros| usage_event(at(micros))).collect();
    record(store, &events).await;
    let (page, total) = list(store, &UsageFilter::default(), 1).await;
    assert_eq!((page.as_slice(), total), (&events[1_499..], 1_500));
}

/// Two that ingest the same events in different orders both succeed.
pub async fn the_same_events_are_recorded_by_many_at_once(store: &dyn Store) {
    let events: Vec<UsageEvent> = (0..600).map(|micros| usage_event(at(micros))).collect();
    join_all((0..6).map(|writer| {
        let mut events = events.clone();
        if writer % 2 == 0 {
            events.reverse();
        }
        async move { record(store, &events).await }
    }))
    .await;
    assert_eq!(list(store, &UsageFilter::default(), 1).await.1, 600);
}

/// Each filter alone, all together, and none.
pub async fn filters_combine_and_the_newest_come_first(store: &dyn Store) {
    let first = usage_event(at(1));
    let of_project = UsageEvent { project_id: first.project_id, ..usage_event(at(3)) };
    let of_token = UsageEvent {
        project_id: first.project_id,
        token_id: first.token_id,
        request_id: "other".into(),
        ..usage_event(at(2))
    };
    record(store, &[first.clone(), of_project.clone(), of_token.clone(), usage_event(at(4))]).await;
    let by_project = UsageFilter { project_id: Some(first.project_id), ..Default::default() };
    let expected = vec![of_project, of_token.clone(), first.clone()];
    assert_eq!(list(store, &by_project, 10).await, (expected, 3));
    let by_token = UsageFilter { token_id: Some(first.token_id), ..Default::default() };
    assert_eq!(list(store, &by_token, 10).await, (vec![of_token.clone(), first], 2));
    let by_request = UsageFilter { request_id: Some("other".into()), ..by_token };
    assert_eq!(list(store, &by_request, 10).await, (vec![of_token], 1));
    let nowhere = UsageFilter { request_id: Some("\0".into()), ..by_project };
    assert_eq!(list(store, &nowhere, 10).await, (vec![], 0));
    assert_eq!(list(store, &UsageFilter::default(), 10).await.1, 4);
}

async fn page(store: &dyn Store, filter: &CallFilter, after: Option<Cursor>, limit: u32) -> Vec<UsageEvent> {
    read(store).await.usage().page(filter, after, limit).await.expect(WORKS)
}

/// Every condition of the call log leaves out what it is not about, alone and with others.
pub async fn the_log_is_filtered_by_everything_it_names(store: &dyn Store) {
    let wanted = UsageEvent {
        owner: Some(AccountId::mint(clock(), entropy())),
        endpoint_id: Some(EndpointId::mint(clock(), entropy())),
        model: Some("gpt-4o".into()),
        provider: Some("main".into()),
        status: 502,
        outcome: Outcome::UpstreamFailed,
        request_id: "mine".into(),
        parent_request_id: Some("parent".into()),
        ..usage_event(at(5))
    };
    let other = UsageEvent { model: Some("gpt-4o-mini".into()), status: 503, ..usage_event(at(9)) };
    record(store, &[wanted.clone(), other, usage_event(at(1))]).await;
    let none = CallFilter::default();
    let filters = [
        CallFilter { project: Some(wanted.project_id), ..none.clone() },
        CallFilter { token: Some(wanted.token_id), ..none.clone() },
        CallFilter { owner: wanted.owner, ..none.clone() },
        CallFilter { endpoint: wanted.endpoint_id, ..none.clone() },
        CallFilter { model: wanted.model.clone(), ..none.clone() },
        CallFilter { provider: wanted.provider.clone(), ..none.clone() },
        CallFilter { status: Some(502), ..none.clone() },
        CallFilter { outcome: Some(Outcome::UpstreamFailed), ..none.clone() },
        CallFilter { request_id: Some("mine".into()), ..none.clone() },
        CallFilter { parent_request_id: Some("parent".into()), ..none.clone() },
        CallFilter { from: Some(at(2)), to: Some(at(6)), ..none.clone() },
        CallFilter { from: Some(at(5)), to: Some(at(9)), status: Some(502), ..none.clone() },
    ];
    for filter in &filters {
        assert_eq!(page(store, filter, None, 10).await, std::slice::from_ref(&wanted), "{filter:?}");
    }
    let ordinary = CallFilter { status: Some(200), ..none.clone() };
    assert_eq!(page(store, &ordinary, None, 10).await.len(), 1);
    let nothing = CallFilter { model: Some("\0".into()), ..filters[0].clone() };
    assert_eq!(page(store, &nothing, None, 10).await, []);
    assert_eq!(page(store, &none, None, 10).await.len(), 3);
}

fn guarded(outcome: &str, rules: &[&str]) -> Guarded {
    let found = |rule: &&str| GuardMatch {
        rule: (*rule).to_owned(),
        mode: "mask".into(),
        certainty: "certain".into(),
        score: None,
        part: "messages[0].content".into(),
        start: 0,
        end: 1,
    };
    Guarded { outcome: outcome.into(), matches: rules.iter().map(found).collect(), ..Guarded::default() }
}

/// Calls are found by what guardrails decided, by the rule that matched and by the guardrail that it
/// belongs to, page by page as without; a call that none looked at never is.
pub async fn the_log_is_filtered_by_what_guardrails_did(store: &dyn Store) {
    let with = |micros, outcome: &str, rules: &[&str]| UsageEvent {
        guarded: Some(guarded(outcome, rules)),
        ..usage_event(at(micros))
    };
    let blocked = with(1, "blocked", &["secret_scanner.github_pat", "pii_filter.email"]);
    let changed = with(2, "changed", &["pii_filter.email", "pii_filter.email", "pii_filter.iban"]);
    let odd = with(3, "noted", &["pii_filter.Größe 100 %", "pii_filter_own.email"]);
    let passed = with(4, "passed", &[]);
    record(store, &[blocked.clone(), changed.clone(), odd.clone(), passed, usage_event(at(5))]).await;
    let by_rule = |rule: &str| CallFilter { guardrail: Some(rule.into()), ..CallFilter::default() };
    let by_outcome =
        |outcome: &str| CallFilter { guardrail_outcome: Some(outcome.into()), ..CallFilter::default() };
    for (filter, expected) in [
        (by_rule("pii_filter"), vec![&odd, &changed, &blocked]),
        (by_rule("pii_filter.email"), vec![&changed, &blocked]),
        (by_rule("pii_filter.Größe 100 %"), vec![&odd]),
        (by_rule("pii"), vec![]),
        (by_rule("pii_filter.emai"), vec![]),
        (by_rule("%"), vec![]),
        (by_rule("\0"), vec![]),
        (by_outcome("blocked"), vec![&blocked]),
        (by_outcome("changed"), vec![&changed]),
        (by_outcome("noted"), vec![&odd]),
        (CallFilter { guardrail: Some("pii_filter".into()), ..by_outcome("blocked") }, vec![&blocked]),
        (CallFilter { guardrail: Some("secret_scanner".into()), ..by_outcome("changed") }, vec![]),
    ] {
        let found = page(store, &filter, None, 10).await;
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    }
    let filter = by_rule("pii_filter");
    let first = page(store, &filter, None, 2).await;
    let second = page(store, &filter, first.last().map(Cursor::behind), 2).await;
    assert_eq!((first, second), (vec![odd, changed], vec![blocked]));
}

/// Who reads page by page gets each event once, also of those that arrived in the same microsecond,
/// whatever is recorded meanwhile.
pub async fn pages_of_the_log_are_stable_under_insert(store: &dyn Store) {
    let project = usage_event(at(0)).project_id;
    let of_project = |micros| UsageEvent { project_id: project, ..usage_event(at(micros)) };
    let mut expected: Vec<UsageEvent> = [1, 2, 2, 2, 2, 3, 4].map(of_project).into();
    record(store, &expected).await;
    expected.sort_by_key(|event| (event.at, event.id));
    expected.reverse();
    let filter = CallFilter { project: Some(project), ..Default::default() };
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let next = page(store, &filter, after, 2).await;
        assert!(next.len() <= 2);
        let Some(last) = next.last() else { break };
        after = Some(Cursor::behind(last));
        seen.extend(next);
        record(store, &[of_project(9), usage_event(at(0))]).await;
    }
    assert_eq!(seen, expected);
}

/// Each call takes at most as many as allowed, the oldest first, and none that is young enough.
pub async fn pruning_takes_the_oldest_in_batches(store: &dyn Store) {
    let events = [5, 1, 3, 2, 4].map(|micros| usage_event(at(micros)));
    record(store, &events).await;
    for (removed, left) in [(2, vec![5, 4, 3]), (1, vec![5, 4]), (0, vec![5, 4])] {
        let mut work = write(store).await;
        assert_eq!(work.usage().prune(at(4), 2).await.expect(WORKS), removed);
        work.commit().await.expect(WORKS);
        let instants: Vec<_> =
            list(store, &UsageFilter::default(), 10).await.0.iter().map(|event| event.at).collect();
        assert_eq!(instants, left.into_iter().map(at).collect::<Vec<_>>());
    }
}

/// However large the counts are that upstreams made up, what is over goes.
pub async fn no_count_keeps_a_call_from_being_pruned(store: &dyn Store) {
    let largest = TokenCounts { input: LARGEST, audio_input: 1, output: LARGEST, ..TokenCounts::default() };
    let event = UsageEvent { cost: Money::from_nanos(i64::MAX), latency_us: i64::MAX, ..usage_event(at(0)) };
    let again = usage_event(at(0)).id;
    let event = UsageEvent { tokens: largest, tool_calls: u32::MAX, ..event };
    record(store, &[event.clone(), UsageEvent { id: again, ..event.clone() }]).await;
    record(store, &[UsageEvent { id: usage_event(at(0)).id, cost: Money::from_nanos(i64::MIN), ..event }])
        .await;
    for removed in [1, 1, 1, 0] {
        let mut work = write(store).await;
        assert_eq!(work.usage().prune(at(1), 1).await.expect(WORKS), removed);
        work.commit().await.expect(WORKS);
    }
}

/// How many calls there are in all is told without those that were removed, whosever they are, and whether
/// or not the oldest that is left begins a quarter of an hour.
pub async fn totals_are_of_the_calls_that_are_left(store: &dyn Store) {
    const MINUTE: i64 = 60_000_000;
    let arrived = |number: i64| Timestamp::from_micros(at(0).as_micros() + number * 7 * MINUTE);
    let (project, token) = (ProjectId::mint(clock(), entropy()), TokenId::mint(clock(), entropy()));
    let events: Vec<UsageEvent> = (0..400)
        .map(|number| {
            let event = usage_event(arrived(number));
            match number % 3 {
                0 => event,
                1 => UsageEvent { project_id: project, ..event },
                _ => UsageEvent { project_id: project, token_id: token, ..event },
            }
        })
        .collect();
    record(store, &events).await;
    for first in [0, 1, 13, 120, 399, 400] {
        let mut work = write(store).await;
        work.usage().prune(arrived(first), 1_000).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        let left = events.iter().filter(|event| event.at >= arrived(first));
        for filter in [
            UsageFilter::default(),
            UsageFilter { project_id: Some(project), ..UsageFilter::default() },
            UsageFilter { token_id: Some(token), ..UsageFilter::default() },
            UsageFilter { project_id: Some(project), token_id: Some(token), ..UsageFilter::default() },
            UsageFilter { request_id: Some(events[390].request_id.clone()), ..UsageFilter::default() },
        ] {
            let expected = left.clone().filter(|event| {
                filter.project_id.is_none_or(|id| id == event.project_id)
                    && filter.token_id.is_none_or(|id| id == event.token_id)
                    && filter.request_id.as_ref().is_none_or(|id| *id == event.request_id)
            });
            let (_, total) = list(store, &filter, 1).await;
            assert_eq!(total, expected.count() as u64, "from {first}: {filter:?}");
        }
    }
}
