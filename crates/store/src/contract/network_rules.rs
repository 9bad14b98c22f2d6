//! Behaviour of a network rule repository.

use futures_util::future::join;
use promptgate_firewall::{
    Action, Namespace, NetworkRule, NetworkRuleFilter, NetworkRuleSort, NewNetworkRule, Priority, RuleAddress,
};
use promptgate_kernel::{
    AccountId, NetworkRuleId, PageRequest, ProjectId, RepositoryError, SortDirection, TokenId,
};

use super::samples::{WORKS, at, clock, entropy, read, stored_token, write};
use crate::Store;

fn priority(number: i64) -> Priority {
    Priority::new(number).expect("a priority")
}

fn rule(namespace: Namespace, address: &str, number: i64) -> NetworkRule {
    let new = NewNetworkRule {
        address: RuleAddress::parse(address).expect("an address"),
        description: String::new(),
        priority: priority(number),
        action: Action::Allow,
        enabled: true,
    };
    NetworkRule::create(NetworkRuleId::mint(clock(), entropy()), namespace, new, at(0))
}

fn namespaces() -> [Namespace; 6] {
    let account = || AccountId::mint(clock(), entropy());
    [
        Namespace::Global,
        Namespace::Person(account()),
        Namespace::Person(account()),
        Namespace::Service(account()),
        Namespace::Project(ProjectId::mint(clock(), entropy())),
        Namespace::Token(TokenId::mint(clock(), entropy())),
    ]
}

