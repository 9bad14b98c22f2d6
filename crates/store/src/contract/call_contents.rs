//! Behaviour of a repository of what was said in calls.

use futures_util::future::join_all;
use promptgate_kernel::{CallId, ProjectId, Timestamp};
use promptgate_usage::{CallContent, ToolCallRecord};

use super::samples::{WORKS, at, clock, entropy, read, write};
use crate::Store;

fn content(said: Timestamp) -> CallContent {
    let (call, project) = (CallId::mint(clock(), entropy()), ProjectId::mint(clock(), entropy()));
    CallContent { prompt: Some("why?".into()), ..CallContent::of_call(call, said, project) }
}

fn tool_call(arguments: &str) -> ToolCallRecord {
    ToolCallRecord {
        id: "call_1".into(),
        name: "look_up".into(),
        arguments: arguments.into(),
        injected: true,
    }
}

async fn record(store: &dyn Store, contents: &[&CallContent]) {
    let mut work = write(store).await;
    work.call_contents().record(contents).await.expect(WORKS);
    work.commit().await.expect(WORKS);
}

async fn find(store: &dyn Store, content: &CallContent) -> Option<CallContent> {
    read(store).await.call_contents().find(content.call_id).await.expect(WORKS)
}

/// Every field comes back as it was.
pub async fn everything_round_trips(store: &dyn Store) {
    let full = CallContent {
        prompt: Some("日本 \"x\" 🦀\n".into()),
        request: Some("{\"b\":1,\"a\":1.0}".into()),
        response: Some(String::new()),
        tool_calls: vec![
            tool_call("{\"z\":1, \"a\":2}"),
            ToolCallRecord { injected: false, ..tool_call("") },
        ],
        truncated: true,
        ..content(at(0))
    };
    let empty = CallContent { prompt: None, ..content(at(1)) };
    record(store, &[&full, &empty]).await;
    record(store, &[]).await;
    assert_eq!(find(store, &full).await.as_ref(), Some(&full));
    assert_eq!(find(store, &empty).await.as_ref(), Some(&empty));
    assert_eq!(find(store, &content(at(0))).await, None);
}

/// A prompt that is kept in the request comes back as one of its own, whatever becomes of the request.
pub async fn a_prompt_is_found_in_the_request(store: &dyn Store) {
    let said = |request: &str| {
        let start = request.find("\"why").expect("it is there");
        let prompt_in_request = Some(start..start + request[start + 1..].find('"').expect("it ends") + 2);
        CallContent { prompt: None, prompt_in_request, request: Some(request.into()), ..content(at(0)) }
    };
    let long = format!("{{\"x\":\"{}\",\"said\":\"why?\"}}", "x".repeat(CallContent::MAX_BYTES));
    for (request, prompt) in [
        ("[\"é\",{\"said\":\"why\\n?\"}]", "why\n?"),
        ("[\"why\\u0000?\"]", "why\u{fffd}?"),
        ("[\0,\"why?\"]", "why?"),
        (&long, "why?"),
    ] {
        let content = said(request);
        record(store, &[&content]).await;
        let found = find(store, &content).await.expect("it is there");
        assert_eq!((found.prompt.as_deref(), found.prompt_in_request), (Some(prompt), None));
    }
}

/// U+0000 becomes U+FFFD wherever it is, and what is too long is cut.
pub async fn what_one_engine_cannot_keep_is_replaced_on_all(store: &dyn Store) {
    let dirty = CallContent {
        prompt: Some("\0".into()),
        response: Some("é".repeat(CallContent::MAX_BYTES)),
        tool_calls: vec![tool_call("\0")],
        ..content(at(0))
    };
    record(store, &[&dirty]).await;
    let found = find(store, &dirty).await.expect("it is there");
    assert_eq!((found.prompt.as_deref(), &*found.tool_calls[0].arguments), (Some("\u{fffd}"), "\u{fffd}"));
    assert_eq!(found.response, Some("é".repeat(CallContent::MAX_BYTES / 2)));
    assert!(found.truncated);
}

/// A content that comes again, in the same call or later, is ignored; so are many at once.
pub async fn recording_again_changes_nothing(store: &dyn Store) {
    let contents: Vec<CallContent> = (0..150).map(|micros| content(at(micros))).collect();
    let again = CallContent { prompt: None, ..contents[0].clone() };
    join_all((0..4).map(|writer| {
        let mut contents: Vec<&CallContent> = contents.iter().chain([&contents[0]]).collect();
        if writer % 2 == 1 {
            contents.reverse();
        }
        async move { record(store, &contents).await }
    }))
    .await;
    record(store, &[&again]).await;
    for content in &contents {
        assert_eq!(find(store, content).await.as_ref(), Some(content));
    }
}

/// Each call takes at most as many as allowed, the oldest first, and none that is young enough.
pub async fn pruning_takes_the_oldest_in_batches(store: &dyn Store) {
    let contents = [3, 1, 4, 2].map(|micros| content(at(micros)));
    record(store, &contents.each_ref()).await;
    for (removed, left) in
        [(2, [true, false, true, false]), (1, [false, false, true, false]), (0, [false, false, true, false])]
    {
        let mut work = write(store).await;
        assert_eq!(work.call_contents().prune(at(4), 2).await.expect(WORKS), removed);
        work.commit().await.expect(WORKS);
        for (content, left) in contents.iter().zip(left) {
            assert_eq!(find(store, content).await.is_some(), left);
        }
    }
}
