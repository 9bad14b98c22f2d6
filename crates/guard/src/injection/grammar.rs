//! What instructions that somebody slipped in look like: a verb, what it is done to, and words that say which.
//!
//! Words of the lexicon that stand in one sentence are matched against the [rules](mod@rules); how a sentence puts them
//! (as an order, a question, a quotation, a report, denied) then says how much of a rule's weight counts.

#[cfg(test)]
mod lists;
mod mood;
mod rules;

use std::ops::Range;

use self::rules::{Put, Rule, SOLO, rules};
use super::Channel;
use super::lexicon::{Concepts, Hit, Languages};

/// How far apart two words of a sentence may stand.
const REACH: usize = 140;
/// How far from a verb and its object the words that qualify them may stand.
const AROUND: usize = 30;

/// A sign that a text is an attack.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sign {
    /// The stable name of what it is a sign of.
    pub(super) kind: &'static str,
    /// Where it stands, in bytes of the folded text.
    pub(super) span: Range<usize>,
    /// How much speaks for it, from 0 to 1.
    pub(super) weight: f32,
}

/// The rules, ordered for one pass over a sentence.
#[derive(Debug)]
pub(super) struct Grammar {
    pairs: Vec<Rule>,
    heads: Concepts,
    alone: Concepts,
}

impl Grammar {
    /// The grammar.
    pub(super) fn new() -> Self {
        let pairs = rules();
        let heads = pairs.iter().fold(Concepts::NONE, |all, rule| all.or(rule.head));
        let alone = SOLO.iter().fold(Concepts::NONE, |all, rule| all.or(rule.concept));
        Self { pairs, heads, alone }
    }

    /// Adds the signs in a text whose words of the lexicon are `hits`.
    pub(super) fn read(&self, text: &str, hits: &[Hit], channel: Channel, signs: &mut Vec<Sign>) {
        let mut start = 0;
        while start < hits.len() {
            let mut end = start + 1;
            let mut meant = hits[start].concepts;
            while end < hits.len() && joined(text, hits[end - 1].end, hits[end].start) {
                meant = meant.or(hits[end].concepts);
                end += 1;
            }
            if meant.meets(self.heads) || meant.meets(self.alone) {
                self.sentence(text, &hits[start..end], meant, channel, signs);
            }
            start = end;
        }
    }

    fn sentence(&self, text: &str, hits: &[Hit], meant: Concepts, channel: Channel, signs: &mut Vec<Sign>) {
        for rule in &self.pairs {
            if !meant.meets(rule.head) || !meant.meets(rule.object) || (rule.fed && !channel.is_fed()) {
                continue;
            }
            if [rule.with, rule.and].iter().any(|wanted| !wanted.is_none() && !meant.meets(*wanted)) {
                continue;
            }
            if let Some(sign) = strongest(text, hits, rule, channel) {
                signs.push(sign);
            }
        }
        if !meant.meets(self.alone) {
            return;
        }
        for rule in &SOLO {
            let known = hits.iter().find(|hit| hit.concepts.meets(rule.concept));
            if let Some(hit) = known.filter(|_| !rule.fed || channel.is_fed()) {
                let weight = rule.weight * mood::of_mention(text, nearby(hits, hit), hit, channel);
                signs.push(Sign { kind: rule.kind, span: hit.start..hit.end, weight });
            }
        }
    }
}

/// Where a rule matches best in a sentence.
fn strongest(text: &str, hits: &[Hit], rule: &Rule, channel: Channel) -> Option<Sign> {
    let mut best: Option<Sign> = None;
    for (at, head) in hits.iter().enumerate().filter(|(_, hit)| hit.concepts.meets(rule.head)) {
        // Letters of other scripts take two bytes and more.
        let gap = if text.as_bytes()[head.start].is_ascii() { rule.gap } else { rule.gap * 2 };
        let english = head.languages.meets(Languages::ENGLISH);
        let from = if english && !rule.either {
            at
        } else {
            at - hits[..at].iter().rev().take_while(|hit| hit.end + gap > head.start).count()
        };
        let objects = hits[from..].iter().take_while(|hit| hit.start < head.end + gap).filter(|hit| {
            hit.concepts.meets(rule.object) && speaks(head, hit) && (rule.same || hit.start != head.start)
        });
        for object in objects.take(3) {
            if let Some(sign) = matched(text, nearby(hits, head), head, object, rule, channel)
                && best.as_ref().is_none_or(|known| known.weight < sign.weight)
            {
                best = Some(sign);
            }
        }
    }
    best
}

/// The words that can have a say in what one means: a sentence may be as long as a text, and nobody asks
/// for what stands further off.
fn nearby<'h>(hits: &'h [Hit], head: &Hit) -> &'h [Hit] {
    let from = hits.partition_point(|hit| hit.start + EARSHOT < head.start);
    let to = hits.partition_point(|hit| hit.start < head.end + EARSHOT);
    &hits[from..to]
}

/// The sign that a verb and an object are, if the words that qualify them stand where they have to.
fn matched(
    text: &str,
    hits: &[Hit],
    head: &Hit,
    object: &Hit,
    rule: &Rule,
    channel: Channel,
) -> Option<Sign> {
    let span = head.start.min(object.start)..head.end.max(object.end);
    let english = [head, object].iter().all(|hit| hit.languages.meets(Languages::ENGLISH));
    let around = if text.as_bytes()[head.start].is_ascii() { AROUND } else { AROUND * 2 };
    let near = |wanted: Concepts| {
        wanted.is_none()
            || hits.iter().any(|hit| {
                let meant = hit.concepts;
                // "All" and "your" stand before their noun in English; what comes after is of another.
                let inside = english
                    && rule.put == Put::Order
                    && !meant.meets(LATER)
                    && meant.meets(Concepts::ALL.or(Concepts::YOUR));
                let (before, after) = if inside { (0, 0) } else { (around, around) };
                meant.meets(wanted)
                    && hit.start + before >= span.start
                    && hit.end <= span.end + after
                    && (speaks(head, hit) || speaks(object, hit))
            })
    };
    if !near(rule.with) || !near(rule.and) || rule.bare && english && !mood::is_bare(&text[span.end..]) {
        return None;
    }
    let weight = rule.weight * mood::of(text, hits, head, &span, rule, channel);
    Some(Sign { kind: rule.kind, span, weight })
}

/// How far from a verb words are asked, in bytes: further than any rule reaches, its object and the words
/// that qualify that included.
const EARSHOT: usize = 640;

/// Words that may qualify a noun from behind.
const LATER: Concepts = Concepts::PRIOR.or(Concepts::GIVEN);

/// Whether two words are of one language, or one is an English term within another.
fn speaks(head: &Hit, other: &Hit) -> bool {
    head.languages.meets(other.languages)
        || other.languages == Languages::ENGLISH
            && other.concepts.meets(Concepts::SYSPROMPT.or(Concepts::INSTR).or(Concepts::PERSONA))
}

/// Whether two words with this between them stand in one sentence.
fn joined(text: &str, end: usize, start: usize) -> bool {
    if start < end {
        return true;
    }
    start - end <= REACH && !text.get(end..start).is_some_and(mood::has_stop)
}
