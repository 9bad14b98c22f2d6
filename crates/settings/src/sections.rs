//! The typed sections, one for each process and one for all.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::Tz;
use ipnet::IpNet;
use promptgate_kernel::{SecretString, SecretsKey};

use crate::contextual::ContextualSettings;
use crate::error::SettingsError;
use crate::origins;
use crate::settings::Settings;

/// Where name servers listen.
const DNS_PORT: u16 = 53;

/// What every process reads.
#[derive(Debug, Clone)]
pub struct CommonSettings {
    /// Where a process keeps what is its own.
    pub data_dir: PathBuf,
    /// The database.
    pub database: DatabaseSettings,
    /// What is logged, and how.
    pub log: LogSettings,
    /// The zone in which days and months of budgets begin.
    pub zone: Tz,
}

/// What is logged, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    /// `debug`, `info`, `warn` or `error`.
    pub level: String,
    /// Whether lines are JSON.
    pub json: bool,
}

/// The database and the connections to it.
#[derive(Debug, Clone)]
pub struct DatabaseSettings {
    /// Its address; without one it is a file in the data directory.
    pub url: Option<SecretString>,
    /// Whether it is PostgreSQL: cluster mode.
    pub is_cluster: bool,
    /// Most connections.
    pub max_connections: u32,
    /// Connections kept when there is nothing to do.
    pub idle_connections: u32,
    /// Age at which one is replaced.
    pub connection_lifetime: Duration,
}

/// What every process that listens reads.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Address to listen on.
    pub host: String,
    /// How long an unready process still answers new requests.
    pub shutdown_delay: Duration,
    /// How long requests under way may take after that.
    pub shutdown_timeout: Duration,
    /// Opens `/metrics` from elsewhere.
    pub metrics_token: Option<SecretString>,
    /// The bus.
    pub redis_url: Option<SecretString>,
    /// Where traces go.
    pub traces: Option<TraceSettings>,
}

/// Where traces go.
#[derive(Debug, Clone)]
pub struct TraceSettings {
    /// The whole address.
    pub endpoint: String,
    /// Headers to send along.
    pub headers: Vec<(String, SecretString)>,
    /// How long a delivery may take.
    pub timeout: Duration,
    /// The name of this service.
    pub service_name: String,
}

/// The secrets that api, proxy and scheduler share.
#[derive(Debug, Clone)]
pub struct SecretSettings {
    /// Seals credentials.
    pub key: Option<SecretsKey>,
    /// Open what was sealed before.
    pub old_keys: Vec<SecretsKey>,
    /// Signs what is short-lived.
    pub jwt_secret: Option<SecretString>,
    /// A file of certificates to trust.
    pub ca_file: Option<PathBuf>,
}

/// Where outbound calls may go, and who knows where hosts are.
#[derive(Debug, Clone, Default)]
pub struct OutboundSettings {
    /// Hosts, addresses and networks that may be called whatever they are.
    pub allowed_hosts: Vec<String>,
    /// The name server to ask in place of the operating system.
    pub dns_server: Option<SocketAddr>,
}

/// What the API process reads.
#[derive(Debug, Clone)]
pub struct ApiSettings {
    /// Its port.
    pub port: u16,
    /// The port of the proxy.
    pub proxy_port: u16,
    /// The operator's key: not given, switched off, or a key.
    pub admin_api_key: AdminKeySetting,
    /// Where browsers reach it.
    pub backend_base_url: String,
    /// Where programs reach the proxy.
    pub proxy_base_url: String,
    /// Where the browser frontend is, if it is not the API that serves it.
    pub frontend_base_url: Option<String>,
    /// Origins that browsers may call from.
    pub allowed_origins: Vec<String>,
    /// The origins of the API itself and of the frontend.
    pub own_origins: Vec<String>,
    /// Proxies whose forwarded headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Everybody's forwarded headers count.
    pub trust_forward_headers: bool,
    /// A built frontend.
    pub static_assets_dir: Option<PathBuf>,
    /// The name of the session cookie.
    pub session_cookie_name: String,
    /// How costs are estimated.
    pub usage_cost: UsageCostSettings,
}

