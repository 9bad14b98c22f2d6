//! What became of looking for newer prices.

use std::str::FromStr;

use promptgate_kernel::{PriceRefreshId, Timestamp};

/// How a refresh ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RefreshStatus {
    /// The list was read, whether it changed something or not.
    Succeeded,
    /// Its source says that it is the one that was read last.
    Unchanged,
    /// It could not be read, and nothing was changed.
    Failed,
}

impl RefreshStatus {
    /// Every status.
    pub const ALL: [Self; 3] = [Self::Succeeded, Self::Unchanged, Self::Failed];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Unchanged => "unchanged",
            Self::Failed => "failed",
        }
    }
}

impl FromStr for RefreshStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|status| status.as_str() == text);
        found.ok_or_else(|| format!("unknown status of a refresh `{text}`"))
    }
}

/// One look at one list of prices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRefresh {
    /// Its identity.
    pub id: PriceRefreshId,
    /// The list: `built_in`, or an address or a file without what is secret about it.
    pub source: String,
    /// How it ended.
    pub status: RefreshStatus,
    /// How many models the list has.
    pub seen: u64,
    /// How many of them had no price.
    pub added: u64,
    /// How many got another one.
    pub updated: u64,
    /// How many were passed over: of kinds that are unknown, without a price or with a wrong one, or set by
    /// somebody.
    pub skipped: u64,
    /// What went wrong.
    pub error: Option<String>,
    /// What the source calls this state of the list.
    pub etag: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// Which version of the program looked: another one may read more of the same list.
    pub program: String,
}

impl PriceRefresh {
    /// What the list of the program is called among the sources.
    pub const BUILT_IN: &str = "built_in";
}
