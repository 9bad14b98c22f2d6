//! Behaviour of a repository of accounts.

use std::time::Duration;

use futures_util::future::{join, join_all};
use promptgate_auth::{
    Account, AccountChanges, AccountFilter, AccountKind, AccountSort, AccountUse, NewPerson, NewService,
    OidcPerson, PasswordHash, RecoveryCodes, Role, Totp,
};
use promptgate_kernel::{AccountId, PageRequest, PlanId, Sealed, SortDirection, Timestamp};

use super::samples::{WORKS, at, clock, entropy, limits, read, usage_event, write};
use crate::Store;

fn id() -> AccountId {
    AccountId::mint(clock(), entropy())
}

fn oidc(subject: &str, username: &str) -> OidcPerson {
    OidcPerson {
        issuer: "https://id.example.com".into(),
        subject: subject.into(),
        username: username.into(),
        email: format!("{username}@example.com"),
        name: format!("Name of {username}"),
    }
}

fn person_at(username: &str, role: Role, made: Timestamp) -> Account {
    Account::person_by_oidc(id(), oidc(username, username), role, made).expect("a valid person")
}

fn person(username: &str, role: Role) -> Account {
    person_at(username, role, at(0))
}

fn with_password(email: &str, role: Role) -> Account {
    let new = NewPerson {
        email: email.into(),
        username: String::new(),
        name: "Ünï".into(),
        role,
        password: PasswordHash::from_text("$2b$04$abc".into()),
        must_change_password: true,
    };
    Account::person_by_password(id(), new, at(0)).expect("a valid person")
}

fn service(identifier: &str) -> Account {
    let new = NewService {
        identifier: identifier.into(),
        name: identifier.to_uppercase(),
        active: false,
        firewall_override: true,
        ..NewService::default()
    };
    Account::service(id(), &new, at(0)).expect("a valid service account")
}

async fn insert(store: &dyn Store, accounts: &[&Account]) {
    let mut work = write(store).await;
    for account in accounts {
        work.accounts().insert(account).await.expect(WORKS);
    }
    work.commit().await.expect(WORKS);
}

async fn save(store: &dyn Store, account: &Account) -> bool {
    let mut work = write(store).await;
    let saved = work.accounts().save(account).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    saved
}

async fn find(store: &dyn Store, id: AccountId) -> Option<Account> {
    read(store).await.accounts().find(id).await.expect(WORKS)
}

async fn conflict(store: &dyn Store, account: &Account) -> String {
    let mut work = write(store).await;
    let error = work.accounts().insert(account).await.expect_err("it is taken");
    match error {
        promptgate_kernel::RepositoryError::Conflict { constraint } => constraint,
        other => panic!("no conflict: {other}"),
    }
}

fn people() -> AccountFilter {
    AccountFilter {
        kind: AccountKind::Person,
        search: None,
        role: None,
        active: None,
        sort: AccountSort::Name,
        direction: SortDirection::Ascending,
    }
}

async fn listed(store: &dyn Store, filter: &AccountFilter) -> Vec<String> {
    let page = read(store).await.accounts().list(filter, PageRequest::clamped(1, 100)).await.expect(WORKS);
    assert_eq!(page.total, page.items.len() as u64);
    page.items.into_iter().map(|listed| listed.account.username).collect()
}

fn same(left: &Account, right: &Account) {
    assert_eq!(format!("{left:?}"), format!("{right:?}"));
    let hash = |account: &Account| account.password.as_ref().map(|hash| hash.as_text().to_owned());
    assert_eq!(hash(left), hash(right));
    assert_eq!(left.totp, right.totp);
}

/// Nothing is lost on the way, neither when inserted nor when saved.
pub async fn everything_round_trips(store: &dyn Store) {
    let mut full = with_password("Ada@Example.com", Role::Manager);
    full.issuer = Some("https://id.example.com".into());
    full.plan_id = Some(PlanId::mint(clock(), entropy()));
    full.note = "  日本 🦀 ".into();
    full.firewall_override = true;
    full.limits = limits();
    full.expires_at = Some(at(9));
    full.last_login_at = Some(at(8));
    full.well_known_password = true;
    full.totp = Some(Totp {
        secret: Sealed::from_text("pg1:sealed".into()),
        confirmed_at: Some(at(7)),
        last_step: Some(55),
        recovery: RecoveryCodes::generate(entropy()).hashes(),
    });
    let bare = service("bot");
    insert(store, &[&full, &bare]).await;
    same(&find(store, full.id).await.expect("it was stored"), &full);
    same(&find(store, bare.id).await.expect("it was stored"), &bare);

    let mut changed = full.clone();
    changed.totp = None;
    changed.issuer = None;
    changed.version += 1;
    assert!(save(store, &changed).await);
    same(&find(store, full.id).await.expect("it was stored"), &changed);
}

