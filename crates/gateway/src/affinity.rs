//! The way back to what a provider keeps.
//!
//! A response or conversation that a provider stores can be read only where it is: at that provider,
//! with that credential. The ids that clients see carry this, sealed under the process's keys for the
//! token that made it, so that every replica finds the way back without a table, and no other token
//! can use the id. Reasoning that only the provider can decrypt carries it in the same way.

mod answer;
mod request;
mod texts;

use std::sync::Arc;

use promptgate_kernel::{CredentialId, Entropy, KeyRing, ProjectId, ProviderId, Sealed, TokenId};
use uuid::Uuid;

use crate::refusal::Refusal;

pub(crate) use answer::{AnswerIds, IdWriter};
pub(crate) use request::{Continued, read_request};

/// Begins every sealed text in its short form; also tells it from the ids that providers make.
const MARK: &str = "pg1";
/// How long the name of a key is.
const KEY_ID: usize = 8;
/// How long a pin is.
const PIN: usize = 32;
/// Stands between reasoning and its mark; no base64 has it.
const BEFORE_MARK: char = '~';

/// Where something is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pin {
    /// By whom.
    pub(crate) provider: ProviderId,
    /// On whose account; `None` where the provider has no stored credential.
    pub(crate) credential: Option<CredentialId>,
}

/// For whom it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    /// The project.
    pub(crate) project: ProjectId,
    /// The token; another one of the same project sees nothing.
    pub(crate) token: TokenId,
}

/// What a provider keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// A response.
    Response,
    /// A conversation.
    Conversation,
}

impl Kept {
    /// How its ids begin.
    const fn prefix(self) -> &'static str {
        match self {
            Self::Response => "resp_",
            Self::Conversation => "conv_",
        }
    }

    fn context(self, holder: Holder) -> String {
        let name = match self {
            Self::Response => "response",
            Self::Conversation => "conversation",
        };
        format!("{name}:{}:{}", holder.project, holder.token)
    }

    /// What is said when there is none.
    pub(crate) const fn missing(self) -> Refusal {
        match self {
            Self::Response => Refusal::NoSuchResponse,
            Self::Conversation => Refusal::NoSuchConversation,
        }
    }
}

/// Makes ids for clients, and reads them.
#[derive(Clone)]
pub(crate) struct Affinity {
    keys: KeyRing,
    entropy: Arc<dyn Entropy>,
}

impl Affinity {
    pub(crate) fn new(keys: KeyRing, entropy: Arc<dyn Entropy>) -> Self {
        Self { keys, entropy }
    }

    /// The id that a client gets for a provider's own.
    pub(crate) fn seal(&self, kept: Kept, id: &str, pin: Pin, holder: Holder) -> String {
        let mut content = bytes_of(pin).to_vec();
        content.extend_from_slice(id.as_bytes());
        format!("{}{}", kept.prefix(), self.short(&content, &kept.context(holder)))
    }

    /// Where the thing is that a client's id names, and the provider's own id. `None` for everything
    /// that was not made for this holder.
    pub(crate) fn open(&self, kept: Kept, id: &str, holder: Holder) -> Option<(Pin, String)> {
        let content = self.long(id.strip_prefix(kept.prefix())?, &kept.context(holder))?;
        let (pin, id) = content.split_first_chunk::<PIN>()?;
        Some((pin_of(pin)?, String::from_utf8(id.to_vec()).ok()?))
    }

    /// What is put behind reasoning that only its provider can decrypt.
    pub(crate) fn mark(&self, pin: Pin, project: ProjectId) -> String {
        format!("{BEFORE_MARK}{}", self.short(&bytes_of(pin), &reasoning(project)))
    }

    /// The reasoning without its mark, and where it can be decrypted, if the mark is a good one. `None`
    /// for reasoning without any.
    pub(crate) fn unmark<'t>(&self, text: &'t str, project: ProjectId) -> Option<(&'t str, Option<Pin>)> {
        let (reasoning_text, mark) = text.rsplit_once(BEFORE_MARK)?;
        let mark = mark.starts_with(MARK).then_some(mark)?;
        let pin = self.long(mark, &reasoning(project)).and_then(|content| pin_of(&content.try_into().ok()?));
        Some((reasoning_text, pin))
    }

    /// Seals in letters that an id may have.
    fn short(&self, plain: &[u8], context: &str) -> String {
        let sealed = self.keys.seal(plain, context, &*self.entropy);
        let letters = sealed.as_text().chars().filter(|letter| !matches!(letter, ':' | '='));
        letters
            .map(|letter| match letter {
                '+' => '-',
                '/' => '_',
                other => other,
            })
            .collect()
    }

    fn long(&self, short: &str, context: &str) -> Option<Vec<u8>> {
        let rest = short.strip_prefix(MARK)?;
        let (key, encoded) = rest.split_at_checked(KEY_ID)?;
        let mut text = format!("{MARK}:{key}:");
        text.extend(encoded.chars().map(|letter| match letter {
            '-' => '+',
            '_' => '/',
            other => other,
        }));
        text.extend(std::iter::repeat_n('=', encoded.len().wrapping_neg() % 4));
        let opened = self.keys.open(&Sealed::from_text(text), context).ok()?;
        Some(opened.expose().clone())
    }
}

