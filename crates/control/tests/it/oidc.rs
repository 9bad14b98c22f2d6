//! Who gets which account when an identity provider vouches for somebody.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use promptgate_access::{NewGroup, Patterns, Providers};
use promptgate_auth::{Account, AccountKind, Actor, NewService, OidcPerson, Origin, Role};
use promptgate_control::accounts::{
    CreatePerson, SeedAdministrator, create_person, create_service, delete, seed_administrator,
};
use promptgate_control::sign_in::{
    Bearer, BeginOidc, Challenge, Identity, IdentityProviders, Logout, LogoutTokenError, OidcError, Opened,
    ProviderError, Refreshed, Visitor, begin_oidc, end_session_url, log_out_by_provider, pending_oidc,
    resume, sign_in_with_oidc,
};
use promptgate_control::{Control, groups};
use promptgate_kernel::{KeyRing, SecretString, SecretsKey, Timestamp};
use promptgate_store::Access;
use promptgate_store_sql::{SqlOptions, connect};
use tokio_util::task::TaskTracker;

use crate::fixture::{ADMIN, Fixture};

/// Believes whatever the code says: `subject`, `subject/username`, or `subject/username/group,group`.
/// Without the last part groups are none of its business.
struct Believer;

#[async_trait]
impl IdentityProviders for Believer {
    fn names(&self) -> Vec<String> {
        vec!["x".into()]
    }

    async fn authorization_url(&self, _: &str, challenge: &Challenge) -> Result<String, ProviderError> {
        Ok(challenge.state.clone())
    }

    async fn identify(
        &self,
        _: &str,
        (code, _): (&str, Option<&str>),
        _: &Challenge,
    ) -> Result<Identity, ProviderError> {
        let mut parts = code.split('/');
        let subject = parts.next().unwrap_or_default();
        let username = parts.next().unwrap_or(subject);
        let groups = parts.next().map(|names| names.split(',').map(str::to_owned).collect());
        let person = OidcPerson {
            issuer: "https://x.example".into(),
            subject: subject.into(),
            username: username.into(),
            email: String::new(),
            name: String::new(),
        };
        let id_token = SecretString::new(format!("session of {subject}"));
        let session = Some(id_token.expose().clone());
        Ok(Identity { person, id_token, session, role: None, groups, refresh: None })
    }

    async fn refresh(&self, _: &str, _: &SecretString) -> Result<Refreshed, ProviderError> {
        Err(ProviderError::refused("refresh_refused"))
    }

    async fn revoke(&self, _: &str, _: &SecretString) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn end_session_url(
        &self,
        _: &str,
        id_token: Option<&SecretString>,
        _: &str,
    ) -> Result<Option<String>, ProviderError> {
        Ok(id_token.map(|hint| hint.expose().clone()))
    }

    async fn verify_access_token(&self, _: &str) -> Result<Bearer, ProviderError> {
        Err(ProviderError::refused("malformed_token"))
    }

    /// `id subject session`, where a dash is nothing.
    async fn verify_logout_token(&self, token: &str) -> Result<Logout, ProviderError> {
        let mut parts = token.split('|').map(|part| (part != "-").then(|| part.to_owned()));
        let mut next = || parts.next().flatten();
        Ok(Logout {
            provider: "x".into(),
            issuer: "https://x.example".into(),
            id: next().unwrap(),
            subject: next(),
            session: next(),
            expires_at: Timestamp::from_micros(i64::MAX / 2),
        })
    }

    fn session_in(&self, id_token: &SecretString) -> Option<String> {
        Some(id_token.expose().clone())
    }
}

async fn gate() -> (Fixture, Control) {
    let fixture = Fixture::new().await;
    let control = believing(&fixture);
    (fixture, control)
}

fn believing(fixture: &Fixture) -> Control {
    let sign_in = fixture.control.sign_in.clone().with_providers(Arc::new(Believer), TaskTracker::new());
    Control { sign_in, ..fixture.control.clone() }
}

pub(crate) fn visitor() -> Visitor {
    Visitor { origin: Origin::UNKNOWN, user_agent: String::new(), is_local: false }
}

async fn try_sign_in(control: &Control, code: &str) -> Result<Opened, OidcError> {
    let wanted = BeginOidc { provider: None, redirect: "/a".into(), frontend: String::new(), browser: None };
    let begun = begin_oidc(control, wanted).await.unwrap();
    let pending = pending_oidc(control, &begun.url, Some(&begun.browser)).await.unwrap().unwrap();
    sign_in_with_oidc(control, &visitor(), pending, (code, None), None).await
}

