//! Why a call that is to be made once is not answered.

use std::time::Duration;

use crate::refusal::{Refusal, Who};

/// Why a call that is to be made once is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdempotencyRefusal {
    /// The header is none that can be used.
    Invalid,
    /// The key was used for another call.
    Reused,
    /// The first one is still under way.
    InProgress,
    /// The first one was answered, with more than is kept.
    TooLarge {
        /// The status of its answer.
        status: u16,
    },
    /// Outcomes cannot be looked up right now.
    Unavailable,
}

impl From<IdempotencyRefusal> for Refusal {
    fn from(refusal: IdempotencyRefusal) -> Self {
        Self::Idempotency(refusal)
    }
}

impl IdempotencyRefusal {
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Invalid => 400,
            Self::InProgress | Self::TooLarge { .. } => 409,
            Self::Reused => 422,
            Self::Unavailable => 503,
        }
    }

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid_idempotency_key",
            Self::Reused => "idempotency_key_reused",
            Self::InProgress => "idempotency_in_progress",
            Self::TooLarge { .. } => "idempotency_outcome_too_large",
            Self::Unavailable => "idempotency_unavailable",
        }
    }

    pub(crate) const fn who(self) -> Who {
        match self {
            Self::Invalid | Self::Reused | Self::InProgress | Self::TooLarge { .. } => Who::Client,
            Self::Unavailable => Who::Us,
        }
    }

    pub(crate) const fn may_retry(self) -> bool {
        matches!(self, Self::InProgress | Self::Unavailable)
    }

    pub(crate) fn retry_after(self) -> Option<Duration> {
        self.may_retry().then(|| Duration::from_secs(1))
    }

    pub(crate) fn message(self) -> String {
        match self {
            Self::Invalid => "`Idempotency-Key` must be there once and have 1 to 255 visible ASCII \
                              characters"
                .into(),
            Self::Reused => "this `Idempotency-Key` was used for another request; use another key for this one".into(),
            Self::InProgress => {
                "the first request with this `Idempotency-Key` is still being answered; try again shortly".into()
            }
            Self::TooLarge { status } => format!(
                "the first request with this `Idempotency-Key` was answered ({status}), but its answer is too \
                 large to be kept; use another key to make the call again"
            ),
            Self::Unavailable => {
                "requests with an `Idempotency-Key` cannot be looked up right now; try again shortly, or leave \
                 the header out"
                    .into()
            }
        }
    }

    /// The header that is wrong.
    pub(crate) fn param(self) -> Option<String> {
        matches!(self, Self::Invalid | Self::Reused).then(|| "Idempotency-Key".to_owned())
    }
}
