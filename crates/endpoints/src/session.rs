//! Conversations that the gateway remembers.

use std::time::Duration;

use promptgate_kernel::{AiSessionId, EndpointId, ProjectId, Timestamp, TokenId};

use crate::Message;

/// What an endpoint says about its conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionRules {
    /// How long one lives without a call.
    pub ttl: Duration,
    /// The most messages it has.
    pub max_messages: u32,
    /// The most tokens it uses, prompts and answers of all turns.
    pub max_tokens: Option<u64>,
}

impl SessionRules {
    /// The life of a conversation where the endpoint says nothing: a day.
    pub const DEFAULT_TTL_SECONDS: u32 = 86_400;
    /// The most messages of any conversation.
    pub const MAX_MESSAGES: u32 = 500;
}

/// A conversation of one token with one endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AiSession {
    /// Its identity.
    pub id: AiSessionId,
    /// The endpoint it is with.
    pub endpoint_id: EndpointId,
    /// The endpoint's project.
    pub project_id: ProjectId,
    /// The token it belongs to; no other one may continue it.
    pub token_id: TokenId,
    /// How many messages it has.
    pub total_messages: u32,
    /// How many tokens it has used.
    pub total_tokens: u64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it last changed.
    pub last_activity_at: Timestamp,
}

/// A message of a conversation. It is what the provider saw, but for the endpoint's own system prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionMessage {
    /// Its place, from 0.
    pub position: u32,
    /// The message.
    pub message: Message,
    /// The tokens of the prompt that it ended; 0 for all but the last message of a turn's input.
    pub prompt_tokens: u64,
    /// The tokens of the answer that it is; 0 for what the client said.
    pub completion_tokens: u64,
    /// When it was said.
    pub created_at: Timestamp,
}

/// A turn that is about to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Turn {
    /// How many messages the client sends.
    pub messages: usize,
    /// The tokens of the prompt, by estimate.
    pub estimated_tokens: u64,
}

/// A turn that was taken, as it is appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TurnRecord {
    /// What was said, the answer last. Positions count from 0 within the turn.
    pub messages: Vec<SessionMessage>,
    /// The tokens of the turn, prompt and answer.
    pub total_tokens: u64,
    /// When it was over.
    pub at: Timestamp,
}

/// Why a conversation does not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// There is none, or it is somebody else's: 403, and nobody learns which.
    #[error("the session is unknown or belongs to another token")]
    NotYours,
    /// Nothing was said for too long: 410, and the conversation is to be removed.
    #[error("the session has expired after {idle_seconds} seconds without a message; begin a new one")]
    Expired {
        /// How long it may be silent.
        idle_seconds: u64,
    },
    /// It would have too many messages: 429.
    #[error("the session has {messages} messages and takes at most {most}; begin a new one")]
    TooManyMessages {
        /// How many it has.
        messages: u32,
        /// The most it takes.
        most: u32,
    },
    /// It would use too many tokens: 429.
    #[error("the session has used {tokens} tokens and takes at most {most}; begin a new one")]
    TooManyTokens {
        /// How many it has used.
        tokens: u64,
        /// The most it takes.
        most: u64,
    },
}

impl SessionRules {
    /// Whether `token` may take a turn of the conversation that was found under the id it gave.
    pub fn check(
        &self,
        found: Option<&AiSession>,
        endpoint: EndpointId,
        token: TokenId,
        turn: Turn,
        now: Timestamp,
    ) -> Result<(), SessionRefusal> {
        let session = found
            .filter(|session| session.token_id == token && session.endpoint_id == endpoint)
            .ok_or(SessionRefusal::NotYours)?;
        if session.is_expired(self, now) {
            return Err(SessionRefusal::Expired { idle_seconds: self.ttl.as_secs() });
        }
        // The answer is a message as well.
        self.caps(session.total_messages, session.total_tokens, turn, 1)
    }

    /// Whether a conversation may begin with a turn. One message and its answer always may.
    pub fn check_first(&self, turn: Turn) -> Result<(), SessionRefusal> {
        self.caps(0, 0, turn, 0)
    }

    fn caps(&self, messages: u32, tokens: u64, turn: Turn, answer: u32) -> Result<(), SessionRefusal> {
        let said = u32::try_from(turn.messages).unwrap_or(u32::MAX);
        if messages.saturating_add(said).saturating_add(answer) > self.max_messages {
            return Err(SessionRefusal::TooManyMessages { messages, most: self.max_messages });
        }
        match self.max_tokens {
            Some(most) if tokens.saturating_add(turn.estimated_tokens) > most => {
                Err(SessionRefusal::TooManyTokens { tokens, most })
            }
            _ => Ok(()),
        }
    }
}

impl AiSession {
    /// A conversation with its first turn.
    pub fn begin(
        id: AiSessionId,
        endpoint_id: EndpointId,
        project_id: ProjectId,
        token_id: TokenId,
        first: &TurnRecord,
    ) -> Self {
        let empty = Self {
            id,
            endpoint_id,
            project_id,
            token_id,
            total_messages: 0,
            total_tokens: 0,
            created_at: first.at,
            last_activity_at: first.at,
        };
        empty.with(first)
    }

    /// The conversation after another turn.
    #[must_use]
    pub fn with(self, turn: &TurnRecord) -> Self {
        let more = u32::try_from(turn.messages.len()).unwrap_or(u32::MAX);
        Self {
            total_messages: self.total_messages.saturating_add(more),
            total_tokens: self.total_tokens.saturating_add(turn.total_tokens),
            last_activity_at: self.last_activity_at.max(turn.at),
            ..self
        }
    }

