//! The conversation that a call belongs to.

use std::sync::Arc;
use std::time::Duration;

use promptgate_endpoints::{
    AiSession, Append, CompiledEndpoint, Message, SessionRefusal, SessionRules, Turn, TurnRecord,
    estimate_tokens,
};
use promptgate_kernel::{AiSessionId, EndpointId, ProjectId, RepositoryError, TokenId};
use promptgate_usage::TokenCounts;
use tokio::time::timeout;

use super::refusal::EndpointRefusal;
use crate::pipeline::Shared;

/// How long what conversations are kept in may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The conversation of a call.
pub(crate) struct Conversation {
    pub(crate) id: AiSessionId,
    pub(crate) history: Vec<Message>,
    is_new: bool,
    endpoint: EndpointId,
    project: ProjectId,
    token: TokenId,
    rules: SessionRules,
}

impl Conversation {
    /// Opens the conversation that is named, or a new one where none is. Nothing is written: a
    /// conversation begins when its first turn is answered.
    pub(crate) async fn open(
        named: Option<AiSessionId>,
        turn: &[Message],
        endpoint: &CompiledEndpoint,
        rules: SessionRules,
        token: TokenId,
        shared: &Arc<Shared>,
    ) -> Result<Self, EndpointRefusal> {
        let (endpoint, project) = (endpoint.endpoint().id, endpoint.endpoint().project_id);
        let turn_of = |history: &[Message]| Turn {
            messages: turn.len(),
            estimated_tokens: estimate_tokens(history.iter().chain(turn)),
        };
        let Some(id) = named else {
            rules.check_first(turn_of(&[])).map_err(EndpointRefusal::Session)?;
            let id = AiSessionId::mint(&*shared.clock, &*shared.entropy);
            return Ok(Self { id, history: Vec::new(), is_new: true, endpoint, project, token, rules });
        };
        let found = in_time(shared.memory.session(id)).await?;
        let (session, said) = match found {
            Some((session, said)) => (Some(session), said),
            None => (None, Vec::new()),
        };
        let history: Vec<_> = said.into_iter().map(|said| said.message).collect();
        let now = shared.clock.now();
        let checked = rules.check(session.as_ref(), endpoint, token, turn_of(&history), now);
        if let Err(SessionRefusal::Expired { .. }) = checked {
            in_time(shared.memory.forget(id)).await?;
        }
        checked.map_err(EndpointRefusal::Session)?;
        Ok(Self { id, history, is_new: false, endpoint, project, token, rules })
    }

    /// Remembers a turn that was answered.
    pub(crate) async fn remember(
        &self,
        said: &[Message],
        answer: Message,
        tokens: &TokenCounts,
        shared: &Shared,
    ) -> Result<(), EndpointRefusal> {
        let at = shared.clock.now();
        let turn = TurnRecord::new(said, answer, tokens.total_input(), tokens.total_output(), at);
        if self.is_new {
            let session = AiSession::begin(self.id, self.endpoint, self.project, self.token, &turn);
            return in_time(shared.memory.begin(&session, &turn)).await;
        }
        match in_time(shared.memory.append(self.id, &turn, self.rules.max_messages)).await? {
            Append::Done(_) => Ok(()),
            Append::Gone => Err(EndpointRefusal::SessionGone),
            // Other turns of the conversation were faster.
            Append::Full => {
                let most = self.rules.max_messages;
                Err(EndpointRefusal::Session(SessionRefusal::TooManyMessages { messages: most, most }))
            }
        }
    }
}

async fn in_time<T>(work: impl Future<Output = Result<T, RepositoryError>>) -> Result<T, EndpointRefusal> {
    match timeout(PATIENCE, work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "a conversation cannot be read or kept");
            Err(EndpointRefusal::SessionsAway)
        }
        Err(_) => {
            tracing::warn!("a conversation could not be read or kept in time");
            Err(EndpointRefusal::SessionsAway)
        }
    }
}
