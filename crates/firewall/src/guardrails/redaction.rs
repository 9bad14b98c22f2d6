//! Values that leave under tokens, and come back.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::{Bound, Range};

use promptgate_guard::PiiKind;

const OPEN: &str = "[[";
const CLOSE: &str = "]]";

/// A kind of data that reversible redaction knows by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RedactionKind {
    /// E-mail addresses.
    Email,
    /// Telephone numbers.
    Phone,
    /// International bank account numbers.
    Iban,
    /// Numbers of payment cards.
    CreditCard,
    /// Social security numbers of the United States.
    Ssn,
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
}

impl RedactionKind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Email, Self::Phone, Self::Iban, Self::CreditCard, Self::Ssn, Self::Ipv4, Self::Ipv6];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Iban => "iban",
            Self::CreditCard => "credit_card",
            Self::Ssn => "ssn",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }

    /// The kind with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind of a value that was found as this kind of personal data.
    pub fn of(kind: PiiKind, value: &str) -> Option<Self> {
        match kind {
            PiiKind::Email => Some(Self::Email),
            PiiKind::PhoneUs | PiiKind::PhoneDe | PiiKind::PhoneGeneric => Some(Self::Phone),
            PiiKind::Iban => Some(Self::Iban),
            PiiKind::CreditCard => Some(Self::CreditCard),
            PiiKind::SsnUs => Some(Self::Ssn),
            PiiKind::IpAddress if value.contains(':') => Some(Self::Ipv6),
            PiiKind::IpAddress => Some(Self::Ipv4),
            _ => None,
        }
    }

    /// The kinds of personal data that it covers.
    pub const fn covers(self) -> &'static [PiiKind] {
        match self {
            Self::Email => &[PiiKind::Email],
            Self::Phone => &[PiiKind::PhoneUs, PiiKind::PhoneDe, PiiKind::PhoneGeneric],
            Self::Iban => &[PiiKind::Iban],
            Self::CreditCard => &[PiiKind::CreditCard],
            Self::Ssn => &[PiiKind::SsnUs],
            Self::Ipv4 | Self::Ipv6 => &[PiiKind::IpAddress],
        }
    }
}

/// How a label of one's own stands in a token: `Order ID` is `ORDER_ID`.
pub(crate) fn token_kind(label: &str) -> String {
    let plain = |character: char| {
        if character.is_ascii_alphanumeric() { character.to_ascii_uppercase() } else { '_' }
    };
    let kind: String = label.trim().chars().map(plain).collect();
    kind.trim_matches('_').to_owned()
}

/// The values that one call sent away under tokens. It lives as long as the call and is written
/// nowhere.
#[derive(Clone, Default)]
pub struct Vault {
    /// By token, in their order.
    values: BTreeMap<String, String>,
    tokens: HashMap<(String, String), String>,
    counts: HashMap<String, u32>,
    /// Tokens that the client itself wrote: they mean nothing and must stay as they are.
    taken: HashSet<String>,
    longest: usize,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Vault({} values)", self.values.len())
    }
}

impl Vault {
    /// A vault for a call that says these texts.
    pub fn for_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let taken = texts.into_iter().flat_map(written_tokens).map(str::to_owned).collect();
        Self { taken, ..Self::default() }
    }

    /// The token of a value, such as `[[EMAIL_001]]`: the same for the same value of the same kind.
    pub fn token(&mut self, kind: &str, value: &str) -> String {
        if let Some(token) = self.tokens.get(&(kind.to_owned(), value.to_owned())) {
            return token.clone();
        }
        let count = self.counts.entry(kind.to_owned()).or_default();
        let token = loop {
            *count += 1;
            let token = format!("{OPEN}{kind}_{count:03}{CLOSE}");
            if !self.taken.contains(&token) {
                break token;
            }
        };
        self.longest = self.longest.max(token.len());
        self.values.insert(token.clone(), value.to_owned());
        self.tokens.insert((kind.to_owned(), value.to_owned()), token.clone());
        token
    }

    /// Whether nothing was sent away under a token.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// A text with the values in place of their tokens.
    pub fn restore<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let restorations = self.restorations(text);
        if restorations.is_empty() {
            return Cow::Borrowed(text);
        }
        let (mut restored, mut copied) = (String::with_capacity(text.len()), 0);
        for (span, value) in restorations {
            restored.push_str(&text[copied..span.start]);
            restored.push_str(&value);
            copied = span.end;
        }
        restored.push_str(&text[copied..]);
        Cow::Owned(restored)
    }

    /// Where tokens stand in a text, and what has to stand there.
    pub fn restorations(&self, text: &str) -> Vec<(Range<usize>, String)> {
        let mut restorations = Vec::new();
        let mut at = 0;
        while let Some(found) = text[at..].find(OPEN).filter(|_| !self.is_empty()) {
            at += found;
            match self.value_at(&text[at..]) {
                Some((length, value)) => {
                    restorations.push((at..at + length, value.to_owned()));
                    at += length;
                }
                // `[[[EMAIL_001]]` holds a token from its second bracket on.
                None => at += 1,
            }
        }
        restorations
    }

    /// The length of the token that a text begins with, and its value.
    fn value_at(&self, text: &str) -> Option<(usize, &str)> {
        // No token is longer, and a text may have many brackets.
        let near = &text[..text.floor_char_boundary(self.longest)];
        let end = near.find(CLOSE)? + CLOSE.len();
        let value = self.values.get(&near[..end])?;
        Some((end, value))
    }

    /// How many bytes at the end of a text may be the beginning of a token, so that what comes next has
    /// to be seen before they are shown.
    pub fn held_back(&self, text: &str) -> usize {
        let tail =
            &text[text.ceil_char_boundary(text.len() - self.longest.saturating_sub(1).min(text.len()))..];
        let begins = |end: &&str| {
            let next = self.values.range::<str, _>((Bound::Included(*end), Bound::Unbounded)).next();
            next.is_some_and(|(token, _)| token.starts_with(end))
        };
        let open = tail.match_indices('[').map(|(at, _)| &tail[at..]);
        open.filter(begins).map(str::len).max().unwrap_or(0)
    }
}

