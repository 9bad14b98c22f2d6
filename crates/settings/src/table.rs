//! The one table of settings: who reads each, what form it has, whether it is secret.
//!
//! Defaults and meanings stand in `defaults.toml`, in the same order; a test compares the two.

use crate::kind::Kind;
use crate::process::{Process, Readers};

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    /// Its name in the environment.
    pub name: &'static str,
    /// A second name, understood in the same places.
    pub alias: Option<&'static str>,
    /// Who reads it.
    pub readers: Readers,
    /// The form of its value.
    pub kind: Kind,
    /// Whether it is never shown.
    pub secret: bool,
    /// Whether anything depends on it. The others are accepted and checked, so that what older versions
    /// were configured with still starts; `defaults.toml` says why nothing depends on each.
    pub in_use: bool,
}

impl Variable {
    const fn new(name: &'static str, readers: u8, kind: Kind) -> Self {
        Self { name, alias: None, readers: Readers::new(readers), kind, secret: false, in_use: true }
    }

    const fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    const fn without_effect(mut self) -> Self {
        self.in_use = false;
        self
    }

    const fn alias(mut self, alias: &'static str) -> Self {
        self.alias = Some(alias);
        self
    }

    /// Its name in `promptgate.toml`: lower case, without the prefix.
    pub fn key(&self) -> String {
        key_of(self.name)
    }

    /// Whether `process` reads it.
    pub const fn is_read_by(&self, process: Process) -> bool {
        self.readers.contains(process)
    }
}

/// The prefix of our own variables.
pub(crate) const PREFIX: &str = "PROMPTGATE_";

/// Names that mean nothing here and are no mistake either: a variable of older versions, and what
/// the tests of the project use.
pub(crate) const SILENTLY_IGNORED: [&str; 1] = ["PROMPTGATE_KEYCLOAK_CA_FILE"];
pub(crate) const TEST_PREFIX: &str = "PROMPTGATE_TEST_";

pub(crate) fn key_of(name: &str) -> String {
    name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_lowercase()
}

/// The variable called `name`, by its first or its second name.
pub fn find(name: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.name == name || variable.alias == Some(name))
}

const A: u8 = Readers::API;
const P: u8 = Readers::PROXY;
const W: u8 = Readers::WORKER;
const S: u8 = Readers::SCHEDULE;
const M: u8 = Readers::MIGRATE;
const R: u8 = Readers::RUN_ALL;
const SERVERS: u8 = A | P | W | S;
const ALL: u8 = A | P | W | S | M;

