//! Behaviour of a repository of conversations.

use futures_util::future::join_all;
use promptgate_endpoints::{AiSession, Append, Endpoint, Message, Role, SessionMessage, TurnRecord};
use promptgate_kernel::{AiSessionId, Timestamp, TokenId};

use super::samples::{WORKS, at, clock, entropy, read, stored_endpoint, write};
use crate::Store;

fn message(position: u32, role: Role, text: &str) -> SessionMessage {
    SessionMessage {
        position,
        message: Message::text_of(role, text),
        prompt_tokens: 0,
        completion_tokens: 0,
        created_at: at(i64::from(position)),
    }
}

fn session(endpoint: &Endpoint, active: Timestamp) -> AiSession {
    AiSession {
        id: AiSessionId::mint(clock(), entropy()),
        endpoint_id: endpoint.id,
        project_id: endpoint.project_id,
        token_id: TokenId::mint(clock(), entropy()),
        total_messages: 2,
        total_tokens: 5,
        created_at: at(0),
        last_activity_at: active,
    }
}

fn first_turn() -> [SessionMessage; 2] {
    [message(0, Role::User, "hello"), message(1, Role::Assistant, "hi")]
}

fn turn(text: &str, over: Timestamp) -> TurnRecord {
    let messages = vec![message(0, Role::User, text), message(1, Role::Assistant, "yes")];
    TurnRecord { messages, total_tokens: 10, at: over }
}

async fn stored(store: &dyn Store, endpoint: &Endpoint, active: Timestamp) -> AiSession {
    let session = session(endpoint, active);
    let mut work = write(store).await;
    work.sessions().create(&session, &first_turn()).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    session
}

async fn append(store: &dyn Store, id: AiSessionId, turn: &TurnRecord, max: u32) -> Append {
    let mut work = write(store).await;
    let appended = work.sessions().append(id, turn, max).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    appended
}

async fn find(store: &dyn Store, session: &AiSession) -> Option<AiSession> {
    read(store).await.sessions().find(session.id).await.expect(WORKS)
}

async fn messages(store: &dyn Store, id: AiSessionId) -> Vec<SessionMessage> {
    read(store).await.sessions().messages(id).await.expect(WORKS)
}

async fn remove_idle(store: &dyn Store, endpoint: Option<&Endpoint>, before: i64, limit: u32) -> u64 {
    let mut work = write(store).await;
    let endpoint = endpoint.map(|endpoint| endpoint.id);
    let removed = work.sessions().remove_idle(endpoint, at(before), limit).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    removed
}

/// A conversation and what was said in it come back as they were, to the letter.
pub async fn everything_round_trips(store: &dyn Store) {
    let endpoint = stored_endpoint(store).await;
    let session =
        AiSession { total_messages: 3, total_tokens: i64::MAX.unsigned_abs(), ..session(&endpoint, at(4)) };
    let given = r#"{"role":"user","content":[{"type":"text","text":"日本\u0000"},{"type":"image_url","z":1.0,"a":[1e2]}],"name":"x"}"#;
    let tools = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1","function":{"name":"f","arguments":"{}"}}]}"#;
    let mut said: Vec<SessionMessage> =
        (0..3).map(|position| message(position, Role::Tool, "\u{0} 🦀")).collect();
    said[0].message = serde_json::from_str(given).expect("a message");
    said[1].message = serde_json::from_str(tools).expect("a message");
    said[1].prompt_tokens = i64::MAX.unsigned_abs();
    said[1].completion_tokens = 9;
    let mut work = write(store).await;
    work.sessions().create(&session, &said).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    assert_eq!(find(store, &session).await.as_ref(), Some(&session));
    let found = messages(store, session.id).await;
    assert_eq!(found, said);
    assert_eq!(serde_json::to_string(&found[0].message).expect("JSON"), given);
}