async fn insert(store: &dyn Store, rules: &[&NetworkRule]) {
    let mut work = write(store).await;
    for rule in rules {
        work.network_rules().insert(rule).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, rule: &NetworkRule) -> bool {
    let mut work = write(store).await;
    let saved = work.network_rules().save(rule).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn find(store: &dyn Store, rule: &NetworkRule) -> Option<NetworkRule> {
    read(store).await.network_rules().find(rule.namespace, rule.id).await.expect(WORKS)
}

async fn addresses(store: &dyn Store, namespace: Namespace, filter: NetworkRuleFilter) -> Vec<String> {
    let page = PageRequest::clamped(1, 100);
    let page = read(store).await.network_rules().list(namespace, &filter, page).await.expect(WORKS);
    assert_eq!(page.total, page.items.len() as u64);
    page.items.into_iter().map(|rule| rule.address.as_str().to_owned()).collect()
}

fn next(rule: &NetworkRule, number: i64) -> NetworkRule {
    NetworkRule { priority: priority(number), updated_at: at(5), version: rule.version + 1, ..rule.clone() }
}

/// Every field comes back as it was, after insertion and after a save, in every namespace.
pub async fn everything_round_trips(store: &dyn Store) {
    for namespace in namespaces() {
        let plain = rule(namespace, "10.1.2.3/8", 1);
        insert(store, &[&plain]).await;
        assert_eq!(find(store, &plain).await.as_ref(), Some(&plain));
        let after = NetworkRule {
            address: RuleAddress::parse("2001:DB8::/32").expect("a range"),
            description: "Ünï 日本 🦀\n\"x\"".into(),
            action: Action::Deny,
            enabled: false,
            ..next(&plain, 9_999)
        };
        assert!(save(store, &after).await);
        assert_eq!(find(store, &after).await, Some(after));
    }
}

/// A priority is held by one rule of a namespace; other namespaces have their own.
pub async fn a_second_one_of_the_same_priority_is_a_conflict(store: &dyn Store) {
    for namespace in namespaces() {
        let name = match namespace {
            Namespace::Global => "network_rules_priority_key",
            _ => "network_rules_namespace_subject_id_priority_key",
        };
        let (first, second) = (rule(namespace, "10.0.0.1", 7), rule(namespace, "10.0.0.2", 7));
        let other = rule(namespace, "10.0.0.3", 8);
        insert(store, &[&first, &other]).await;
        let taken = |error: &RepositoryError| assert!(error.is_conflict(name), "{error}");
        taken(&write(store).await.network_rules().insert(&second).await.expect_err("it is taken"));
        taken(&write(store).await.network_rules().save(&next(&other, 7)).await.expect_err("it is taken"));
    }
}

/// Of many that take one priority at once, one gets it.
pub async fn of_many_that_take_one_priority_at_once_one_gets_it(store: &dyn Store) {
    let rules: Vec<NetworkRule> = (0..8).map(|_| rule(Namespace::Global, "10.0.0.1", 5)).collect();
    let attempts = rules.iter().map(|rule| async move {
        let mut work = write(store).await;
        work.network_rules().insert(rule).await?;
        work.commit().await
    });
    let done = futures_util::future::join_all(attempts).await;
    assert_eq!(done.iter().filter(|result| result.is_ok()).count(), 1);
    let refused = done.iter().filter_map(|result| result.as_ref().err());
    assert!(refused.into_iter().all(|error| error.is_conflict("network_rules_priority_key")));
}

/// A save of a version that is not the next one changes nothing; of two at once one is made.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let rule = rule(Namespace::Global, "10.0.0.1", 5);
    insert(store, &[&rule]).await;
    let (one, other) = (next(&rule, 6), next(&rule, 7));
    let (first, second) = join(save(store, &one), save(store, &other)).await;
    assert!(first != second);
    assert!(!save(store, &next(&rule, 8)).await);
    assert_eq!(find(store, &rule).await, Some(if first { one } else { other }));
}

/// Two rules exchange their priorities together or not at all.
pub async fn two_exchange_their_priorities(store: &dyn Store) {
    for namespace in namespaces() {
        let (first, second) = (rule(namespace, "10.0.0.1", 1), rule(namespace, "10.0.0.2", 2));
        insert(store, &[&first, &second]).await;
        let (down, up) = (next(&first, 2), next(&second, 1));
        let mut work = write(store).await;
        assert!(work.network_rules().swap(&down, &up).await.expect(WORKS));
        work.commit().await.expect(WORKS);
        assert_eq!(read(store).await.network_rules().list_all(namespace).await.expect(WORKS), [up, down]);
        // Both are versions from before.
        for (moved, displaced) in [(next(&first, 2), next(&second, 1)), (next(&second, 1), next(&first, 2))] {
            assert!(!write(store).await.network_rules().swap(&moved, &displaced).await.expect(WORKS));
        }
        assert_eq!(addresses(store, namespace, NetworkRuleFilter::default()).await, ["10.0.0.2", "10.0.0.1"]);
    }
}

/// A rule is found, at its id or its turn, and removed in its own namespace only.
pub async fn a_namespace_knows_its_own_only(store: &dyn Store) {
    let [global, one, other, service, project, token] = namespaces();
    let mine = rule(one, "10.0.0.1", 5);
    insert(store, &[&mine]).await;
    let as_service = one.account().map(Namespace::Service).expect("an account");
    let mut work = write(store).await;
    for stranger in [global, other, service, as_service, project, token] {
        assert_eq!(work.network_rules().find(stranger, mine.id).await.expect(WORKS), None);
        assert_eq!(work.network_rules().find_at(stranger, mine.priority).await.expect(WORKS), None);
        assert_eq!(work.network_rules().list_all(stranger).await.expect(WORKS), []);
        assert!(!work.network_rules().remove(stranger, mine.id).await.expect(WORKS));
    }
    assert_eq!(work.network_rules().find_at(one, mine.priority).await.expect(WORKS), Some(mine.clone()));
    assert_eq!(work.network_rules().find_at(one, priority(6)).await.expect(WORKS), None);
    assert!(work.network_rules().remove(one, mine.id).await.expect(WORKS));
    assert!(!work.network_rules().remove(one, mine.id).await.expect(WORKS));
}

/// All rules of a namespace go at once, and none of another one.
pub async fn all_of_a_namespace_go_together(store: &dyn Store) {
    let [global, one, other, ..] = namespaces();
    let as_service = one.account().map(Namespace::Service).expect("an account");
    let (second, first) = (rule(one, "10.0.0.1", 8), rule(one, "10.0.0.2", 7));
    let strangers =
        [rule(global, "10.0.0.1", 7), rule(other, "10.0.0.1", 7), rule(as_service, "10.0.0.1", 7)];
    insert(store, &[&second, &first]).await;
    insert(store, &strangers.each_ref()).await;
    let mut work = write(store).await;
    assert_eq!(work.network_rules().remove_all(one).await.expect(WORKS), [first, second]);
    assert_eq!(work.network_rules().remove_all(one).await.expect(WORKS), []);
    work.commit().await.expect(WORKS);
    assert_eq!(read(store).await.network_rules().list_all(one).await.expect(WORKS), []);
    for stranger in &strangers {
        assert_eq!(find(store, stranger).await.as_ref(), Some(stranger));
    }
}

/// What a call goes by is every rule that is switched on, but for those of tokens that were revoked; a
/// namespace that is cleared leaves nothing behind.
pub async fn what_is_in_force_is_read_at_once(store: &dyn Store) {
    let [token, revoked] = [stored_token(store).await, stored_token(store).await];
    let gone = revoked.clone().revoke(at(1)).expect("it is not revoked yet");
    let mut work = write(store).await;
    assert!(work.tokens().save(&gone).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let [_, one, _, service, project, _] = namespaces();
    let namespaces = [Namespace::Global, one, service, project, Namespace::Token(token.id)];
    let counting = namespaces.map(|namespace| rule(namespace, "10.0.0.1", 7));
    let off = NetworkRule { enabled: false, ..rule(one, "10.0.0.2", 8) };
    let dead = rule(Namespace::Token(revoked.id), "10.0.0.3", 7);
    insert(store, &counting.each_ref()).await;
    insert(store, &[&off, &dead]).await;
    let mut found = read(store).await.network_rules().list_in_force().await.expect(WORKS);
    found.sort_by_key(|rule| rule.id);
    let mut expected = counting.clone();
    expected.sort_by_key(|rule| rule.id);
    assert_eq!(found, expected);

    let defaults = |store| async move {
        let mut set = read(store).await.network_rules().list_defaults().await.expect(WORKS);
        set.sort_by_key(|(namespace, _)| namespace.kind());
        set
    };
    assert_eq!(defaults(store).await, []);
    let mut work = write(store).await;
    for (namespace, action) in
        [(Namespace::Global, Action::Allow), (project, Action::Deny), (Namespace::Global, Action::Deny)]
    {
        work.network_rules().set_default(namespace, action).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
    assert_eq!(defaults(store).await, [(Namespace::Global, Action::Deny), (project, Action::Deny)]);
    let mut work = write(store).await;
    assert_eq!(work.network_rules().find_default(project).await.expect(WORKS), Some(Action::Deny));
    assert_eq!(work.network_rules().find_default(one).await.expect(WORKS), None);
    assert_eq!(work.network_rules().remove_all(project).await.expect(WORKS), [counting[3].clone()]);
    work.commit().await.expect(WORKS);
    assert_eq!(defaults(store).await, [(Namespace::Global, Action::Deny)]);
}

/// The list is sorted and cut as it is asked for.
pub async fn they_are_sorted(store: &dyn Store) {
    let [namespace, ..] = namespaces();
    let mut rules =
        [rule(namespace, "10.0.0.9", 30), rule(namespace, "10.0.0.10", 20), rule(namespace, "9.0.0.1", 10)];
    rules[0].description = "beta".into();
    rules[1].description = "Alpha".into();
    rules[2].description = "gamma".into();
    rules[1].action = Action::Deny;
    rules[1].enabled = false;
    for (late, rule) in rules.iter_mut().enumerate() {
        rule.created_at = at(i64::try_from(late).expect("few"));
        rule.updated_at = at(-i64::try_from(late).expect("few"));
    }
    insert(store, &rules.each_ref()).await;
    let (nine, ten, low) = ("10.0.0.9", "10.0.0.10", "9.0.0.1");
    for (sort, expected) in [
        (NetworkRuleSort::Priority, [low, ten, nine]),
        (NetworkRuleSort::Address, [ten, nine, low]),
        (NetworkRuleSort::Description, [ten, nine, low]),
        (NetworkRuleSort::CreatedAt, [nine, ten, low]),
        (NetworkRuleSort::UpdatedAt, [low, ten, nine]),
    ] {
        let filter = NetworkRuleFilter { sort, ..NetworkRuleFilter::default() };
        assert_eq!(addresses(store, namespace, filter).await, expected, "{sort:?}");
    }
    for (sort, position) in [(NetworkRuleSort::Action, 2), (NetworkRuleSort::Enabled, 0)] {
        let filter = NetworkRuleFilter { sort, ..NetworkRuleFilter::default() };
        assert_eq!(addresses(store, namespace, filter).await[position], ten, "{sort:?}");
    }
    let down = NetworkRuleFilter { direction: SortDirection::Descending, ..NetworkRuleFilter::default() };
    assert_eq!(addresses(store, namespace, down).await, [nine, ten, low]);
    let page = PageRequest::clamped(2, 2);
    let page = read(store).await.network_rules().list(namespace, &down, page).await.expect(WORKS);
    assert_eq!((page.items.len(), page.total), (1, 3));
}