fn reasoning(project: ProjectId) -> String {
    format!("reasoning:{project}")
}

fn bytes_of(pin: Pin) -> [u8; PIN] {
    let credential = pin.credential.map_or(Uuid::nil(), CredentialId::as_uuid);
    let mut bytes = [0; PIN];
    bytes[..16].copy_from_slice(pin.provider.as_uuid().as_bytes());
    bytes[16..].copy_from_slice(credential.as_bytes());
    bytes
}

fn pin_of(bytes: &[u8; PIN]) -> Option<Pin> {
    let uuid = |bytes: &[u8]| Uuid::from_slice(bytes).ok();
    let credential = uuid(&bytes[16..])?;
    Some(Pin {
        provider: ProviderId::from_uuid(uuid(&bytes[..16])?),
        credential: (!credential.is_nil()).then(|| CredentialId::from_uuid(credential)),
    })
}

#[cfg(test)]
pub(crate) mod testing {
    use promptgate_kernel::testing::{SeededEntropy, TestClock};

    use super::*;
    use crate::testing::keys;

    /// A pair of holders of one project, a pin, and what makes ids.
    pub(crate) fn fixture() -> (Affinity, Pin, [Holder; 2]) {
        let (clock, entropy) = (TestClock::at_millis(1), SeededEntropy::new(4));
        let pin = Pin {
            provider: ProviderId::mint(&clock, &entropy),
            credential: Some(CredentialId::mint(&clock, &entropy)),
        };
        let project = ProjectId::mint(&clock, &entropy);
        let holders = [(); 2].map(|()| Holder { project, token: TokenId::mint(&clock, &entropy) });
        (Affinity::new(keys(1), Arc::new(SeededEntropy::new(5))), pin, holders)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::fixture;
    use super::*;
    use crate::testing::keys;

    #[test]
    fn an_id_leads_back_for_the_token_that_it_was_made_for() {
        let (affinity, pin, [holder, other]) = fixture();
        let id = affinity.seal(Kept::Response, "resp_68af4030", pin, holder);
        assert!(
            id.starts_with("resp_pg1")
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        );
        assert_eq!(affinity.open(Kept::Response, &id, holder), Some((pin, "resp_68af4030".into())));
        assert_eq!(affinity.open(Kept::Response, &id, other), None, "another token");
        let conversation = id.replace("resp_", "conv_");
        assert_eq!(affinity.open(Kept::Conversation, &conversation, holder), None, "another kind");
        let replica = Affinity::new(keys(1), Arc::new(promptgate_kernel::testing::SeededEntropy::new(9)));
        assert_eq!(replica.open(Kept::Response, &id, holder).unwrap().0, pin);
        let stranger = Affinity::new(keys(2), Arc::new(promptgate_kernel::testing::SeededEntropy::new(9)));
        assert_eq!(stranger.open(Kept::Response, &id, holder), None, "other keys");
    }

    #[test]
    fn a_provider_without_a_credential_is_a_pin_too() {
        let (affinity, pin, [holder, _]) = fixture();
        let pin = Pin { credential: None, ..pin };
        let id = affinity.seal(Kept::Conversation, "conv_1", pin, holder);
        assert_eq!(affinity.open(Kept::Conversation, &id, holder), Some((pin, "conv_1".into())));
    }

    #[test]
    fn reasoning_gets_its_text_back_whatever_its_mark_is() {
        let (affinity, pin, [holder, _]) = fixture();
        let marked = format!("gAAAA-_=={}", affinity.mark(pin, holder.project));
        assert_eq!(affinity.unmark(&marked, holder.project), Some(("gAAAA-_==", Some(pin))));
        let other: ProjectId = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(affinity.unmark(&marked, other), Some(("gAAAA-_==", None)));
        assert_eq!(affinity.unmark("gAAAA-_==", holder.project), None);
        assert_eq!(affinity.unmark("gAAAA~x", holder.project), None);
    }

    proptest! {
        #[test]
        fn garbage_is_no_id(text in "(resp_)?(pg1)?[a-zA-Z0-9_=:~é-]{0,200}") {
            let (affinity, _, [holder, _]) = fixture();
            prop_assert_eq!(affinity.open(Kept::Response, &text, holder), None);
            let _ = affinity.unmark(&text, holder.project);
        }

        #[test]
        fn every_id_leads_back(id in ".{0,80}") {
            let (affinity, pin, [holder, _]) = fixture();
            let sealed = affinity.seal(Kept::Response, &id, pin, holder);
            prop_assert_eq!(affinity.open(Kept::Response, &sealed, holder), Some((pin, id)));
        }
    }
}
