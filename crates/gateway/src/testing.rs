//! Stand-ins for what is outside of the crate.

use std::collections::HashMap;
use std::fmt::Debug;
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use promptgate_access::{Group, NewGroup, NewPlan, OwnNetworkRules, Patterns, Plan, Providers, Standing};
use promptgate_kernel::testing::SeededEntropy;
use promptgate_kernel::{
    AccountId, KeyRing, LimitSet, RepositoryError, Revision, SecretString, SecretsKey, Timestamp, TokenId,
};
use promptgate_projects::{NewProject, Project, ProjectEnv, ProjectName, ProjectType};
use promptgate_providers::{
    BaseUrl, CapabilityTable, Credential, NewProvider, Provider, ProviderKind, ProviderName,
};
use promptgate_store::{Announcement, Bus, BusError, Change, Signal, Subscription};
use promptgate_tokens::{
    NewToken, PresentedToken, Scope, Token, TokenEnv, TokenHash, TokenLimits, TokenName, TokenSecret,
};
use tokio::sync::{Notify, Semaphore};

use crate::config_source::{ConfigSource, TokenSource};
use crate::snapshot::{Compiler, Configuration, Parts};

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn revision(number: usize) -> Revision {
    Revision::from_number(i64::try_from(number).unwrap())
}

fn unavailable() -> RepositoryError {
    RepositoryError::Unavailable { source: "switched off".into() }
}

pub(crate) fn keys(seed: u64) -> KeyRing {
    KeyRing::new(SecretsKey::generate(&SeededEntropy::new(seed)), vec![])
}

/// Opens what [`keys`]`(1)` sealed.
pub(crate) fn compiler() -> Compiler {
    Compiler { keys: keys(1), capabilities: Arc::new(CapabilityTable::bundled()) }
}

/// An identifier that is the same each time for a seed.
pub(crate) fn same<T: FromStr<Err: Debug>>(seed: u64) -> T {
    let (high, low) = (seed >> 48 & 0xfff, seed & 0xffff_ffff_ffff);
    format!("018f4e6e-0000-7000-8{high:03x}-{low:012x}").parse().unwrap()
}

/// The same one each time for a type.
pub(crate) fn project(kind: ProjectType) -> Project {
    let seed = ProjectType::ALL.iter().position(|each| *each == kind).unwrap() as u64;
    let id = same(1_000 + seed);
    let new = NewProject {
        name: ProjectName::parse("Search").unwrap(),
        kind,
        env: ProjectEnv::default(),
        default_provider: None,
        record_bodies: None,
        limits: LimitSet::default(),
        metadata: serde_json::Map::new(),
        active: true,
    };
    Project::create(id, new, Timestamp::default()).unwrap()
}

pub(crate) fn provider(name: &str, kind: ProviderKind) -> Provider {
    let seed = name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let id = same(seed);
    let new = NewProvider {
        name: ProviderName::parse(name).unwrap(),
        display_name: String::new(),
        kind,
        base_url: Some(BaseUrl::parse("http://upstream.test/v1").unwrap()),
        models: vec![],
        config: serde_json::Map::new(),
        enabled: true,
    };
    Provider::create(id, new, Timestamp::default()).unwrap()
}

pub(crate) fn credential(provider: &Provider, secret: &str, keys: &KeyRing) -> Credential {
    let entropy = SeededEntropy::new(3);
    let id = same(3);
    let secret = SecretString::new(secret.to_owned());
    Credential::seal(id, provider.id, &secret, keys, &entropy, Timestamp::default())
}

/// One of several accounts.
pub(crate) fn account(number: u64) -> AccountId {
    same(2_000 + number)
}

/// An account that may call.
pub(crate) fn standing(number: u64) -> Standing {
    Standing {
        account: account(number),
        active: true,
        has_role: true,
        expires_at: None,
        network_rules: OwnNetworkRules::None,
        plan: None,
    }
}

