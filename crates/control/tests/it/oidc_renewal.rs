//! Sessions whose identity provider is asked again while they go on.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::join_all;
use promptgate_auth::{OidcPerson, Origin, Renewal, Role, Session};
use promptgate_control::Control;
use promptgate_control::secrets::reseal;
use promptgate_control::sign_in::{
    Bearer, BeginOidc, Challenge, Identity, IdentityProviders, Logout, Opened, ProviderError, Refresh,
    Refreshed, ResumeError, Resumed, begin_oidc, end_all_sessions, leave, pending_oidc, resume,
    sign_in_with_oidc,
};
use promptgate_kernel::{Clock, KeyRing, SecretString, SecretsKey};
use promptgate_store_sql::{SqlOptions, connect};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::fixture::{ADMIN, Fixture};
use crate::oidc::visitor;

const LASTS: Duration = Duration::from_mins(5);

/// What the provider says when it is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    /// It vouches for the person, who has this role now.
    Yes(Role),
    /// It vouches for the person, and what else it says does not count.
    YesAndNonsense,
    No,
    Nothing,
}

/// Vouches for whoever the code names. Each of its tickets is good for one use, as those of careful
/// providers are.
struct Provider {
    says: Mutex<Says>,
    asked: AtomicUsize,
    good: Mutex<HashSet<String>>,
    revoked: Mutex<Vec<String>>,
    /// Whoever asks waits for a permit.
    answers: Semaphore,
}

impl Provider {
    fn next_ticket(&self, subject: &str) -> Refresh {
        let mut good = self.good.lock().unwrap();
        let ticket = format!("{subject} {}", good.len());
        good.insert(ticket.clone());
        Refresh { ticket: SecretString::new(ticket), lasts: Some(LASTS) }
    }

    /// Answers nobody before it gets a permit.
    fn falls_silent(&self) {
        self.answers.forget_permits(Semaphore::MAX_PERMITS);
    }

    fn says(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn identity(subject: &str, role: Option<Role>, refresh: Option<Refresh>) -> Identity {
    let person = OidcPerson {
        issuer: "https://x.example".into(),
        subject: subject.into(),
        username: subject.into(),
        email: String::new(),
        name: role.map(|role| format!("a {}", role.as_str())).unwrap_or_default(),
    };
    let id_token = SecretString::new("t".into());
    Identity { person, id_token, session: None, role, groups: None, refresh }
}

#[async_trait]
impl IdentityProviders for Provider {
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
        Ok(identity(code, None, Some(self.next_ticket(code))))
    }

    async fn refresh(&self, _: &str, ticket: &SecretString) -> Result<Refreshed, ProviderError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let _place = self.answers.acquire().await.unwrap();
        let says = *self.says.lock().unwrap();
        if says == Says::Nothing {
            let source = "connection refused".into();
            return Err(ProviderError::Unavailable { provider: "x".into(), source });
        }
        // A ticket stays in the set, so that names are not used twice, and is good no more.
        let is_good = {
            let mut good = self.good.lock().unwrap();
            let used = format!("used {}", ticket.expose());
            good.contains(ticket.expose()) && good.insert(used)
        };
        let subject = ticket.expose().split(' ').next().unwrap_or_default();
        let identity = match says {
            Says::Yes(role) if is_good => Ok(Some(identity(subject, Some(role), None))),
            Says::YesAndNonsense if is_good => Err(ProviderError::refused("wrong_signature")),
            _ => return Err(ProviderError::refused("refresh_refused")),
        };
        Ok(Refreshed { refresh: self.next_ticket(subject), identity })
    }

    async fn revoke(&self, _: &str, ticket: &SecretString) -> Result<(), ProviderError> {
        self.revoked.lock().unwrap().push(ticket.expose().clone());
        Ok(())
    }

    async fn end_session_url(
        &self,
        _: &str,
        _: Option<&SecretString>,
        _: &str,
    ) -> Result<Option<String>, ProviderError> {
        Ok(None)
    }

    async fn verify_access_token(&self, _: &str) -> Result<Bearer, ProviderError> {
        Err(ProviderError::refused("malformed_token"))
    }

    async fn verify_logout_token(&self, _: &str) -> Result<Logout, ProviderError> {
        Err(ProviderError::refused("malformed_token"))
    }

    fn session_in(&self, _: &SecretString) -> Option<String> {
        None
    }
}

struct Gate {
    fixture: Fixture,
    control: Control,
    provider: Arc<Provider>,
    tasks: TaskTracker,
}

impl Gate {
    async fn new() -> Self {
        Self::over(Fixture::new().await)
    }

