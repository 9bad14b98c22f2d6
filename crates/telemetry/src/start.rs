//! Setting everything up once, and letting go of it at the end.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::BuildError;
use opentelemetry::trace::TracerProvider;
use opentelemetry_otlp::ExporterBuildError;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::DefaultGuard;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, Targets, filter_fn};
use tracing_subscriber::layer::{Filter, SubscriberExt};
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::lines::TextLines;
use crate::metrics::Metrics;
use crate::output::Output;
use crate::traces::Traces;

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// Everything that helps to find a fault.
    Debug,
    /// What happens.
    #[default]
    Info,
    /// What should not happen.
    Warn,
    /// What failed.
    Error,
}

impl Level {
    const fn filter(self) -> LevelFilter {
        match self {
            Self::Debug => LevelFilter::DEBUG,
            Self::Info => LevelFilter::INFO,
            Self::Warn => LevelFilter::WARN,
            Self::Error => LevelFilter::ERROR,
        }
    }

    /// What libraries may say through the `log` crate.
    const fn of_log(self) -> log::LevelFilter {
        match self {
            Self::Debug | Self::Info | Self::Warn => log::LevelFilter::Warn,
            Self::Error => log::LevelFilter::Error,
        }
    }
}

/// What is logged, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Logs {
    /// How much of our own; libraries log from `warn` upwards.
    pub level: Level,
    /// JSON instead of `key=value` text.
    pub json: bool,
}

/// Why telemetry cannot start.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// It was started before in this process.
    #[error("logging is set up already")]
    Logs(#[source] TryInitError),
    /// The thread that writes lines.
    #[error("cannot start the thread that writes log lines")]
    Thread(#[source] io::Error),
    /// The exporter of traces.
    #[error("cannot set up the export of traces")]
    Traces(#[source] ExporterBuildError),
    /// The recorder of metrics.
    #[error("cannot set up metrics")]
    Metrics(#[source] BuildError),
    /// Another recorder is there.
    #[error("metrics are set up already")]
    Recorder,
}

/// The running telemetry of a process.
#[derive(Debug)]
pub struct Telemetry {
    metrics: Metrics,
    provider: Option<SdkTracerProvider>,
    output: Output,
    levels: Levels,
}

/// How much is logged, for as long as a process runs.
#[derive(Clone)]
pub struct Levels(Arc<dyn Fn(Level) + Send + Sync>);

impl Levels {
    /// Logs more or less from now on.
    pub fn set(&self, level: Level) {
        (self.0)(level);
    }
}

impl fmt::Debug for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Levels")
    }
}

/// How long the last delivery of traces may take.
const LAST_DELIVERY: Duration = Duration::from_secs(3);

impl Telemetry {
    /// What `/metrics` shows.
    pub fn metrics(&self) -> Metrics {
        self.metrics.clone()
    }

    /// Changes how much is logged.
    pub fn levels(&self) -> Levels {
        self.levels.clone()
    }

    /// Delivers the traces and the log lines that are still waiting. Blocks for a few seconds at most;
    /// not to be called from a task.
    pub fn shutdown(self) {
        if let Some(provider) = self.provider
            && let Err(error) = provider.shutdown_with_timeout(LAST_DELIVERY)
        {
            tracing::warn!(
                error = &error as &(dyn std::error::Error + 'static),
                "the last traces were not delivered"
            );
        }
        self.output.end();
    }
}

/// Logging at `info` until settings are known; ends when dropped.
#[must_use = "logging ends when this is dropped"]
pub struct BootstrapLogs {
    _guard: DefaultGuard,
}

/// Logs at `info`, as text, on this thread, until settings are known.
pub fn bootstrap() -> BootstrapLogs {
    let layer = tracing_subscriber::fmt::layer().event_format(TextLines).with_filter(LevelFilter::INFO);
    // Not `SubscriberInitExt::set_default`, which also takes the global logger, for good.
    BootstrapLogs { _guard: tracing::subscriber::set_default(tracing_subscriber::registry().with(layer)) }
}

/// Sets up logs, metrics and, if wanted, traces for the whole process.
pub fn init(logs: Logs, traces: Option<Traces>) -> Result<Telemetry, TelemetryError> {
    let recorder = Metrics::builder().map_err(TelemetryError::Metrics)?.build_recorder();
    let metrics = Metrics::new(recorder.handle());
    let provider = traces.map(Traces::provider).transpose().map_err(TelemetryError::Traces)?;

    let output = Output::stdout().map_err(TelemetryError::Thread)?;
    let lines = tracing_subscriber::fmt::layer().with_writer(output.clone());
    let lines = if logs.json {
        lines.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    } else {
        lines.event_format(TextLines).boxed()
    };
    let (filter, handle) = reload::Layer::new(of_lines(logs.level.filter()));
    let lines = tracing_subscriber::registry().with(lines.with_filter(filter));
    let levels = Levels(Arc::new(move |level: Level| {
        // It fails only when the subscriber is gone, and every line with it.
        if handle.reload(of_lines(level.filter())).is_ok() {
            log::set_max_level(level.of_log());
        }
    }));
    // A layer that is there but empty would count as one that wants everything.
    let set_up = match &provider {
        Some(provider) => {
            let spans = tracing_opentelemetry::layer().with_tracer(provider.tracer("promptgate"));
            lines.with(spans.with_filter(ours(LevelFilter::INFO))).try_init()
        }
        None => lines.try_init(),
    };
    set_up.map_err(TelemetryError::Logs)?;
    // A library that asks the `log` crate whether to say something, and does not say it because the
    // answer is no, leaves that answer behind for the next line of its thread. So nobody below this is
    // even asked; above it, libraries are heard like everybody.
    log::set_max_level(logs.level.of_log());
    ::metrics::set_global_recorder(recorder).map_err(|_| TelemetryError::Recorder)?;
    Ok(Telemetry { metrics, provider, output, levels })
}

/// What is written as a line.
fn of_lines<S: Subscriber>(level: LevelFilter) -> impl Filter<S> {
    ours(level).and(events_only(level))
}

/// Lines say everything themselves: without an export of traces, spans are never made.
///
/// Without the hint, everything that may be disabled would be looked at, and `log` would be open.
fn events_only<S>(level: LevelFilter) -> impl Filter<S> {
    filter_fn(|metadata: &Metadata<'_>| metadata.is_event()).with_max_level_hint(level)
}

/// Our own crates at `level`; libraries from `warn` upwards.
fn ours(level: LevelFilter) -> Targets {
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("promptgate", level)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_be_dropped_is_not_even_looked_at() {
        let telemetry = init(Logs { level: Level::Info, json: false }, None).unwrap();
        assert_eq!(LevelFilter::current(), LevelFilter::INFO);
        assert_eq!(log::max_level(), log::LevelFilter::Warn);
        telemetry.levels().set(Level::Error);
        assert_eq!(LevelFilter::current(), LevelFilter::ERROR);
        assert_eq!(log::max_level(), log::LevelFilter::Error);
        telemetry.levels().set(Level::Debug);
        assert_eq!(LevelFilter::current(), LevelFilter::DEBUG);
    }
}
