//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use promptgate_settings::{Process, Sources};

/// PromptGate, an AI gateway.
#[derive(Debug, Parser)]
#[command(name = "promptgate", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) flags: Flags,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// What `promptgate` can do.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Command {
    /// Everything in one process; needs no configuration
    RunAll,
    /// The JSON API
    Api,
    /// The data plane, which programs call with their tokens
    Proxy,
    /// Recurring work
    Schedule,
    /// Ingestion of usage events alone
    Worker,
    /// Applies the schema and ends; safe to run twice at once
    Migrate {
        #[command(subcommand)]
        command: Option<MigrateCommand>,
    },
    /// People who sign in with a password; works on the database of the settings
    User {
        #[command(subcommand)]
        command: UserCommand,
    },
    /// The audit log of the database of the settings
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// What guardrails make of something; calls nobody and stores nothing
    Firewall {
        #[command(subcommand)]
        command: FirewallCommand,
    },
    /// What models cost, in the database of the settings
    Prices {
        #[command(subcommand)]
        command: PricesCommand,
    },
    /// Has the data planes act for a while as if something were away, so that you see what becomes of calls
    Chaos(Chaos),
    /// What is kept sealed in the database of the settings
    Secrets {
        #[command(subcommand)]
        command: SecretsCommand,
    },
    /// Prints the effective settings, each with its source, secrets masked
    Config,
    /// Prints a completion script
    #[command(alias = "completion")]
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Prints a page of the documentation that is made from the code
    #[command(hide = true)]
    Docs {
        /// Which
        page: Page,
    },
}

/// What can be done besides applying the schema.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Copies an installation from SQLite into a new PostgreSQL database, all of it or nothing. Run
    /// `promptgate migrate` on the new one first, and stop the old one
    Copy(Copy),
}

/// From where to where.
#[derive(Debug, Clone, Args)]
pub(crate) struct Copy {
    /// The old database; unless given, that of the settings or of the data directory
    #[arg(long, value_name = "sqlite:PATH")]
    pub(crate) from: Option<String>,
    /// The new database; unless given, that of the settings
    #[arg(long, value_name = "postgres:URL")]
    pub(crate) to: Option<String>,
    /// Copy the old database as it is now though processes run over it: what they write from then on is lost
    #[arg(long)]
    pub(crate) live_source: bool,
}

/// What can be done about people. Passwords are read from the terminal or from standard input.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum UserCommand {
    /// Makes a person who signs in with a password
    Create {
        /// What the person signs in with
        email: String,
        /// What people call the person
        #[arg(long)]
        name: Option<String>,
        /// none, user, manager or admin
        #[arg(long, default_value = "user")]
        role: String,
        /// The password must be changed at the first sign-in
        #[arg(long)]
        must_change_password: bool,
    },
    /// Sets another password, and ends all sessions
    ResetPassword {
        /// What the person signs in with
        email: String,
        /// Take the second factor away too
        #[arg(long)]
        remove_second_factor: bool,
    },
    /// Lists people
    List,
    /// Switches a person off
    Disable {
        /// What the person signs in with
        email: String,
    },
}

/// What can be done about the audit log.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum AuditCommand {
    /// Proves that no row was changed, removed or moved; names the first that was, with exit code 1
    Verify,
}

/// What can be done about guardrails.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum FirewallCommand {
    /// Says what would be found, masked and refused. Ends with 0 if all of it may pass, 3 if something is
    /// refused, 1 if it cannot be read
    Test(FirewallTest),
    /// Says what rules would have made of recorded calls: how many would have been refused or changed, by
    /// which rules, and how long that takes. Never shows what was found. Changes nothing
    Replay(FirewallReplay),
}

impl FirewallCommand {
    /// What it does once, over the database of the settings.
    pub(crate) fn once(self) -> Once {
        match self {
            Self::Test(test) => Once::FirewallTest(Box::new(test)),
            Self::Replay(replay) => Once::FirewallReplay(Box::new(replay)),
        }
    }
}

