//! A control plane over a database in memory.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono_tz::Tz;
use promptgate_audit::{Chained, Walk};
use promptgate_auth::{Actor, PasswordHasher};
use promptgate_control::catalog::ModelCatalog;
use promptgate_control::limits::LimitCounters;
use promptgate_control::projects;
use promptgate_control::sign_in::SignIn;
use promptgate_control::tokens::{IssueToken, Issued, issue};
use promptgate_control::{Control, providers};
use promptgate_coordination_local::LocalBus;
use promptgate_kernel::testing::{SeededEntropy, TestClock};
use promptgate_kernel::{KeyRing, ProjectId, Revision, SecretsKey, TokenId};
use promptgate_projects::{NewProject, Project, ProjectEnv, ProjectName, ProjectType};
use promptgate_providers::{CapabilityCell, CapabilityTable, NewProvider, ProviderKind, ProviderName};
use promptgate_store::{Access, Bus, Change};
use promptgate_store_sql::{Connected, SqlOptions, connect};
use promptgate_tokens::{NewChild, ScopeSet, TokenEnv, TokenLimits, TokenName, TokenSecret};
use serde_json::Map;

/// Whoever holds the admin key.
pub(crate) const ADMIN: Actor = Actor::admin_key();

pub(crate) struct Fixture {
    pub(crate) control: Control,
    pub(crate) clock: Arc<TestClock>,
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let connected = connect("sqlite::memory:", SqlOptions::default()).await.unwrap();
        connected.migrate().await.unwrap();
        Self::over(&connected)
    }

    /// The same over a database in a file.
    pub(crate) async fn in_file(file: &Path) -> Self {
        let connected = connect(&format!("sqlite:{}", file.display()), SqlOptions::default()).await.unwrap();
        connected.migrate().await.unwrap();
        Self::over(&connected)
    }

    pub(crate) fn over(connected: &Connected) -> Self {
        Self::with_bus(connected, Arc::new(LocalBus::new()))
    }

    pub(crate) fn with_bus(connected: &Connected, bus: Arc<dyn Bus>) -> Self {
        let clock = Arc::new(TestClock::at_millis(1_700_000_000_000));
        let hasher = PasswordHasher::new(4, &SeededEntropy::new(2)).unwrap();
        let spans = [Duration::from_hours(8), Duration::from_hours(2)];
        let control = Control {
            store: connected.store(),
            bus,
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(1)),
            sign_in: SignIn::new(connected.sign_in(), hasher, spans, NonZeroUsize::MIN),
            keys: keys(),
            catalog: ModelCatalog::default(),
            capabilities: Arc::new(CapabilityCell::new(CapabilityTable::bundled())),
            checker: None,
            destinations: None,
            failures: Arc::default(),
            limits: LimitCounters {
                ledger: connected.counters(),
                rates: connected.counters(),
                zone: Tz::UTC,
            },
            finds_names: false,
            runner: None,
        };
        Self { control, clock }
    }

    pub(crate) async fn project(&self, kind: ProjectType) -> Project {
        projects::create(&self.control, ADMIN, new_project(kind)).await.unwrap()
    }

    pub(crate) async fn token(&self, project: ProjectId, scopes: Option<ScopeSet>) -> Issued {
        issue(&self.control, ADMIN, issue_token(project, scopes)).await.unwrap()
    }

    /// A token below another one, with these scopes or those of the other one.
    pub(crate) async fn below(&self, parent: TokenId, scopes: Option<ScopeSet>) -> TokenId {
        let mut work = self.control.store.begin(Access::Write).await.unwrap();
        let parent = work.tokens().find(parent).await.unwrap().unwrap();
        let new = NewChild {
            name: TokenName::parse("below").unwrap(),
            scopes,
            endpoint_ids: vec![],
            limits: TokenLimits::default(),
            metadata: Map::new(),
            expires_at: None,
        };
        let secret = TokenSecret::generate(TokenEnv::Live, &*self.control.entropy);
        let id = TokenId::mint(&*self.clock, &*self.control.entropy);
        let token = parent.mint(id, new, &secret, self.control.clock.now()).unwrap();
        work.tokens().insert(&token).await.unwrap();
        work.commit().await.unwrap();
        id
    }

    pub(crate) async fn revision(&self) -> Revision {
        self.control.store.begin(Access::Read).await.unwrap().changes().revision().await.unwrap()
    }

    /// The latest change.
    pub(crate) async fn last_change(&self) -> Option<Change> {
        let mut work = self.control.store.begin(Access::Read).await.unwrap();
        let changes = work.changes().since(Revision::default(), 1_000).await.unwrap().unwrap();
        changes.last().map(|(_, change)| *change)
    }

    /// The audit log, whose chain holds.
    pub(crate) async fn audit(&self) -> Vec<Chained> {
        let mut work = self.control.store.begin(Access::Read).await.unwrap();
        let events = work.audit().list_after(0, 1_000).await.unwrap();
        let mut walk = Walk::default();
        for row in &events {
            walk.row(row).unwrap();
        }
        events
    }

    pub(crate) async fn actions(&self) -> Vec<String> {
        self.audit().await.into_iter().map(|chained| chained.event.action).collect()
    }
}

pub(crate) fn keys() -> KeyRing {
    KeyRing::new(SecretsKey::from_bytes([7; 32]), vec![])
}

pub(crate) fn new_project(kind: ProjectType) -> NewProject {
    NewProject {
        name: ProjectName::parse("Search").unwrap(),
        kind,
        env: ProjectEnv::default(),
        default_provider: None,
        record_bodies: None,
        limits: promptgate_kernel::LimitSet::default(),
        metadata: Map::new(),
        active: true,
    }
}

pub(crate) fn issue_token(project_id: ProjectId, scopes: Option<ScopeSet>) -> IssueToken {
    IssueToken {
        project_id,
        name: TokenName::parse("ci").unwrap(),
        env: TokenEnv::Live,
        scopes,
        endpoint_ids: vec![],
        limits: TokenLimits::default(),
        metadata: Map::new(),
        expires_at: None,
        subject_id: None,
    }
}

pub(crate) fn new_provider(name: &str, key: &str) -> providers::CreateProvider {
    let provider = NewProvider {
        name: ProviderName::parse(name).unwrap(),
        display_name: String::new(),
        kind: ProviderKind::OpenAi,
        base_url: None,
        models: vec![],
        config: Map::new(),
        enabled: true,
    };
    providers::CreateProvider { provider, api_key: providers::ApiKey::parse(key).unwrap() }
}
