//! From the command line to a running process, and back to an exit code.

use std::collections::HashMap;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use promptgate_settings::{LogSettings, Process, Settings, Sources, TraceSettings};
use promptgate_telemetry::{Level, Logs, Telemetry, Traces};
use promptgate_upstream_http::{OtlpHttpClient, Reach};
use tokio::runtime::{Builder, Handle};

use crate::base::Base;
use crate::cli::{self, AuditCommand, Command, Flags, Instead, MigrateCommand, Once, Page, SecretsCommand};
use crate::outbound::Certificates;
use crate::shutdown::EndSignals;
use crate::trial::Refused;
use crate::{
    accounts, api, copy, drills, listing, migrate, prices, proxy, reload, run_all, schedule, trial, upkeep,
    usage,
};

/// How long tasks that block may take to end when everything else has ended.
const LAST_TASKS: Duration = Duration::from_secs(2);

/// The whole program: reads the command line and does what it says.
pub fn promptgate() -> ExitCode {
    finish(cli::parse(std::env::args_os()).map(|(flags, command)| match command {
        Command::RunAll => start(Process::RunAll, flags),
        Command::Api => start(Process::Api, flags),
        Command::Proxy => start(Process::Proxy, flags),
        Command::Schedule => start(Process::Schedule, flags),
        Command::Worker => start(Process::Worker, flags),
        Command::Migrate { command: None } => start(Process::Migrate, flags),
        Command::Migrate { command: Some(MigrateCommand::Copy(copy)) } => {
            start_with(Process::Migrate, flags, Some(Once::Copy(copy)))
        }
        Command::User { command } => start_with(Process::Migrate, flags, Some(Once::User(command))),
        // They need the keys, which the scheduler has too.
        Command::Audit { command } => start_with(Process::Schedule, flags, Some(Once::Audit(command))),
        // The list of the settings is the scheduler's.
        Command::Chaos(wanted) => start_with(Process::Schedule, flags, Some(Once::Chaos(wanted))),
        Command::Prices { command } => start_with(Process::Schedule, flags, Some(Once::Prices(command))),
        Command::Secrets { command } => start_with(Process::Schedule, flags, Some(Once::Secrets(command))),
        Command::Firewall { command } => start_with(Process::Migrate, flags, Some(command.once())),
        Command::Config => listing::print_effective(flags),
        Command::Completions { shell } => print(&cli::completions(shell)),
        Command::Docs { page: Page::Settings } => print(&promptgate_settings::docs()),
        Command::Docs { page: Page::Openapi } => print(&openapi()?),
        Command::Docs { page: Page::Api } => print(&api_page()),
    }))
}

/// One process: reads its command line, which is flags only, and runs it.
pub fn run(process: Process) -> ExitCode {
    finish(cli::parse_service(process, std::env::args_os()).map(|flags| start(process, flags)))
}

/// Writes to standard output. That nobody reads it any more is no failure.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let written = std::io::stdout().lock().write_all(text.as_bytes());
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

fn openapi() -> anyhow::Result<String> {
    let mut text =
        promptgate_rest::openapi().to_pretty_json().context("cannot write the OpenAPI document")?;
    text.push('\n');
    Ok(text)
}

/// What the API's port has, and the proxy's.
fn api_page() -> String {
    format!("{}\n{}", promptgate_rest::api_page(), promptgate_proxy_http::routes_page())
}

/// An error is its text on standard error and the exit code 1, without usage text; what guardrails refuse
/// was said already, and is 3.
fn finish(result: Result<anyhow::Result<()>, Instead>) -> ExitCode {
    let failure = match result {
        Ok(Ok(())) => return ExitCode::SUCCESS,
        Ok(Err(error)) if error.is::<Refused>() => return ExitCode::from(3),
        Ok(Err(error)) => one_line(&error),
        Err(Instead::Print(text)) => match print(&text) {
            Ok(()) => return ExitCode::SUCCESS,
            Err(error) => one_line(&error),
        },
        Err(Instead::Refuse(line)) => line,
    };
    // Nothing is left to be done if this fails too.
    let _ = writeln!(std::io::stderr().lock(), "{failure}");
    ExitCode::FAILURE
}

/// An error and what is behind it. Many errors repeat their cause; it is said once.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for text in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = text;
        } else if !line.ends_with(&text) {
            line = format!("{line}: {text}");
        }
    }
    line
}

fn start(process: Process, flags: Flags) -> anyhow::Result<()> {
    start_with(process, flags, None)
}