/// A group of this name.
pub(crate) fn group(name: &str, providers: Providers, allow: &[&str], exclude: &[&str]) -> Group {
    let seed = name.bytes().fold(17, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let new = NewGroup {
        name: name.to_owned(),
        display_name: name.to_owned(),
        description: String::new(),
        providers,
        allow: Patterns::parse(allow).unwrap(),
        exclude: Patterns::parse(exclude).unwrap(),
        for_new_accounts: false,
        limits: LimitSet::default(),
    };
    let id = same(seed);
    Group::create(id, new, Timestamp::default()).unwrap()
}

/// A plan of this name, without limits.
pub(crate) fn plan(name: &str) -> Plan {
    let seed = name.bytes().fold(23, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    let new = NewPlan {
        name: name.to_owned(),
        description: String::new(),
        quota_5h_tokens: None,
        quota_7d_tokens: None,
        is_default: false,
    };
    Plan::create(same(seed), new, Timestamp::default()).unwrap()
}

/// The plan of everybody who was given none, without limits.
pub(crate) fn default_plan() -> Plan {
    Plan { is_default: true, ..plan("default") }
}

/// A token of a project with the scope `chat`, and what its holder presents.
pub(crate) fn token_for(project: &Project, seed: u64) -> (PresentedToken, Token) {
    let entropy = SeededEntropy::new(seed);
    let secret = TokenSecret::generate(TokenEnv::Live, &entropy);
    let new = NewToken {
        project_id: project.id,
        owner: None,
        name: TokenName::parse("ci").unwrap(),
        env: TokenEnv::Live,
        scopes: [Scope::Chat].into_iter().collect(),
        endpoint_ids: vec![],
        limits: TokenLimits::default(),
        metadata: serde_json::Map::new(),
        expires_at: None,
    };
    let id = same(seed);
    let token = Token::issue(id, new, &secret, Timestamp::default()).unwrap();
    (PresentedToken::parse(secret.expose()).unwrap(), token)
}

/// What the holder of [`token_for`] sends.
pub(crate) fn secret_of(seed: u64) -> String {
    TokenSecret::generate(TokenEnv::Live, &SeededEntropy::new(seed)).expose().to_owned()
}

/// Tokens in memory, that can be slow and can be away.
#[derive(Default)]
pub(crate) struct FakeTokens {
    tokens: Mutex<HashMap<TokenHash, Token>>,
    touched: Mutex<Vec<(TokenId, Timestamp)>>,
    gate: Mutex<Option<Arc<Semaphore>>>,
    lookups: AtomicUsize,
    away: AtomicBool,
    hides_lines: AtomicBool,
}

/// Holds answers back until it is opened.
pub(crate) struct Gate(Arc<Semaphore>);

impl Gate {
    pub(crate) fn open(self) {
        self.0.add_permits(Semaphore::MAX_PERMITS / 2);
    }
}

impl FakeTokens {
    pub(crate) fn put(&self, token: Token) {
        lock(&self.tokens).insert(token.hash, token);
    }

    pub(crate) fn lookups(&self) -> usize {
        self.lookups.load(Ordering::SeqCst)
    }

    pub(crate) fn touched(&self) -> Vec<(TokenId, Timestamp)> {
        lock(&self.touched).clone()
    }

    pub(crate) fn break_down(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// Says no more what tokens come from, or again.
    pub(crate) fn hide_lines(&self, hides: bool) {
        self.hides_lines.store(hides, Ordering::SeqCst);
    }

    pub(crate) fn pause(&self) -> Gate {
        let semaphore = Arc::new(Semaphore::new(0));
        *lock(&self.gate) = Some(Arc::clone(&semaphore));
        Gate(semaphore)
    }
}

#[async_trait]
impl TokenSource for FakeTokens {
    async fn find_by_hash(&self, hash: TokenHash) -> Result<Option<Token>, RepositoryError> {
        self.lookups.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        // What is found is found before the wait: the answer may be old when it arrives.
        let found = lock(&self.tokens).get(&hash).cloned();
        let gate = lock(&self.gate).clone();
        if let Some(gate) = gate {
            let _permit = gate.acquire().await.unwrap();
        }
        Ok(found)
    }

    async fn line_above(&self, id: TokenId) -> Result<Vec<TokenId>, RepositoryError> {
        if self.away.load(Ordering::SeqCst) || self.hides_lines.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        let tokens = lock(&self.tokens);
        let parent = |id: TokenId| tokens.values().find(|token| token.id == id)?.parent;
        Ok(std::iter::successors(parent(id), |id| parent(*id)).collect())
    }

    async fn limits_of(&self, id: TokenId) -> Result<Option<TokenLimits>, RepositoryError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        let tokens = lock(&self.tokens);
        let found = tokens.values().find(|token| token.id == id).map(|token| token.limits.clone());
        Ok(found)
    }

    async fn touch(&self, uses: &[(TokenId, Timestamp)]) -> Result<(), RepositoryError> {
        if self.away.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        lock(&self.touched).extend_from_slice(uses);
        Ok(())
    }
}

/// A configuration in memory, that can be away and can forget its changes.
#[derive(Default)]
pub(crate) struct FakeConfig {
    projects: Mutex<Vec<Project>>,
    providers: Mutex<Vec<(Provider, Credential)>>,
    changes: Mutex<Vec<Change>>,
    loads: Mutex<Vec<Parts>>,
    pruned: AtomicUsize,
    away: AtomicBool,
    hangs: AtomicBool,
    late: Mutex<Duration>,
}

impl FakeConfig {
    pub(crate) fn add_project(&self, project: Project) {
        self.change(Change::Project(project.id));
        lock(&self.projects).push(project);
    }

    pub(crate) fn add_provider(&self, provider: Provider, credential: Credential) {
        self.change(Change::Provider(provider.id));
        lock(&self.providers).push((provider, credential));
    }

    pub(crate) fn change(&self, change: Change) {
        lock(&self.changes).push(change);
    }

    /// What was read, one load after another.
    pub(crate) fn loads(&self) -> Vec<Parts> {
        lock(&self.loads).clone()
    }

    /// Forgets every change so far, and the next one as well.
    pub(crate) fn prune(&self) {
        self.pruned.store(lock(&self.changes).len() + 1, Ordering::SeqCst);
    }

    /// Goes back to what there was before the last changes.
    pub(crate) fn restore(&self, revision: usize) {
        lock(&self.changes).truncate(revision);
        lock(&self.projects).truncate(revision);
    }

    pub(crate) fn break_down(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// Tells what it read next only after this time.
    pub(crate) fn answer_the_next_load_late(&self, late: Duration) {
        *lock(&self.late) = late;
    }

    /// Answers nothing any more, or again.
    pub(crate) fn hang(&self, hangs: bool) {
        self.hangs.store(hangs, Ordering::SeqCst);
    }
}

#[async_trait]
impl ConfigSource for Arc<FakeConfig> {
    async fn load(&self, parts: Parts) -> Result<Configuration, RepositoryError> {
        lock(&self.loads).push(parts);
        if self.away.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        let revision = revision(lock(&self.changes).len());
        let projects = lock(&self.projects).clone();
        let (providers, credentials) = lock(&self.providers).iter().cloned().unzip();
        let late = std::mem::take(&mut *lock(&self.late));
        if !late.is_zero() {
            tokio::time::sleep(late).await;
        }
        Ok(Configuration { revision, projects, providers, credentials, ..Configuration::default() })
    }

    async fn changes(&self, after: Revision) -> Result<Option<Vec<(Revision, Change)>>, RepositoryError> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.away.load(Ordering::SeqCst) {
            return Err(unavailable());
        }
        let known = lock(&self.changes);
        let after = usize::try_from(after.number()).unwrap();
        let pruned = after < self.pruned.load(Ordering::SeqCst) && after < known.len();
        if pruned || after > known.len() {
            return Ok(None);
        }
        let numbered = known.iter().enumerate().skip(after);
        Ok(Some(numbered.map(|(at, change)| (revision(at + 1), *change)).collect()))
    }
}

/// A bus that says something when a test does.
#[derive(Default)]
pub(crate) struct SilentBus(Arc<Notify>);

impl SilentBus {
    pub(crate) fn signal(&self) {
        self.0.notify_one();
    }
}

struct Listener(Arc<Notify>);

#[async_trait]
impl Bus for SilentBus {
    async fn announce(&self, _: Announcement) -> Result<(), BusError> {
        Ok(())
    }

    async fn subscribe(&self) -> Box<dyn Subscription> {
        Box::new(Listener(Arc::clone(&self.0)))
    }
}

#[async_trait]
impl Subscription for Listener {
    async fn next(&mut self) -> Signal {
        self.0.notified().await;
        Signal::Missed
    }
}