/// By identity, by user name and by e-mail, each as exactly as it should be.
pub async fn they_are_found_by_what_names_them(store: &dyn Store) {
    let ada = person("ada", Role::User);
    let service = service("ada");
    let mail = with_password("Boss@Example.com", Role::Admin);
    insert(store, &[&ada, &service, &mail]).await;
    let mut work = read(store).await;
    let accounts = work.accounts();
    let issuer = "https://id.example.com";
    assert_eq!(accounts.find_by_identity(issuer, "ada").await.expect(WORKS).map(|it| it.id), Some(ada.id));
    assert!(accounts.find_by_identity("https://other.example.com", "ada").await.expect(WORKS).is_none());
    for (kind, username, found) in [
        (AccountKind::Person, "ada", Some(ada.id)),
        (AccountKind::Service, "ada", Some(service.id)),
        (AccountKind::Person, "Ada", None),
    ] {
        let account = accounts.find_by_username(kind, username).await.expect(WORKS);
        assert_eq!(account.map(|it| it.id), found, "{username}");
    }
    let found = accounts.find_by_email("bOSS@example.COM").await.expect(WORKS);
    assert_eq!(found.map(|it| it.id), Some(mail.id));
    assert!(accounts.find_by_email("ada@example.com").await.expect(WORKS).is_none(), "without a password");
}

/// Of several people with one user name, one without an identity provider comes first.
pub async fn a_user_name_finds_whoever_is_not_linked(store: &dyn Store) {
    let linked = person("ada", Role::User);
    let mut free = with_password("ada@example.com", Role::User);
    free.username = "ada".into();
    insert(store, &[&linked, &free]).await;
    let found = read(store).await.accounts().find_by_username(AccountKind::Person, "ada").await.expect(WORKS);
    assert_eq!(found.map(|it| it.id), Some(free.id));
}

/// Identities, e-mails of people with passwords, and identifiers are unique among those who live.
pub async fn what_must_be_unique_is(store: &dyn Store) {
    let (ada, mail, bot) =
        (person("ada", Role::User), with_password("a@example.com", Role::User), service("bot"));
    insert(store, &[&ada, &mail, &bot]).await;
    assert_eq!(conflict(store, &person("ada", Role::User)).await, "accounts_issuer_subject_key");
    let shouted = with_password("A@EXAMPLE.COM", Role::User);
    assert_eq!(conflict(store, &shouted).await, "accounts_email_folded_key");
    assert_eq!(conflict(store, &service("bot")).await, "accounts_username_key");

    let mut work = write(store).await;
    for account in [ada, mail, bot] {
        assert!(work.accounts().save(&account.anonymise(at(1))).await.expect(WORKS));
    }
    work.commit().await.expect(WORKS);
    insert(store, &[&person("ada", Role::User), &shouted, &service("bot")]).await;
}

/// A deleted account is found by nobody, counts for nothing, and cannot be changed.
pub async fn a_deleted_one_is_gone(store: &dyn Store) {
    let admin = person("ada", Role::Admin);
    insert(store, &[&admin]).await;
    let gone = admin.clone().anonymise(at(1));
    assert!(save(store, &gone).await);
    assert!(find(store, admin.id).await.is_none());
    let mut work = read(store).await;
    let accounts = work.accounts();
    assert!(accounts.find_by_identity("https://id.example.com", "ada").await.expect(WORKS).is_none());
    assert!(accounts.find_by_username(AccountKind::Person, "").await.expect(WORKS).is_none());
    assert_eq!(accounts.count().await.expect(WORKS), 0);
    assert_eq!(accounts.count_other_administrators(None, at(1)).await.expect(WORKS), 0);
    drop(work);
    assert!(listed(store, &people()).await.is_empty());
    let revived = Account { deleted_at: None, version: gone.version + 1, ..gone };
    assert!(!save(store, &revived).await);
}