/// How passwords are kept, and the first one.
#[derive(Debug, Clone)]
pub struct PasswordSettings {
    /// The work factor of bcrypt.
    pub bcrypt_cost: u32,
    /// The password of the first administrator.
    pub admin_password: Option<SecretString>,
}

/// How long sessions live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSettings {
    /// At most.
    pub lifetime: Duration,
    /// Without being used.
    pub idle: Duration,
}

/// What was said about the admin API key.
#[derive(Debug, Clone)]
pub enum AdminKeySetting {
    /// Nothing.
    Unset,
    /// Blank: it is switched off.
    Off,
    /// This key.
    Key(SecretString),
}

/// How costs are estimated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UsageCostSettings {
    /// Whether they are shown.
    pub enabled: bool,
    /// Dollars per million input tokens.
    pub input: f64,
    /// Dollars per million output tokens.
    pub output: f64,
    /// Dollars per million embedded tokens.
    pub embedding: f64,
}

/// What the proxy reads besides [`DataPlaneSettings`].
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// Its port.
    pub port: u16,
    /// How long a client may take nothing of its answer.
    pub client_write_timeout: Duration,
    /// Origins that browsers may call from.
    pub allowed_origins: Vec<String>,
    /// Longest life of a session.
    pub session_ttl: Duration,
}

/// What every process reads that calls go through: the proxy, and the API for replays and golden sets.
#[derive(Debug, Clone)]
pub struct DataPlaneSettings {
    /// Largest request body.
    pub max_request_bytes: usize,
    /// Largest answer that is read whole.
    pub max_response_bytes: usize,
    /// Bounds on time.
    pub timeouts: ProxyTimeouts,
    /// Whether the upstream call is read to its end when the client has left, and for how long.
    pub drain_after_disconnect: Option<Duration>,
    /// How many calls are read on at a time.
    pub max_drains: usize,
    /// How many upstream calls one call may make.
    pub max_attempts: u32,
    /// How much load retries may add, in percent.
    pub retry_budget_percent: u32,
    /// A capability table in place of the built-in one.
    pub capabilities_file: Option<PathBuf>,
    /// What is kept of what was said: `full`, `prompts` or `none`.
    pub record_bodies: String,
    /// What becomes of rate limits that cannot be asked for: `share` or `refuse`.
    pub limits_degraded: String,
    /// What becomes of budgets that cannot be asked for: `refuse` or `share`.
    pub budgets_degraded: String,
    /// How long outcomes are kept for retried requests.
    pub idempotency_ttl: Duration,
    /// How long what guardrails keep of a stream that stands still waits; `None` for as long as it takes.
    pub guardrails_hold_back: Option<Duration>,
    /// Proxies whose forwarded headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// Everybody's forwarded headers count.
    pub trust_forward_headers: bool,
    /// How often to look for changes.
    pub poll_interval: Duration,
    /// How long a token is remembered.
    pub auth_cache_ttl: Duration,
    /// How many are remembered.
    pub auth_cache_entries: usize,
    /// How long a known token is honoured while the database is away.
    pub offline_auth_ttl: Duration,
    /// The model that finds names and addresses.
    pub contextual: ContextualSettings,
    /// Where usage events wait.
    pub spool: SpoolSettings,
}

/// Bounds on the time of a proxied request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProxyTimeouts {
    /// Until the request body is there.
    pub upload: Duration,
    /// Until a connection is there.
    pub connect: Duration,
    /// From then until the answer begins.
    pub first_byte: Duration,
    /// Between two pieces of a stream.
    pub idle: Duration,
    /// The whole request.
    pub total: Duration,
}

/// Where usage events wait for the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpoolSettings {
    /// Bytes on disk above which the proxy complains.
    pub alarm_bytes: u64,
    /// Most events in memory, where there is no disk.
    pub memory_events: usize,
}

/// The stream that usage events pass through where there is a Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsageStreamSettings {
    /// Events from which on no more are put into it.
    pub max_events: u64,
    /// Bytes from which on no more are put into it.
    pub max_bytes: u64,
}

