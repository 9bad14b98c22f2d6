//! Where rules of guardrails live.

use async_trait::async_trait;
use promptgate_kernel::{RepositoryError, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Holder, InvalidRules, Rules, StoredRules};

/// Rules as they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRules {
    /// What they say.
    pub rules: Rules,
    /// How often they were written; zero for those that never were.
    pub version: i64,
    /// As they stand there, with what this version does not know; why they cannot be read, if so. Then
    /// they say nothing here.
    pub stored: Result<StoredRules, InvalidRules>,
}

impl Default for KeptRules {
    fn default() -> Self {
        Self { rules: Rules::default(), version: 0, stored: Ok(StoredRules::default()) }
    }
}

impl KeptRules {
    /// What was kept as a document.
    pub fn read(document: &str, version: i64) -> Self {
        let stored = read(document);
        let rules = stored.as_ref().map(|stored| stored.rules.clone()).unwrap_or_default();
        Self { rules, version, stored }
    }

    /// The document that is kept when other rules take the place of these.
    pub fn replaced_by(&self, rules: &Rules) -> Map<String, Value> {
        self.stored.as_ref().map_or_else(|_| rules.document(), |stored| stored.replaced_by(rules))
    }
}

/// Everything that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AllRules {
    /// Who says something, in no certain order.
    pub rules: Vec<(Holder, Rules)>,
    /// What of it cannot be taken as it stands.
    pub faults: RuleFaults,
}

impl AllRules {
    /// Adds what one holder says, as it was kept.
    pub fn add(&mut self, holder: Holder, document: &str) {
        match read(document) {
            Ok(StoredRules { rules, unknown, .. }) => {
                self.faults.unknown.extend(unknown.into_iter().map(|field| (holder, field)));
                if !rules.is_empty() {
                    self.rules.push((holder, rules));
                }
            }
            Err(wrong) => self.faults.unreadable.push((holder, wrong)),
        }
    }
}

/// What of the kept rules cannot be taken as it stands. One that nobody can read is no reason not to read
/// the others.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RuleFaults {
    /// Fields that this version does not know. They say nothing.
    pub unknown: Vec<(Holder, String)>,
    /// Whose rules cannot be read. What they govern is closed.
    pub unreadable: Vec<(Holder, InvalidRules)>,
}

fn read(document: &str) -> Result<StoredRules, InvalidRules> {
    let whole = |reason: String| InvalidRules { field: "guardrails".to_owned(), reason };
    let document: Map<String, Value> =
        serde_json::from_str(document).map_err(|wrong| whole(format!("cannot be read: {wrong}")))?;
    StoredRules::read(&document)
}

/// Where rules of guardrails live: at most one document a holder, which goes when its holder goes.
/// Behaviour every adapter must show: `store::contract::guardrails`.
#[async_trait]
pub trait GuardrailRepository: Send {
    /// What a holder says; nothing when it never said anything.
    async fn find(&mut self, holder: Holder) -> Result<KeptRules, RepositoryError>;

    /// Writes what a holder says if the stored version is the one it was read at. What this version does not
    /// know of that stays.
    async fn save(
        &mut self,
        holder: Holder,
        read: &KeptRules,
        rules: &Rules,
        at: Timestamp,
    ) -> Result<bool, RepositoryError>;

    /// What every holder says.
    async fn list_all(&mut self) -> Result<AllRules, RepositoryError>;
}
