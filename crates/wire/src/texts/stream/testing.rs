//! Filters for tests.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::ops::ControlFlow;

use super::filter::{TextFilter, Track};

/// Lets everything pass, and remembers it.
#[derive(Debug, Default)]
pub(super) struct Listens {
    pub(super) heard: Vec<(Track, String)>,
    pub(super) ended: Vec<u64>,
}

impl TextFilter for Listens {
    fn push(&mut self, track: &Track, text: &str, out: &mut String) -> ControlFlow<()> {
        assert!(!self.ended.contains(&track.id), "{track:?} goes on after its end");
        out.push_str(text);
        match self.heard.iter_mut().find(|(heard, _)| heard == track) {
            Some((_, heard)) => heard.push_str(text),
            None => self.heard.push((track.clone(), text.to_owned())),
        }
        ControlFlow::Continue(())
    }

    fn end(&mut self, track: &Track, _: &mut String) -> ControlFlow<()> {
        self.ended.push(track.id);
        ControlFlow::Continue(())
    }

    fn release(&mut self, _: &Track, _: &mut String) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// Replaces a text wherever it is, and keeps what may be the beginning of it; stops at another.
#[derive(Debug, Default)]
pub(super) struct Keeps {
    from: String,
    to: String,
    stops_at: Option<String>,
    kept: HashMap<u64, String>,
}

impl Keeps {
    pub(super) fn replacing(from: &str, to: &str) -> Self {
        Self { from: from.to_owned(), to: to.to_owned(), ..Self::default() }
    }

    pub(super) fn stopping_at(text: &str) -> Self {
        Self { stops_at: Some(text.to_owned()), ..Self::replacing("\0", "") }
    }
}

impl TextFilter for Keeps {
    fn push(&mut self, track: &Track, text: &str, out: &mut String) -> ControlFlow<()> {
        let kept = self.kept.entry(track.id).or_default();
        kept.push_str(text);
        if let Some(at) = self.stops_at.as_ref().and_then(|stop| kept.find(stop)) {
            out.push_str(&kept[..at]);
            return ControlFlow::Break(());
        }
        while let Some(at) = kept.find(&self.from) {
            out.push_str(&kept[..at]);
            out.push_str(&self.to);
            kept.replace_range(..at + self.from.len(), "");
        }
        let words = [Some(&self.from), self.stops_at.as_ref()].into_iter().flatten();
        let is_beginning = |at: &usize| words.clone().any(|word| word.starts_with(&kept[*at..]));
        let bounds = kept.char_indices().map(|(at, _)| at);
        let keep_from = bounds.clone().find(is_beginning).unwrap_or(kept.len());
        out.push_str(&kept[..keep_from]);
        kept.replace_range(..keep_from, "");
        ControlFlow::Continue(())
    }

    fn end(&mut self, track: &Track, out: &mut String) -> ControlFlow<()> {
        out.push_str(&self.kept.remove(&track.id).unwrap_or_default());
        ControlFlow::Continue(())
    }

    fn release(&mut self, track: &Track, out: &mut String) -> ControlFlow<()> {
        out.push_str(&std::mem::take(self.kept.entry(track.id).or_default()));
        ControlFlow::Continue(())
    }
}

/// JSON in nothing but ASCII.
pub(super) fn escaped(json: &str) -> String {
    let mut out = String::new();
    for character in json.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").unwrap();
            }
        }
    }
    out
}
