//! Asking the identity provider again, while a session goes on.

use std::time::Duration;

use promptgate_kernel::{Sealed, SessionId, Timestamp};

/// What lets a session ask its identity provider again whether it still vouches for its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewal {
    /// What the provider is asked with, its refresh token above all, sealed for [`Self::context`].
    pub ticket: Sealed,
    /// From when on a use of the session asks.
    pub due_at: Timestamp,
}

impl Renewal {
    /// How often the provider is asked at most, and how long after it could not be asked.
    pub const SOONEST: Duration = Duration::from_mins(1);
    /// How long the provider's word holds at most, however long its tokens live.
    pub const LATEST: Duration = Duration::from_hours(1);
    /// How long its word holds if it does not say.
    pub const UNSAID: Duration = Duration::from_mins(5);
    /// How long whoever asks has the session's renewal for itself: longer than all the calls it makes.
    pub const CLAIM: Duration = Duration::from_mins(2);

    /// When the provider is asked again, after it gave tokens that live for so long.
    pub fn due(lasts: Option<Duration>, now: Timestamp) -> Timestamp {
        now.plus(lasts.unwrap_or(Self::UNSAID).clamp(Self::SOONEST, Self::LATEST))
    }

    /// Whether the provider is to be asked.
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_at <= now
    }

    /// What the ticket of a session is sealed for. It survives rotation.
    pub fn context(session: SessionId) -> String {
        format!("sessions/{session}/renewal")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_lifetime_that_is_not_said_is_five_minutes() {
        let now = Timestamp::from_micros(1_700_000_000_000_000);
        let renewal = Renewal { ticket: Sealed::from_text(String::new()), due_at: Renewal::due(None, now) };
        let due = now.plus(Duration::from_mins(5));
        assert!(!renewal.is_due(due.minus(Duration::from_micros(1))) && renewal.is_due(due));
    }

    proptest! {
        #[test]
        fn the_provider_is_asked_within_bounds(seconds: u64, at in 0..4_000_000_000_000_000_i64) {
            let now = Timestamp::from_micros(at);
            let due = Renewal::due(Some(Duration::from_secs(seconds)), now);
            prop_assert!(due >= now.plus(Renewal::SOONEST) && due <= now.plus(Renewal::LATEST));
            if (60..=3_600).contains(&seconds) {
                prop_assert_eq!(due, now.plus(Duration::from_secs(seconds)));
            }
        }
    }
}