/// A turn is appended behind what was said before, and its totals are added.
pub async fn a_turn_is_appended(store: &dyn Store) {
    let session = stored(store, &stored_endpoint(store).await, at(1)).await;
    let appended = append(store, session.id, &turn("more", at(7)), 4).await;
    let expected =
        AiSession { total_messages: 4, total_tokens: 15, last_activity_at: at(7), ..session.clone() };
    assert_eq!(appended, Append::Done(expected.clone()));
    assert_eq!(find(store, &session).await.as_ref(), Some(&expected));
    let said = messages(store, session.id).await;
    assert_eq!(said.iter().map(|message| message.position).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(said[2].message.text(), "more");
    let expected = AiSession { total_messages: 6, total_tokens: 25, ..expected };
    assert_eq!(append(store, session.id, &turn("late", at(3)), 6).await, Append::Done(expected));
}

/// A conversation does not outgrow its bound, and one that is gone stays gone.
pub async fn a_turn_that_does_not_fit_is_refused(store: &dyn Store) {
    let session = stored(store, &stored_endpoint(store).await, at(1)).await;
    assert_eq!(append(store, session.id, &turn("more", at(7)), 3).await, Append::Full);
    assert_eq!(
        (find(store, &session).await, messages(store, session.id).await.len()),
        (Some(session.clone()), 2)
    );
    let mut work = write(store).await;
    assert!(work.sessions().remove(session.id).await.expect(WORKS));
    assert!(!work.sessions().remove(session.id).await.expect(WORKS));
    work.commit().await.expect(WORKS);
    assert_eq!(append(store, session.id, &turn("more", at(7)), 500).await, Append::Gone);
    assert_eq!(messages(store, session.id).await, []);
}

/// Turns that end at the same time take their places one after another, up to the bound.
pub async fn turns_at_the_same_time_share_no_place(store: &dyn Store) {
    let session = stored(store, &stored_endpoint(store).await, at(1)).await;
    let turns: Vec<_> = (0..20).map(|number| turn(&number.to_string(), at(7))).collect();
    let appended = join_all(turns.iter().map(|turn| append(store, session.id, turn, 32))).await;
    assert_eq!(appended.iter().filter(|appended| **appended == Append::Full).count(), 5);
    let said = messages(store, session.id).await;
    assert_eq!(said.iter().map(|message| message.position).collect::<Vec<_>>(), (0..32).collect::<Vec<_>>());
    for pair in said[2..].chunks(2) {
        assert_eq!((pair[0].message.role, pair[1].message.role), (Role::User, Role::Assistant));
    }
    let found = find(store, &session).await.expect("it is there");
    assert_eq!((found.total_messages, found.total_tokens), (32, 5 + 15 * 10));
}

/// Silent conversations go, of one endpoint or of all, the longest silent first and few at a time.
pub async fn idle_ones_go_in_batches(store: &dyn Store) {
    let (one, other) = (stored_endpoint(store).await, stored_endpoint(store).await);
    let mut sessions = Vec::new();
    for (endpoint, active) in [(&one, 3), (&one, 1), (&other, 2), (&one, 9)] {
        sessions.push(stored(store, endpoint, at(active)).await);
    }
    assert_eq!(remove_idle(store, Some(&one), 3, 10).await, 1);
    assert_eq!((remove_idle(store, None, 9, 1).await, remove_idle(store, None, 9, 10).await), (1, 1));
    assert_eq!(remove_idle(store, None, 9, 10).await, 0);
    for session in &sessions[..3] {
        assert_eq!((find(store, session).await, messages(store, session.id).await.len()), (None, 0));
    }
    assert_eq!(messages(store, sessions[3].id).await, first_turn());
}

/// Conversations go with their endpoint.
pub async fn they_go_with_their_endpoint(store: &dyn Store) {
    let endpoint = stored_endpoint(store).await;
    let session = stored(store, &endpoint, at(1)).await;
    let mut work = write(store).await;
    work.endpoints().remove(endpoint.id).await.expect(WORKS);
    work.commit().await.expect(WORKS);
    assert_eq!((find(store, &session).await, messages(store, session.id).await.len()), (None, 0));
}
