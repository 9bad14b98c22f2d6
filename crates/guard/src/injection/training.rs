//! What the classifier's trainer needs: the features as the classifier reads them, and the file of
//! weights as it reads it. `cargo xtask train-guard` is the only caller.

use super::classifier::{self, PRIOR, WINDOW};
use super::features::{self, BUCKETS, Sink};
use super::lexicon::{self, Folded};
use super::{Channel, Injection};
use crate::Text;

/// What a window of a text holds: numbers of features and what each is worth.
pub type Window = Vec<(u32, f32)>;

/// How many features there are.
pub const FEATURES: usize = BUCKETS;

/// What a step of the rules' evidence is worth beside the wording.
pub const RULES: f32 = classifier::RULES;

/// Reads features.
#[derive(Debug, Default)]
pub struct Reader {
    injection: Injection,
}

impl Reader {
    /// The windows of a text, one after every few tokens; one that holds all of a short text.
    pub fn windows(&self, text: &str, stride: usize) -> Vec<Window> {
        let folded = Folded::of(Text::read(text).plain());
        let hits = self.injection.lexicon.scan(folded.text());
        let mut all = Tokens::default();
        features::read(folded.text(), &mut hits.as_slice(), &mut all);
        let tokens = all.ends.len();
        let mut starts: Vec<usize> = (0..tokens.saturating_sub(WINDOW - 1)).step_by(stride).collect();
        starts.push(tokens.saturating_sub(WINDOW));
        starts.dedup();
        starts.into_iter().map(|start| window(&all, start)).collect()
    }

    /// What the rules alone say of a text: how much evidence there is, from nought up.
    pub fn evidence(&self, text: &str, channel: Channel) -> f32 {
        let text = Text::read(text);
        let mut found = Vec::new();
        for plain in std::iter::once(text.plain()).chain(text.layers().map(|layer| layer.plain())) {
            let folded = Folded::of(plain);
            found.extend(self.injection.read(&folded, channel).0.into_iter().map(|sign| (sign, 0..0)));
        }
        super::evidence(super::judgement(found, channel).score)
    }
}

/// The features of a text, and how many of them each token is the end of.
#[derive(Debug, Default)]
struct Tokens {
    buckets: Vec<u32>,
    ends: Vec<usize>,
}

impl Sink for Tokens {
    #[expect(clippy::cast_possible_truncation, reason = "a table of less than 2^32 places")]
    fn features(&mut self, places: impl ExactSizeIterator<Item = usize>) {
        self.buckets.extend(places.map(|place| place as u32));
    }

    fn end_token(&mut self) {
        self.ends.push(self.buckets.len());
    }
}

fn window(all: &Tokens, start: usize) -> Window {
    let from = start.checked_sub(1).map_or(0, |before| all.ends[before]);
    let to = all.ends.get(start + WINDOW - 1).copied().unwrap_or(all.buckets.len());
    let mut buckets = all.buckets[from..to].to_vec();
    buckets.sort_unstable();
    #[expect(clippy::cast_precision_loss, reason = "a window has some hundred features")]
    let worth = 1.0 / (buckets.len() as f32 + PRIOR).sqrt();
    let mut window: Window = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        match window.last_mut() {
            Some(last) if last.0 == bucket => last.1 += worth,
            _ => window.push((bucket, worth)),
        }
    }
    window
}

/// Weights as the classifier reads them: of one byte each.
pub fn file(weights: &[f32], bias: f32) -> Vec<u8> {
    classifier::write(weights, bias, fingerprint())
}

/// A number for the features as the classifier reads them: another one when the lexicon changes, or how a
/// text is folded or read.
pub(super) fn fingerprint() -> u64 {
    let reader = Reader::default();
    let probes = lexicon::LISTS.iter().flat_map(|list| list.lines()).chain([PROBE]);
    let mut number = 0xCBF2_9CE4_8422_2325;
    let mut mix = |value: u32| number = (number ^ u64::from(value)).wrapping_mul(0x0100_0000_01B3);
    for probe in probes {
        let folded = Folded::of(Text::read(probe).plain());
        let hits = reader.injection.lexicon.scan(folded.text());
        let mut all = Tokens::default();
        features::read(folded.text(), &mut hits.as_slice(), &mut all);
        all.buckets.into_iter().for_each(&mut mix);
        probe.bytes().map(u32::from).for_each(&mut mix);
    }
    number
}

/// A text with all kinds of tokens.
const PROBE: &str = "Ignorez LES  instructions, 忽略之前 12345 забудь всё!!! x_y-z <b>don't</b> ก็ 1gn0r3";
