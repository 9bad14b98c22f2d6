//! Requests that go on from something that a provider keeps.

use bytes::Bytes;
use promptgate_wire::BadRequest;

use super::texts::{Place, Texts};
use super::{Affinity, Holder, Kept, Pin};
use crate::refusal::Refusal;

/// What a request of the responses API goes on from.
#[derive(Debug, Default)]
pub(crate) struct Continued {
    /// The body with the provider's own ids.
    pub(crate) body: Bytes,
    /// Where the response or conversation is that it continues.
    pub(crate) pin: Option<Pin>,
    /// Where the reasoning in it can be decrypted.
    pub(crate) reasoning: Option<Pin>,
    /// The client's ids by the provider's, for the answer, which repeats them.
    pub(crate) known: Vec<(String, String)>,
}

/// Puts the provider's ids in place of the client's, in a body whose members have been checked for those
/// that could be read in two ways. An id that was not made for the holder is not
/// found, whoever else it may belong to.
pub(crate) fn read_request(body: &Bytes, affinity: &Affinity, holder: Holder) -> Result<Continued, Refusal> {
    let mut texts = Texts::of_document();
    let mut outgoing = Vec::with_capacity(body.len());
    let mut continued = Continued::default();
    let mut wrong = None;
    let mut kept = |kind: Kept, field: &str, id: &str, continued: &mut Continued| {
        let Some((pin, own)) = affinity.open(kind, id, holder) else {
            wrong.get_or_insert(kind.missing());
            return None;
        };
        if continued.pin.is_some() {
            wrong.get_or_insert(Refusal::BadRequest(ambiguous(field)));
        }
        continued.pin = Some(pin);
        continued.known.push((own.clone(), id.to_owned()));
        Some(own)
    };
    let mut swap = |place: Place, text: &str| match place {
        Place::Id => None,
        Place::Previous => kept(Kept::Response, "previous_response_id", text, &mut continued),
        Place::Conversation => kept(Kept::Conversation, "conversation", text, &mut continued),
        Place::Encrypted => {
            let (reasoning, pin) = affinity.unmark(text, holder.project)?;
            continued.reasoning = pin.or(continued.reasoning);
            Some(reasoning.to_owned())
        }
    };
    texts.pass(body, &mut swap, &mut outgoing);
    texts.end(&mut outgoing);
    match wrong {
        Some(refusal) => Err(refusal),
        None => Ok(Continued { body: outgoing.into(), ..continued }),
    }
}

/// It goes on from two things, or from one twice.
fn ambiguous(field: &str) -> BadRequest {
    BadRequest {
        field: Some(field.to_owned()),
        message: format!(
            "`{field}`: the body goes on from more than one thing; `previous_response_id` and `conversation` exclude each \
             other"
        ),
        code: "ambiguous_body",
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::fixture;
    use super::*;

    #[test]
    fn ids_of_the_holder_become_the_providers_and_others_are_not_found() {
        let (affinity, pin, [holder, other]) = fixture();
        let id = affinity.seal(Kept::Response, "resp_1", pin, holder);
        let body = Bytes::from(format!(r#"{{"model":"m","previous_response_id":"{id}","input":"hi"}}"#));
        let continued = read_request(&body, &affinity, holder).unwrap();
        assert_eq!(continued.body, r#"{"model":"m","previous_response_id":"resp_1","input":"hi"}"#);
        assert_eq!((continued.pin, continued.known), (Some(pin), vec![("resp_1".to_owned(), id)]));
        for (body, holder) in [(body, other), (Bytes::from(r#"{"previous_response_id":"resp_1"}"#), holder)] {
            let refused = read_request(&body, &affinity, holder).unwrap_err();
            assert_eq!((refused.status(), refused.code()), (404, "response_not_found"));
        }
    }

    #[test]
    fn conversations_come_in_both_forms() {
        let (affinity, pin, [holder, _]) = fixture();
        let id = affinity.seal(Kept::Conversation, "conv_1", pin, holder);
        for (given, sent) in [
            (format!(r#"{{"conversation":"{id}"}}"#), r#"{"conversation":"conv_1"}"#),
            (format!(r#"{{"conversation":{{"id":"{id}"}}}}"#), r#"{"conversation":{"id":"conv_1"}}"#),
        ] {
            assert_eq!(read_request(&given.into(), &affinity, holder).unwrap().body, sent);
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        let (affinity, pin, [holder, _]) = fixture();
        let id = affinity.seal(Kept::Response, "resp_1", pin, holder);
        for body in [
            format!(r#"{{"previous_response_id":"{id}","previous_response_id":"{id}"}}"#),
            format!(r#"{{"previous_response_id":"{id}","previous\u005fresponse_id":"{id}"}}"#),
        ] {
            let refused = read_request(&body.into(), &affinity, holder).unwrap_err();
            assert_eq!(refused.code(), "ambiguous_body");
        }
    }

    #[test]
    fn reasoning_loses_its_mark_and_says_where_it_belongs() {
        let (affinity, pin, [holder, _]) = fixture();
        let mark = affinity.mark(pin, holder.project);
        let body = format!(r#"{{"input":[{{"type":"reasoning","encrypted_content":"gAA={mark}"}}]}}"#);
        let continued = read_request(&body.into(), &affinity, holder).unwrap();
        assert_eq!(continued.body, r#"{"input":[{"type":"reasoning","encrypted_content":"gAA="}]}"#);
        assert_eq!((continued.pin, continued.reasoning), (None, Some(pin)));
    }
}
