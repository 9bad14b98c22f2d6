//! Behaviour of a repository of statistics.

use futures_util::future::join_all;
use promptgate_auth::{
    Account, AccountFilter, AccountKind, AccountSort, AccountUse, NewService, OidcPerson, Role,
};
use promptgate_kernel::{AccountId, Money, PageRequest, SortDirection, Timestamp};
use promptgate_tokens::Token;
use promptgate_usage::{
    Adoption, Day, Days, Grain, IdentityUse, TokenCounts, UsageEvent, UsageKind, UsageScope, UseGroup,
    UseSums,
};

use super::samples::{WORKS, at, clock, entropy, project, read, token, usage_event, write};
use crate::Store;

const HOUR: i64 = 3_600_000_000;

fn id() -> AccountId {
    AccountId::mint(clock(), entropy())
}

/// Two hours before the sample instant's next midnight and so many hours later.
fn hours(hours: i64) -> Timestamp {
    Timestamp::from_micros(Day::of(at(0)).next().starts_at().as_micros() + (hours - 2) * HOUR)
}

fn days(first: Timestamp, last: Timestamp) -> Days {
    Days { first: Day::of(first), last: Day::of(last) }
}

fn call(owner: Option<AccountId>, arrived: Timestamp, model: &str) -> UsageEvent {
    UsageEvent {
        owner,
        provider: Some("main".into()),
        provider_kind: Some("openai".into()),
        model: Some(model.into()),
        operation: "chat_completions".into(),
        tokens: TokenCounts {
            input: 1,
            audio_input: 2,
            cache_read: 4,
            cache_write_5m: 8,
            cache_write_1h: 16,
            output: 32,
            reasoning: 64,
            audio_output: 128,
        },
        cost: Money::from_nanos(3),
        latency_us: 2_999,
        prompted: true,
        tool_calls: 2,
        ..usage_event(arrived)
    }
}