/// What is tried on which rules: those of the database of the settings, unless a file has them.
#[derive(Debug, Clone, Args)]
pub(crate) struct FirewallTest {
    /// A text, with --operation a body, with --lines several; `-` is the standard input
    #[arg(required_unless_present_any = ["address", "at"])]
    pub(crate) file: Option<PathBuf>,
    /// Try the rules for addresses on this one
    #[arg(long, value_name = "IP")]
    pub(crate) address: Option<String>,
    /// Try the rules for times on this instant, such as 2025-01-31T12:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub(crate) at: Option<String>,
    /// Rules to go by, as JSON; then no database is needed
    #[arg(long, value_name = "FILE", conflicts_with_all = ["project", "endpoint", "token"])]
    pub(crate) policy: Option<PathBuf>,
    /// The project whose rules count too
    #[arg(long, value_name = "ID")]
    pub(crate) project: Option<String>,
    /// The AI endpoint whose rules count too
    #[arg(long, value_name = "ID")]
    pub(crate) endpoint: Option<String>,
    /// The token whose rules count too
    #[arg(long, value_name = "ID")]
    pub(crate) token: Option<String>,
    /// What bodies are written in: `chat_completions`, responses, messages, `count_tokens`, embeddings, or
    /// endpoint for a call of an AI endpoint
    #[arg(long, value_name = "NAME")]
    pub(crate) operation: Option<String>,
    /// Each line is JSON: a text, an object with nothing but a `text`, or a body
    #[arg(long)]
    pub(crate) lines: bool,
    /// It is what a model answered
    #[arg(long)]
    pub(crate) answer: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Which recorded calls rules are tried on, newest first.
#[derive(Debug, Clone, Args)]
pub(crate) struct FirewallReplay {
    /// Rules to try over those that are stored, as JSON; those that are stored unless given
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Those that are stored do not count
    #[arg(long, requires = "policy")]
    pub(crate) policy_only: bool,
    /// Only calls of this project
    #[arg(long, value_name = "ID")]
    pub(crate) project: Option<String>,
    /// Only calls of this token
    #[arg(long, value_name = "ID")]
    pub(crate) token: Option<String>,
    /// Only calls that arrived then or later: an instant such as 2025-01-31T12:00:00Z, or so long ago,
    /// such as 90m, 24h or 7d
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// At most so many calls, up to 10000
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) limit: u32,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What can be done about prices.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum PricesCommand {
    /// Sets what a file says, all of it or nothing: one that `export` writes, or a public list in the shape
    /// that LiteLLM keeps. Other prices stay
    Import {
        /// The file; `-` is the standard input
        file: PathBuf,
        /// Only say what would change
        #[arg(long)]
        dry_run: bool,
    },
    /// Prints the prices that somebody set, as JSON
    Export {
        /// Print those of the program and of public lists too
        #[arg(long)]
        all: bool,
    },
    /// Takes what is new in the list of the program and in that of `PROMPTGATE_PRICES_URL` or
    /// `PROMPTGATE_PRICES_FILE`. What somebody set stays
    Refresh,
    /// Gives calls of the past the prices of today, or one price, with everything that they were added up to
    Reprice(RepriceCalls),
}

/// Which calls get other prices.
#[derive(Debug, Clone, Args)]
pub(crate) struct RepriceCalls {
    /// Calls that arrived then or later: an instant such as 2025-01-31T12:00:00Z
    #[arg(long, value_name = "INSTANT")]
    pub(crate) from: String,
    /// Calls that arrived before
    #[arg(long, value_name = "INSTANT")]
    pub(crate) to: String,
    /// Only of the provider of this name
    #[arg(long, value_name = "NAME")]
    pub(crate) provider: Option<String>,
    /// Only of this model, as the provider knows it
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// The price that calls of its model get, as calls name it; what each model costs now unless given
    #[arg(long, value_name = "VERSION")]
    pub(crate) price_version: Option<String>,
    /// Only say what would change
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What is to count as away, and for how long.
#[derive(Debug, Clone, Args)]
pub(crate) struct Chaos {
    /// `database` or `redis`
    pub(crate) dependency: String,
    /// For so many seconds, up to 900
    #[arg(long = "for", value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=900))]
    pub(crate) seconds: u64,
}

/// What can be done about what is sealed.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Seals everything again under `PROMPTGATE_SECRETS_KEY` while processes serve; the keys before are
    /// in `PROMPTGATE_SECRETS_KEYS_OLD`
    Rotate,
}

/// Something that is done once, over the database of the settings.
#[derive(Debug, Clone)]
pub(crate) enum Once {
    User(UserCommand),
    Audit(AuditCommand),
    FirewallTest(Box<FirewallTest>),
    FirewallReplay(Box<FirewallReplay>),
    Secrets(SecretsCommand),
    Chaos(Chaos),
    Copy(Copy),
    Prices(PricesCommand),
}

/// Pages that are made from the code.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Page {
    /// `docs/settings.md`
    Settings,
    /// `docs/openapi.json`
    Openapi,
    /// `docs/api.md`
    Api,
}

/// Flags of every process. Each stands for a setting and wins over all other sources.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Flags {
    /// File of settings to use instead of the nearest .env
    #[arg(long, global = true, value_name = "PATH")]
    env_file: Option<PathBuf>,
    /// Address to listen on
    #[arg(long, global = true, value_name = "ADDRESS")]
    host: Option<String>,
    /// Port of the API
    #[arg(long, global = true, value_name = "PORT")]
    port: Option<String>,
    /// Port of the proxy
    #[arg(long, global = true, value_name = "PORT")]
    proxy_port: Option<String>,
    /// Directory for what a process keeps
    #[arg(long, global = true, value_name = "PATH")]
    data_dir: Option<String>,
    /// debug, info, warn or error
    #[arg(long, global = true, value_name = "LEVEL")]
    log_level: Option<String>,
    /// text or json
    #[arg(long, global = true, value_name = "FORMAT")]
    log_format: Option<String>,
}

