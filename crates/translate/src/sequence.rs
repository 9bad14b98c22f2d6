//! One block at a time, for formats that cannot have several open.

use std::collections::VecDeque;

use crate::StreamEvent;

/// Holds back what belongs to a block whose turn has not come.
#[derive(Debug, Default)]
pub(crate) struct Sequence {
    current: Option<usize>,
    waiting: VecDeque<(usize, Vec<StreamEvent>)>,
}

impl Sequence {
    /// Takes an event and hands on those whose turn it is.
    pub(crate) fn push(&mut self, event: &StreamEvent, mut next: impl FnMut(&StreamEvent)) {
        match event {
            StreamEvent::Open { index, .. } => {
                if self.current.is_none() {
                    self.current = Some(*index);
                    next(event);
                } else {
                    self.waiting.push_back((*index, vec![event.clone()]));
                }
            }
            StreamEvent::Delta { index, .. }
            | StreamEvent::Signature { index, .. }
            | StreamEvent::Close { index } => self.within(*index, event, &mut next),
            StreamEvent::Stop(_) => {
                self.flush(&mut next);
                next(event);
            }
            _ => next(event),
        }
    }

    fn within(&mut self, index: usize, event: &StreamEvent, next: &mut impl FnMut(&StreamEvent)) {
        if self.current == Some(index) {
            next(event);
            if matches!(event, StreamEvent::Close { .. }) {
                self.current = None;
                self.advance(next);
            }
        } else if let Some((_, held)) = self.waiting.iter_mut().find(|(waiting, _)| *waiting == index) {
            match (held.last_mut(), event) {
                (Some(StreamEvent::Delta { text, .. }), StreamEvent::Delta { text: more, .. }) => {
                    text.push_str(more);
                }
                _ => held.push(event.clone()),
            }
        }
    }

    fn advance(&mut self, next: &mut impl FnMut(&StreamEvent)) {
        while self.current.is_none() {
            let Some((index, held)) = self.waiting.pop_front() else { return };
            held.iter().for_each(&mut *next);
            if !matches!(held.last(), Some(StreamEvent::Close { .. })) {
                self.current = Some(index);
            }
        }
    }

    /// Closes whatever is still open: the model stopped.
    fn flush(&mut self, next: &mut impl FnMut(&StreamEvent)) {
        while let Some(index) = self.current.take() {
            next(&StreamEvent::Close { index });
            self.advance(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{Opening, Stop};

    use super::*;

    fn order(events: &[StreamEvent]) -> Vec<StreamEvent> {
        let (mut sequence, mut seen) = (Sequence::default(), Vec::new());
        for event in events {
            sequence.push(event, |event| seen.push(event.clone()));
        }
        seen
    }

    fn open(index: usize) -> StreamEvent {
        StreamEvent::Open { index, opening: Opening::Text }
    }

    fn delta(index: usize, text: &str) -> StreamEvent {
        StreamEvent::Delta { index, text: text.to_owned() }
    }

    const fn close(index: usize) -> StreamEvent {
        StreamEvent::Close { index }
    }

    #[test]
    fn what_is_interleaved_comes_one_after_another() {
        let seen = order(&[
            open(0),
            delta(0, "a"),
            open(1),
            delta(1, "x"),
            delta(0, "b"),
            delta(1, "y"),
            open(2),
            close(1),
            close(0),
            delta(2, "z"),
            close(2),
            StreamEvent::Stop(Stop::End),
        ]);
        let expected = [
            open(0),
            delta(0, "a"),
            delta(0, "b"),
            close(0),
            open(1),
            delta(1, "xy"),
            close(1),
            open(2),
            delta(2, "z"),
            close(2),
            StreamEvent::Stop(Stop::End),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn what_is_left_open_is_closed_at_the_end() {
        let seen = order(&[open(0), open(1), delta(1, "x"), delta(7, "lost"), StreamEvent::Stop(Stop::End)]);
        let expected = [open(0), close(0), open(1), delta(1, "x"), close(1), StreamEvent::Stop(Stop::End)];
        assert_eq!(seen, expected);
    }
}
