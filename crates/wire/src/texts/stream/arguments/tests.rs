use bytes::Bytes;
use promptgate_providers::Operation;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::texts::stream::testing::{Keeps, Listens, escaped};
use crate::{TextFilter, Texts};

/// Passes arguments piece by piece.
fn passed(pieces: &[&str], filter: &mut dyn TextFilter) -> String {
    let (mut arguments, mut tracks, mut out) = (Arguments::new("a", true), 0, String::new());
    let mut sink = Sink { filter, tracks: &mut tracks };
    for piece in pieces {
        let _ = arguments.push(piece, &mut sink, &mut out);
    }
    let _ = arguments.end(&mut sink, &mut out);
    out
}

/// Where a text is, what it is, and the text, of arguments as a whole.
fn whole(arguments: &str) -> Vec<(String, Form, String)> {
    let body = json!({"messages": [{"role": "assistant", "function_call": {"arguments": arguments}}]});
    let body = Bytes::from(body.to_string());
    let texts = Texts::of_request(Operation::ChatCompletions, &body).unwrap();
    let place = "messages[0].function_call.arguments";
    texts
        .parts()
        .map(|part| (texts.path(part.index).replace(place, "a"), part.form, part.text.to_owned()))
        .filter(|(_, _, text)| !text.is_empty())
        .collect()
}

fn heard(filter: &Listens) -> Vec<(String, Form, String)> {
    let heard = filter.heard.iter().map(|(track, text)| (track.path.clone(), track.form, text.clone()));
    heard.filter(|(_, _, text)| !text.is_empty()).collect()
}

const EVERYTHING: &str = r#" { "to" : ["x\n\"y\"", {"cc@d": "\ud83d\ude00 \u00e9é\ud83d!"}, 4111111111111111, -1.5e+3, [], {} ],
    "\u006e": true , "q\"": null, "z": "\ude00\ud83d\ud83d\ude00\\", "e":"" } "#;

#[test]
fn every_split_reads_the_same() {
    let expected = whole(EVERYTHING);
    assert_eq!(expected.len(), 7, "{expected:?}");
    for (at, _) in EVERYTHING.char_indices() {
        for (next, _) in EVERYTHING[at..].char_indices() {
            let mut filter = Listens::default();
            let pieces = [&EVERYTHING[..at], &EVERYTHING[at..at + next], &EVERYTHING[at + next..]];
            assert_eq!(passed(&pieces, &mut filter), EVERYTHING);
            assert_eq!(heard(&filter), expected, "{pieces:?}");
        }
    }
}

#[test]
fn what_is_no_json_is_one_text() {
    for text in [
        "plain",
        " x",
        "{\"a\" 1}",
        "{\"a\":tru}",
        "[1,]",
        "01",
        "{}}",
        "{\"a",
        "[\"a",
        "\"\\u12",
        "nul",
        "[1.]",
        "{\"a\\",
    ] {
        for (at, _) in text.char_indices() {
            let mut filter = Listens::default();
            assert_eq!(passed(&[&text[..at], &text[at..]], &mut filter), text, "{text}");
        }
    }
    let mut filter = Listens::default();
    passed(&["pl", "ain \"text\""], &mut filter);
    assert_eq!(heard(&filter), [("a".to_owned(), Form::Text, "plain \"text\"".to_owned())]);
}

#[test]
fn numbers_and_names_become_texts() {
    let mut filter = Keeps::replacing("41111", "\"#\"");
    let text = r#"{"41111":[41111,1],"n":41111.5}"#;
    assert_eq!(passed(&[&text[..9], &text[9..]], &mut filter), r##"{"\"#\"":["\"#\"",1],"n":"\"#\".5"}"##);
}

proptest! {
    #[test]
    fn what_goes_on_is_the_same_as_of_the_whole(
        texts in proptest::collection::vec("[a-c\"\\\\\n\u{e9}\u{1f600}]{0,12}", 1..4),
        cuts in proptest::collection::vec(any::<usize>(), 0..6), ascii in any::<bool>(),
    ) {
        let mut arguments = json!({"texts": texts, "n": 1}).to_string();
        if ascii {
            arguments = escaped(&arguments);
        }
        let bounds: Vec<usize> = arguments.char_indices().map(|(at, _)| at).chain([arguments.len()]).collect();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| bounds[cut % bounds.len()]).collect();
        cuts.extend([0, arguments.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&str> = cuts.windows(2).map(|cut| &arguments[cut[0]..cut[1]]).collect();
        let out = passed(&pieces, &mut Keeps::replacing("ab\"", "\\[\"]\n"));
        let expected: Vec<String> = texts.iter().map(|text| text.replace("ab\"", "\\[\"]\n")).collect();
        let out: Value = serde_json::from_str(&out).unwrap();
        prop_assert_eq!(out, json!({"texts": expected, "n": 1}));
        prop_assert_eq!(passed(&pieces, &mut Listens::default()), arguments);
    }
}