    fn over(fixture: Fixture) -> Self {
        let provider = Arc::new(Provider {
            says: Mutex::new(Says::Yes(Role::User)),
            asked: AtomicUsize::new(0),
            good: Mutex::default(),
            revoked: Mutex::default(),
            answers: Semaphore::new(Semaphore::MAX_PERMITS),
        });
        let tasks = TaskTracker::new();
        let sign_in = fixture.control.sign_in.clone().with_providers(provider.clone(), tasks.clone());
        let control = Control { sign_in, ..fixture.control.clone() };
        Self { fixture, control, provider, tasks }
    }

    async fn sign_in(&self, subject: &str) -> Opened {
        let wanted =
            BeginOidc { provider: None, redirect: "/a".into(), frontend: String::new(), browser: None };
        let begun = begin_oidc(&self.control, wanted).await.unwrap();
        let pending = pending_oidc(&self.control, &begun.url, Some(&begun.browser)).await.unwrap().unwrap();
        sign_in_with_oidc(&self.control, &visitor(), pending, (subject, None), None).await.unwrap()
    }

    async fn use_it(&self, opened: &Opened) -> Result<Resumed, ResumeError> {
        resume(&self.control, opened.secret.expose()).await
    }

    async fn goes_on(&self, opened: &Opened) -> Resumed {
        self.use_it(opened).await.unwrap()
    }

    async fn is_out(&self, opened: &Opened) -> bool {
        matches!(self.use_it(opened).await, Err(ResumeError::Invalid))
    }

    fn pass(&self, span: Duration) {
        self.fixture.clock.advance(span);
    }

