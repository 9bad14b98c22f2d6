//! The processes and which of them read a setting.

/// One of the processes that PromptGate consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Process {
    /// The JSON API.
    Api,
    /// The data plane.
    Proxy,
    /// Ingestion of usage events alone.
    Worker,
    /// Recurring work.
    Schedule,
    /// Applies the schema and ends.
    Migrate,
    /// Everything in one process.
    RunAll,
}

impl Process {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Api, Self::Proxy, Self::Worker, Self::Schedule, Self::Migrate, Self::RunAll];

    /// The subcommand that runs it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Proxy => "proxy",
            Self::Worker => "worker",
            Self::Schedule => "schedule",
            Self::Migrate => "migrate",
            Self::RunAll => "run-all",
        }
    }
}

/// A set of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readers(u8);

impl Readers {
    pub(crate) const API: u8 = 1;
    pub(crate) const PROXY: u8 = 1 << 1;
    pub(crate) const WORKER: u8 = 1 << 2;
    pub(crate) const SCHEDULE: u8 = 1 << 3;
    pub(crate) const MIGRATE: u8 = 1 << 4;
    /// Read by `run-all` and by no single process.
    pub(crate) const RUN_ALL: u8 = 1 << 5;

    pub(crate) const fn new(bits: u8) -> Self {
        Self(bits)
    }

    /// Whether `process` is in the set. `run-all` reads what any of its parts reads.
    pub const fn contains(self, process: Process) -> bool {
        match process {
            Process::Api => self.0 & Self::API != 0,
            Process::Proxy => self.0 & Self::PROXY != 0,
            Process::Worker => self.0 & Self::WORKER != 0,
            Process::Schedule => self.0 & Self::SCHEDULE != 0,
            Process::Migrate => self.0 & Self::MIGRATE != 0,
            Process::RunAll => self.0 != Self::WORKER,
        }
    }

    /// The names, for the settings page.
    pub fn names(self) -> String {
        let single = [Process::Api, Process::Proxy, Process::Worker, Process::Schedule, Process::Migrate];
        let names: Vec<_> =
            single.into_iter().filter(|process| self.contains(*process)).map(Process::name).collect();
        match names.len() {
            0 => Process::RunAll.name().to_owned(),
            5 => "all".to_owned(),
            _ => names.join(", "),
        }
    }
}