/// What the scheduler reads.
#[derive(Debug, Clone)]
pub struct SchedulerSettings {
    /// Its port.
    pub port: u16,
    /// How long single calls are kept.
    pub usage_raw_retention: Duration,
    /// How often older ones are removed.
    pub usage_raw_cleanup_interval: Duration,
    /// How long what was said is kept.
    pub call_content_retention: Duration,
    /// How long conversations of AI endpoints are kept at most.
    pub ai_session_retention: Duration,
    /// How long calls are kept that could not be recorded, once somebody discarded them.
    pub dead_letter_retention: Duration,
    /// How long the audit log is kept.
    pub audit_retention: Duration,
    /// How long a login session lives without being used.
    pub session_idle_timeout: Duration,
    /// How often tokens are marked whose time is over.
    pub token_cleanup_interval: Duration,
    /// How often role and keys are taken from accounts whose access has ended.
    pub access_expiration_interval: Duration,
    /// Where a public list of prices is.
    pub prices_url: Option<String>,
    /// In which file one is, where there is no address.
    pub prices_file: Option<PathBuf>,
}

/// What the worker reads.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// Its port.
    pub port: u16,
    /// Events written at once.
    pub batch_size: usize,
    /// How long it waits before it looks again.
    pub block_timeout: Duration,
    /// When it takes over what another left undone.
    pub pending_idle_timeout: Duration,
    /// Its name, if given.
    pub consumer_name: Option<String>,
}

/// What `run-all` takes from the environment at its first start.
#[derive(Debug, Clone, Default)]
pub struct FirstStartSettings {
    /// Sets up the provider `openai`.
    pub openai_api_key: Option<SecretString>,
    /// Sets up the provider `anthropic`.
    pub anthropic_api_key: Option<SecretString>,
}

const POLL_SQLITE: Duration = Duration::from_millis(250);
const POLL_POSTGRES: Duration = Duration::from_millis(500);

impl Settings {
    /// What every process reads.
    pub fn common(&self) -> Result<CommonSettings, SettingsError> {
        let level = self.text("PROMPTGATE_LOG_LEVEL")?.unwrap_or_default();
        Ok(CommonSettings {
            data_dir: self.path("PROMPTGATE_DATA_DIR")?.unwrap_or_default(),
            database: DatabaseSettings {
                url: self.secret("PROMPTGATE_DATABASE_URL")?,
                is_cluster: self.is_cluster(),
                max_connections: small(self.count("PROMPTGATE_DB_MAX_OPEN_CONNS")?),
                idle_connections: small(self.count("PROMPTGATE_DB_MAX_IDLE_CONNS")?),
                connection_lifetime: self.duration("PROMPTGATE_DB_CONN_MAX_LIFETIME")?,
            },
            log: LogSettings {
                level: if level == "warning" { "warn".into() } else { level },
                json: self.text("PROMPTGATE_LOG_FORMAT")?.as_deref() == Some("json"),
            },
            zone: self.zone()?,
        })
    }

    fn zone(&self) -> Result<Tz, SettingsError> {
        let name = self.text("PROMPTGATE_TIMEZONE")?;
        // Its kind lets no other names in.
        Ok(name.and_then(|name| name.parse().ok()).unwrap_or(Tz::UTC))
    }

    /// What every process that listens reads.
    pub fn server(&self) -> Result<ServerSettings, SettingsError> {
        Ok(ServerSettings {
            host: self.text("PROMPTGATE_HOST")?.unwrap_or_default(),
            shutdown_delay: self.duration("PROMPTGATE_SHUTDOWN_DELAY")?,
            shutdown_timeout: self.duration("PROMPTGATE_SHUTDOWN_TIMEOUT")?,
            metrics_token: self.secret("PROMPTGATE_METRICS_TOKEN")?,
            redis_url: self.secret("PROMPTGATE_REDIS_URL")?,
            traces: self.traces()?,
        })
    }

