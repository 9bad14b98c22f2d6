//! What can be wrong with settings, each in one line that may be printed.

use std::fmt;
use std::path::PathBuf;

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read.
    #[error("load {}: {problem}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// Values are wrong or missing.
    #[error("{0}")]
    Values(Problems),
}

/// One or more problems with values, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, problem) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

/// What is wrong with one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The setting.
    pub name: String,
    /// The rest of the sentence.
    pub problem: String,
    /// The value and where it came from, when it may be shown.
    pub found: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.problem)?;
        if self.found.is_empty() { Ok(()) } else { write!(f, " ({})", self.found) }
    }
}