/// Runs a process, or with its settings something that is done once.
fn start_with(process: Process, flags: Flags, command: Option<Once>) -> anyhow::Result<()> {
    // The first provider counts; a second attempt means that it is there already.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (settings, sources) = {
        let _logs = promptgate_telemetry::bootstrap();
        let sources = flags.sources().context("cannot read the working directory")?;
        let settings = sources.clone().resolve()?;
        // Before the check: a mistyped name is why another is missing.
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        settings.check(process)?;
        (settings, sources)
    };
    let runtime = Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let certificates = Certificates::default();
    let telemetry = telemetry(process, &settings, &certificates, runtime.handle())?;
    let ended = until_ended(process, settings, sources, &telemetry, certificates, command);
    let result = runtime.block_on(ended);
    telemetry.shutdown();
    match result {
        Ok(()) => runtime.shutdown_timeout(LAST_TASKS),
        Err(_) => runtime.shutdown_background(),
    }
    result
}

fn telemetry(
    process: Process,
    settings: &Settings,
    certificates: &Certificates,
    handle: &Handle,
) -> anyhow::Result<Telemetry> {
    let log = settings.common()?.log;
    let level = level(&log);
    let wanted = if process == Process::Migrate { None } else { settings.server()?.traces };
    let traces = wanted.map(|wanted| traces(process, settings, certificates, wanted, handle)).transpose()?;
    let telemetry = promptgate_telemetry::init(Logs { level, json: log.json }, traces)?;
    certificates.tell();
    Ok(telemetry)
}

/// How much is to be logged.
pub(crate) fn level(log: &LogSettings) -> Level {
    match log.level.as_str() {
        "debug" => Level::Debug,
        "warn" => Level::Warn,
        "error" => Level::Error,
        _ => Level::Info,
    }
}

fn traces(
    process: Process,
    settings: &Settings,
    certificates: &Certificates,
    wanted: TraceSettings,
    handle: &Handle,
) -> anyhow::Result<Traces> {
    let outbound = certificates.client(settings, Reach::Trusted)?;
    let client = OtlpHttpClient::new(&outbound, handle.clone(), wanted.timeout);
    let headers = wanted.headers.iter().map(|(name, value)| (name.clone(), value.expose().clone()));
    Ok(Traces {
        endpoint: wanted.endpoint,
        headers: headers.collect::<HashMap<_, _>>(),
        timeout: wanted.timeout,
        service_name: wanted.service_name,
        process: process.name(),
        version: env!("CARGO_PKG_VERSION"),
        client: Arc::new(client),
    })
}

/// Runs a process until it has ended by itself or was asked to and has drained. A second signal
/// ends it at once.
async fn until_ended(
    process: Process,
    settings: Settings,
    sources: Sources,
    telemetry: &Telemetry,
    certificates: Certificates,
    command: Option<Once>,
) -> anyhow::Result<()> {
    let mut signals = EndSignals::listen()?;
    let base = Base::new(process, settings, sources, telemetry, certificates)?;
    let asked = base.asked.clone();
    let mut work = std::pin::pin!(work(base, command));
    tokio::select! {
        result = &mut work => return result,
        signal = signals.next() => tracing::info!(signal, "{signal}: leaving; once more ends at once"),
    }
    asked.cancel();
    tokio::select! {
        result = &mut work => result.inspect(|()| tracing::info!("ended")),
        signal = signals.next() => bail!("ended at once by a second signal ({signal})"),
    }
}

async fn work(base: Base, command: Option<Once>) -> anyhow::Result<()> {
    match command {
        Some(Once::User(command)) => return accounts::run(base, command).await,
        Some(Once::Audit(AuditCommand::Verify)) => return upkeep::verify_audit(base).await,
        Some(Once::FirewallTest(test)) => return trial::run(base, *test).await,
        Some(Once::FirewallReplay(replay)) => return trial::replay::run(base, *replay).await,
        Some(Once::Chaos(wanted)) => return drills::run(base, wanted).await,
        Some(Once::Copy(wanted)) => return copy::run(base, wanted).await,
        Some(Once::Prices(command)) => return prices::run(base, command).await,
        Some(Once::Secrets(SecretsCommand::Rotate)) => return upkeep::rotate_secrets(base).await,
        None => {}
    }
    if base.process != Process::Migrate {
        reload::on_signal(&base)?;
    }
    match base.process {
        Process::Api => api::run(base).await,
        Process::Proxy => proxy::run(base).await,
        Process::Schedule => schedule::run(base).await,
        Process::Worker => usage::run(base).await,
        Process::Migrate => migrate::run(base).await,
        Process::RunAll => run_all::run(base).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_said_once() {
        let cause = anyhow::anyhow!("disk full").context("cannot write: disk full").context("PROMPTGATE_X");
        assert_eq!(one_line(&cause), "PROMPTGATE_X: cannot write: disk full");
        let cause = anyhow::anyhow!("disk full").context("cannot write");
        assert_eq!(one_line(&cause), "cannot write: disk full");
    }
}
