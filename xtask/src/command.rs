//! Running programs.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, bail};

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies one level below the root")
}

/// Where Cargo puts what it builds, unless told otherwise.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |dir| root().join(dir))
}

/// A program that is about to run in the repository's root.
pub(crate) struct Program(Command);

/// Cargo with arguments.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Program {
    program(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).args(arguments)
}

/// A program by name or path.
pub(crate) fn program(name: impl AsRef<OsStr>) -> Program {
    let mut command = Command::new(name);
    command.current_dir(root());
    Program(command)
}

impl Program {
    /// Adds arguments.
    pub(crate) fn args<S: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = S>) -> Self {
        self.0.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs in another directory.
    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        self.0.current_dir(directory);
        self
    }

    /// Gives the command away, for what is not offered here.
    pub(crate) fn into_command(self) -> Command {
        self.0
    }

    /// Runs it to its end; anything but success is an error that names the command.
    pub(crate) fn run(mut self) -> anyhow::Result<()> {
        let line = self.line();
        let status = self.0.status().with_context(|| format!("cannot start `{line}`"))?;
        if !status.success() {
            bail!("`{line}` failed ({status})");
        }
        Ok(())
    }

    /// Runs it to its end and returns what it printed; its errors go where ours go.
    pub(crate) fn read(mut self) -> anyhow::Result<String> {
        let line = self.line();
        let output =
            self.0.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start `{line}`"))?;
        if !output.status.success() {
            bail!("`{line}` failed ({})", output.status);
        }
        String::from_utf8(output.stdout)
            .with_context(|| format!("`{line}` printed something that is no text"))
    }

    /// Runs it silently; says what came of it. `None` when there is no such program.
    pub(crate) fn probe(mut self) -> Option<Output> {
        self.0.stdin(Stdio::null()).output().ok()
    }

    fn line(&self) -> String {
        let mut words = vec![self.0.get_program().to_string_lossy().into_owned()];
        if let Some(name) = Path::new(&words[0]).file_name() {
            words[0] = name.to_string_lossy().into_owned();
        }
        words.extend(self.0.get_args().map(|word| word.to_string_lossy().into_owned()));
        words.join(" ")
    }
}

/// Whether a program answers `--version`.
pub(crate) fn answers(name: &str) -> bool {
    program(name).args(["--version"]).probe().is_some_and(|output| output.status.success())
}

/// Says which step begins.
pub(crate) fn step(name: &str) {
    println!("== {name}");
}