    /// Waits for what is done beside requests.
    async fn settle(&self) {
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    async fn kept(&self, opened: &Opened) -> Option<Session> {
        self.control.sign_in.state().sessions.find(opened.session.hash).await.unwrap()
    }
}

#[tokio::test]
async fn a_session_is_vouched_for_again_when_its_time_has_come_and_not_before() {
    let gate = Gate::new().await;
    gate.sign_in("first").await;
    let anna = gate.sign_in("anna").await;
    assert_eq!(anna.account.role, Role::None);
    gate.pass(Duration::from_secs(LASTS.as_secs() - 1));
    gate.goes_on(&anna).await;
    assert_eq!(gate.provider.asked(), 0);

    gate.pass(Duration::from_secs(1));
    let renewed = gate.goes_on(&anna).await;
    assert_eq!((renewed.account.role, renewed.account.name.as_str()), (Role::User, "a user"));
    gate.provider.says(Says::Yes(Role::Manager));
    assert_eq!(gate.goes_on(&anna).await.account.role, Role::User, "not again so soon");
    assert_eq!(gate.provider.asked(), 1);

    // Each time with the ticket that came last: the former ones are good no more.
    for round in 2..5 {
        gate.pass(LASTS);
        let account = gate.goes_on(&anna).await.account;
        assert_eq!((gate.provider.asked(), account.role), (round, Role::Manager));
    }
    let actions = gate.fixture.actions().await;
    let changes = actions.iter().filter(|action| *action == "user.updated").count();
    assert_eq!(changes, 4, "twice a name, twice a role, and nothing when nothing is new: {actions:?}");
    assert_eq!(actions.iter().filter(|action| *action == "auth.login").count(), 2, "it is no sign-in");
}

#[tokio::test]
async fn a_no_ends_the_session_that_it_is_about() {
    let gate = Gate::new().await;
    let [anna, elsewhere] = [gate.sign_in("anna").await, gate.sign_in("anna").await];
    gate.pass(LASTS);
    gate.provider.says(Says::No);
    assert!(gate.is_out(&anna).await && gate.is_out(&anna).await);
    assert_eq!((gate.kept(&anna).await, gate.provider.asked()), (None, 1));
    gate.provider.says(Says::Yes(Role::Admin));
    gate.goes_on(&elsewhere).await;
    let log = gate.fixture.audit().await;
    let row = &log.iter().find(|row| row.event.action == "session.revoked").unwrap().event;
    assert_eq!(row.target_id, anna.account.id.to_string());
    let detail = |name: &str| row.details[name].as_str();
    assert_eq!((detail("provider"), detail("reason")), ("x", "refresh_refused"));
    assert_eq!(detail("sessionId"), anna.session.id.to_string());
}

#[tokio::test]
async fn a_provider_that_is_away_ends_nothing_and_is_not_asked_all_the_time() {
    let gate = Gate::new().await;
    let anna = gate.sign_in("anna").await;
    gate.pass(LASTS);
    gate.provider.says(Says::Nothing);
    for minute in 1..=5 {
        for _ in 0..3 {
            gate.goes_on(&anna).await;
        }
        assert_eq!(gate.provider.asked(), minute, "once a minute");
        gate.pass(Renewal::SOONEST);
    }
    gate.provider.says(Says::Yes(Role::Admin));
    gate.goes_on(&anna).await;
    gate.goes_on(&anna).await;
    assert_eq!(gate.provider.asked(), 6);
    assert!(!gate.fixture.actions().await.contains(&"session.revoked".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_believed_about_a_person_changes_nothing_and_loses_no_ticket() {
    let gate = Gate::new().await;
    let anna = gate.sign_in("anna").await;
    gate.provider.says(Says::YesAndNonsense);
    for round in 1..4 {
        gate.pass(LASTS);
        assert_eq!(gate.goes_on(&anna).await.account.role, Role::Admin, "the first person");
        assert_eq!(gate.provider.asked(), round);
    }
}

#[tokio::test]
async fn of_twenty_uses_at_once_on_two_replicas_one_asks() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("renewal.db").display());
    let connected = connect(&url, SqlOptions::default()).await.unwrap();
    connected.migrate().await.unwrap();
    let gate = Gate::over(Fixture::over(&connected));
    let other = connect(&url, SqlOptions::default()).await.unwrap();
    let there = Fixture::over(&other);
    let sign_in = there.control.sign_in.clone().with_providers(gate.provider.clone(), gate.tasks.clone());
    let there_control = Control { sign_in, clock: gate.fixture.clock.clone(), ..there.control.clone() };

    let anna = gate.sign_in("anna").await;
    for round in 1..4 {
        gate.pass(LASTS);
        let uses = (0..20).map(|number| {
            let control = if number % 2 == 0 { &gate.control } else { &there_control };
            resume(control, anna.secret.expose())
        });
        for resumed in join_all(uses).await {
            resumed.unwrap();
        }
        gate.settle().await;
        assert_eq!(gate.provider.asked(), round, "a ticket that is used twice is refused");
    }
}

#[tokio::test]
async fn nobody_waits_long_for_a_slow_provider_and_its_answer_is_kept() {
    let gate = Gate::new().await;
    let anna = gate.sign_in("anna").await;
    gate.pass(LASTS);
    gate.provider.falls_silent();
    gate.goes_on(&anna).await;
    gate.goes_on(&anna).await;
    assert_eq!(gate.provider.asked(), 1);
    gate.provider.answers.add_permits(1);
    gate.settle().await;
    let kept = gate.kept(&anna).await.unwrap().renewal.unwrap();
    assert_eq!(kept.due_at, gate.fixture.clock.now().plus(LASTS));
    assert_ne!(kept.ticket, anna.session.renewal.unwrap().ticket);
}

#[tokio::test]
async fn a_session_that_ended_meanwhile_stays_so_and_its_ticket_is_given_back() {
    let gate = Gate::new().await;
    let anna = gate.sign_in("anna").await;
    leave(&gate.control, Origin::UNKNOWN, anna.secret.expose()).await.unwrap().unwrap();
    gate.settle().await;
    assert_eq!(*gate.provider.revoked.lock().unwrap(), ["anna 0"]);

    let [one, two] = [gate.sign_in("anna").await, gate.sign_in("anna").await];
    end_all_sessions(&gate.control, ADMIN, one.account.id).await.unwrap();
    gate.settle().await;
    assert_eq!(gate.provider.revoked.lock().unwrap().len(), 3);
    assert!(gate.is_out(&two).await);

    let anna = gate.sign_in("anna").await;
    gate.pass(LASTS);
    gate.provider.falls_silent();
    gate.goes_on(&anna).await;
    assert!(gate.control.sign_in.state().sessions.remove(anna.session.hash).await.unwrap());
    gate.provider.answers.add_permits(1);
    gate.settle().await;
    assert!(gate.is_out(&anna).await, "nothing brings it back");
    let revoked = gate.provider.revoked.lock().unwrap().clone();
    assert_eq!(revoked.len(), 4, "what came too late: {revoked:?}");
    assert_eq!(gate.provider.asked(), 1);
}

#[tokio::test]
async fn tickets_move_to_the_newest_key_and_one_without_a_key_costs_its_renewal_alone() {
    let mut gate = Gate::new().await;
    let [moved, lost] = [gate.sign_in("anna").await, gate.sign_in("bert").await];
    let key = |byte: u8| SecretsKey::from_bytes([byte; 32]);
    gate.control.keys = KeyRing::new(key(8), vec![key(7)]);
    let done = reseal(&gate.control, ADMIN).await.unwrap();
    assert_eq!((done.moved, done.current, done.unreadable.len()), (2, 0, 0));
    assert_eq!(reseal(&gate.control, ADMIN).await.unwrap().current, 2);

    gate.control.keys = KeyRing::new(key(9), vec![]);
    let unreadable = reseal(&gate.control, ADMIN).await.unwrap().unreadable;
    assert_eq!((unreadable.len(), unreadable[0].table), (2, "sessions"));
    gate.pass(LASTS);
    for _ in 0..3 {
        gate.goes_on(&lost).await;
        gate.pass(LASTS);
    }
    assert_eq!(gate.provider.asked(), 0);
    gate.control.keys = KeyRing::new(key(8), vec![]);
    gate.goes_on(&moved).await;
    assert_eq!(gate.provider.asked(), 1, "without the first key");
}