    fn traces(&self) -> Result<Option<TraceSettings>, SettingsError> {
        let whole = self.text("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")?;
        let base = self.text("OTEL_EXPORTER_OTLP_ENDPOINT")?.map(|base| format!("{base}/v1/traces"));
        let Some(endpoint) = whole.or(base) else { return Ok(None) };
        let headers = self.list("OTEL_EXPORTER_OTLP_HEADERS")?;
        let headers = headers.iter().filter_map(|pair| pair.split_once('='));
        Ok(Some(TraceSettings {
            endpoint,
            headers: headers
                .map(|(name, value)| (name.trim().to_owned(), SecretString::new(value.trim().to_owned())))
                .collect(),
            timeout: Duration::from_millis(self.count("OTEL_EXPORTER_OTLP_TIMEOUT")?),
            service_name: self.text("OTEL_SERVICE_NAME")?.unwrap_or_default(),
        }))
    }

    /// The secrets that api, proxy and scheduler share.
    pub fn secrets(&self) -> Result<SecretSettings, SettingsError> {
        Ok(SecretSettings {
            key: self.keys("PROMPTGATE_SECRETS_KEY")?.pop(),
            old_keys: self.keys("PROMPTGATE_SECRETS_KEYS_OLD")?,
            jwt_secret: self.secret("PROMPTGATE_JWT_SECRET")?,
            ca_file: self.path("PROMPTGATE_CA_FILE")?,
        })
    }

