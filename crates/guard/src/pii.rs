//! Personal data: addresses, accounts, cards, telephone numbers and the numbers of persons.

mod account;
mod bytes;
mod card;
mod checks;
mod context;
mod email;
mod internet;
mod kinds;
mod lettered;
mod national;
mod number;
mod phone;
mod plans;
mod scan;
mod security;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::ops::Range;

pub use self::kinds::PiiKind;
use self::scan::{Hit, Scan};
use crate::finding::{Category, Finding, Kind, Strictness};
use crate::taken::Taken;
use crate::text::Text;

/// Looks for personal data.
///
/// One loop over the bytes finds what any of the kinds needs: a digit, a colon between hexadecimal
/// digits, an `@`. Around it the kinds are verified by hand, with checksums and with the words near it.
///
/// ```
/// use promptgate_guard::{Pii, PiiKind, Strictness, Text};
///
/// let pii = Pii::new(&[PiiKind::Email, PiiKind::CreditCard], Strictness::Standard);
/// let mut found = Vec::new();
/// pii.find(&Text::read("ada@example.org pays with 4111 1111 1111 1111"), &mut found);
/// assert_eq!(found.iter().map(|one| &*one.kind).collect::<Vec<_>>(), ["email", "credit_card"]);
/// ```
#[derive(Debug, Clone)]
pub struct Pii {
    wanted: Wanted,
    strictness: Strictness,
}

/// The kinds that are looked for.
#[derive(Debug, Clone, Copy, Default)]
struct Wanted(u64);

impl Wanted {
    fn of(kinds: &[PiiKind]) -> Self {
        Self(kinds.iter().fold(0, |all, kind| all | 1 << (*kind as u32)))
    }

    /// Whether a kind is looked for.
    fn has(self, kind: PiiKind) -> bool {
        self.0 & (1 << (kind as u32)) != 0
    }
}

impl Pii {
    /// Looks for these kinds; for nothing, if there are none.
    pub fn new(kinds: &[PiiKind], strictness: Strictness) -> Self {
        Self { wanted: Wanted::of(kinds), strictness }
    }

    /// Adds what it finds in a text, in the order in which it stands there.
    pub fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        if self.wanted.0 == 0 {
            return;
        }
        let first = findings.len();
        for hit in self.scan(text.plain()) {
            findings.push(finding(&hit, text.original_span(hit.span.clone())));
        }
        let plain = findings.len();
        // Most texts hold nothing in layers.
        let mut known: Option<Taken<Kind>> = None;
        for layer in text.layers() {
            for hit in self.scan(layer.plain()) {
                let Some(span) = layer.original_span(hit.span.clone()) else { continue };
                let known = known.get_or_insert_with(|| taken(&findings[first..]));
                let kind = Kind::Borrowed(hit.kind.name());
                if !known.meets(&kind, &span) {
                    known.add(kind, &span);
                    findings.push(finding(&hit, span));
                }
            }
        }
        if findings.len() > plain {
            findings[first..].sort_by_key(|one| one.span.start);
        }
    }

    fn scan(&self, plain: &str) -> Vec<Hit> {
        Scan::new(plain, self.wanted, self.strictness).run()
    }
}

/// Where findings of each kind stand.
fn taken(findings: &[Finding]) -> Taken<Kind> {
    let mut taken = Taken::default();
    for finding in findings {
        taken.add(finding.kind.clone(), &finding.span);
    }
    taken
}

fn finding(hit: &Hit, span: Range<usize>) -> Finding {
    Finding { category: Category::Pii, kind: Cow::Borrowed(hit.kind.name()), span, certainty: hit.certainty }
}