async fn sign_in(control: &Control, code: &str) -> Opened {
    try_sign_in(control, code).await.unwrap()
}

async fn person(control: &Control, email: &str, role: Role) -> Account {
    let new = CreatePerson {
        email: email.into(),
        name: String::new(),
        role,
        password: SecretString::new("correct horse battery".into()),
        must_change_password: false,
    };
    create_person(control, ADMIN, new).await.unwrap().account
}

#[tokio::test]
async fn the_first_person_becomes_administrator_besides_the_untouched_seeded_account() {
    let (fixture, control) = gate().await;
    seed_administrator(&control, ADMIN, SeedAdministrator::default()).await.unwrap().unwrap();
    assert_eq!(sign_in(&control, "a").await.account.role, Role::Admin);
    assert_eq!(sign_in(&control, "b").await.account.role, Role::None);
    assert_eq!(sign_in(&control, "a").await.account.role, Role::Admin);
    let actions = fixture.actions().await;
    assert_eq!(actions.iter().filter(|action| *action == "auth.login").count(), 3, "{actions:?}");

    let (_, control) = gate().await;
    let password = Some(SecretString::new("correct horse battery".into()));
    seed_administrator(&control, ADMIN, SeedAdministrator { password }).await.unwrap().unwrap();
    assert_eq!(sign_in(&control, "a").await.account.role, Role::None, "the seeded one counts");

    let (_, control) = gate().await;
    person(&control, "a@example.com", Role::User).await;
    assert_eq!(sign_in(&control, "a").await.account.role, Role::None, "somebody was here before");
}

#[tokio::test]
async fn a_subject_is_the_same_person_whatever_the_user_name_is() {
    let (_, control) = gate().await;
    let first = sign_in(&control, "1/anna").await.account;
    let renamed = sign_in(&control, "1/anne").await.account;
    assert_eq!((renamed.id, &*renamed.username), (first.id, "anne"));
    let other = sign_in(&control, "2/anne").await.account;
    assert_ne!(other.id, first.id, "a name that somebody else has gives nothing");
    assert!(matches!(try_sign_in(&control, "3/ ").await, Err(OidcError::Account(_))));
}

#[tokio::test]
async fn a_user_name_finds_an_account_once_and_never_a_guarded_one() {
    let (_, control) = gate().await;
    let user = person(&control, "user@example.com", Role::Manager).await;
    let admin = person(&control, "admin@example.com", Role::Admin).await;
    let linked = sign_in(&control, "1/user@example.com").await.account;
    assert_eq!((linked.id, linked.role), (user.id, Role::Manager));
    assert_ne!(sign_in(&control, "2/user@example.com").await.account.id, user.id);
    let stranger = sign_in(&control, "3/admin@example.com").await.account;
    assert_ne!(stranger.id, admin.id);
    assert_eq!(stranger.role, Role::None);

    let (_, control) = gate().await;
    let seeded = seed_administrator(&control, ADMIN, SeedAdministrator::default()).await.unwrap().unwrap();
    assert_ne!(sign_in(&control, "1/admin@promptgate.dev").await.account.id, seeded.id);
    let mut work = control.store.begin(Access::Read).await.unwrap();
    let kept = work.accounts().find_by_username(AccountKind::Person, "admin@promptgate.dev").await.unwrap();
    assert_eq!(kept.unwrap().id, seeded.id);
}

