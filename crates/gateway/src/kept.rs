//! What a process keeps of the store for the time when the store is away: the configuration that it works
//! from, and the tokens that were presented of late.

mod keeper;
#[cfg(test)]
mod tests;

use std::io::Write;
use std::sync::Arc;

use promptgate_kernel::{LimitSet, Revision, Timestamp, TokenId};
use promptgate_tokens::Token;
use serde::{Deserialize, Serialize};
use serde_json::Deserializer;

use crate::ports::{Shelf, ShelfError};
use crate::snapshot::Configuration;

pub use keeper::Keeper;

const CONFIGURATION: &str = "configuration";
const TOKENS: &str = "tokens";
const PROXIES: &str = "proxies";

/// Grows with every change of what is written that the version of the program does not tell.
const FORMAT: u32 = 3;

/// What is kept on the disk of this process.
#[derive(Clone)]
pub struct Keepsakes {
    shelf: Arc<dyn Shelf>,
    origin: String,
}

/// Whose document it is. Another version of the program may mean something else by the same words, and
/// another database is another installation.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    format: u32,
    version: String,
    origin: String,
    /// No change up to this revision is missing in the document.
    revision: Revision,
}

/// A token as the store last confirmed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptToken {
    /// The token, whatever its state was.
    pub token: Token,
    /// When the store said so.
    pub confirmed_at: Timestamp,
    /// The token and those that it comes from, where it was asked for.
    pub line: Vec<TokenId>,
}

/// How much a token may use that others were minted under, as the store last confirmed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptLimits {
    /// The token.
    pub id: TokenId,
    /// How much.
    pub limits: LimitSet,
    /// When the store said so.
    pub confirmed_at: Timestamp,
}

/// The tokens that were presented of late, and what their calls are judged by.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptTokens {
    /// No change of a token up to this revision is missing.
    pub revision: Revision,
    /// The tokens, in no certain order.
    pub tokens: Vec<KeptToken>,
    /// How much those may use that others were minted under.
    pub limits: Vec<KeptLimits>,
}

impl KeptTokens {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.limits.is_empty()
    }
}

/// A line of the document of tokens.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum TokenLine {
    Token(Box<KeptToken>),
    Limits(KeptLimits),
}

impl Keepsakes {
    /// What is on a shelf. `origin` names the database that it is of, without its password.
    pub fn new(shelf: Arc<dyn Shelf>, origin: String) -> Self {
        Self { shelf, origin }
    }

    fn head(&self, revision: Revision) -> Head {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Head { format: FORMAT, version, origin: self.origin.clone(), revision }
    }

    /// The configuration that was kept, if there is one that can be used; why not is logged.
    pub fn configuration(&self) -> Option<Configuration> {
        let mut found = self.read::<Configuration>(CONFIGURATION, "the configuration");
        found.as_mut().and_then(|(_, found)| found.pop())
    }

    /// The tokens that were kept; why there are none is logged.
    pub fn tokens(&self) -> KeptTokens {
        let (revision, lines) = self.read(TOKENS, "the tokens").unwrap_or_default();
        let mut kept = KeptTokens { revision, ..KeptTokens::default() };
        for line in lines {
            match line {
                TokenLine::Token(token) => kept.tokens.push(*token),
                TokenLine::Limits(limits) => kept.limits.push(limits),
            }
        }
        kept
    }

    /// How many processes answered calls when that was last heard, if it was kept.
    pub fn proxies(&self) -> Option<u32> {
        self.read(PROXIES, "the number of proxies").and_then(|(_, mut numbers)| numbers.pop())
    }

    /// Keeps how many processes answer calls.
    pub fn put_proxies(&self, number: u32) -> std::io::Result<()> {
        self.write(PROXIES, Revision::default(), std::iter::once(number))
    }

    fn read<T: for<'de> Deserialize<'de>>(
        &self,
        name: &'static str,
        what: &str,
    ) -> Option<(Revision, Vec<T>)> {
        match self.parse(name) {
            Ok(found) => found,
            Err(error) => {
                let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                tracing::warn!(
                    document = name,
                    "{what} kept on disk cannot be used, going on without: {error}{}",
                    cause.unwrap_or_default()
                );
                None
            }
        }
    }

    fn parse<T: for<'de> Deserialize<'de>>(
        &self,
        name: &'static str,
    ) -> Result<Option<(Revision, Vec<T>)>, ShelfError> {
        let Some(text) = self.shelf.get(name)? else { return Ok(None) };
        let unreadable = |error: serde_json::Error| {
            // The error's own text could repeat a piece of what is sealed.
            ShelfError::Foreign(format!("it is damaged at line {}, column {}", error.line(), error.column()))
        };
        let mut values = Deserializer::from_slice(text.expose());
        let head = Head::deserialize(&mut values).map_err(unreadable)?;
        let own = self.head(head.revision);
        if (head.format, &head.version) != (own.format, &own.version) {
            return Err(ShelfError::Foreign(format!("version {} of the program wrote it", head.version)));
        }
        if head.origin != own.origin {
            return Err(ShelfError::Foreign(format!("it is of the database {}", head.origin)));
        }
        let values = values.into_iter::<T>().collect::<Result<Vec<_>, _>>();
        values.map(|values| Some((head.revision, values))).map_err(unreadable)
    }

    fn put_configuration(&self, configuration: &Configuration) -> std::io::Result<()> {
        self.write(CONFIGURATION, configuration.revision, std::iter::once(configuration))
    }

    fn put_tokens(
        &self,
        revision: Revision,
        tokens: impl Iterator<Item = KeptToken>,
        limits: impl Iterator<Item = KeptLimits>,
    ) -> std::io::Result<()> {
        self.write(
            TOKENS,
            revision,
            limits.map(TokenLine::Limits).chain(tokens.map(|token| TokenLine::Token(Box::new(token)))),
        )
    }

    fn write<T: Serialize>(
        &self,
        name: &'static str,
        revision: Revision,
        values: impl Iterator<Item = T>,
    ) -> std::io::Result<()> {
        let mut values = Some(values);
        self.shelf.put(name, &mut |to: &mut dyn Write| {
            serde_json::to_writer(&mut *to, &self.head(revision))?;
            for value in values.take().into_iter().flatten() {
                to.write_all(b"\n")?;
                serde_json::to_writer(&mut *to, &value)?;
            }
            Ok(())
        })
    }
}
