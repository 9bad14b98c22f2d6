//! Behaviour of a repository of access groups.

use futures_util::future::join;
use promptgate_access::{
    Group, GroupFilter, GroupSort, ListedGroup, Member, NewGroup, OwnNetworkRules, Patterns, Providers,
    Standing,
};
use promptgate_auth::{Account, NewService, OidcPerson, Role};
use promptgate_kernel::{AccountId, GroupId, LimitSet, PageRequest, SortDirection};

use super::samples::{WORKS, at, clock, entropy, limits, read, stored_provider, write};
use crate::Store;

fn group(name: &str, providers: Providers) -> Group {
    let new = NewGroup {
        name: name.to_owned(),
        display_name: name.to_uppercase(),
        description: String::new(),
        providers,
        allow: Patterns::default(),
        exclude: Patterns::default(),
        for_new_accounts: false,
        limits: LimitSet::default(),
    };
    Group::create(GroupId::mint(clock(), entropy()), new, at(0)).expect("a valid group")
}

async fn insert(store: &dyn Store, groups: &[&Group]) {
    let mut work = write(store).await;
    for group in groups {
        work.groups().insert(group).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, group: &Group) -> bool {
    let mut work = write(store).await;
    let saved = work.groups().save(group).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn find(store: &dyn Store, id: GroupId) -> Option<Group> {
    read(store).await.groups().find(id).await.expect(WORKS)
}

/// An account with this user name.
pub(super) async fn stored_person(store: &dyn Store, username: &str) -> Account {
    let person = OidcPerson {
        issuer: "https://id.example.com".into(),
        subject: username.into(),
        username: username.into(),
        email: format!("{username}@example.com"),
        name: username.to_uppercase(),
    };
    let id = AccountId::mint(clock(), entropy());
    let account = Account::person_by_oidc(id, person, Role::User, at(0)).expect("a valid person");
    store_account(store, &account).await;
    account
}

pub(super) async fn stored_service(store: &dyn Store, identifier: &str) -> Account {
    let new = NewService {
        identifier: identifier.into(),
        name: identifier.to_uppercase(),
        active: true,
        firewall_override: false,
        ..NewService::default()
    };
    let account =
        Account::service(AccountId::mint(clock(), entropy()), &new, at(0)).expect("a valid service");
    store_account(store, &account).await;
    account
}

async fn store_account(store: &dyn Store, account: &Account) {
    let mut work = write(store).await;
    work.accounts().insert(account).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn join_group(store: &dyn Store, group: &Group, account: &Account) -> bool {
    let mut work = write(store).await;
    let joined = work.groups().add_member(group.id, account.id).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    joined
}

async fn names_of(store: &dyn Store, account: &Account) -> Vec<String> {
    let groups = read(store).await.groups().groups_of(account.id).await.expect(WORKS);
    groups.into_iter().map(|listed| listed.group.name).collect()
}

/// Every field comes back as it was, after insertion and after a save.
pub async fn everything_round_trips(store: &dyn Store) {
    let (one, two) = (stored_provider(store, "one").await, stored_provider(store, "two").await);
    let before = group("plain", Providers::All);
    insert(store, &[&before]).await;
    assert_eq!(find(store, before.id).await.as_ref(), Some(&before));
    let mut providers = vec![one.id, two.id];
    providers.sort_unstable();
    let after = Group {
        display_name: "Ünï 日本 🦀".into(),
        description: "a\n\"b\"".into(),
        providers: Providers::Some(providers),
        allow: Patterns::parse(["^gpt-", r"\d+"]).expect("patterns"),
        exclude: Patterns::parse(["^bge"]).expect("patterns"),
        for_new_accounts: true,
        limits: limits(),
        updated_at: at(9),
        version: 2,
        ..before
    };
    assert!(save(store, &after).await);
    assert_eq!(find(store, after.id).await.as_ref(), Some(&after));
    let everything = Group { providers: Providers::All, version: 3, ..after };
    assert!(save(store, &everything).await);
    assert_eq!(find(store, everything.id).await, Some(everything));
}

/// A group's name is its address, and is free again when the group is gone.
pub async fn a_name_is_taken_until_it_is_removed(store: &dyn Store) {
    let (first, second) = (group("same", Providers::All), group("same", Providers::All));
    insert(store, &[&first]).await;
    let error = write(store).await.groups().insert(&second).await.expect_err("the name is taken");
    assert!(error.is_conflict("access_groups_name_key"), "{error}");
    let mut work = write(store).await;
    assert!(work.groups().remove(first.id).await.expect(WORKS));
    assert!(!work.groups().remove(first.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    insert(store, &[&second]).await;
    assert_eq!(find(store, first.id).await, None);
}

/// A save of a version that is not the next one changes nothing; of two at once one is made.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let group = group("one", Providers::All);
    insert(store, &[&group]).await;
    let named = |name: &str| Group { display_name: name.into(), version: 2, ..group.clone() };
    let (one, other) = (named("one"), named("other"));
    let (first, second) = join(save(store, &one), save(store, &other)).await;
    assert!(first != second);
    assert!(!save(store, &named("third")).await);
    assert_eq!(find(store, group.id).await, Some(if first { one } else { other }));
}

/// A removed provider leaves the groups that named it, and a group that named no other grants nothing.
pub async fn a_removed_provider_leaves_its_groups(store: &dyn Store) {
    let (one, two) = (stored_provider(store, "one").await, stored_provider(store, "two").await);
    let mut ids = vec![one.id, two.id];
    ids.sort_unstable();
    let (both, only) = (group("both", Providers::Some(ids)), group("only", Providers::Some(vec![one.id])));
    insert(store, &[&both, &only]).await;
    let mut work = write(store).await;
    assert!(work.providers().remove(one.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let providers = async |id| find(store, id).await.expect("it is there").providers;
    assert_eq!(providers(both.id).await, Providers::Some(vec![two.id]));
    assert_eq!(providers(only.id).await, Providers::Some(vec![]));
}

/// Accounts come and go, each once; a group takes its memberships along.
pub async fn members_come_and_go(store: &dyn Store) {
    let (ada, bot) = (stored_person(store, "ada").await, stored_service(store, "bot").await);
    let (one, two) = (group("one", Providers::All), group("two", Providers::All));
    insert(store, &[&two, &one]).await;
    assert!(join_group(store, &one, &ada).await);
    assert!(!join_group(store, &one, &ada).await, "it is in it already");
    assert!(join_group(store, &one, &bot).await && join_group(store, &two, &ada).await);
    assert_eq!(names_of(store, &ada).await, ["one", "two"]);
    let listed = read(store).await.groups().find_listed(one.id).await.expect(WORKS).expect("it is there");
    let member = |account: &Account, kind: &str| Member {
        id: account.id,
        username: account.username.clone(),
        email: account.email.clone(),
        name: account.name.clone(),
        kind: kind.to_owned(),
        role: "user".to_owned(),
        active: account.active,
    };
    let mut expected = vec![member(&ada, "user"), member(&bot, "service")];
    expected.sort_by_key(|member| member.id);
    assert_eq!(listed, ListedGroup { group: one.clone(), members: expected });
    let mut pairs = vec![(ada.id, one.id), (ada.id, two.id), (bot.id, one.id)];
    pairs.sort_unstable();
    assert_eq!(read(store).await.groups().all_members().await.expect(WORKS), pairs);

    let mut work = write(store).await;
    assert!(work.groups().remove_member(one.id, ada.id).await.expect(WORKS));
    assert!(!work.groups().remove_member(one.id, ada.id).await.expect(WORKS));
    assert!(work.groups().remove(two.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(names_of(store, &ada).await, [""; 0]);
    assert_eq!(names_of(store, &bot).await, ["one"]);
}

/// The groups of an account are replaced as a whole, others' are not.
pub async fn groups_of_an_account_are_replaced(store: &dyn Store) {
    let (ada, ben) = (stored_person(store, "ada").await, stored_person(store, "ben").await);
    let (one, two) = (group("one", Providers::All), group("two", Providers::All));
    insert(store, &[&one, &two]).await;
    join_group(store, &one, &ada).await;
    join_group(store, &one, &ben).await;
    let set = async |groups: &[GroupId]| {
        let mut work = write(store).await;
        work.groups().set_groups_of(ada.id, groups).await.expect(WORKS);
        work.commit().await.expect(WORKS);
        names_of(store, &ada).await
    };
    assert_eq!(set(&[two.id, two.id]).await, ["two"]);
    assert_eq!(set(&[]).await, [""; 0]);
    assert_eq!(names_of(store, &ben).await, ["one"]);
}

/// New accounts are put into the groups that say so.
pub async fn new_accounts_are_welcomed(store: &dyn Store) {
    let ada = stored_person(store, "ada").await;
    let open = Group { for_new_accounts: true, ..group("open", Providers::All) };
    insert(store, &[&open, &group("closed", Providers::All)]).await;
    for _ in 0..2 {
        let mut work = write(store).await;
        work.groups().welcome(ada.id).await.expect(WORKS);
        work.commit().await.expect(WORKS);
    }
    assert_eq!(names_of(store, &ada).await, ["open"]);
}

/// The limits of accounts are told of those that have any and are still there.
pub async fn limits_of_accounts_are_told(store: &dyn Store) {
    let (ada, bot) = (stored_person(store, "ada").await, stored_service(store, "bot").await);
    let eve = stored_person(store, "eve").await;
    let gone = Account { limits: limits(), ..eve.clone().anonymise(at(3)) };
    let limited = |account: &Account| Account { limits: limits(), version: 2, ..account.clone() };
    let mut work = write(store).await;
    for account in [&limited(&bot), &gone] {
        assert!(work.accounts().save(account).await.expect(WORKS));
    }
    work.commit().await.expect(WORKS);
    let told = read(store).await.groups().account_limits().await.expect(WORKS);
    assert_eq!(told, [(bot.id, limits())]);
    let mut work = write(store).await;
    let free = Account { limits: LimitSet::default(), version: 3, ..bot.clone() };
    assert!(work.accounts().save(&free).await.expect(WORKS));
    assert!(work.accounts().save(&limited(&ada)).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    let told = read(store).await.groups().account_limits().await.expect(WORKS);
    assert_eq!(told, [(ada.id, limits())]);
}

/// What decides whether keys open anything is told of every account.
pub async fn standings_are_told(store: &dyn Store) {
    let (ada, bot) = (stored_person(store, "ada").await, stored_service(store, "bot").await);
    let eve = stored_person(store, "eve").await;
    let off = Account { active: false, role: Role::None, expires_at: Some(at(7)), version: 2, ..ada.clone() };
    let own = |account: &Account| Account { firewall_override: true, version: 2, ..account.clone() };
    let mut work = write(store).await;
    for account in [&off, &own(&bot), &own(&eve)] {
        assert!(work.accounts().save(account).await.expect(WORKS));
    }
    work.commit().await.expect(WORKS);
    let usable = |account, network_rules| Standing {
        account,
        active: true,
        has_role: true,
        expires_at: None,
        network_rules,
        plan: None,
    };
    let mut expected = vec![
        Standing {
            active: false,
            has_role: false,
            expires_at: Some(at(7)),
            ..usable(ada.id, OwnNetworkRules::None)
        },
        usable(bot.id, OwnNetworkRules::Services),
        usable(eve.id, OwnNetworkRules::Persons),
    ];
    expected.sort_by_key(|standing| standing.account);
    let mut work = read(store).await;
    assert_eq!(work.groups().standings().await.expect(WORKS), expected);
    assert!(work.groups().has_account(ada.id).await.expect(WORKS));
    let nobody = AccountId::mint(clock(), entropy());
    assert!(!work.groups().has_account(nobody).await.expect(WORKS));
}

/// The list is narrowed, sorted by what is kept and by what is counted, and cut.
pub async fn they_are_narrowed_and_sorted(store: &dyn Store) {
    let (one, two) = (stored_provider(store, "one").await, stored_provider(store, "two").await);
    stored_provider(store, "three").await;
    let ada = stored_person(store, "ada").await;
    let few = Group { description: "for 50%_ of us".into(), ..group("few", Providers::Some(vec![one.id])) };
    let mut ids = vec![one.id, two.id];
    ids.sort_unstable();
    let more = Group {
        display_name: "a".into(),
        allow: Patterns::parse(["a", "b"]).expect("patterns"),
        ..group("more", Providers::Some(ids))
    };
    let all = group("all", Providers::All);
    insert(store, &[&few, &more, &all]).await;
    join_group(store, &few, &ada).await;
    let names = async |filter: GroupFilter| {
        let page = PageRequest::clamped(1, 100);
        let page = read(store).await.groups().list(&filter, page).await.expect(WORKS);
        assert_eq!(page.total, page.items.len() as u64);
        page.items.into_iter().map(|listed| listed.group.name).collect::<Vec<_>>()
    };
    let by = |sort, direction| GroupFilter { sort, direction, ..GroupFilter::default() };
    let (up, down) = (SortDirection::Ascending, SortDirection::Descending);
    assert_eq!(names(by(GroupSort::Name, up)).await, ["all", "few", "more"]);
    assert_eq!(names(by(GroupSort::DisplayName, up)).await, ["more", "all", "few"]);
    assert_eq!(names(by(GroupSort::ProviderCount, up)).await, ["few", "more", "all"]);
    assert_eq!(names(by(GroupSort::PatternCount, down)).await[0], "more");
    assert_eq!(names(by(GroupSort::MemberCount, down)).await[0], "few");
    assert_eq!(names(by(GroupSort::CreatedAt, up)).await.len(), 3);
    assert_eq!(names(by(GroupSort::UpdatedAt, down)).await.len(), 3);
    let search = |text: &str| GroupFilter { search: Some(text.into()), ..GroupFilter::default() };
    assert_eq!(names(search("OR")).await, ["few", "more"], "in names and descriptions");
    assert_eq!(names(search("%_")).await, ["few"], "no wildcards");
    let second = PageRequest::clamped(2, 2);
    let page = read(store).await.groups().list(&GroupFilter::default(), second).await.expect(WORKS);
    assert_eq!((page.items.len(), page.total), (1, 3));
    let everybody = read(store).await.groups().list_all().await.expect(WORKS);
    assert_eq!(everybody, [all, few, more]);
}
