//! Answers with ids that lead back.

use bytes::Bytes;
use promptgate_kernel::ProjectId;

use super::texts::{Place, Texts};
use super::{Affinity, Holder, Kept, Pin};

/// Which ids of an answer its client gets in other words.
#[derive(Debug, Clone)]
pub(crate) struct AnswerIds {
    /// For whom.
    pub(crate) holder: Holder,
    /// What the `id` of the answer names; none where it is nothing that can be asked for by it alone.
    pub(crate) names: Option<Kept>,
    /// The client's ids by the provider's, where the client has them already.
    pub(crate) known: Vec<(String, String)>,
}

/// Writes an answer anew with the client's ids. Everything else stays byte for byte.
pub(crate) struct IdWriter {
    texts: Texts,
    swap: Swap,
}

struct Swap {
    affinity: Affinity,
    holder: Holder,
    names: Option<Kept>,
    pin: Pin,
    known: Vec<(String, String)>,
    /// What is put behind reasoning; made when there is some.
    mark: Option<String>,
}

impl IdWriter {
    /// A writer for the answer of whoever `pin` says.
    pub(crate) fn new(ids: AnswerIds, pin: Pin, affinity: Affinity, streamed: bool) -> Self {
        let AnswerIds { holder, names, known } = ids;
        Self {
            texts: if streamed { Texts::of_stream() } else { Texts::of_document() },
            swap: Swap { affinity, holder, names, pin, known, mark: None },
        }
    }

    /// The next piece, as the client gets it.
    pub(crate) fn write(&mut self, piece: &[u8]) -> Bytes {
        let mut out = Vec::with_capacity(piece.len() + 256);
        let Self { texts, swap } = self;
        texts.pass(piece, &mut |place, text| swap.text(place, text), &mut out);
        out.into()
    }

    /// What is left at the end; nothing, unless the answer broke off.
    pub(crate) fn end(&mut self) -> Bytes {
        let mut out = Vec::new();
        self.texts.end(&mut out);
        out.into()
    }

    /// An answer that is here as a whole.
    pub(crate) fn whole(mut self, body: &[u8]) -> Bytes {
        let mut out = self.write(body).to_vec();
        out.extend_from_slice(&self.end());
        out.into()
    }
}

impl Swap {
    fn text(&mut self, place: Place, text: &str) -> Option<String> {
        if text.is_empty() {
            return None;
        }
        match place {
            Place::Id => self.names.map(|kept| self.id(kept, text)),
            Place::Previous => Some(self.id(Kept::Response, text)),
            Place::Conversation => Some(self.id(Kept::Conversation, text)),
            Place::Encrypted => Some(format!("{text}{}", self.mark())),
        }
    }

    /// The client's id. One that comes again is the same again.
    fn id(&mut self, kept: Kept, own: &str) -> String {
        if let Some((_, id)) = self.known.iter().find(|(known, _)| known == own) {
            return id.clone();
        }
        let id = self.affinity.seal(kept, own, self.pin, self.holder);
        self.known.push((own.to_owned(), id.clone()));
        id
    }

    fn mark(&mut self) -> &str {
        let (pin, project): (Pin, ProjectId) = (self.pin, self.holder.project);
        self.mark.get_or_insert_with(|| self.affinity.mark(pin, project))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fixture;
    use super::*;

    fn writer(known: Vec<(String, String)>, streamed: bool) -> (IdWriter, Affinity, Pin, Holder) {
        let (affinity, pin, [holder, _]) = fixture();
        let ids = AnswerIds { holder, names: Some(Kept::Response), known };
        (IdWriter::new(ids, pin, affinity.clone(), streamed), affinity, pin, holder)
    }

    #[test]
    fn an_answer_has_ids_that_lead_back() {
        let (writer, affinity, pin, holder) =
            writer(vec![("resp_0".to_owned(), "resp_mine".to_owned())], false);
        let body = br#"{"id":"resp_1","previous_response_id":"resp_0","conversation":null,"output":[{"id":"msg_1"}]}"#;
        let written: serde_json::Value = serde_json::from_slice(&writer.whole(body)).unwrap();
        let opened = affinity.open(Kept::Response, written["id"].as_str().unwrap(), holder);
        assert_eq!(opened, Some((pin, "resp_1".to_owned())));
        assert_eq!(written["previous_response_id"], "resp_mine");
        assert_eq!(written["output"][0]["id"], "msg_1");
    }

    #[test]
    fn all_events_of_a_stream_tell_the_same_id() {
        let (mut writer, ..) = writer(Vec::new(), true);
        let event = b"data: {\"response\":{\"id\":\"resp_1\"}}\n\n";
        let (first, second) = (writer.write(event), writer.write(event));
        assert_eq!(first, second);
        assert!(first.starts_with(b"data: {\"response\":{\"id\":\"resp_pg1"));
        assert!(writer.end().is_empty());
    }

    #[test]
    fn reasoning_is_marked_once_and_empty_reasoning_never() {
        let (writer, affinity, pin, holder) = writer(Vec::new(), false);
        let body = br#"{"output":[{"encrypted_content":"gAA="},{"encrypted_content":""},{"encrypted_content":null}]}"#;
        let written: serde_json::Value = serde_json::from_slice(&writer.whole(body)).unwrap();
        let marked = written["output"][0]["encrypted_content"].as_str().unwrap();
        assert_eq!(affinity.unmark(marked, holder.project), Some(("gAA=", Some(pin))));
        assert_eq!(written["output"][1]["encrypted_content"], "");
    }
}
