//! What counts for which call, and what is said of rules that nobody can take as they are stored.

use std::fmt::{Debug, Write};

use promptgate_endpoints::Endpoint;
use promptgate_kernel::Timestamp;
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::*;
use crate::snapshot::endpoints::tests::endpoints;

fn rules(json: &str) -> Rules {
    serde_json::from_str(json).unwrap()
}

fn id<T: std::str::FromStr>(number: u32) -> T
where
    T::Err: std::fmt::Debug,
{
    format!("018f4e6e-0000-7000-8000-{number:012}").parse().unwrap()
}

const NONE: [&Arc<CompiledEndpoint>; 0] = [];

fn all(rules: Vec<(Holder, Rules)>) -> AllRules {
    AllRules { rules, ..AllRules::default() }
}

#[test]
fn the_same_rules_are_compiled_once_for_all_who_have_them_and_for_all_snapshots() {
    let kept = vec![
        (Holder::Global, rules(r#"{"content_length":{"enabled":true,"max":5}}"#)),
        (Holder::Project(id(2)), rules(r#"{"content_length":{"max":7}}"#)),
        (Holder::Token(id(9)), rules(r#"{"content_length":{"max":7}}"#)),
    ];
    let first = Guardrails::default().recompile(Some(all(kept.clone())), NONE);
    let (one, other) = (first.policy(id(1), None, &[id(7)]), first.policy(id(3), Some(id(5)), &[id(8)]));
    assert!(Arc::ptr_eq(&one, &other), "only what everybody has");
    let (of_project, of_token) = (first.policy(id(2), None, &[id(7)]), first.policy(id(1), None, &[id(9)]));
    assert!(Arc::ptr_eq(&of_project, &of_token) && !Arc::ptr_eq(&of_project, &one));
    let second = first.recompile(Some(all(kept)), NONE);
    assert!(Arc::ptr_eq(&one, &second.policy(id(1), None, &[id(7)])));
    let unchanged = second.recompile(None, NONE);
    assert!(Arc::ptr_eq(&of_token, &unchanged.policy(id(1), None, &[id(9)])));
}

#[test]
fn where_nobody_says_anything_nothing_is_looked_for() {
    let none = Guardrails::default().recompile(Some(all(vec![(Holder::Global, Rules::default())])), NONE);
    assert!(!none.policy(id(1), None, &[id(2)]).reads_input());
}

#[test]
fn a_token_goes_by_the_rules_of_those_that_it_comes_from() {
    let off = rules(r#"{"content_length":{"enabled":true,"max":1}}"#);
    let own = rules(r#"{"content_length":{"max":9}}"#);
    let kept = vec![(Holder::Token(id(1)), off.clone()), (Holder::Token(id(2)), own.clone())];
    let guardrails = Guardrails::default().recompile(Some(all(kept)), NONE);
    assert!(guardrails.has_token_rules());
    let of_child = guardrails.policy(id(7), None, &[id(3), id(1)]);
    assert!(Arc::ptr_eq(&of_child, &guardrails.policy(id(7), None, &[id(1)])));
    let of_other = guardrails.policy(id(7), None, &[id(2), id(1)]);
    assert!(Arc::ptr_eq(&of_other, &guardrails.compiled.policy(own.over(&off))));
}

#[test]
fn an_unknown_guardrail_says_nothing_and_one_that_cannot_be_read_closes_the_endpoint() {
    let read = |document: Value| match read(document.as_object().unwrap()) {
        (_, Some(EndpointFault::Unreadable(_))) => None,
        (rules, _) => Some(rules),
    };
    let some = json!({"pii": {"enabled": true}, "content_length": {"enabled": true, "max": 1}});
    assert_eq!(read(some), Some(rules(r#"{"content_length":{"enabled":true,"max":1}}"#)));
    let of_tomorrow = json!({"content_length": {"enabled": true, "most": 1}});
    assert_eq!(read(of_tomorrow), Some(rules(r#"{"content_length":{"enabled":true}}"#)));
    assert_eq!(read(json!({"content_length": {"enabled": true, "max": "long"}})), None);
}

#[test]
fn rules_that_cannot_be_read_close_what_they_govern_and_nothing_else() {
    let mut kept = AllRules::default();
    kept.add(Holder::Project(id(1)), r#"{"content_length":{"max":"long"}}"#);
    kept.add(Holder::Token(id(9)), "no JSON at all");
    kept.add(Holder::Project(id(2)), r#"{"content_length":{"enabled":true,"max":7,"most":8}}"#);
    let guardrails = Guardrails::default().recompile(Some(kept), NONE);
    assert!(guardrails.has_token_rules());
    let is_open = |project, line: &[u32]| {
        let line: Vec<TokenId> = line.iter().map(|number| id(*number)).collect();
        let policy = guardrails.policy(id(project), None, &line);
        policy.access().check(None, Timestamp::default()).is_ok()
    };
    assert!(!is_open(1, &[7]) && is_open(2, &[7]) && is_open(3, &[7]));
    assert!(!is_open(3, &[9]) && !is_open(3, &[7, 9]));
    assert!(guardrails.policy(id(2), None, &[id(7)]).reads_input(), "what is known of it counts");
    let mut kept = AllRules::default();
    kept.add(Holder::Global, "[]");
    let all_closed = guardrails.recompile(Some(kept), NONE);
    assert!(all_closed.policy(id(3), None, &[]).access().check(None, Timestamp::default()).is_err());
}

/// Everything that is logged, a line each.
#[derive(Debug, Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, "{}={value:?} ", field.name()).unwrap();
    }
}

impl Subscriber for Told {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

fn endpoint(guardrails: &Value) -> Arc<CompiledEndpoint> {
    let stored = endpoints().remove(0);
    let guardrails = guardrails.as_object().unwrap().clone();
    Arc::new(CompiledEndpoint::compile(Endpoint { guardrails, ..stored }).unwrap())
}

#[test]
fn what_cannot_be_taken_is_told_once_and_never_what_is_stored() {
    let told = Told::default();
    tracing::subscriber::with_default(told.clone(), || {
        let holders = || {
            let mut kept = AllRules::default();
            kept.add(Holder::Project(id(1)), r#"{"keyword_blocklist":{"words":"my-secret-word"}}"#);
            kept.add(Holder::Project(id(2)), r#"{"pii_filter":{"types":["email","my-secret-kind"]}}"#);
            Some(kept)
        };
        let unknown = endpoint(&json!({"content_length": {"most": 1}}));
        let first = Guardrails::default().recompile(holders(), [&unknown]);
        let lines = told.take();
        let of = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
        assert_eq!(
            (lines.len(), of("content_length.most"), of("pii_filter.types[1]")),
            (3, 1, 1),
            "{lines:?}"
        );
        assert_eq!((of("keyword_blocklist.words"), of("my-secret")), (1, 0), "{lines:?}");

        let second = first.recompile(holders(), [&unknown]);
        assert_eq!(told.take(), [""; 0]);

        let more = endpoint(&json!({"content_length": {"most": 1, "least": 1}}));
        let third = second.recompile(None, [&more]);
        let lines = told.take();
        assert!(lines.len() == 1 && lines[0].contains("content_length.least"), "{lines:?}");

        let broken = endpoint(&json!({"keyword_blocklist": {"words": "my-secret-word"}}));
        let fourth = third.recompile(None, [&broken]);
        let lines = told.take();
        assert!(lines.len() == 1 && lines[0].contains("keyword_blocklist.words"), "{lines:?}");
        assert!(!lines[0].contains("my-secret"), "{lines:?}");
        fourth.recompile(None, [&broken]);
        assert_eq!(told.take(), [""; 0]);
    });
}
