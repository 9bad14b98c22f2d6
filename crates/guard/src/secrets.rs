//! Credentials: the public forms of the tokens of many vendors, private keys, passwords in addresses, and
//! values that stand behind a key which says that they are secret.

mod assigned;
mod checksum;
mod class;
mod command;
mod form;
mod forms;
mod jwt;
mod key;
mod kind;
mod password;
mod peculiar;
mod pem;
mod runs;
mod scan;
mod url;
mod value;
mod words;

pub use self::kind::SecretKind;
use self::scan::{Hit, Scan};
use crate::taken::Taken;
use crate::{Category, Finding, Strictness, Text};

/// Finds credentials.
///
/// A token is known by its form: a prefix, characters and lengths as its vendor makes them. What has no form of its
/// own is known by the key it stands behind, if it also looks drawn at random. Values that documentation writes
/// (`sk-your-key-here`, `user:password@localhost`, `AKIA…EXAMPLE`) are none.
///
/// With [`Strictness::Lenient`] the shape alone is enough where it otherwise needs a key beside it. Where two kinds
/// overlap, the more specific one is found; one that is not looked for hides the less specific one all the same.
///
/// ```
/// use promptgate_guard::{SecretKind, Secrets, Strictness, Text};
///
/// let secrets = Secrets::new(&SecretKind::all().collect::<Vec<_>>(), Strictness::Standard);
/// let mut findings = Vec::new();
/// secrets.find(&Text::read("use 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"), &mut findings);
/// assert_eq!((findings[0].kind.as_ref(), findings[0].span.clone()), ("github_pat", 4..44));
/// ```
#[derive(Debug)]
pub struct Secrets {
    wanted: [bool; kind::COUNT],
    strictness: Strictness,
    scan: Scan,
}

impl Secrets {
    /// Looks for these kinds.
    pub fn new(kinds: &[SecretKind], strictness: Strictness) -> Self {
        let mut wanted = [false; kind::COUNT];
        for kind in kinds {
            wanted[kind.index()] = true;
        }
        Self { wanted, strictness, scan: Scan::new() }
    }

    /// Adds what a text holds to `findings`, in the order of the text: what stands there plainly, then what its
    /// layers hold.
    pub fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        let first = findings.len();
        for hit in self.hits(text.plain()) {
            findings.push(finding(&hit, text.original_span(hit.span.clone())));
        }
        let layered = findings.len();
        // Most texts hold nothing in layers.
        let mut plain: Option<Taken<()>> = None;
        for layer in text.layers() {
            for hit in self.hits(layer.plain()) {
                let Some(span) = layer.original_span(hit.span.clone()) else { continue };
                let overlaps = |known: &Finding| known.span.start < span.end && span.start < known.span.end;
                let within = |known: &Finding| span.start <= known.span.start && known.span.end <= span.end;
                if plain.get_or_insert_with(|| taken(&findings[first..layered])).meets(&(), &span) {
                    continue;
                }
                // What is encoded is found in the whole of its run, and maybe in a part of it before. Layers are
                // short, and so is what is found in them.
                match findings[layered..].iter().position(overlaps).map(|at| at + layered) {
                    None => findings.push(finding(&hit, span)),
                    Some(at) if within(&findings[at]) => findings[at] = finding(&hit, span),
                    Some(_) => {}
                }
            }
        }
    }

    fn hits(&self, text: &str) -> impl Iterator<Item = Hit> {
        let mut hits = self.scan.hits(text.as_bytes(), self.strictness);
        hits.retain(|hit| self.wanted[hit.kind.index()]);
        hits.into_iter()
    }
}

/// Where findings stand.
fn taken(findings: &[Finding]) -> Taken<()> {
    let mut taken = Taken::default();
    for finding in findings {
        taken.add((), &finding.span);
    }
    taken
}

fn finding(hit: &Hit, span: std::ops::Range<usize>) -> Finding {
    Finding { category: Category::Secret, kind: hit.kind.name().into(), span, certainty: hit.certainty }
}

#[cfg(test)]
mod tests;
