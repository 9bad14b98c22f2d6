//! A stream that has begun.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use promptgate_providers::Feature;

use super::cap::Cap;
use super::incoming::Incoming;
use crate::allowance::Held;
use crate::candidate::Candidate;
use crate::outgoing::{StreamRules, StreamValues};
use crate::passage::Passing;
use crate::prepare::Prepared;
use crate::resilience::UnderWay;
use crate::said::Tap;

/// A stream that has begun for good: what was held back until then, and what is still to come.
pub(crate) struct Opened {
    pub(super) upstream: Incoming,
    pub(super) passing: Passing,
    pub(super) held: VecDeque<Bytes>,
    /// Whether the provider is done already, and all that it said is held.
    pub(super) is_finished: bool,
    pub(super) idle_timeout: Duration,
    /// Some services just close a complete stream, without the vendor's end mark.
    pub(super) may_end_without_mark: bool,
    pub(super) under_way: Option<UnderWay>,
    pub(super) tap: Option<Tap>,
    pub(super) ways: Ways,
    /// How long it may be, where that is limited.
    pub(super) cap: Option<Box<Cap>>,
}

/// What guardrails do with a stream, behind everything else.
#[derive(Default)]
pub(crate) struct Ways {
    /// The rules for what models say.
    pub(crate) rules: Option<Box<StreamRules>>,
    /// What puts values back, for the client alone.
    pub(crate) values: Option<Box<StreamValues>>,
}

impl Ways {
    /// Whether anything is kept.
    pub(super) fn holds(&self) -> bool {
        self.rules.as_ref().is_some_and(|rules| rules.holds())
            || self.values.as_ref().is_some_and(|values| values.holds())
    }

    /// Whether more of a text came since this was asked last.
    pub(super) fn take_news(&mut self) -> bool {
        let ruled = self.rules.as_mut().is_some_and(|rules| rules.take_news());
        self.values.as_mut().is_some_and(|values| values.take_news()) || ruled
    }
}

impl Opened {
    pub(crate) fn new(
        upstream: Incoming,
        passing: Passing,
        held: Vec<Bytes>,
        idle_timeout: Duration,
        candidate: &Candidate,
        ways: Ways,
    ) -> Self {
        let has_end_mark = candidate.capabilities.has(Feature::StreamEndMark);
        Self {
            may_end_without_mark: passing.is_unread() || !has_end_mark,
            upstream,
            passing,
            held: held.into(),
            is_finished: false,
            idle_timeout,
            under_way: None,
            tap: None,
            ways,
            cap: None,
        }
    }

    /// Bounds it by what its call has reserved.
    pub(crate) fn bound(&mut self, held: Option<&Held>, prepared: &Prepared) {
        self.cap = Cap::of(held, prepared).map(Box::new);
    }

    /// Whether more was written than its call has reserved.
    pub(super) fn is_full(&self) -> bool {
        self.cap.as_ref().is_some_and(|cap| cap.is_reached(self.passing.text_bytes()))
    }

    /// The provider is done already.
    pub(crate) fn finished(self) -> Self {
        Self { is_finished: true, upstream: Incoming::nothing(), ..self }
    }

    /// Counts the call for as long as the stream lasts.
    pub(crate) fn watch(&mut self, under_way: UnderWay) {
        self.under_way = Some(under_way);
    }

    /// Listens to what is said.
    pub(crate) fn listen(&mut self, tap: Tap) {
        self.tap = Some(tap);
    }

    /// How many bytes may come at once.
    pub(super) fn room(&self) -> u64 {
        self.cap.as_ref().map_or(u64::MAX, |cap| cap.room(self.passing.text_bytes()))
    }

    /// Listens to the provider no longer.
    pub(super) fn close(&mut self) {
        self.under_way = None;
        self.upstream = Incoming::nothing();
    }

    /// The next piece as it is recorded.
    pub(super) fn pass(&mut self, chunk: Bytes) -> Bytes {
        let piece = self.passing.push(chunk);
        self.ruled(piece)
    }

    /// What the rules let pass of a piece.
    pub(super) fn ruled(&mut self, piece: Bytes) -> Bytes {
        let piece = match &mut self.ways.rules {
            Some(rules) if !piece.is_empty() => rules.push(&piece),
            _ => piece,
        };
        self.hear(&piece);
        piece
    }

    /// What is left to pass when the provider is done: its last words, and what the rules kept.
    pub(super) fn rest(&mut self, last: Bytes) -> Bytes {
        let rest = self.ruled(last);
        let kept = self.kept();
        if kept.is_empty() { rest } else { [rest, kept].concat().into() }
    }

    /// What the rules kept until now.
    pub(super) fn kept(&mut self) -> Bytes {
        let kept = self.ways.rules.as_mut().map_or_else(Bytes::new, |rules| rules.end());
        self.hear(&kept);
        kept
    }

    /// What the rules keep, judged as if it ended here.
    pub(super) fn let_go(&mut self) -> Bytes {
        let kept = self.ways.rules.as_mut().map_or_else(Bytes::new, |rules| rules.release());
        self.hear(&kept);
        kept
    }

    /// Whether values come back into it, which are for its client alone.
    pub(crate) const fn has_values(&self) -> bool {
        self.ways.values.is_some()
    }

    /// Whether a rule ended the answer.
    pub(super) fn is_stopped(&self) -> bool {
        self.ways.rules.as_ref().is_some_and(|rules| rules.is_stopped())
    }

    fn hear(&mut self, piece: &Bytes) {
        if let Some(cap) = &mut self.cap {
            cap.hear(piece);
        }
        if let Some(tap) = &mut self.tap {
            tap.hear(piece);
        }
    }
}
