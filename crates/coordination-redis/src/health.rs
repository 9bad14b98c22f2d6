//! Whether Redis is there, said once each time it changes.

use std::sync::{Mutex, PoisonError};

/// Follows both connections: the one that speaks and the one that listens.
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    speaking: Option<bool>,
    listening: Option<bool>,
    said: Option<bool>,
}

impl Health {
    pub(crate) fn speaking(&self, works: bool) {
        self.note(|state| state.speaking = Some(works));
    }

    pub(crate) fn listening(&self, works: bool) {
        self.note(|state| state.listening = Some(works));
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_up() == Some(true)
    }

    fn note(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let up = state.is_up();
        if up.is_none() || up == state.said {
            return;
        }
        let before = std::mem::replace(&mut state.said, up);
        drop(state);
        metrics::gauge!("promptgate_redis_up").set(if up == Some(true) { 1.0 } else { 0.0 });
        match (before, up) {
            (None, Some(true)) => tracing::info!("connected to Redis"),
            (_, Some(true)) => tracing::info!("Redis is back"),
            _ => tracing::warn!("Redis is away: changes reach other processes when they poll"),
        }
    }
}

impl State {
    /// `None` as long as nobody has tried.
    fn is_up(&self) -> Option<bool> {
        match (self.speaking, self.listening) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (_, Some(true)) => Some(true),
            (Some(true) | None, None) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_up_when_neither_connection_is_known_to_fail() {
        let health = Health::default();
        assert!(!health.is_up());
        health.listening(true);
        assert!(health.is_up());
        health.speaking(false);
        assert!(!health.is_up());
        health.speaking(true);
        assert!(health.is_up());
        health.listening(false);
        assert!(!health.is_up());
    }
}