/// A save over another version does not match.
pub async fn a_lost_update_is_noticed(store: &dyn Store) {
    let account = person("ada", Role::User);
    insert(store, &[&account]).await;
    let renamed = |name: &str| {
        let changes = AccountChanges { name: Some(name.into()), ..Default::default() };
        account.clone().change(changes, at(1)).expect("a valid change")
    };
    assert!(save(store, &renamed("first")).await);
    assert!(!save(store, &renamed("second")).await);
    assert_eq!(find(store, account.id).await.expect("it is there").name, "first");
}

/// By kind, role, switch and a part of any name, in any case.
pub async fn filters_combine(store: &dyn Store) {
    let mut off = person("grace", Role::Manager);
    off.active = false;
    let all = [person("ada", Role::Admin), person("bob_x", Role::User), off, service("robot")];
    insert(store, &all.each_ref()).await;
    let search = |text: &str| AccountFilter { search: Some(text.into()), ..people() };
    assert_eq!(listed(store, &people()).await, ["ada", "bob_x", "grace"]);
    assert_eq!(listed(store, &search("NAME OF A")).await, ["ada"]);
    assert_eq!(listed(store, &search("grace@")).await, ["grace"]);
    assert_eq!(listed(store, &search("B_X")).await, ["bob_x"]);
    assert!(listed(store, &search("%")).await.is_empty());
    let managers = AccountFilter { role: Some(Role::Manager), ..people() };
    assert_eq!(listed(store, &managers).await, ["grace"]);
    let active = AccountFilter { active: Some(true), ..managers };
    assert!(listed(store, &active).await.is_empty());
    let services = AccountFilter { kind: AccountKind::Service, ..people() };
    assert_eq!(listed(store, &services).await, ["robot"]);
}

/// Every key sorts; who never signed in comes last, and equal ones go by id.
pub async fn they_are_sorted(store: &dyn Store) {
    let mut ada = person_at("ada", Role::User, at(3));
    ada.last_login_at = Some(at(10));
    let mut bob = person_at("Bob", Role::Admin, at(1));
    bob.last_login_at = None;
    bob.active = false;
    let mut cy = person_at("cy", Role::None, at(2));
    cy.last_login_at = Some(at(10));
    cy.updated_at = at(50);
    let mut ids = [ada.id, bob.id, cy.id];
    ids.sort();
    [ada.id, bob.id, cy.id] = ids;
    insert(store, &[&ada, &bob, &cy]).await;
    for (sort, direction, expected) in [
        (AccountSort::Name, SortDirection::Ascending, ["ada", "Bob", "cy"]),
        (AccountSort::Email, SortDirection::Descending, ["cy", "Bob", "ada"]),
        (AccountSort::Username, SortDirection::Ascending, ["ada", "Bob", "cy"]),
        (AccountSort::Role, SortDirection::Ascending, ["cy", "ada", "Bob"]),
        (AccountSort::Active, SortDirection::Ascending, ["Bob", "ada", "cy"]),
        (AccountSort::LastLoginAt, SortDirection::Descending, ["ada", "cy", "Bob"]),
        (AccountSort::LastLoginAt, SortDirection::Ascending, ["cy", "ada", "Bob"]),
        (AccountSort::CreatedAt, SortDirection::Descending, ["ada", "cy", "Bob"]),
        (AccountSort::UpdatedAt, SortDirection::Descending, ["cy", "ada", "Bob"]),
        (AccountSort::InputTokens, SortDirection::Descending, ["ada", "Bob", "cy"]),
    ] {
        let filter = AccountFilter { sort, direction, ..people() };
        assert_eq!(listed(store, &filter).await, expected, "{sort:?} {direction:?}");
    }
}

