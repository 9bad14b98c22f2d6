//! An answer on its way from the provider's format to the client's.

use bytes::Bytes;
use promptgate_providers::{Operation, Shape};
use promptgate_translate::embeddings::Encoding;
use promptgate_translate::{Context, Failure, ProviderError, StreamTranslator, read_error, sse};
use promptgate_wire::{ApiProblem, Observed, Observer, Surface, estimate};

use crate::affinity::IdWriter;

/// What an answer goes through.
#[derive(Debug, Clone)]
pub(crate) enum Passage {
    /// Nothing: both sides speak the same format.
    Same {
        /// What was asked for.
        operation: Operation,
        /// Whether the usage at the end of a stream is the gateway's wish and not for the client.
        hide_usage: bool,
    },
    /// A translation.
    Other {
        /// The provider's format.
        from: Shape,
        /// The client's.
        to: Shape,
        /// What the answer says about itself.
        context: Context,
    },
    /// Cohere's embeddings become OpenAI's.
    Embeddings {
        /// The model, as the client is to see it.
        model: String,
        /// How the client wants its vectors.
        encoding: Encoding,
    },
    /// Nothing, and nothing of it is read.
    Unread,
}

impl Passage {
    /// The format that the provider answers in, where it is known.
    pub(crate) fn provider_shape(&self) -> Option<Shape> {
        match self {
            Self::Same { operation, .. } => Some((*operation).into()),
            Self::Other { from, .. } => Some(*from),
            Self::Embeddings { .. } => Some(Shape::CohereEmbed),
            Self::Unread => None,
        }
    }

    /// Opens the way for a stream.
    pub(crate) fn stream(&self) -> Passing {
        let way = match self {
            Self::Same { operation, hide_usage } => {
                Way::Same(Box::new(Observer::new(*operation, true, *hide_usage)))
            }
            Self::Other { from, to, context } => {
                Way::Other(Box::new(StreamTranslator::new(*from, *to, context.clone())))
            }
            Self::Embeddings { .. } | Self::Unread => Way::Unread { bytes: 0 },
        };
        Passing { way, ids: None }
    }
}

/// A stream on its way.
pub(crate) struct Passing {
    way: Way,
    /// Writes the ids that lead back to what the provider keeps.
    ids: Option<IdWriter>,
}

enum Way {
    Same(Box<Observer>),
    Other(Box<StreamTranslator>),
    Unread { bytes: u64 },
}

impl Passing {
    /// The same, with the client's ids.
    pub(crate) fn with_ids(self, ids: Option<IdWriter>) -> Self {
        Self { ids, ..self }
    }

    /// What the client gets of the next piece. May be empty.
    pub(crate) fn push(&mut self, piece: Bytes) -> Bytes {
        let passed = match &mut self.way {
            Way::Same(observer) => observer.observe(piece),
            Way::Other(translator) => translator.push(&piece),
            Way::Unread { bytes } => {
                *bytes += piece.len() as u64;
                piece
            }
        };
        self.written(passed)
    }

    /// What the client gets when the provider is done. Often empty.
    pub(crate) fn end(&mut self) -> Bytes {
        let rest = match &mut self.way {
            Way::Same(observer) => observer.end(),
            Way::Other(translator) => translator.end(),
            Way::Unread { .. } => Bytes::new(),
        };
        let rest = self.written(rest);
        match self.ids.as_mut().map(IdWriter::end) {
            Some(last) if !last.is_empty() => [&rest[..], &last[..]].concat().into(),
            _ => rest,
        }
    }

    /// What ends a stream that fails now, in the client's words.
    pub(crate) fn fail(&mut self, surface: Surface, problem: &ApiProblem) -> Bytes {
        match &mut self.way {
            Way::Same(observer) => observer.fail(surface, problem),
            Way::Other(translator) => translator.fail(&Failure {
                status: problem.status,
                code: problem.code,
                message: &problem.message,
            }),
            Way::Unread { .. } => Bytes::new(),
        }
    }

    fn written(&mut self, passed: Bytes) -> Bytes {
        match &mut self.ids {
            Some(ids) if !passed.is_empty() => ids.write(&passed),
            _ => passed,
        }
    }

    /// Whether something of the answer was seen that a client would miss: text, thoughts, a tool call,
    /// a refusal.
    pub(crate) fn has_content(&self) -> bool {
        match &self.way {
            Way::Same(observer) => observer.has_content(),
            Way::Other(translator) => translator.has_content(),
            Way::Unread { bytes } => *bytes > 0,
        }
    }

    /// Bytes of text that the model wrote so far.
    pub(crate) fn text_bytes(&self) -> u64 {
        match &self.way {
            Way::Same(observer) => observer.written(),
            Way::Other(translator) => translator.written(),
            Way::Unread { .. } => 0,
        }
    }

    /// Whether the answer came to its proper end.
    pub(crate) fn has_ended(&self) -> bool {
        match &self.way {
            Way::Same(observer) => observer.has_ended(),
            Way::Other(translator) => translator.has_ended(),
            Way::Unread { .. } => false,
        }
    }

    /// Whether the provider reported an error in its answer.
    pub(crate) fn has_reported(&self) -> bool {
        match &self.way {
            Way::Same(observer) => observer.has_reported(),
            Way::Other(translator) => translator.reported().is_some(),
            Way::Unread { .. } => false,
        }
    }

    /// Whether the model stopped without being done. That is reported, too, but it took something.
    pub(crate) fn is_broken_off(&self) -> bool {
        matches!(&self.way, Way::Other(translator) if translator.is_broken_off())
    }

    /// Whether it may end at any point.
    pub(crate) const fn is_unread(&self) -> bool {
        matches!(self.way, Way::Unread { .. })
    }

    /// The error that the provider reported. `held` is what was passed so far.
    pub(crate) fn reported(&self, held: &[Bytes], shape: Option<Shape>) -> Option<ProviderError> {
        if let Way::Other(translator) = &self.way {
            return translator.reported().cloned();
        }
        let (shape, mut found, mut decoder) = (shape?, None, sse::Decoder::new());
        let mut look = |data: &str| {
            if found.is_none() {
                found = read_error(shape, data.as_bytes());
            }
        };
        for piece in held {
            let _ = decoder.push(piece, |_, data| look(data));
        }
        // The last event may never have come to its end.
        let _ = decoder.end(|_, data| look(data));
        found
    }

    /// What was seen so far.
    pub(crate) fn observed(&self) -> Observed {
        match &self.way {
            Way::Same(observer) => observer.observed(),
            Way::Other(translator) => {
                let seen = translator.seen();
                let mut tokens = seen.usage.filter(|tokens| tokens.total() > 0 || seen.output_bytes == 0);
                let partial = !seen.ended && tokens.is_some();
                if let Some(tokens) = tokens.as_mut().filter(|_| partial) {
                    tokens.output = tokens.output.max(estimate::tokens_of_bytes(seen.output_bytes));
                }
                Observed {
                    tokens,
                    partial,
                    output_bytes: seen.output_bytes,
                    model: seen.model,
                    response_id: seen.response_id,
                    ended: seen.ended,
                    error_event: translator.reported().is_some(),
                }
            }
            Way::Unread { bytes } => Observed { output_bytes: *bytes, ..Observed::default() },
        }
    }
}