    /// Whether nothing was said for longer than the rules allow.
    pub fn is_expired(&self, rules: &SessionRules, now: Timestamp) -> bool {
        now.since(self.last_activity_at) > rules.ttl
    }
}

impl TurnRecord {
    /// What was said in a turn: the client's messages as the model saw them, and the answer.
    pub fn new(
        said: &[Message],
        answer: Message,
        prompt_tokens: u64,
        completion_tokens: u64,
        at: Timestamp,
    ) -> Self {
        let last = said.len();
        let messages = said.iter().cloned().chain([answer]).zip(0..).map(|(message, position)| {
            let place = usize::try_from(position).unwrap_or(usize::MAX);
            SessionMessage {
                position,
                message,
                prompt_tokens: if place + 1 == last { prompt_tokens } else { 0 },
                completion_tokens: if place == last { completion_tokens } else { 0 },
                created_at: at,
            }
        });
        Self {
            messages: messages.collect(),
            total_tokens: prompt_tokens.saturating_add(completion_tokens),
            at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use proptest::prelude::*;

    const RULES: SessionRules =
        SessionRules { ttl: Duration::from_mins(1), max_messages: 4, max_tokens: Some(100) };
    const SHORT: Turn = Turn { messages: 1, estimated_tokens: 5 };

    fn id<T: std::str::FromStr>(number: u8) -> T
    where
        T::Err: std::fmt::Debug,
    {
        format!("018f4e6e-0000-7000-8000-0000000000{number:02x}").parse().unwrap()
    }

    fn turn(at: i64) -> TurnRecord {
        let said = [Message::text_of(Role::System, "s"), Message::text_of(Role::User, "u")];
        let answer = Message::text_of(Role::Assistant, "a");
        TurnRecord::new(&said[1..], answer, 30, 12, Timestamp::from_micros(at))
    }

    fn session() -> AiSession {
        AiSession::begin(id(1), id(2), id(3), id(4), &turn(1_000_000))
    }

    fn check(session: Option<&AiSession>, turn: Turn, now: i64) -> Result<(), SessionRefusal> {
        RULES.check(session, id(2), id(4), turn, Timestamp::from_micros(now))
    }

    #[test]
    fn turns_are_added_up() {
        let record = turn(1_000_000);
        let counted: Vec<_> =
            record.messages.iter().map(|m| (m.position, m.prompt_tokens, m.completion_tokens)).collect();
        assert_eq!(counted, [(0, 30, 0), (1, 0, 12)]);
        let session = session().with(&turn(5_000_000));
        assert_eq!((session.total_messages, session.total_tokens), (4, 84));
        assert_eq!(session.last_activity_at, Timestamp::from_micros(5_000_000));
        assert_eq!(session.created_at, Timestamp::from_micros(1_000_000));
    }

    #[test]
    fn only_its_own_token_and_endpoint_continue_a_conversation() {
        let (session, now) = (session(), Timestamp::from_micros(2_000_000));
        assert_eq!(check(Some(&session), SHORT, 2_000_000), Ok(()));
        assert_eq!(check(None, SHORT, 2_000_000), Err(SessionRefusal::NotYours));
        assert_eq!(RULES.check(Some(&session), id(2), id(9), SHORT, now), Err(SessionRefusal::NotYours));
        assert_eq!(RULES.check(Some(&session), id(9), id(4), SHORT, now), Err(SessionRefusal::NotYours));
    }

    #[test]
    fn silence_ends_it() {
        assert_eq!(check(Some(&session()), SHORT, 61_000_000), Ok(()));
        let expired = check(Some(&session()), SHORT, 61_000_001);
        assert_eq!(expired, Err(SessionRefusal::Expired { idle_seconds: 60 }));
        // Somebody else does not learn that it was there.
        let stranger = RULES.check(Some(&session()), id(2), id(9), SHORT, Timestamp::from_micros(i64::MAX));
        assert_eq!(stranger, Err(SessionRefusal::NotYours));
    }

    #[test]
    fn caps_count_the_turn_that_is_coming() {
        let full = session().with(&turn(1_000_000));
        let refused = check(Some(&full), SHORT, 2_000_000);
        assert_eq!(refused, Err(SessionRefusal::TooManyMessages { messages: 4, most: 4 }));
        let two = Turn { messages: 2, ..SHORT };
        assert!(matches!(
            check(Some(&session()), two, 2_000_000),
            Err(SessionRefusal::TooManyMessages { .. })
        ));
        let long = |estimated_tokens| Turn { messages: 1, estimated_tokens };
        assert_eq!(check(Some(&session()), long(58), 2_000_000), Ok(()));
        let refused = check(Some(&session()), long(59), 2_000_000);
        assert_eq!(refused, Err(SessionRefusal::TooManyTokens { tokens: 42, most: 100 }));
    }

    #[test]
    fn one_question_and_its_answer_always_begin_one() {
        let strict = SessionRules { max_messages: 1, ..RULES };
        assert_eq!(strict.check_first(SHORT), Ok(()));
        assert!(strict.check_first(Turn { messages: 2, ..SHORT }).is_err());
        assert!(strict.check_first(Turn { messages: 1, estimated_tokens: 101 }).is_err());
    }

    proptest! {
        #[test]
        fn numbers_never_overflow(messages in any::<u32>(), tokens in any::<u64>(), said in any::<usize>(), estimated_tokens in any::<u64>()) {
            let session = AiSession { total_messages: messages, total_tokens: tokens, ..session() };
            let _ = check(Some(&session), Turn { messages: said, estimated_tokens }, 0);
            let _ = session.with(&turn(0));
        }
    }
}