/// Every setting there is.
pub const VARIABLES: &[Variable] = &[
    Variable::new("PROMPTGATE_HOST", SERVERS, Kind::Host),
    Variable::new("PROMPTGATE_PORT", A, Kind::Port),
    Variable::new("PROMPTGATE_PROXY_PORT", A | P, Kind::Port),
    Variable::new("PROMPTGATE_SCHEDULER_PORT", S, Kind::Port),
    Variable::new("PROMPTGATE_WORKER_PORT", W, Kind::Port),
    Variable::new("PROMPTGATE_DATA_DIR", ALL, Kind::Path),
    Variable::new("PROMPTGATE_SHUTDOWN_DELAY", SERVERS, Kind::Delay),
    Variable::new("PROMPTGATE_SHUTDOWN_TIMEOUT", SERVERS, Kind::Duration),
    Variable::new("PROMPTGATE_LOG_LEVEL", ALL, Kind::Choice(&["debug", "info", "warn", "warning", "error"])),
    Variable::new("PROMPTGATE_LOG_FORMAT", ALL, Kind::Choice(&["text", "json"])),
    Variable::new("PROMPTGATE_METRICS_TOKEN", SERVERS, Kind::Text).secret(),
    Variable::new("OTEL_EXPORTER_OTLP_ENDPOINT", SERVERS, Kind::HttpUrl),
    Variable::new("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", SERVERS, Kind::HttpUrl),
    Variable::new("OTEL_EXPORTER_OTLP_HEADERS", SERVERS, Kind::Headers).secret(),
    Variable::new("OTEL_EXPORTER_OTLP_TIMEOUT", SERVERS, Kind::Count),
    Variable::new("OTEL_SERVICE_NAME", SERVERS, Kind::Text),
    Variable::new("PROMPTGATE_DATABASE_URL", ALL, Kind::DatabaseUrl),
    Variable::new("PROMPTGATE_DB_MAX_OPEN_CONNS", ALL, Kind::Count),
    Variable::new("PROMPTGATE_DB_MAX_IDLE_CONNS", ALL, Kind::Count),
    Variable::new("PROMPTGATE_DB_CONN_MAX_LIFETIME", ALL, Kind::Duration),
    Variable::new("PROMPTGATE_REDIS_URL", SERVERS, Kind::RedisUrl),
    Variable::new("PROMPTGATE_REDIS_CACHE_TTL", SERVERS, Kind::Duration).without_effect(),
    Variable::new("PROMPTGATE_REDIS_POOL_SIZE", SERVERS, Kind::Count).without_effect(),
    Variable::new("PROMPTGATE_REDIS_MIN_IDLE_CONNS", SERVERS, Kind::Count).without_effect(),
    Variable::new("PROMPTGATE_REDIS_POOL_TIMEOUT", SERVERS, Kind::Duration).without_effect(),
    Variable::new("PROMPTGATE_REDIS_READ_TIMEOUT", SERVERS, Kind::Duration).without_effect(),
    Variable::new("PROMPTGATE_REDIS_WRITE_TIMEOUT", SERVERS, Kind::Duration).without_effect(),
    Variable::new("PROMPTGATE_SECRETS_KEY", A | P | S, Kind::SecretsKey).secret(),
    Variable::new("PROMPTGATE_SECRETS_KEYS_OLD", A | P | S, Kind::SecretsKeys).secret(),
    Variable::new("PROMPTGATE_JWT_SECRET", A | P | S, Kind::LongSecret).secret().without_effect(),
    Variable::new("PROMPTGATE_ADMIN_API_KEY", A, Kind::Text).secret(),
    Variable::new("PROMPTGATE_CA_FILE", A | P | S, Kind::CertificateFile),
    Variable::new("PROMPTGATE_SSRF_ALLOWED_HOSTS", A | P | S, Kind::List),
    Variable::new("PROMPTGATE_DNS_SERVER", A | P | S, Kind::SocketAddress),
    Variable::new("PROMPTGATE_ADMIN_PASSWORD", A | M, Kind::Text).secret(),
    Variable::new("PROMPTGATE_BCRYPT_COST", A | M, Kind::BcryptCost),
    Variable::new("PROMPTGATE_FRONTEND_BASE_URL", A | P, Kind::HttpUrl),
    Variable::new("PROMPTGATE_BACKEND_BASE_URL", A, Kind::HttpUrl),
    Variable::new("PROMPTGATE_PROXY_BASE_URL", A, Kind::HttpUrl),
    Variable::new("PROMPTGATE_STATIC_ASSETS_DIR", A, Kind::ExistingDirectory),
    Variable::new("PROMPTGATE_SESSION_COOKIE_NAME", A | P, Kind::CookieName),
    Variable::new("PROMPTGATE_SESSION_TTL", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_SESSION_IDLE_TIMEOUT", A | P | S, Kind::Duration),
    Variable::new("PROMPTGATE_CORS_ALLOWED_ORIGINS", A | P, Kind::Origins),
    Variable::new("PROMPTGATE_OIDC_ISSUER_URL", A, Kind::HttpUrl).alias("PROMPTGATE_KEYCLOAK_ISSUER_URL"),
    Variable::new("PROMPTGATE_OIDC_JWKS_URL", A, Kind::HttpUrl).alias("PROMPTGATE_KEYCLOAK_JWKS_URL"),
    Variable::new("PROMPTGATE_OIDC_CLIENT_ID", A, Kind::Text).alias("PROMPTGATE_KEYCLOAK_CLIENT_ID"),
    Variable::new("PROMPTGATE_OIDC_CLIENT_SECRET", A, Kind::Text)
        .alias("PROMPTGATE_KEYCLOAK_CLIENT_SECRET")
        .secret(),
    Variable::new("PROMPTGATE_OIDC_SCOPES", A, Kind::List),
    Variable::new("PROMPTGATE_OIDC_AUDIENCES", A, Kind::List),
    Variable::new("PROMPTGATE_OIDC_USERNAME_CLAIM", A, Kind::Text),
    Variable::new("PROMPTGATE_OIDC_ROLE_CLAIM", A, Kind::Text),
    Variable::new("PROMPTGATE_OIDC_ROLES", A, Kind::Roles),
    Variable::new("PROMPTGATE_OIDC_GROUPS_CLAIM", A, Kind::Text),
    Variable::new("PROMPTGATE_TIMEZONE", ALL, Kind::Timezone),
    Variable::new("PROMPTGATE_PROXY_MAX_BUFFERED_REQUEST_BYTES", A | P, Kind::Count),
    Variable::new("PROMPTGATE_PROXY_MAX_BUFFERED_RESPONSE_BYTES", A | P, Kind::Count),
    Variable::new("PROMPTGATE_PROXY_UPSTREAM_TIMEOUT", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_PROXY_UPLOAD_TIMEOUT", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_PROXY_CONNECT_TIMEOUT", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_PROXY_FIRST_BYTE_TIMEOUT", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_PROXY_IDLE_TIMEOUT", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_PROXY_CLIENT_DISCONNECT", A | P, Kind::Choice(&["cancel", "drain"])),
    Variable::new("PROMPTGATE_PROXY_DRAIN_LIMIT", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_PROXY_MAX_DRAINS", A | P, Kind::Count),
    Variable::new("PROMPTGATE_PROXY_CLIENT_WRITE_TIMEOUT", P, Kind::Duration),
    Variable::new("PROMPTGATE_PROXY_MAX_ATTEMPTS", A | P, Kind::Count),
    Variable::new("PROMPTGATE_PROXY_RETRY_BUDGET_PERCENT", A | P, Kind::Count),
    Variable::new("PROMPTGATE_PROXY_TRUSTED_PROXIES", A | P, Kind::Networks),
    Variable::new("PROMPTGATE_PROXY_TRUST_FORWARD_HEADERS", A | P, Kind::Switch),
    Variable::new("PROMPTGATE_PROXY_RELOAD_DEBOUNCE", A | P | S, Kind::Duration).without_effect(),
    Variable::new("PROMPTGATE_PROXY_POLL_INTERVAL", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_PROXY_AUTH_CACHE_TTL", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_PROXY_AUTH_CACHE_ENTRIES", A | P, Kind::Count),
    Variable::new("PROMPTGATE_OFFLINE_AUTH_TTL", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_CAPABILITIES_FILE", A | P, Kind::Path),
    Variable::new("PROMPTGATE_LIMITS_DEGRADED", A | P, Kind::Choice(&["share", "refuse"])),
    Variable::new("PROMPTGATE_BUDGETS_DEGRADED", A | P, Kind::Choice(&["refuse", "share"])),
    Variable::new("PROMPTGATE_RECORD_BODIES", A | P, Kind::Choice(&["full", "prompts", "none"])),
    Variable::new("PROMPTGATE_IDEMPOTENCY_TTL", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_GUARDRAILS_HOLD_BACK", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_PII_CONTEXTUAL_ENABLED", A | P, Kind::Switch),
    Variable::new("PROMPTGATE_PII_CONTEXTUAL_PROVIDER", A | P, Kind::Text),
    Variable::new("PROMPTGATE_PII_CONTEXTUAL_CREDENTIAL_ID", A | P, Kind::CredentialId),
    Variable::new("PROMPTGATE_PII_CONTEXTUAL_MODEL", A | P, Kind::Text),
    Variable::new("PROMPTGATE_PII_CONTEXTUAL_MAX_CHARS", A | P, Kind::Count),
    Variable::new("PROMPTGATE_PII_CONTEXTUAL_TIMEOUT", A | P, Kind::Duration),
    Variable::new("PROMPTGATE_SPOOL_ALARM_BYTES", A | P, Kind::Count),
    Variable::new("PROMPTGATE_SPOOL_MEMORY_EVENTS", A | P, Kind::Count),
    Variable::new("PROMPTGATE_USAGE_STREAM_MAX_EVENTS", SERVERS, Kind::Count),
    Variable::new("PROMPTGATE_USAGE_STREAM_MAX_BYTES", SERVERS, Kind::Count),
    Variable::new("PROMPTGATE_WORKER_BATCH_SIZE", W | S, Kind::Count),
    Variable::new("PROMPTGATE_WORKER_BLOCK_TIMEOUT", W | S, Kind::Duration),
    Variable::new("PROMPTGATE_WORKER_PENDING_IDLE_TIMEOUT", W | S, Kind::Duration),
    Variable::new("PROMPTGATE_WORKER_CONSUMER_NAME", W | S, Kind::Text),
    Variable::new("PROMPTGATE_USAGE_RAW_RETENTION", S, Kind::Duration),
    Variable::new("PROMPTGATE_USAGE_RAW_CLEANUP_INTERVAL", S, Kind::Duration),
    Variable::new("PROMPTGATE_CALL_CONTENT_RETENTION", S, Kind::Duration),
    Variable::new("PROMPTGATE_AI_SESSION_RETENTION", S, Kind::Duration),
    Variable::new("PROMPTGATE_DEAD_LETTER_RETENTION", S, Kind::Duration),
    Variable::new("PROMPTGATE_AUDIT_RETENTION", S, Kind::Duration),
    Variable::new("PROMPTGATE_PRICES_URL", S, Kind::HttpUrl),
    Variable::new("PROMPTGATE_PRICES_FILE", S, Kind::Path),
    Variable::new("PROMPTGATE_USAGE_COST_ENABLED", A, Kind::Switch),
    Variable::new("PROMPTGATE_USAGE_COST_INPUT", A, Kind::Rate).without_effect(),
    Variable::new("PROMPTGATE_USAGE_COST_OUTPUT", A, Kind::Rate).without_effect(),
    Variable::new("PROMPTGATE_USAGE_COST_EMBEDDING", A, Kind::Rate).without_effect(),
    Variable::new("PROMPTGATE_TOKEN_CLEANUP_INTERVAL", S, Kind::Duration),
    Variable::new("PROMPTGATE_USER_ACCESS_EXPIRATION_INTERVAL", S, Kind::Duration),
    Variable::new("PROMPTGATE_SUBSCRIPTION_QUOTA_SYNC_INTERVAL", S, Kind::Duration).without_effect(),
    Variable::new("OPENAI_API_KEY", R, Kind::Text).secret(),
    Variable::new("ANTHROPIC_API_KEY", R, Kind::Text).secret(),
];
