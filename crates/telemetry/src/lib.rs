//! Logs, traces and metrics of a process.
//!
//! [`init`] sets all three up once: log lines on standard output, as `key=value` text or JSON;
//! traces over OTLP when an address is given; a Prometheus recorder that [`Metrics::render`] shows.
//! Until settings are known, [`bootstrap`] logs at `info`. Before the process ends,
//! [`Telemetry::shutdown`] delivers what is still waiting.
//!
//! The crate decides no labels and no fields, and it opens no connection by itself: the HTTP client
//! that carries traces is handed in.

mod lines;
mod metrics;
mod output;
mod start;
mod traces;

pub use lines::TextLines;
pub use metrics::Metrics;
pub use start::{BootstrapLogs, Level, Levels, Logs, Telemetry, TelemetryError, bootstrap, init};
pub use traces::{Traces, inject_context, set_parent, within_trace};
