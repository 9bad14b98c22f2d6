//! Scanning a text that comes in pieces.

mod quiet;

use std::ops::Range;
use std::sync::Arc;

use crate::{Finding, Keywords, Patterns, Pii, Secrets, Text};

/// How many bytes at the end of a stream wait at most for what decides them, if none of them is within something
/// that was found, or in an unbroken run.
pub const HOLD_BACK: usize = 512;

/// How long an unbroken run, such as a line of base64, waits for its end.
pub const LONGEST_RUN: usize = 8 * 1024;

/// How long a finding waits for its end. What is longer is found in pieces.
pub const LONGEST_FINDING: usize = 64 * 1024;

/// How long a finding is that may go on in another line.
const LONG: usize = 256;

/// How many released bytes are kept, as what stands before the next ones.
const KEPT: usize = 320;

/// How many bytes are looked at anew together, where each of them waits for others.
const STEP: usize = 128;

/// What finds things in texts, and can do so while they come.
///
/// Whether something is found at a place must be settled by the 64 bytes before it and the 256 behind it; what is
/// longer must be certain by its first 256 bytes.
pub trait Detect {
    /// Adds what a text holds to `findings`.
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>);

    /// Where in the end of a text something may stand that what comes next decides: `tail.len()` if nothing does.
    ///
    /// At most [`HOLD_BACK`] bytes are given, and everything waits unless a detector says otherwise.
    fn waits_from(&self, tail: &str) -> usize {
        let _ = tail;
        0
    }

    /// Whether nothing that it finds begins in these words, whatever stands before and behind them: they are plain ones,
    /// of few letters each. Where a detector does not know, they are looked at.
    fn passes(&self, words: &str) -> bool {
        let _ = words;
        false
    }
}

/// Secrets have runs of twelve characters, or signs beside letters.
impl Detect for Secrets {
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        Self::find(self, text, findings);
    }

    fn waits_from(&self, tail: &str) -> usize {
        quiet::token(tail)
    }

    fn passes(&self, _: &str) -> bool {
        true
    }
}

/// Personal data have digits, or signs such as the `@`.
impl Detect for Pii {
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        Self::find(self, text, findings);
    }

    fn waits_from(&self, tail: &str) -> usize {
        quiet::number(tail)
    }

    fn passes(&self, _: &str) -> bool {
        true
    }
}

impl Detect for Keywords {
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        Self::find(self, text, findings);
    }

    fn waits_from(&self, tail: &str) -> usize {
        quiet::words(tail, self.most_parts())
    }

    fn passes(&self, words: &str) -> bool {
        // What a typesetter writes is read as what is on keyboards.
        let typed =
            if words.is_ascii() { self.are_in(words) } else { self.are_in(Text::read(words).plain()) };
        !typed
    }
}

/// What a customer's pattern may match nobody knows: all of the last [`HOLD_BACK`] bytes wait, and a match that is longer
/// may be found in parts.
impl Detect for Patterns {
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        Self::find(self, text, findings);
    }
}

impl<D: Detect + ?Sized> Detect for &D {
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        (**self).find(text, findings);
    }

    fn waits_from(&self, tail: &str) -> usize {
        (**self).waits_from(tail)
    }

    fn passes(&self, words: &str) -> bool {
        (**self).passes(words)
    }
}

impl<D: Detect + ?Sized> Detect for Arc<D> {
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        (**self).find(text, findings);
    }

    fn waits_from(&self, tail: &str) -> usize {
        (**self).waits_from(tail)
    }

    fn passes(&self, words: &str) -> bool {
        (**self).passes(words)
    }
}

impl<D: Detect> Detect for Vec<D> {
    fn find(&self, text: &Text<'_>, findings: &mut Vec<Finding>) {
        for detector in self {
            detector.find(text, findings);
        }
    }

    fn waits_from(&self, tail: &str) -> usize {
        self.iter().map(|detector| detector.waits_from(tail)).min().unwrap_or(tail.len())
    }