    /// Where outbound calls may go.
    pub fn outbound(&self) -> Result<OutboundSettings, SettingsError> {
        let server = self.text("PROMPTGATE_DNS_SERVER")?;
        let with_port = |text: String| {
            let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, DNS_PORT));
            address.or_else(|_| text.parse()).ok()
        };
        Ok(OutboundSettings {
            allowed_hosts: self.list("PROMPTGATE_SSRF_ALLOWED_HOSTS")?,
            dns_server: server.and_then(with_port),
        })
    }

    /// What the API process reads.
    pub fn api(&self) -> Result<ApiSettings, SettingsError> {
        let (port, proxy_port) = (self.port("PROMPTGATE_PORT")?, self.port("PROMPTGATE_PROXY_PORT")?);
        let backend_base_url =
            self.text("PROMPTGATE_BACKEND_BASE_URL")?.unwrap_or_else(|| format!("http://localhost:{port}"));
        let proxy_base_url = match self.text("PROMPTGATE_PROXY_BASE_URL")? {
            Some(given) => given,
            None => origins::with_port(&backend_base_url, proxy_port),
        };
        let frontend_base_url = self.text("PROMPTGATE_FRONTEND_BASE_URL")?;
        let bases = [Some(&backend_base_url), frontend_base_url.as_ref()];
        let own: Vec<_> = bases.into_iter().flatten().filter_map(|base| origins::origin_of(base)).collect();
        let own_origins = origins::expanded(&own);
        let admin_api_key = match self.secret("PROMPTGATE_ADMIN_API_KEY")? {
            None => AdminKeySetting::Unset,
            Some(key) if key.expose().is_empty() => AdminKeySetting::Off,
            Some(key) => AdminKeySetting::Key(key),
        };
        Ok(ApiSettings {
            port,
            proxy_port,
            admin_api_key,
            backend_base_url,
            proxy_base_url,
            own_origins,
            frontend_base_url,
            allowed_origins: self.allowed_origins()?,
            trusted_proxies: self.networks("PROMPTGATE_PROXY_TRUSTED_PROXIES")?,
            trust_forward_headers: self.switch("PROMPTGATE_PROXY_TRUST_FORWARD_HEADERS")?,
            static_assets_dir: self.path("PROMPTGATE_STATIC_ASSETS_DIR")?,
            session_cookie_name: self.text("PROMPTGATE_SESSION_COOKIE_NAME")?.unwrap_or_default(),
            usage_cost: UsageCostSettings {
                enabled: self.switch("PROMPTGATE_USAGE_COST_ENABLED")?,
                input: self.rate("PROMPTGATE_USAGE_COST_INPUT")?,
                output: self.rate("PROMPTGATE_USAGE_COST_OUTPUT")?,
                embedding: self.rate("PROMPTGATE_USAGE_COST_EMBEDDING")?,
            },
        })
    }

    /// How passwords are kept, and the first one.
    pub fn passwords(&self) -> Result<PasswordSettings, SettingsError> {
        Ok(PasswordSettings {
            bcrypt_cost: small(self.count("PROMPTGATE_BCRYPT_COST")?),
            admin_password: self
                .secret("PROMPTGATE_ADMIN_PASSWORD")?
                .filter(|password| !password.expose().is_empty()),
        })
    }

    /// How long sessions live.
    pub fn sessions(&self) -> Result<SessionSettings, SettingsError> {
        Ok(SessionSettings {
            lifetime: self.duration("PROMPTGATE_SESSION_TTL")?,
            idle: self.duration("PROMPTGATE_SESSION_IDLE_TIMEOUT")?,
        })
    }

    /// What the proxy reads besides [`Settings::data_plane`].
    pub fn proxy(&self) -> Result<ProxySettings, SettingsError> {
        Ok(ProxySettings {
            port: self.port("PROMPTGATE_PROXY_PORT")?,
            client_write_timeout: self.duration("PROMPTGATE_PROXY_CLIENT_WRITE_TIMEOUT")?,
            allowed_origins: self.allowed_origins()?,
            session_ttl: self.duration("PROMPTGATE_SESSION_TTL")?,
        })
    }

    /// What every process reads that calls go through.
    pub fn data_plane(&self) -> Result<DataPlaneSettings, SettingsError> {
        let drains = self.text("PROMPTGATE_PROXY_CLIENT_DISCONNECT")?.as_deref() == Some("drain");
        let drain_limit = self.duration("PROMPTGATE_PROXY_DRAIN_LIMIT")?;
        let poll_default = if self.is_cluster() { POLL_POSTGRES } else { POLL_SQLITE };
        Ok(DataPlaneSettings {
            max_request_bytes: length(self.count("PROMPTGATE_PROXY_MAX_BUFFERED_REQUEST_BYTES")?),
            max_response_bytes: length(self.count("PROMPTGATE_PROXY_MAX_BUFFERED_RESPONSE_BYTES")?),
            timeouts: ProxyTimeouts {
                upload: self.duration("PROMPTGATE_PROXY_UPLOAD_TIMEOUT")?,
                connect: self.duration("PROMPTGATE_PROXY_CONNECT_TIMEOUT")?,
                first_byte: self.duration("PROMPTGATE_PROXY_FIRST_BYTE_TIMEOUT")?,
                idle: self.duration("PROMPTGATE_PROXY_IDLE_TIMEOUT")?,
                total: self.duration("PROMPTGATE_PROXY_UPSTREAM_TIMEOUT")?,
            },
            drain_after_disconnect: drains.then_some(drain_limit),
            max_drains: length(self.count("PROMPTGATE_PROXY_MAX_DRAINS")?),
            max_attempts: small(self.count("PROMPTGATE_PROXY_MAX_ATTEMPTS")?),
            retry_budget_percent: small(self.count("PROMPTGATE_PROXY_RETRY_BUDGET_PERCENT")?),
            capabilities_file: self.path("PROMPTGATE_CAPABILITIES_FILE")?,
            record_bodies: self.text("PROMPTGATE_RECORD_BODIES")?.unwrap_or_default(),
            limits_degraded: self.text("PROMPTGATE_LIMITS_DEGRADED")?.unwrap_or_default(),
            budgets_degraded: self.text("PROMPTGATE_BUDGETS_DEGRADED")?.unwrap_or_default(),
            idempotency_ttl: self.duration("PROMPTGATE_IDEMPOTENCY_TTL")?,
            guardrails_hold_back: self
                .optional_duration("PROMPTGATE_GUARDRAILS_HOLD_BACK")?
                .filter(|span| !span.is_zero()),
            trusted_proxies: self.networks("PROMPTGATE_PROXY_TRUSTED_PROXIES")?,
            trust_forward_headers: self.switch("PROMPTGATE_PROXY_TRUST_FORWARD_HEADERS")?,
            poll_interval: self.optional_duration("PROMPTGATE_PROXY_POLL_INTERVAL")?.unwrap_or(poll_default),
            auth_cache_ttl: self.duration("PROMPTGATE_PROXY_AUTH_CACHE_TTL")?,
            auth_cache_entries: length(self.count("PROMPTGATE_PROXY_AUTH_CACHE_ENTRIES")?),
            offline_auth_ttl: self.duration("PROMPTGATE_OFFLINE_AUTH_TTL")?,
            contextual: self.contextual()?,
            spool: SpoolSettings {
                alarm_bytes: self.count("PROMPTGATE_SPOOL_ALARM_BYTES")?,
                memory_events: length(self.count("PROMPTGATE_SPOOL_MEMORY_EVENTS")?),
            },
        })
    }

    fn allowed_origins(&self) -> Result<Vec<String>, SettingsError> {
        let given = self.list("PROMPTGATE_CORS_ALLOWED_ORIGINS")?;
        if !given.is_empty() {
            return Ok(origins::expanded(&given));
        }
        let frontend = self.text("PROMPTGATE_FRONTEND_BASE_URL")?;
        let frontend = frontend.as_deref().and_then(origins::origin_of);
        Ok(origins::expanded(&frontend.into_iter().collect::<Vec<_>>()))
    }

    /// What the scheduler reads.
    pub fn scheduler(&self) -> Result<SchedulerSettings, SettingsError> {
        Ok(SchedulerSettings {
            port: self.port("PROMPTGATE_SCHEDULER_PORT")?,
            usage_raw_retention: self.duration("PROMPTGATE_USAGE_RAW_RETENTION")?,
            usage_raw_cleanup_interval: self.duration("PROMPTGATE_USAGE_RAW_CLEANUP_INTERVAL")?,
            call_content_retention: self.duration("PROMPTGATE_CALL_CONTENT_RETENTION")?,
            ai_session_retention: self.duration("PROMPTGATE_AI_SESSION_RETENTION")?,
            dead_letter_retention: self.duration("PROMPTGATE_DEAD_LETTER_RETENTION")?,
            audit_retention: self.duration("PROMPTGATE_AUDIT_RETENTION")?,
            session_idle_timeout: self.duration("PROMPTGATE_SESSION_IDLE_TIMEOUT")?,
            token_cleanup_interval: self.duration("PROMPTGATE_TOKEN_CLEANUP_INTERVAL")?,
            access_expiration_interval: self.duration("PROMPTGATE_USER_ACCESS_EXPIRATION_INTERVAL")?,
            prices_url: self.text("PROMPTGATE_PRICES_URL")?,
            prices_file: self.path("PROMPTGATE_PRICES_FILE")?,
        })
    }

    /// The stream that usage events pass through where there is a Redis.
    pub fn usage_stream(&self) -> Result<UsageStreamSettings, SettingsError> {
        Ok(UsageStreamSettings {
            max_events: self.count("PROMPTGATE_USAGE_STREAM_MAX_EVENTS")?,
            max_bytes: self.count("PROMPTGATE_USAGE_STREAM_MAX_BYTES")?,
        })
    }

    /// What the worker reads.
    pub fn worker(&self) -> Result<WorkerSettings, SettingsError> {
        Ok(WorkerSettings {
            port: self.port("PROMPTGATE_WORKER_PORT")?,
            batch_size: length(self.count("PROMPTGATE_WORKER_BATCH_SIZE")?),
            block_timeout: self.duration("PROMPTGATE_WORKER_BLOCK_TIMEOUT")?,
            pending_idle_timeout: self.duration("PROMPTGATE_WORKER_PENDING_IDLE_TIMEOUT")?,
            consumer_name: self.text("PROMPTGATE_WORKER_CONSUMER_NAME")?,
        })
    }

    /// What `run-all` takes from the environment at its first start.
    pub fn first_start(&self) -> Result<FirstStartSettings, SettingsError> {
        let key = |name| Ok(self.secret(name)?.filter(|key| !key.expose().is_empty()));
        Ok(FirstStartSettings {
            openai_api_key: key("OPENAI_API_KEY")?,
            anthropic_api_key: key("ANTHROPIC_API_KEY")?,
        })
    }
}

fn small(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn length(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