async fn record(store: &dyn Store, events: &[UsageEvent]) {
    let mut work = write(store).await;
    work.usage().record(&events.iter().collect::<Vec<_>>()).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn store_account(store: &dyn Store, account: &Account) {
    let mut work = write(store).await;
    work.accounts().insert(account).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

fn person(name: &str) -> Account {
    let known = OidcPerson {
        issuer: "https://id.example.com".into(),
        subject: id().to_string(),
        username: format!("user-{name}"),
        email: format!("{name}@example.com"),
        name: name.into(),
    };
    Account::person_by_oidc(id(), known, Role::User, at(0)).expect("a valid person")
}

/// Everything is summed, each class of tokens where it belongs, and each call's own milliseconds.
pub async fn calls_are_summed(store: &dyn Store) {
    let plain = UsageEvent { prompted: false, tool_calls: 0, ..call(None, hours(0), "m") };
    let embedding = UsageEvent { operation: "embeddings".into(), ..call(None, hours(0), "m") };
    let nowhere = UsageEvent { provider: None, provider_kind: None, model: None, ..plain.clone() };
    let nowhere = UsageEvent { tokens: TokenCounts::default(), ..usage_event_like(&nowhere) };
    record(store, &[call(None, hours(0), "m"), plain, embedding, nowhere]).await;
    let mut work = read(store).await;
    let found = work.statistics().groups(UsageScope::Everybody, days(hours(0), hours(0)), Grain::Whole).await;
    let found = found.expect(WORKS);
    let sums: Vec<_> = found.iter().map(|group| (group.kind, &*group.model, group.sums)).collect();
    let one = UseSums {
        requests: 1,
        prompts: 1,
        tool_calls: 2,
        input: 3,
        output: 224,
        cache_read: 4,
        cache_write: 24,
        cost: Money::from_nanos(3),
        duration_ms: 2,
    };
    let two = UseSums {
        requests: 2,
        input: 6,
        output: 448,
        cache_read: 8,
        cache_write: 48,
        cost: Money::from_nanos(6),
        duration_ms: 4,
        ..one
    };
    let none = UseSums { requests: 1, cost: Money::from_nanos(3), duration_ms: 2, ..UseSums::default() };
    assert_eq!(
        sums,
        [
            (UsageKind::Completion, "m", two),
            (UsageKind::Embedding, "m", one),
            (UsageKind::Completion, "", none)
        ]
    );
    assert_eq!((&*found[0].provider, &*found[0].provider_kind, found[0].day), ("main", "openai", None));
    assert_eq!((&*found[2].provider, &*found[2].provider_kind), ("", ""));
}

fn usage_event_like(event: &UsageEvent) -> UsageEvent {
    UsageEvent { id: usage_event(event.at).id, ..event.clone() }
}

/// A day ends at midnight UTC, and both ends of a span belong to it.
pub async fn days_are_told_apart(store: &dyn Store) {
    let last_moment = Timestamp::from_micros(hours(2).as_micros() - 1);
    let calls = [last_moment, hours(2), hours(25), hours(26)].map(|arrived| call(None, arrived, "m"));
    record(store, &calls).await;
    let mut work = read(store).await;
    let mut counts = async |first, last, grain| -> Vec<_> {
        let groups = work.statistics().groups(UsageScope::Everybody, days(first, last), grain).await;
        groups.expect(WORKS).into_iter().map(|group| (group.day, group.sums.requests)).collect()
    };
    let [first, second, third] = [0, 2, 26].map(|hour| Some(Day::of(hours(hour))));
    assert_eq!(counts(hours(0), hours(26), Grain::Daily).await, [(first, 1), (second, 2), (third, 1)]);
    assert_eq!(counts(hours(3), hours(4), Grain::Daily).await, [(second, 2)]);
    assert_eq!(counts(hours(0), hours(4), Grain::Whole).await, [(None, 3)]);
    assert_eq!(counts(hours(50), hours(50), Grain::Daily).await, []);
}

/// One account sees its own calls alone; everybody's include those of nobody.
pub async fn accounts_do_not_see_each_other(store: &dyn Store) {
    let (one, other) = (id(), id());
    let calls =
        [call(Some(one), hours(30), "m"), call(Some(other), hours(5), "n"), call(None, hours(0), "nobody's")];
    record(store, &calls).await;
    let mut work = read(store).await;
    let span = days(hours(0), hours(30));
    for (scope, models, earliest) in [
        (UsageScope::Owner(one), vec!["m"], Some(hours(30))),
        (UsageScope::Owner(other), vec!["n"], Some(hours(5))),
        (UsageScope::Owner(id()), vec![], None),
        (UsageScope::Everybody, vec!["m", "n", "nobody's"], Some(hours(0))),
    ] {
        let groups = work.statistics().groups(scope, span, Grain::Whole).await.expect(WORKS);
        let found: Vec<&str> = groups.iter().map(|group| &*group.model).collect();
        assert_eq!(found, models, "{scope:?}");
        let found = work.statistics().earliest_day(scope).await.expect(WORKS);
        assert_eq!(found, earliest.map(Day::of), "{scope:?}");
    }
}

/// Those that took the most come, each by its models; calls of nobody do not.
pub async fn the_busiest_accounts_are_found(store: &dyn Store) {
    let [ada, bob] = ["Ada", "Bob"].map(person);
    let unknown = id();
    for account in [&ada, &bob] {
        store_account(store, account).await;
    }
    let idle = UsageEvent { tokens: TokenCounts::default(), ..call(Some(id()), hours(0), "m") };
    let calls = [
        call(Some(bob.id), hours(0), "m"),
        call(Some(bob.id), hours(0), "n"),
        call(Some(ada.id), hours(0), "m"),
        call(Some(ada.id), hours(1), "m"),
        call(Some(unknown), hours(0), "m"),
        call(Some(unknown), hours(0), "m"),
        call(Some(unknown), hours(0), "m"),
        call(Some(ada.id), hours(2), "tomorrow"),
        call(None, hours(0), "m"),
        idle,
    ];
    record(store, &calls).await;
    let mut work = read(store).await;
    let mut top = async |limit| {
        let uses = work.statistics().top_identities(days(hours(0), hours(0)), limit).await.expect(WORKS);
        let mut found: Vec<_> = uses
            .into_iter()
            .map(|used| (used.name, used.username, used.email, used.group.model, used.group.sums.requests))
            .collect();
        found.sort();
        found
    };
    let shown = |name: &str, model: &str, requests| {
        let (username, email) = (format!("user-{name}"), format!("{name}@example.com"));
        (name.to_owned(), username, email, model.to_owned(), requests)
    };
    let nameless = (String::new(), String::new(), String::new(), "m".to_owned(), 3);
    assert_eq!(top(1).await, std::slice::from_ref(&nameless));
    assert_eq!(top(2).await, [nameless.clone(), shown("Ada", "m", 2)], "of equal ones the first by name");
    let bobs = [shown("Bob", "m", 1), shown("Bob", "n", 1)];
    assert_eq!(top(3).await, [vec![nameless, shown("Ada", "m", 2)], bobs.to_vec()].concat());
    assert_eq!(top(5).await.len(), 5, "the idle one too");
}

/// Accounts that called are counted once, by what they are; so are the keys of accounts that open.
pub async fn adoption_is_counted(store: &dyn Store) {
    let [ada, bob] = ["Ada", "Bob"].map(person);
    let new = NewService {
        identifier: "ci".into(),
        name: "CI".into(),
        active: true,
        firewall_override: false,
        ..NewService::default()
    };
    let service = Account::service(id(), &new, at(0)).expect("a valid service account");
    for account in [&ada, &bob, &service] {
        store_account(store, account).await;
    }
    let project = project("P");
    let key = |name: &str, change: fn(&mut Token)| {
        let mut key = Token { owner: Some(ada.id), ..token(&project, name) };
        change(&mut key);
        key
    };
    let revoked = key("revoked", |_| {}).revoke(at(1)).expect("it was not");
    let keys = [
        key("good", |_| {}),
        key("later", |key| key.expires_at = Some(hours(2))),
        key("over", |key| key.expires_at = Some(hours(1))),
        key("nobody's", |key| key.owner = None),
        revoked,
    ];
    let mut work = write(store).await;
    work.projects().insert(&project).await.expect(WORKS);
    for key in &keys {
        work.tokens().insert(key).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
    record(
        store,
        &[
            call(Some(ada.id), hours(0), "m"),
            call(Some(ada.id), hours(1), "n"),
            call(Some(service.id), hours(0), "m"),
            call(Some(bob.id), hours(3), "m"),
            call(None, hours(0), "m"),
        ],
    )
    .await;
    let mut work = read(store).await;
    let found = work.statistics().adoption(days(hours(0), hours(0)), hours(1)).await.expect(WORKS);
    assert_eq!(found, Adoption { users: 1, services: 1, keys: 2 });
    let found = work.statistics().adoption(days(hours(0), hours(3)), hours(2)).await.expect(WORKS);
    assert_eq!(found, Adoption { users: 2, services: 1, keys: 1 });
}

/// Every number that comes from calls.
#[derive(Debug, PartialEq)]
struct Numbers {
    first: Vec<Option<Day>>,
    groups: Vec<Vec<UseGroup>>,
    top: Vec<IdentityUse>,
    adoption: Adoption,
    accounts: Vec<(AccountId, AccountUse)>,
}

async fn numbers(store: &dyn Store, owners: &[AccountId]) -> Numbers {
    let mut work = read(store).await;
    let all = days(hours(0), hours(100));
    let scopes = owners.iter().map(|owner| UsageScope::Owner(*owner)).chain([UsageScope::Everybody]);
    let (mut first, mut groups) = (Vec::new(), Vec::new());
    for scope in scopes {
        first.push(work.statistics().earliest_day(scope).await.expect(WORKS));
        for (days, grain) in [
            (all, Grain::Daily),
            (all, Grain::Whole),
            (days(hours(2), hours(25)), Grain::Daily),
            (days(hours(26), hours(26)), Grain::Whole),
        ] {
            groups.push(work.statistics().groups(scope, days, grain).await.expect(WORKS));
        }
    }
    let filter = AccountFilter {
        kind: AccountKind::Person,
        search: None,
        role: None,
        active: None,
        sort: AccountSort::OutputTokens,
        direction: SortDirection::Descending,
    };
    let listed = work.accounts().list(&filter, PageRequest::clamped(1, 10)).await.expect(WORKS);
    let mut accounts: Vec<_> =
        listed.items.into_iter().map(|listed| (listed.account.id, listed.used)).collect();
    for owner in owners {
        accounts.push((*owner, work.accounts().used_by(*owner).await.expect(WORKS)));
    }
    Numbers {
        first,
        groups,
        top: work.statistics().top_identities(all, 10).await.expect(WORKS),
        adoption: work.statistics().adoption(all, hours(0)).await.expect(WORKS),
        accounts,
    }
}

async fn prune(store: &dyn Store, before: Timestamp, limit: u32) -> u64 {
    let mut work = write(store).await;
    let removed = work.usage().prune(before, limit).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    removed
}

/// Calls of two people and of nobody on three days, in no order, with whatever groups tell apart.
fn calls_of(ada: AccountId, bob: AccountId) -> Vec<UsageEvent> {
    let one = call(Some(ada), hours(0), "m");
    let nowhere = UsageEvent { provider: None, provider_kind: None, model: None, ..call(None, hours(1), "") };
    let blank = UsageEvent { provider: Some(String::new()), id: usage_event(hours(1)).id, ..nowhere.clone() };
    vec![
        call(Some(bob), hours(26), "n"),
        usage_event_like(&one),
        UsageEvent { latency_us: 1_999, prompted: false, ..usage_event_like(&one) },
        UsageEvent { operation: "embeddings".into(), tool_calls: 0, ..usage_event_like(&one) },
        UsageEvent { provider_kind: None, ..usage_event_like(&one) },
        UsageEvent { provider: Some("other".into()), ..usage_event_like(&one) },
        UsageEvent { owner: None, ..usage_event_like(&one) },
        call(Some(ada), hours(3), "m"),
        call(Some(bob), hours(24), "m"),
        call(Some(bob), hours(25), "m"),
        one,
        nowhere,
        blank,
    ]
}

/// Whatever is removed, and in how many steps, it still counts: what was counted of a day is the same,
/// and calls that are recorded later come to it. It stays when the account goes.
pub async fn removing_calls_changes_no_number(store: &dyn Store) {
    let [ada, bob] = ["Ada", "Bob"].map(person);
    for account in [&ada, &bob] {
        store_account(store, account).await;
    }
    let owners = [ada.id, bob.id, id()];
    let calls = calls_of(ada.id, bob.id);
    record(store, &calls).await;
    let before = numbers(store, &owners).await;
    assert_eq!(
        before.first,
        [Some(Day::of(hours(0))), Some(Day::of(hours(24))), None, Some(Day::of(hours(0)))]
    );
    assert!(before.top.len() > 4, "{before:?}");
    for limit in [3, 1, 4] {
        assert_eq!(prune(store, hours(25), limit).await, u64::from(limit));
        assert_eq!(numbers(store, &owners).await, before, "after {limit}");
    }
    while prune(store, hours(50), 2).await > 0 {
        assert_eq!(numbers(store, &owners).await, before);
    }
    let mut again = calls.clone();
    for call in &mut again {
        call.id = usage_event(call.at).id;
    }
    record(store, &again).await;
    let twice = numbers(store, &owners).await;
    assert_eq!((&twice.first, &twice.adoption), (&before.first, &before.adoption));
    for (twice, before) in twice.groups.iter().flatten().zip(before.groups.iter().flatten()) {
        let (now, then) = (twice.sums, before.sums);
        assert_eq!((now.requests, now.prompts), (2 * then.requests, 2 * then.prompts));
        assert_eq!((now.input, now.output), (2 * then.input, 2 * then.output));
        assert_eq!((now.cost.as_nanos(), now.duration_ms), (2 * then.cost.as_nanos(), 2 * then.duration_ms));
    }
    assert_eq!(prune(store, hours(50), 100).await, calls.len() as u64);
    assert_eq!(numbers(store, &owners).await, twice, "what is there is added to");
    let mut work = write(store).await;
    assert!(work.accounts().save(&ada.anonymise(at(1))).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let left = numbers(store, &owners).await;
    assert_eq!((left.groups, left.accounts[1..].to_vec()), (twice.groups, twice.accounts[2..].to_vec()));
}

/// No call counts twice, and none is lost, when several processes remove them.
pub async fn many_remove_calls_at_once(store: &dyn Store) {
    let (ada, bob) = (id(), id());
    for _ in 0..20 {
        record(store, &calls_of(ada, bob)).await;
    }
    let before = numbers(store, &[ada, bob]).await;
    join_all((0..6).map(|_| prune(store, hours(50), 40))).await;
    assert_eq!(numbers(store, &[ada, bob]).await, before);
    while prune(store, hours(50), 40).await > 0 {}
    assert_eq!(numbers(store, &[ada, bob]).await, before);
}
