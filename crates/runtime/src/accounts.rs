//! Accounts from the command line, the first administrator, and what signing in works with.

use std::fmt::Write;
use std::io::{BufRead, IsTerminal};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread::available_parallelism;

use anyhow::{Context, anyhow, bail};
use promptgate_auth::{
    Account, AccountChanges, AccountFilter, AccountKind, AccountSort, Actor, Origin, PasswordHasher, Role,
    SignInState, Via,
};
use promptgate_control::Control;
use promptgate_control::accounts::{self, CreatePerson, SeedAdministrator, SeedAdministratorError};
use promptgate_control::bootstrap;
use promptgate_control::catalog::ModelCatalog;
use promptgate_control::sign_in::SignIn;
use promptgate_kernel::{KeyRing, PageRequest, SecretString, SecretsKey, SortDirection};
use promptgate_providers::{CapabilityCell, CapabilityTable};

use crate::base::Base;
use crate::cli::UserCommand;
use crate::start::print;
use crate::storage::{self, Storage};

/// What signing in works with.
pub(crate) fn sign_in(base: &Base, state: SignInState) -> anyhow::Result<SignIn> {
    let cost = base.settings.passwords()?.bcrypt_cost;
    let hasher = PasswordHasher::new(cost, &*base.entropy).context("PROMPTGATE_BCRYPT_COST")?;
    let sessions = base.settings.sessions()?;
    // Whoever tries passwords leaves the other half to everybody else.
    let processors = available_parallelism().map_or(1, NonZeroUsize::get);
    let parallel = NonZeroUsize::new(processors / 2).unwrap_or(NonZeroUsize::MIN);
    Ok(SignIn::new(state, hasher, [sessions.lifetime, sessions.idle], parallel))
}

/// Makes the first administrator where there is no account; says who that is.
pub(crate) async fn seed(base: &Base, control: &Control) -> anyhow::Result<Option<Account>> {
    // New accounts are put into groups that are there already.
    let made =
        bootstrap::seed_access(control, Actor::system()).await.context("cannot set up who may call what")?;
    if made {
        tracing::info!("a default plan and a group of every provider were made");
    }
    let password = base.settings.passwords()?.admin_password;
    let seeded = accounts::seed_administrator(control, Actor::system(), SeedAdministrator { password }).await;
    let seeded = seeded.map_err(|error| match error {
        SeedAdministratorError::Weak(error) => anyhow!(error).context("PROMPTGATE_ADMIN_PASSWORD"),
        error => anyhow!(error).context("cannot make the first administrator"),
    })?;
    if let Some(account) = &seeded {
        tracing::info!(account.id = %account.id, "made the first administrator");
    }
    Ok(seeded)
}

/// A control plane for one command: over the database and the bus, without providers and a data plane.
pub(crate) fn offline(base: &Base, storage: &Storage) -> anyhow::Result<Control> {
    let bus = storage::bus(base, storage)?;
    let limits = storage::limit_counters(base, storage, &bus);
    Ok(Control {
        store: Arc::clone(&storage.store),
        bus: bus.bus,
        clock: Arc::clone(&base.clock),
        entropy: Arc::clone(&base.entropy),
        sign_in: sign_in(base, bus.sign_in)?,
        // Nothing that such a command does is sealed or opened.
        keys: KeyRing::new(SecretsKey::generate(&*base.entropy), Vec::new()),
        catalog: ModelCatalog::default(),
        capabilities: Arc::new(CapabilityCell::new(CapabilityTable::bundled())),
        checker: None,
        destinations: None,
        failures: Arc::default(),
        limits,
        // Nor does one say which kinds of data can be found.
        finds_names: false,
        runner: None,
    })
}

/// Does what `promptgate user …` says.
pub(crate) async fn run(base: Base, command: UserCommand) -> anyhow::Result<()> {
    let data = match base.common.database.url {
        Some(_) => None,
        None => storage::data_dir(&base.common, "")?,
    };
    let storage = storage::open(&base.common, data.as_ref()).await?;
    let control = offline(&base, &storage)?;
    let done = work(&control, command).await;
    base.stop.cancel();
    storage.connected.close().await;
    print(&done?)
}

async fn work(control: &Control, command: UserCommand) -> anyhow::Result<String> {
    let actor = Actor::system().coming_from(Origin { via: Via::CommandLine, ..Origin::UNKNOWN });
    match command {
        UserCommand::Create { email, name, role, must_change_password } => {
            let role: Role = role.parse()?;
            let new = CreatePerson {
                email,
                name: name.unwrap_or_default(),
                role,
                password: password()?,
                must_change_password,
            };
            let made = accounts::create_person(control, actor, new).await?.account;
            Ok(format!(
                "{} is there, with the role {} and the id {}\n",
                made.email,
                made.role.as_str(),
                made.id
            ))
        }
        UserCommand::ResetPassword { email, remove_second_factor } => {
            let password = password()?;
            let account =
                accounts::reset_password(control, actor, &email, &password, !remove_second_factor).await?;
            Ok(format!(
                "{} signs in with the new password from now on; all sessions have ended\n",
                account.email
            ))
        }
        UserCommand::Disable { email } => {
            let account = accounts::find_by_email(control, actor, &email).await?;
            let account = account.ok_or_else(|| anyhow!("nobody signs in with the e-mail {email}"))?;
            let changes = AccountChanges { active: Some(false), ..AccountChanges::default() };
            accounts::update(control, actor, AccountKind::Person, account.id, changes).await?;
            Ok(format!("{} opens nothing any more\n", account.email))
        }
        UserCommand::List => list(control, actor).await,
    }
}

async fn list(control: &Control, actor: Actor) -> anyhow::Result<String> {
    let filter = AccountFilter {
        kind: AccountKind::Person,
        search: None,
        role: None,
        active: None,
        sort: AccountSort::Username,
        direction: SortDirection::Ascending,
    };
    let mut text = String::new();
    for number in 1.. {
        let page = PageRequest::clamped(number, PageRequest::MAX_SIZE);
        let page = accounts::list(control, actor, &filter, page).await?;
        for described in &page.items {
            let account = &described.account;
            let state = if account.active { "active" } else { "inactive" };
            let _ = writeln!(
                text,
                "{}  {:8}  {state:8}  {}",
                account.id,
                account.role.as_str(),
                account.username
            );
        }
        if page.items.len() < usize::try_from(PageRequest::MAX_SIZE).unwrap_or(usize::MAX) {
            break;
        }
    }
    Ok(text)
}

/// A password from the terminal, unseen and twice, or the first line of what is piped in. Never an
/// argument: those are everybody's to see.
fn password() -> anyhow::Result<SecretString> {
    if !std::io::stdin().is_terminal() {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).context("cannot read the password")?;
        let line = SecretString::new(line);
        return Ok(SecretString::new(line.expose().trim_end_matches(['\r', '\n']).to_owned()));
    }
    let ask = |what: &str| {
        rpassword::prompt_password(what).map(SecretString::new).context("cannot read the password")
    };
    let [first, again] = [ask("New password: ")?, ask("Once more: ")?];
    if first.expose() != again.expose() {
        bail!("the two passwords differ");
    }
    Ok(first)
}