    fn passes(&self, words: &str) -> bool {
        self.iter().all(|detector| detector.passes(words))
    }
}

/// What a piece of a stream settled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// How many bytes, from the start of the stream, may go on: nothing that is not yet known begins in them.
    pub released: usize,
    /// What was found since the last piece, with offsets from the start of the stream. All of it is released.
    pub findings: Vec<Finding>,
    /// What was found and has not ended. It is not released, and its end is as far as it is known.
    pub open: Option<Finding>,
}

/// Scans a stream: the findings are those of the whole text, wherever it is cut, and no byte of a finding is released
/// before the finding is known.
///
/// A text of plain words goes on word by word. What may begin something waits: a word until the space behind it, and
/// whatever a detector waits for, at most [`HOLD_BACK`] bytes; an unbroken run until its end, at most [`LONGEST_RUN`];
/// a finding until its end, at most [`LONGEST_FINDING`], after which it is found piece by piece.
#[derive(Debug)]
pub struct StreamScanner<D> {
    detector: D,
    /// What is not released, after what is kept of what is.
    window: String,
    /// Where in the stream the window starts.
    base: usize,
    /// How much of the window is released.
    done: usize,
    /// How long the window has to be before it is looked at again.
    next: usize,
    open: Option<Finding>,
    /// What is too long to wait for its end.
    endless: Option<Finding>,
    /// Up to where in the stream something may be found that began in what was let go.
    uneasy: usize,
}

impl<D: Detect> StreamScanner<D> {
    /// Starts a stream.
    pub fn new(detector: D) -> Self {
        Self {
            detector,
            window: String::new(),
            base: 0,
            done: 0,
            next: 0,
            open: None,
            endless: None,
            uneasy: 0,
        }
    }

    /// Takes the next piece.
    pub fn push(&mut self, piece: &str) -> Settled {
        let mut findings = Vec::new();
        let piece = self.swallow(piece, &mut findings);
        self.window.push_str(piece);
        let cut = self.quiet();
        let waits = self.window.len() < self.next
            || (cut - self.done < STEP && self.window.len() - cut >= HOLD_BACK - 4);
        if cut > self.done && !waits && self.is_plain() {
            self.done = cut;
            self.trim(STEP);
        } else if cut > self.done && !waits {
            // What was swallowed has its places in the stream already.
            let mut settled = Vec::new();
            self.settle(cut, &mut settled);
            findings.append(&mut settled);
        }
        Settled { released: self.base + self.done, findings, open: self.open.clone() }
    }

    /// Ends the stream: everything is released.
    pub fn finish(mut self) -> Settled {
        let mut findings = Vec::new();
        let found = self.found();
        self.release_to(found, self.window.len(), &mut findings);
        self.shift(&mut findings);
        Settled { released: self.base + self.done, findings, open: None }
    }

    /// Releases what waits, as if the stream ended here; then it goes on. What was found and may go on behind this,
    /// such as a private key, is found there too; what was not, because only its beginning is there, is found from here
    /// on if the rest of it tells.
    pub fn release(&mut self) -> Settled {
        let mut findings = Vec::new();
        if self.done < self.window.len() {
            let found = self.found();
            let end = self.window.trim_ascii_end().len();
            let goes_on = |finding: &&Finding| finding.span.end >= end && finding.span.len() >= LONG;
            self.endless = found.iter().find(goes_on).cloned();
            self.release_to(found, self.window.len(), &mut findings);
            (self.open, self.next) = (None, 0);
            self.shift(&mut findings);
            self.uneasy = self.base + self.window.len() + HOLD_BACK;
            self.trim(0);
        }
        Settled { released: self.base + self.done, findings, open: None }
    }

