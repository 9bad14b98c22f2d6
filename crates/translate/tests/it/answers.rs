//! Answers and streams over all pairs of formats: ids, JSON and texts arrive as they were sent.

use promptgate_providers::Shape;
use promptgate_translate::{Failure, StreamTranslator, read_answer, write_answer};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::clients::{self, CLIENTS};
use crate::said::{Call, Said, Usage, Why, said};
use crate::support::context;
use crate::vendors::{self, PROVIDERS};

fn pairs() -> impl Iterator<Item = (Shape, Shape)> {
    PROVIDERS.into_iter().flat_map(|from| CLIENTS.into_iter().map(move |to| (from, to)))
}

/// The client's stream, when the provider's arrives in these parts.
fn translated<'a>(from: Shape, to: Shape, parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut translator = StreamTranslator::new(from, to, context());
    let mut out = Vec::new();
    for part in parts {
        out.extend_from_slice(&translator.push(part));
    }
    out.extend_from_slice(&translator.end());
    assert!(translator.has_ended(), "{from} to {to}");
    out
}

/// An answer with everything in it.
fn rich() -> Said {
    let call = |id: &str, arguments: &str| Call {
        id: id.to_owned(),
        name: "look".to_owned(),
        arguments: arguments.to_owned(),
    };
    Said {
        thought: "hm \u{1f914}\n".to_owned(),
        text: "\"é\" \\ 😀\r\n\ndata: x".to_owned(),
        calls: vec![call("call_1", r#"{"a":"\"é😀\\","b":[1,{}]}"#), call("call_2", "{}")],
        stop: Why::Calls,
        usage: Usage { read: 10, cached: 4, written: 6 },
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whole_answers_arrive(said in said()) {
        for (from, to) in pairs() {
            let answer = read_answer(from, vendors::whole(from, &said).as_bytes()).unwrap();
            let shown = clients::whole(to, &write_answer(to, &answer, &context()));
            prop_assert_eq!(&shown, &said, "{} to {}", from, to);
        }
    }

    #[test]
    fn streams_arrive(said in said(), size in 1..9_usize, cuts in proptest::collection::vec(any::<Index>(), 0..6)) {
        for (from, to) in pairs() {
            let stream = vendors::stream(from, &said, size);
            let whole = translated(from, to, [stream.as_bytes()]);
            prop_assert_eq!(&clients::streamed(to, &whole), &said, "{} to {}", from, to);
            let mut ends: Vec<_> = cuts.iter().map(|cut| cut.index(stream.len())).collect();
            ends.push(stream.len());
            ends.sort_unstable();
            let mut begin = 0;
            let parts = ends.into_iter().map(|end| &stream.as_bytes()[std::mem::replace(&mut begin, end)..end]);
            prop_assert_eq!(translated(from, to, parts), whole, "{} to {}", from, to);
        }
    }
}

#[test]
fn a_stream_may_come_byte_by_byte() {
    for (from, to) in pairs() {
        let stream = vendors::stream(from, &rich(), 3);
        let whole = translated(from, to, [stream.as_bytes()]);
        assert_eq!(clients::streamed(to, &whole), rich(), "{from} to {to}");
        assert_eq!(translated(from, to, stream.as_bytes().chunks(1)), whole, "{from} to {to}");
        let with_returns = stream.replace('\n', "\r\n");
        assert_eq!(translated(from, to, with_returns.as_bytes().chunks(7)), whole, "{from} to {to}");
    }
}

#[test]
fn a_stream_that_is_cut_off_has_not_ended_and_can_be_failed() {
    for (from, to) in pairs() {
        let stream = vendors::stream(from, &rich(), 3);
        let events: Vec<_> = stream.split_inclusive("\n\n").collect();
        // The last event of some formats only repeats what is known.
        for kept in 0..events.len() - 2 {
            let mut translator = StreamTranslator::new(from, to, context());
            translator.push(events[..kept].concat().as_bytes());
            translator.end();
            assert!(!translator.has_ended(), "{from} to {to} after {kept} events");
            let failure = Failure { status: 502, code: "upstream_broken", message: "it broke off" };
            let said = translator.fail(&failure);
            let said = std::str::from_utf8(&said).unwrap();
            assert_eq!(said.matches("it broke off").count(), 1, "{from} to {to}: {said}");
            assert!(translator.fail(&failure).is_empty() && translator.push(stream.as_bytes()).is_empty());
        }
    }
}