impl Flags {
    /// The sources of settings of this process: its working directory, its environment, its flags.
    /// This is the only place that looks at the environment.
    pub(crate) fn sources(self) -> std::io::Result<Sources> {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let flags = [
            ("PROMPTGATE_HOST", self.host),
            ("PROMPTGATE_PORT", self.port),
            ("PROMPTGATE_PROXY_PORT", self.proxy_port),
            ("PROMPTGATE_DATA_DIR", self.data_dir),
            ("PROMPTGATE_LOG_LEVEL", self.log_level),
            ("PROMPTGATE_LOG_FORMAT", self.log_format),
        ];
        Ok(Sources {
            working_dir: std::env::current_dir()?,
            env_file: self.env_file,
            environment,
            flags: flags.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
        })
    }
}

/// The command line of a binary that is one process.
#[derive(Debug, Parser)]
struct ServiceCli {
    #[command(flatten)]
    flags: Flags,
}

/// What to do instead of starting.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    /// Print this and end well: help or a version.
    Print(String),
    /// Print this line and end badly.
    Refuse(String),
}

impl From<clap::Error> for Instead {
    fn from(error: clap::Error) -> Self {
        if !error.use_stderr() {
            return Self::Print(error.render().to_string());
        }
        let text = error.render().to_string();
        let first = text.lines().next().unwrap_or_default();
        Self::Refuse(format!("{}; see --help", first.strip_prefix("error: ").unwrap_or(first)))
    }
}

/// Reads the command line of `promptgate`. Without a subcommand it is a wish for help.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<(Flags, Command), Instead> {
    let cli = Cli::try_parse_from(arguments)?;
    match cli.command {
        Some(command) => Ok((cli.flags, command)),
        None => Err(Instead::Print(Cli::command().render_help().to_string())),
    }
}

/// The completion script of a shell.
pub(crate) fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "promptgate", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// Reads the command line of a binary that is one process.
pub(crate) fn parse_service(
    process: Process,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Flags, Instead> {
    let (name, about) = match process {
        Process::Api => ("promptgate-api", "The JSON API of PromptGate"),
        Process::Proxy => ("promptgate-proxy", "The data plane of PromptGate"),
        Process::Schedule => ("promptgate-scheduler", "The recurring work of PromptGate"),
        Process::Migrate => ("promptgate-migrate", "Applies the schema of PromptGate and ends"),
        Process::Worker => ("promptgate-worker", "Ingestion of usage events of PromptGate"),
        Process::RunAll => ("promptgate", "PromptGate"),
    };
    let command = ServiceCli::command().name(name).about(about).version(env!("CARGO_PKG_VERSION"));
    let matches = command.try_get_matches_from(arguments)?;
    Ok(<ServiceCli as clap::FromArgMatches>::from_arg_matches(&matches)?.flags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<(Flags, Command), Instead> {
        parse(std::iter::once("promptgate").chain(arguments.iter().copied()).map(OsString::from))
    }

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
        ServiceCli::command().debug_assert();
    }

    #[test]
    fn every_command_of_the_contract_is_there() {
        for name in ["api", "proxy", "schedule", "worker", "migrate", "run-all", "config"] {
            parsed(&[name]).unwrap_or_else(|instead| panic!("{name}: {instead:?}"));
            let (flags, _) = parsed(&[name, "--env-file", "x"]).expect("the flag is everywhere");
            assert_eq!(flags.env_file.as_deref(), Some("x".as_ref()));
            parsed(&["--env-file", "x", name]).expect("before the command too");
        }
        parsed(&["completions", "bash"]).expect("a shell");
        parsed(&["completion", "zsh"]).expect("the older name");
    }

    #[test]
    fn no_command_prints_help_and_a_wrong_one_is_one_line() {
        let Err(Instead::Print(help)) = parsed(&[]) else { panic!("help") };
        assert!(help.contains("run-all") && !help.contains("docs"), "{help}");
        assert!(
            matches!(parsed(&["--version"]), Err(Instead::Print(text)) if text.starts_with("promptgate 0"))
        );
        let (_, copy) =
            parsed(&["migrate", "copy", "--from", "sqlite:a", "--to", "postgres:b"]).expect("known");
        assert!(matches!(copy, Command::Migrate { command: Some(MigrateCommand::Copy(_)) }), "{copy:?}");
        for wrong in [&["frobnicate"][..], &["api", "extra"], &["api", "--nonsense"], &["api", "--port"]] {
            let Err(Instead::Refuse(line)) = parsed(wrong) else { panic!("{wrong:?}") };
            assert!(!line.contains('\n') && !line.contains("Usage"), "{line}");
        }
    }

    #[test]
    fn a_service_binary_has_the_same_flags() {
        let arguments = ["promptgate-proxy", "--env-file", "x"].map(OsString::from);
        let flags = parse_service(Process::Proxy, arguments).expect("known flags");
        assert_eq!(flags.env_file.as_deref(), Some("x".as_ref()));
        let wanted = parse_service(Process::Api, ["promptgate-api", "--version"].map(OsString::from));
        assert!(matches!(wanted, Err(Instead::Print(text)) if text.starts_with("promptgate-api ")));
    }
}