    /// Where in the window what waits begins.
    fn quiet(&self) -> usize {
        let floor =
            self.window.floor_char_boundary(self.window.len().saturating_sub(HOLD_BACK)).max(self.done);
        let cut = floor + self.detector.waits_from(&self.window[floor..]);
        // Within an unbroken run nothing is settled before its end.
        let run = quiet::break_before(&self.window[self.done..cut]) + self.done;
        if self.window.len() - run <= LONGEST_RUN { run } else { cut }
    }

    /// Whether nothing can be found in what waits, so that it need not be looked at: all of it is plain words.
    fn is_plain(&self) -> bool {
        let (before, words) = self.window.split_at(self.done);
        self.open.is_none()
            && self.base + self.done >= self.uneasy
            && before.bytes().next_back().is_none_or(|last| last.is_ascii_whitespace())
            && quiet::are_plain(words)
            && self.detector.passes(words)
    }

    /// Looks at the window and releases what stands before `cut`, and in front of what reaches over it.
    fn settle(&mut self, cut: usize, findings: &mut Vec<Finding>) {
        let found = self.found();
        let over =
            found.iter().filter(|finding| finding.span.start < cut && self.goes_on(&finding.span, cut));
        self.open = over.min_by_key(|finding| finding.span.start).cloned();
        let cut = self.open.as_ref().map_or(cut, |open| open.span.start.max(self.done));
        self.release_to(found, cut, findings);
        if let Some(open) = &self.open {
            let waiting = self.window.len() - self.done;
            if waiting > LONGEST_FINDING {
                findings.push(Finding { span: self.done..self.window.len(), ..open.clone() });
                self.endless = self.open.take();
                self.done = self.window.len();
            } else if waiting > HOLD_BACK * 2 {
                self.next = self.window.len() + waiting / 4;
            }
        }
        self.shift(findings);
        self.trim(0);
    }

    /// Whether what was found may reach over `cut`. What is longer than a word may go on behind the space in front of
    /// `cut`: a private key has lines.
    fn goes_on(&self, span: &Range<usize>, cut: usize) -> bool {
        let is_last = || self.window[span.end..cut].trim_ascii().is_empty();
        span.end > cut || (span.len() >= LONG && is_last())
    }

    /// Adds what was found before `cut` and not yet released.
    fn release_to(&mut self, found: Vec<Finding>, cut: usize, findings: &mut Vec<Finding>) {
        findings
            .extend(found.into_iter().filter(|found| found.span.end > self.done && found.span.end <= cut));
        self.done = cut;
    }

    /// What is in the window, by places in it.
    fn found(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        self.detector.find(&Text::read(&self.window), &mut found);
        found
    }

    /// Turns places in the window into places in the stream.
    fn shift(&mut self, findings: &mut [Finding]) {
        let to_stream = |finding: &mut Finding| {
            finding.span = finding.span.start + self.base..finding.span.end + self.base;
        };
        findings.iter_mut().for_each(to_stream);
        self.open.iter_mut().for_each(to_stream);
    }

    /// Forgets what no longer decides anything, if it is so much at least. The window starts at a break, so that it reads as the whole does.
    fn trim(&mut self, least: usize) {
        let keep = self.window.floor_char_boundary(self.done.saturating_sub(KEPT));
        if keep < least {
            return;
        }
        let start = match quiet::break_before(&self.window[..keep]) {
            0 if keep > LONGEST_RUN => keep,
            start => start,
        };
        self.window.drain(..start);
        self.base += start;
        self.done -= start;
        self.next = self.next.saturating_sub(start);
    }

    /// Takes from a piece what belongs to what has no end.
    fn swallow<'p>(&mut self, piece: &'p str, findings: &mut Vec<Finding>) -> &'p str {
        let Some(endless) = &self.endless else { return piece };
        let end = quiet::goes_on(piece);
        if end > 0 {
            let start = self.base + self.done;
            findings.push(Finding { span: start..start + end, ..endless.clone() });
            self.window.clear();
            self.base = start + end;
            self.done = 0;
        }
        if end < piece.len() {
            self.endless = None;
        }
        &piece[end..]
    }
}

#[cfg(test)]
mod tests;
