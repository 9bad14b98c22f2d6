//! Calls that a client may repeat without them being made twice.

use promptgate_kernel::{CallId, Sealed, Timestamp, TokenId};

/// Whose call it is, and the client's own name for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IdempotencyKey {
    /// The token that called: the same name used with another token is another call.
    pub token_id: TokenId,
    /// The SHA-256 of what the client sent as `Idempotency-Key`.
    pub hash: [u8; 32],
}

/// The answer that a repeated call gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedAnswer {
    /// Its HTTP status.
    pub status: u16,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body, sealed.
    pub body: Sealed,
}

/// How far a call is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyState {
    /// Somebody is at it.
    InProgress,
    /// It was answered.
    Done(RememberedAnswer),
}

/// What is remembered of a call that has an `Idempotency-Key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyRecord {
    /// Whose, and which.
    pub key: IdempotencyKey,
    /// The SHA-256 of what was asked, so that another question under the same key is noticed.
    pub body_hash: [u8; 32],
    /// The call that is, or was, made.
    pub call_id: CallId,
    /// How far it is.
    pub state: IdempotencyState,
    /// When its request arrived.
    pub created_at: Timestamp,
    /// From then on the key is free again.
    pub expires_at: Timestamp,
}

/// What becomes of a call whose key is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeated<'r> {
    /// The same key for another question: a mistake of the client's.
    Differs,
    /// The first one is still under way.
    InProgress,
    /// The answer of the first one.
    Answered(&'r RememberedAnswer),
}

impl IdempotencyRecord {
    /// A call that begins.
    pub const fn begin(
        key: IdempotencyKey,
        body_hash: [u8; 32],
        call_id: CallId,
        at: Timestamp,
        expires_at: Timestamp,
    ) -> Self {
        Self { key, body_hash, call_id, state: IdempotencyState::InProgress, created_at: at, expires_at }
    }

    /// What becomes of a call that asks this under the same key.
    pub fn repeated(&self, body_hash: &[u8; 32]) -> Repeated<'_> {
        match &self.state {
            _ if self.body_hash != *body_hash => Repeated::Differs,
            IdempotencyState::InProgress => Repeated::InProgress,
            IdempotencyState::Done(answer) => Repeated::Answered(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repetition_is_answered_and_another_question_is_not() {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        let key = IdempotencyKey { token_id: id.parse().unwrap(), hash: [1; 32] };
        let at = Timestamp::from_micros(1);
        let mut record = IdempotencyRecord::begin(key, [2; 32], id.parse().unwrap(), at, at);
        assert_eq!(record.repeated(&[2; 32]), Repeated::InProgress);
        assert_eq!(record.repeated(&[3; 32]), Repeated::Differs);
        let answer =
            RememberedAnswer { status: 200, headers: vec![], body: Sealed::from_text("sealed".to_owned()) };
        record.state = IdempotencyState::Done(answer.clone());
        assert_eq!(record.repeated(&[2; 32]), Repeated::Answered(&answer));
        assert_eq!(record.repeated(&[3; 32]), Repeated::Differs);
    }
}