/// Puts values back into a text that comes piece by piece.
#[derive(Debug, Default)]
pub struct Restorer {
    held: String,
}

impl Restorer {
    /// What can be shown after one more piece.
    pub fn push(&mut self, vault: &Vault, piece: &str) -> String {
        self.held.push_str(piece);
        let ready = self.held.len() - vault.held_back(&self.held);
        let rest = self.held.split_off(ready);
        let ready = std::mem::replace(&mut self.held, rest);
        vault.restore(&ready).into_owned()
    }

    /// What is kept, because a token may begin in it, when that is waited for no longer. A token whose end
    /// comes later is shown as it is.
    pub fn release(&mut self, vault: &Vault) -> String {
        vault.restore(&std::mem::take(&mut self.held)).into_owned()
    }

    /// Whether anything is kept.
    pub fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// What is left when nothing more comes.
    pub fn finish(self, vault: &Vault) -> String {
        vault.restore(&self.held).into_owned()
    }
}

/// The pieces of a text that look like tokens.
fn written_tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let at = rest.find(OPEN)?;
        let begun = &rest[at..];
        let (token, after) = match begun.find(CLOSE) {
            Some(end) => begun.split_at(end + CLOSE.len()),
            None => (begun, ""),
        };
        // What stands between the brackets may itself hold brackets: `[[x [[EMAIL_001]]`.
        let last = token.rfind(OPEN).unwrap_or(0);
        rest = after;
        Some(&token[last..])
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_value_has_the_same_token_and_kinds_count_for_themselves() {
        let mut vault = Vault::default();
        assert_eq!(vault.token("EMAIL", "ada@example.org"), "[[EMAIL_001]]");
        assert_eq!(vault.token("IBAN", "DE89"), "[[IBAN_001]]");
        assert_eq!(vault.token("EMAIL", "bob@example.org"), "[[EMAIL_002]]");
        assert_eq!(vault.token("EMAIL", "ada@example.org"), "[[EMAIL_001]]");
        assert_eq!(token_kind(" Order ID "), "ORDER_ID");
        assert_eq!(
            vault.restore("to [[EMAIL_002]], [[[EMAIL_001]], [[EMAIL_003]] [[IBAN_001]"),
            "to bob@example.org, [ada@example.org, [[EMAIL_003]] [[IBAN_001]"
        );
        assert!(!format!("{vault:?}").contains("ada"));
    }

    #[test]
    fn what_the_client_wrote_like_a_token_means_nothing() {
        let text = "literally [[EMAIL_001]] and [[x [[EMAIL_002]] and ada@example.org";
        let mut vault = Vault::for_texts([text]);
        assert_eq!(vault.token("EMAIL", "ada@example.org"), "[[EMAIL_003]]");
        let sent = text.replace("ada@example.org", "[[EMAIL_003]]");
        assert_eq!(vault.restore(&sent), text);
    }

    proptest! {
        #[test]
        fn pieces_restore_as_the_whole_does(
            text in "[a\\[\\]]{0,6}(\\[\\[(EMAIL|IBAN)_00[1-3]\\]\\]?[ \\[x]{0,3}){0,4}",
            cuts in proptest::collection::vec(0usize..64, 0..6),
        ) {
            let mut vault = Vault::default();
            vault.token("EMAIL", "ada@example.org");
            vault.token("EMAIL", "[[odd");
            vault.token("IBAN", "DE 89");
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(text.len())).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let mut restorer = Restorer::default();
            let mut shown = String::new();
            for cut in cuts.windows(2) {
                shown.push_str(&restorer.push(&vault, &text[cut[0]..cut[1]]));
            }
            shown.push_str(&restorer.finish(&vault));
            prop_assert_eq!(shown, vault.restore(&text));
        }

        #[test]
        fn what_cannot_be_a_token_is_shown_at_once(text in "[a-z0-9 ]{1,40}") {
            let mut vault = Vault::default();
            vault.token("EMAIL", "ada@example.org");
            prop_assert_eq!(Restorer::default().push(&vault, &text), text);
        }
    }
}