/// What its calls used is summed per account, and sorts.
pub async fn use_is_summed(store: &dyn Store) {
    let (ada, bob) = (person("ada", Role::User), person("bob", Role::User));
    insert(store, &[&ada, &bob]).await;
    let event = |owner: AccountId, input: u64, output: u64, micros: i64| {
        let mut event = usage_event(at(micros));
        event.owner = Some(owner);
        event.tokens.input = input;
        event.tokens.audio_input = 1;
        event.tokens.output = output;
        event.tokens.reasoning = 2;
        event.tokens.audio_output = 0;
        event
    };
    let events = [event(bob.id, 10, 1, 1), event(bob.id, 20, 2, 2), event(ada.id, 5, 100, 3)];
    let mut work = write(store).await;
    work.usage().record(&events.each_ref()).await.expect(WORKS);
    work.commit().await.expect(WORKS);

    let bobs = AccountUse { input_tokens: 32, output_tokens: 7 };
    let mut work = read(store).await;
    assert_eq!(work.accounts().used_by(bob.id).await.expect(WORKS), bobs);
    assert_eq!(work.accounts().used_by(id()).await.expect(WORKS), AccountUse::default());
    let by_input =
        AccountFilter { sort: AccountSort::InputTokens, direction: SortDirection::Descending, ..people() };
    let page = work.accounts().list(&by_input, PageRequest::clamped(1, 1)).await.expect(WORKS);
    assert_eq!((page.total, page.items[0].account.id, page.items[0].used), (2, bob.id, bobs));
    drop(work);
    let by_output = AccountFilter { sort: AccountSort::OutputTokens, ..by_input };
    assert_eq!(listed(store, &by_output).await, ["ada", "bob"]);
}

/// Those who can run the installation now, but for one.
pub async fn administrators_are_counted(store: &dyn Store) {
    let admin = person("ada", Role::Admin);
    let mut expiring = person("bob", Role::Admin);
    expiring.expires_at = Some(at(100));
    let mut off = person("cy", Role::Admin);
    off.active = false;
    let seeded = Account::seeded(id(), PasswordHash::from_text("x".into()), true, at(0));
    let all = [admin.clone(), expiring, off, seeded, person("dan", Role::Manager), service("bot")];
    insert(store, &all.each_ref()).await;
    let mut work = read(store).await;
    for (except, now, expected) in [(None, 99, 2), (None, 100, 1), (Some(admin.id), 99, 1)] {
        let counted = work.accounts().count_other_administrators(except, at(now)).await.expect(WORKS);
        assert_eq!(counted, expected, "{except:?} {now}");
        let by_rule = all.iter().filter(|it| Some(it.id) != except && it.counts_as_administrator(at(now)));
        assert_eq!(counted, by_rule.count() as u64);
    }
}

/// Of many first sign-ins at once, exactly one finds nobody who counts.
pub async fn the_lock_makes_one_administrator(store: &dyn Store) {
    let sign_in = |number: i64| async move {
        let mut work = write(store).await;
        work.accounts().lock_administrators().await.expect(WORKS);
        let others = work.accounts().count_other_administrators(None, at(0)).await.expect(WORKS);
        let role = if others == 0 { Role::Admin } else { Role::None };
        work.accounts().insert(&person(&format!("p{number}"), role)).await.expect(WORKS);
        work.commit().await.expect(WORKS);
    };
    join_all((0..20).map(sign_in)).await;
    let mut work = read(store).await;
    assert_eq!(work.accounts().count().await.expect(WORKS), 20);
    assert_eq!(work.accounts().count_other_administrators(None, at(0)).await.expect(WORKS), 1);
}

/// Two who change the same account at once: one wins.
pub async fn two_writers_race_and_one_wins(store: &dyn Store) {
    let account = person("ada", Role::User);
    insert(store, &[&account]).await;
    let later = at(0).plus(Duration::from_secs(1));
    let (left, right) = (
        account.clone().signed_in(later),
        account.clone().with_password(PasswordHash::from_text("x".into()), false, later),
    );
    let (first, second) = join(save(store, &left), save(store, &right)).await;
    assert!(first != second);
}

/// Those whose access ended are found until it is taken from them; what is deleted is not.
pub async fn those_past_their_expiry_are_found(store: &dyn Store) {
    let ending = |name, end| Account { expires_at: Some(at(end)), ..person(name, Role::User) };
    let (past, now, later) = (ending("past", 1), ending("now", 5), ending("later", 6));
    let gone = ending("gone", 1).anonymise(at(0));
    insert(store, &[&past, &now, &later, &gone, &person("never", Role::User)]).await;
    let found = async |limit| {
        let mut work = read(store).await;
        let found = work.accounts().list_past_expiry(at(5), limit).await.expect(WORKS);
        found.iter().map(|account| account.id).collect::<Vec<_>>()
    };
    assert_eq!(found(1).await, [past.id]);
    assert_eq!(found(9).await, [past.id, now.id]);
    assert!(save(store, &past.end_access(at(5))).await);
    assert_eq!(found(9).await, [now.id]);
}
