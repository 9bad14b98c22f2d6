//! One time that a job is carried out.

use std::fmt;
use std::str::FromStr;

use promptgate_kernel::{JobRunId, Timestamp};
use uuid::Uuid;

use crate::Retry;

/// The longest text of an error that is kept.
const MAX_ERROR: usize = 1_000;

/// Why a run is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// It was due.
    Schedule,
    /// Somebody asked for it.
    Request,
}

impl Origin {
    /// The name, in the store and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Request => "request",
        }
    }
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    /// It waits for its time, or for somebody to claim it.
    Waiting,
    /// Somebody carries it out.
    Running,
    /// It is done.
    Finished,
    /// It was tried too often and given up: a dead letter.
    Dead,
    /// It was a dead letter, and somebody looked at it and let it go.
    Discarded,
    /// The job was paused when it was due.
    Skipped,
}

impl RunState {
    /// Every state.
    pub const ALL: [Self; 6] =
        [Self::Waiting, Self::Running, Self::Finished, Self::Dead, Self::Discarded, Self::Skipped];

    /// The name, in the store and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Finished => "finished",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no state or no origin of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no state and no origin of a run")]
pub struct UnknownRunState;

impl FromStr for RunState {
    type Err = UnknownRunState;

    fn from_str(text: &str) -> Result<Self, UnknownRunState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(UnknownRunState)
    }
}

impl FromStr for Origin {
    type Err = UnknownRunState;

    fn from_str(text: &str) -> Result<Self, UnknownRunState> {
        [Self::Schedule, Self::Request]
            .into_iter()
            .find(|origin| origin.as_str() == text)
            .ok_or(UnknownRunState)
    }
}

/// Only a dead letter can be tried again or let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run is {0}, not dead")]
pub struct NotDead(pub RunState);

/// One time that a job is carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Which one.
    pub id: JobRunId,
    /// The job's name.
    pub job: String,
    /// Why it is there.
    pub origin: Origin,
    /// Where it stands.
    pub state: RunState,
    /// How often it was begun.
    pub attempts: u32,
    /// Not before this.
    pub due_at: Timestamp,
    /// When it was put down.
    pub created_at: Timestamp,
    /// When it was last begun.
    pub started_at: Option<Timestamp>,
    /// When it came to its end.
    pub ended_at: Option<Timestamp>,
    /// Who carries it out.
    pub holder: Option<Uuid>,
    /// Until when that is believed without a further word.
    pub held_until: Option<Timestamp>,
    /// Of how much it did something, at its end.
    pub amount: u64,
    /// What went wrong the last time.
    pub error: Option<String>,
    /// Grows with each change.
    pub version: i64,
}

impl Run {
    /// One that waits.
    pub fn new(id: JobRunId, job: &str, origin: Origin, due_at: Timestamp, at: Timestamp) -> Self {
        Self {
            id,
            job: job.to_owned(),
            origin,
            state: RunState::Waiting,
            attempts: 0,
            due_at,
            created_at: at,
            started_at: None,
            ended_at: None,
            holder: None,
            held_until: None,
            amount: 0,
            error: None,
            version: 1,
        }
    }

    /// It is left out, because its job is paused.
    #[must_use]
    pub fn skipped(self, at: Timestamp) -> Self {
        Self { state: RunState::Skipped, ended_at: Some(at), ..self }
    }

    /// It is done.
    #[must_use]
    pub fn finished(self, at: Timestamp, amount: u64) -> Self {
        Self { state: RunState::Finished, ended_at: Some(at), amount, error: None, ..self.let_go() }
    }

    /// It went wrong: it waits and is tried again, or is given up.
    #[must_use]
    pub fn failed(self, at: Timestamp, error: &str, retry: Retry) -> Self {
        let error = Some(error.chars().take(MAX_ERROR).collect());
        let run = Self { error, ..self.let_go() };
        match retry.wait(run.attempts) {
            Some(wait) => Self { state: RunState::Waiting, due_at: at.plus(wait), ..run },
            None => Self { state: RunState::Dead, ended_at: Some(at), ..run },
        }
    }

    /// Whoever carried it out ends before it: somebody else goes on. That counts as no attempt.
    #[must_use]
    pub fn handed_back(self, at: Timestamp) -> Self {
        let attempts = self.attempts.saturating_sub(1);
        Self { state: RunState::Waiting, due_at: at, attempts, ..self.let_go() }
    }

    /// It waits, and now is its time.
    #[must_use]
    pub fn hurried(self, at: Timestamp) -> Self {
        Self { due_at: at.min(self.due_at), version: self.version + 1, ..self }
    }

    /// A dead letter is tried again, as often as at first.
    pub fn revived(self, at: Timestamp) -> Result<Self, NotDead> {
        self.dead().map(|run| Self {
            state: RunState::Waiting,
            due_at: at,
            attempts: 0,
            ended_at: None,
            ..run.let_go()
        })
    }

    /// A dead letter is let go.
    pub fn discarded(self) -> Result<Self, NotDead> {
        self.dead().map(|run| Self { state: RunState::Discarded, ..run.let_go() })
    }

    fn dead(self) -> Result<Self, NotDead> {
        if self.state == RunState::Dead { Ok(self) } else { Err(NotDead(self.state)) }
    }

    fn let_go(self) -> Self {
        Self { holder: None, held_until: None, version: self.version + 1, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const RETRY: Retry =
        Retry { attempts: 2, first: Duration::from_secs(1), longest: Duration::from_secs(9) };

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    fn running(attempts: u32) -> Run {
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        let run = Run::new(id, "tidy", Origin::Schedule, at(5), at(5));
        let holder = Some(Uuid::from_u128(7));
        Run { state: RunState::Running, attempts, holder, held_until: Some(at(60)), ..run }
    }

    #[test]
    fn a_run_that_fails_waits_and_is_given_up_in_the_end() {
        let once = running(1).failed(at(10), "lost", RETRY);
        assert_eq!((once.state, once.due_at, once.ended_at), (RunState::Waiting, at(1_000_010), None));
        assert_eq!((once.holder, once.error.as_deref(), once.version), (None, Some("lost"), 2));
        let twice = running(2).failed(at(20), &"x".repeat(2_000), RETRY);
        assert_eq!((twice.state, twice.ended_at), (RunState::Dead, Some(at(20))));
        assert_eq!(twice.error.map(|error| error.len()), Some(1_000));
    }

    #[test]
    fn what_is_handed_back_was_no_attempt() {
        let run = running(2).handed_back(at(30));
        assert_eq!((run.state, run.attempts, run.due_at, run.holder), (RunState::Waiting, 1, at(30), None));
    }

    #[test]
    fn only_dead_letters_are_revived_and_discarded() {
        assert_eq!(running(1).revived(at(1)), Err(NotDead(RunState::Running)));
        assert_eq!(running(1).finished(at(2), 3).discarded(), Err(NotDead(RunState::Finished)));
        let dead = running(2).failed(at(20), "lost", RETRY);
        assert_eq!(dead.clone().discarded().map(|run| run.state), Ok(RunState::Discarded));
        let revived = dead.revived(at(40)).unwrap();
        assert_eq!((revived.state, revived.attempts, revived.ended_at), (RunState::Waiting, 0, None));
        assert_eq!(revived.clone().hurried(at(50)).due_at, at(40));
        assert_eq!(revived.hurried(at(35)).due_at, at(35));
    }

    #[test]
    fn names_are_read_back() {
        for state in RunState::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
        }
        assert_eq!("request".parse(), Ok(Origin::Request));
        assert_eq!("later".parse::<Origin>(), Err(UnknownRunState));
    }
}