#[tokio::test]
async fn a_sign_in_that_was_begun_works_once_in_one_browser_for_ten_minutes() {
    let (fixture, control) = gate().await;
    let start = |browser: Option<String>| {
        let wanted = BeginOidc { provider: None, redirect: "/a".into(), frontend: "f".into(), browser };
        begin_oidc(&control, wanted)
    };
    let begun = start(None).await.unwrap();
    let again = start(Some(begun.browser.clone())).await.unwrap();
    assert_eq!(again.browser, begun.browser, "one browser may begin twice");
    assert_ne!(start(Some("short".into())).await.unwrap().browser, "short");
    assert!(pending_oidc(&control, &begun.url, Some("another")).await.unwrap().is_none());
    assert!(
        pending_oidc(&control, &begun.url, Some(&begun.browser)).await.unwrap().is_none(),
        "it was taken"
    );
    let pending = pending_oidc(&control, &again.url, Some(&begun.browser)).await.unwrap().unwrap();
    assert_eq!((&*pending.redirect, &*pending.frontend), ("/a", "f"));
    assert!(pending_oidc(&control, &again.url, Some(&begun.browser)).await.unwrap().is_none());
    let late = start(None).await.unwrap();
    fixture.clock.advance(std::time::Duration::from_mins(10));
    assert!(pending_oidc(&control, &late.url, Some(&late.browser)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_provider_ends_what_it_names_once() {
    let (_, control) = gate().await;
    let is_open = async |opened: &Opened| resume(&control, opened.secret.expose()).await.is_ok();
    let end = async |token: &str| log_out_by_provider(&control, Origin::UNKNOWN, token).await;
    let [anna, bert] = [sign_in(&control, "1").await, sign_in(&control, "2").await];
    assert_eq!(end("a|1|another session").await.unwrap(), 0);
    assert!(is_open(&anna).await);
    assert_eq!(end("b|1|session of 1").await.unwrap(), 1);
    assert!(!is_open(&anna).await && is_open(&bert).await);
    let anna = sign_in(&control, "1").await;
    assert!(matches!(end("b|1|session of 1").await, Err(LogoutTokenError::Used)));
    assert_eq!(end("c|-|session of 1").await.unwrap(), 1, "the session alone says whose it is");
    assert_eq!(end("d|2|-").await.unwrap(), 1);
    assert!(!is_open(&anna).await && !is_open(&bert).await);
    assert_eq!(end("e|nobody|-").await.unwrap(), 0);
}

/// Twenty people who come for the first time, all at once; how many of them administrators are.
async fn administrators_of_twenty(url: &str) -> usize {
    let connected = connect(url, SqlOptions::default()).await.unwrap();
    connected.migrate().await.unwrap();
    let fixture = Fixture::over(&connected);
    let control = believing(&fixture);
    seed_administrator(&control, ADMIN, SeedAdministrator::default()).await.unwrap().unwrap();
    let names: Vec<String> = (0..20).map(|number| format!("person{number}")).collect();
    let mut pending = Vec::new();
    for _ in &names {
        let wanted =
            BeginOidc { provider: None, redirect: "/a".into(), frontend: String::new(), browser: None };
        let begun = begin_oidc(&control, wanted).await.unwrap();
        pending.push(pending_oidc(&control, &begun.url, Some(&begun.browser)).await.unwrap().unwrap());
    }
    let visitor = visitor();
    let come = names
        .iter()
        .zip(pending)
        .map(|(name, pending)| sign_in_with_oidc(&control, &visitor, pending, (name.as_str(), None), None));
    let opened: Vec<Opened> = try_join_all(come).await.unwrap();
    let distinct: HashSet<_> = opened.iter().map(|opened| opened.account.id).collect();
    assert_eq!(distinct.len(), 20);
    assert_eq!(fixture.actions().await.iter().filter(|action| *action == "auth.login").count(), 20);
    opened.iter().filter(|opened| opened.account.role == Role::Admin).count()
}

#[tokio::test]
async fn of_twenty_who_come_first_at_once_one_is_administrator_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("first.db").display());
    assert_eq!(administrators_of_twenty(&url).await, 1);
}

#[tokio::test]
async fn of_twenty_who_come_first_at_once_one_is_administrator_on_postgres() {
    let database = promptgate_testkit::postgres::database().await.unwrap();
    assert_eq!(administrators_of_twenty(database.url()).await, 1);
}

#[tokio::test]
async fn groups_that_a_provider_names_are_those_of_the_account() {
    let (_, control) = gate().await;
    let mut ids = HashMap::new();
    for name in ["staff", "lead", "everybody"] {
        let new = NewGroup {
            name: name.into(),
            display_name: name.into(),
            description: String::new(),
            providers: Providers::All,
            allow: Patterns::default(),
            exclude: Patterns::default(),
            for_new_accounts: name == "everybody",
            limits: promptgate_kernel::LimitSet::default(),
        };
        ids.insert(name, groups::create(&control, ADMIN, new).await.unwrap().group.id);
    }
    let groups_of = async |opened: &Opened| {
        let found = groups::of_account(&control, ADMIN, opened.account.id).await.unwrap();
        let mut names: Vec<String> = found.into_iter().map(|described| described.group.name).collect();
        names.sort();
        names.join(" ")
    };
    let anna = sign_in(&control, "1/anna/lead,staff,unknown").await;
    assert_eq!(groups_of(&anna).await, "lead staff", "what is named is what counts");
    let actor = Actor::system();
    groups::add_member(&control, actor, ids["everybody"], anna.account.id).await.unwrap();
    let anna = sign_in(&control, "1/anna/staff").await;
    assert_eq!(groups_of(&anna).await, "staff", "each sign-in sets them");
    let anna = sign_in(&control, "1/anna/").await;
    assert_eq!(groups_of(&anna).await, "", "an empty claim gives nothing");
    groups::add_member(&control, actor, ids["lead"], anna.account.id).await.unwrap();
    let anna = sign_in(&control, "1/anna").await;
    assert_eq!(groups_of(&anna).await, "lead", "where groups are given here, they stay");
    let bert = sign_in(&control, "2/bert").await;
    assert_eq!(groups_of(&bert).await, "everybody");
}

#[tokio::test]
async fn a_new_secrets_key_ends_nothing_that_is_under_way_while_the_old_one_still_opens() {
    let (_, mut control) = gate().await;
    let start = async |control: &Control| {
        let wanted =
            BeginOidc { provider: None, redirect: "/a".into(), frontend: String::new(), browser: None };
        begin_oidc(control, wanted).await.unwrap()
    };
    let [begun, lost] = [start(&control).await, start(&control).await];
    let [anna, bert] = [sign_in(&control, "1").await, sign_in(&control, "2").await];
    let way_out = async |control: &Control, opened: &Opened| {
        let resumed = resume(control, opened.secret.expose()).await.unwrap();
        end_session_url(control, &resumed.session, "/login").await
    };

    // The old key still opens: sign-ins that were begun end well, and the provider's sessions are known.
    control.keys = KeyRing::new(SecretsKey::from_bytes([8; 32]), vec![SecretsKey::from_bytes([7; 32])]);
    let pending = pending_oidc(&control, &begun.url, Some(&begun.browser)).await.unwrap().unwrap();
    sign_in_with_oidc(&control, &visitor(), pending, ("3", None), None).await.unwrap();
    assert_eq!(way_out(&control, &anna).await.as_deref(), Some("session of 1"));
    assert_eq!(log_out_by_provider(&control, Origin::UNKNOWN, "a|1|session of 1").await.unwrap(), 1);

    // It is gone: who was signing in begins again, who is signed in stays so and can leave.
    control.keys = KeyRing::new(SecretsKey::from_bytes([8; 32]), vec![]);
    assert!(pending_oidc(&control, &lost.url, Some(&lost.browser)).await.unwrap().is_none());
    assert_eq!(way_out(&control, &bert).await, None);
    assert_eq!(resume(&control, bert.secret.expose()).await.unwrap().account.id, bert.account.id);
    let ended = log_out_by_provider(&control, Origin::UNKNOWN, "b|2|any session").await.unwrap();
    assert_eq!(ended, 1, "nobody can tell which session it is, so it ends");
}

#[tokio::test]
async fn whoever_was_deleted_comes_back_as_somebody_new_without_a_role() {
    let (_, control) = gate().await;
    person(&control, "admin@example.com", Role::Admin).await;
    let before = sign_in(&control, "1/user@example.com").await.account;
    delete(&control, ADMIN, AccountKind::Person, before.id).await.unwrap();
    let after = sign_in(&control, "1/user@example.com").await.account;
    assert_ne!(after.id, before.id);
    assert_eq!((after.role, after.active), (Role::None, true));
}

#[tokio::test]
async fn nobody_becomes_a_service_account_or_has_no_name() {
    let (_, control) = gate().await;
    let new = NewService {
        identifier: "robot".into(),
        name: "Robot".into(),
        active: true,
        firewall_override: false,
        ..NewService::default()
    };
    let robot = create_service(&control, ADMIN, new).await.unwrap().account;
    let person = sign_in(&control, "1/robot").await.account;
    assert_ne!(person.id, robot.id);
    assert_eq!((person.kind, person.username.as_str()), (AccountKind::Person, "robot"));
    assert!(matches!(try_sign_in(&control, "2/ ").await, Err(OidcError::Account(_))), "a name is needed");
}
