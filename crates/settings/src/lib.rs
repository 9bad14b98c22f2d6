//! Settings: defaults, file, `.env`, environment and flags, each value with its source.
//!
//! Every setting stands once in a table ([`VARIABLES`]): its name, who reads it, its form and
//! whether it is secret; its default and meaning stand in `defaults.toml`, which is built in.
//! Validation, `promptgate config` and the settings page ([`docs`]) come from these two.
//!
//! The crate does not look at the environment of the process by itself: it is handed in with
//! [`Sources`], and nothing is ever exported to it. A problem is one line that names the setting
//! and the accepted form and repeats no secret.
//!
//! ```
//! use promptgate_settings::{Process, Sources};
//!
//! let sources = Sources {
//!     working_dir: std::env::temp_dir(),
//!     environment: vec![("PROMPTGATE_PORT".into(), "eighty".into())],
//!     ..Sources::default()
//! };
//! let settings = sources.resolve().expect("no file is unreadable");
//! let error = settings.check(Process::Api).expect_err("this is not a port");
//! assert_eq!(
//!     error.to_string(),
//!     "PROMPTGATE_PORT must be a port from 0 to 65535, such as 8080 (`eighty` from environment)"
//! );
//! ```

mod contextual;
mod docs;
mod dotenv;
mod duration;
mod error;
mod kind;
mod layers;
mod oidc;
mod origins;
mod process;
mod sections;
mod settings;
mod spelling;
mod table;

pub use contextual::ContextualSettings;
pub use docs::docs;
pub use error::{Problem, Problems, SettingsError};
pub use kind::Kind;
pub use layers::Sources;
pub use oidc::OidcSettings;
pub use process::{Process, Readers};
pub use sections::{
    AdminKeySetting, ApiSettings, CommonSettings, DataPlaneSettings, DatabaseSettings, FirstStartSettings,
    LogSettings, OutboundSettings, PasswordSettings, ProxySettings, ProxyTimeouts, SchedulerSettings,
    SecretSettings, ServerSettings, SessionSettings, SpoolSettings, TraceSettings, UsageCostSettings,
    UsageStreamSettings, WorkerSettings,
};
pub use settings::{Entry, Settings};
pub use table::{VARIABLES, Variable, find};
