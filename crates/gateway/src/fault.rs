//! How providers fail, and what a client is told then.

use std::time::Duration;

use crate::ports::UpstreamError;

/// How a provider failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// No connection.
    Unreachable,
    /// No connection in time.
    ConnectTimeout,
    /// No answer in time.
    FirstByteTimeout,
    /// The answer stalled.
    IdleTimeout,
    /// The answer took too long.
    TotalTimeout,
    /// The answer broke off, or was none.
    Broken,
    /// The answer is larger than the gateway keeps.
    TooLarge,
    /// The bodies of other calls take all the memory that there is for them.
    NoRoom,
    /// The answer is compressed, which it was asked not to be, so that nothing in it can be read.
    Compressed,
    /// It does not accept the credential that is stored for it.
    AuthFailed {
        /// What it answered.
        status: u16,
    },
    /// It answered with an error of its own.
    Failed {
        /// What it answered.
        status: u16,
        /// What it said.
        message: Option<String>,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It has too much to do.
    Overloaded {
        /// What it answered.
        status: u16,
        /// What it said.
        message: Option<String>,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It was called too often.
    RateLimited {
        /// What it said.
        message: Option<String>,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
    /// It says no to the request.
    Rejected {
        /// What it answered.
        status: u16,
        /// What it said.
        message: Option<String>,
    },
    /// It is not called, because it kept failing or asked for a pause.
    Resting {
        /// The code of its last failure.
        last: Option<&'static str>,
        /// When it is called again.
        retry_after: Duration,
    },
}

impl From<UpstreamError> for Fault {
    fn from(error: UpstreamError) -> Self {
        match error {
            UpstreamError::Connect(_) => Self::Unreachable,
            UpstreamError::ConnectTimeout => Self::ConnectTimeout,
            UpstreamError::FirstByteTimeout => Self::FirstByteTimeout,
            UpstreamError::IdleTimeout => Self::IdleTimeout,
            UpstreamError::TotalTimeout => Self::TotalTimeout,
            UpstreamError::Broken(_) => Self::Broken,
            UpstreamError::TooLarge => Self::TooLarge,
            UpstreamError::NoRoom => Self::NoRoom,
        }
    }
}

impl Fault {
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::ConnectTimeout | Self::FirstByteTimeout | Self::IdleTimeout | Self::TotalTimeout => 504,
            Self::Unreachable | Self::Broken | Self::TooLarge | Self::Compressed => 502,
            Self::AuthFailed { .. } | Self::Failed { .. } => 502,
            Self::Overloaded { .. } | Self::Resting { .. } | Self::NoRoom => 503,
            Self::RateLimited { .. } => 429,
            Self::Rejected { status, .. } => *status,
        }
    }

    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Unreachable => "upstream_unreachable",
            Self::ConnectTimeout => "upstream_connect_timeout",
            Self::FirstByteTimeout => "upstream_first_byte_timeout",
            Self::IdleTimeout => "upstream_idle_timeout",
            Self::TotalTimeout => "upstream_total_timeout",
            Self::Broken => "upstream_broken",
            Self::TooLarge => "upstream_response_too_large",
            Self::NoRoom => "bodies_full",
            Self::Compressed => "upstream_response_compressed",
            Self::AuthFailed { .. } => "upstream_auth_failed",
            Self::Failed { .. } => "upstream_error",
            Self::Overloaded { .. } => "upstream_overloaded",
            Self::RateLimited { .. } => "upstream_rate_limited",
            Self::Rejected { .. } => "upstream_rejected",
            Self::Resting { .. } => "upstream_unavailable",
        }
    }

    pub(crate) fn message(&self, provider: &str) -> String {
        let answered = |status: &u16, message: &Option<String>| match message {
            Some(message) => format!("the provider `{provider}` answered {status}: {message}"),
            None => format!("the provider `{provider}` answered {status}"),
        };
        match self {
            Self::Unreachable => format!("the provider `{provider}` cannot be reached"),
            Self::ConnectTimeout => {
                format!("the provider `{provider}` did not accept the connection in time")
            }
            Self::FirstByteTimeout => format!("the provider `{provider}` did not begin to answer in time"),
            Self::IdleTimeout => format!("the answer of the provider `{provider}` stalled"),
            Self::TotalTimeout => {
                format!("the answer of the provider `{provider}` took too long; ask for a stream")
            }
            Self::Broken => format!("the answer of the provider `{provider}` broke off"),
            Self::TooLarge => {
                format!("the answer of the provider `{provider}` is too large; ask for a stream or for less")
            }
            Self::NoRoom => format!(
                "there is no room for the answer of the provider `{provider}`; try again shortly, or ask for a \
                 stream"
            ),
            Self::Compressed => format!(
                "the provider `{provider}` compressed its answer although it was asked not to, so it cannot be \
                 read"
            ),
            Self::AuthFailed { status } => format!(
                "the provider `{provider}` refused the credential that is stored for it ({status}); an \
                 administrator must renew it"
            ),
            Self::Failed { status, message, .. }
            | Self::Overloaded { status, message, .. }
            | Self::Rejected { status, message } => answered(status, message),
            Self::RateLimited { message: Some(message), .. } => answered(&429, &Some(message.clone())),
            Self::RateLimited { message: None, .. } => {
                format!("the provider `{provider}` does not take more calls for now")
            }
            Self::Resting { last, retry_after } => format!(
                "the provider `{provider}` is not called for another {} s, because it {}",
                retry_after.as_millis().div_ceil(1_000).max(1),
                last.map_or_else(
                    || "asked for a pause".to_owned(),
                    |code| format!("kept failing, last with {code}")
                )
            ),
        }
    }

    /// Whether it may be over when the request is sent again.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::TooLarge | Self::Compressed | Self::AuthFailed { .. } => false,
            Self::Rejected { status, .. } => matches!(status, 408 | 409),
            _ => true,
        }
    }

    /// Whether somebody else may do better.
    pub(crate) const fn may_move(&self) -> bool {
        match self {
            Self::TooLarge | Self::NoRoom | Self::TotalTimeout => false,
            Self::Rejected { status, .. } => matches!(status, 408 | 409),
            _ => true,
        }
    }

    /// Whether it is worth asking the same again, soon: as the vendors' own clients do.
    pub(crate) const fn may_repeat(&self) -> bool {
        match self {
            Self::Unreachable
            | Self::ConnectTimeout
            | Self::Broken
            | Self::Failed { .. }
            | Self::Overloaded { .. } => true,
            // Without a word about when, another call would make it worse.
            Self::RateLimited { retry_after, .. } => retry_after.is_some(),
            Self::Rejected { status, .. } => matches!(status, 408 | 409),
            _ => false,
        }
    }

    /// Whether the provider may have done what it was asked for all the same.
    pub(crate) const fn may_be_done(&self) -> bool {
        match self {
            Self::FirstByteTimeout
            | Self::IdleTimeout
            | Self::TotalTimeout
            | Self::Broken
            | Self::TooLarge
            | Self::NoRoom
            | Self::Compressed
            | Self::Failed { .. }
            // Load balancers say so too when they lose whom they asked.
            | Self::Overloaded { .. } => true,
            Self::Unreachable
            | Self::ConnectTimeout
            | Self::AuthFailed { .. }
            | Self::RateLimited { .. }
            | Self::Rejected { .. }
            | Self::Resting { .. } => false,
        }
    }

    /// Whether it speaks against the service as a whole, whatever was asked.
    pub(crate) const fn is_of_service(&self) -> bool {
        matches!(
            self,
            Self::Unreachable
                | Self::ConnectTimeout
                | Self::FirstByteTimeout
                | Self::IdleTimeout
                | Self::Broken
                | Self::Failed { .. }
                | Self::Overloaded { .. }
        )
    }

    /// Whether it speaks against the credential.
    pub(crate) const fn is_of_credential(&self) -> bool {
        matches!(self, Self::AuthFailed { .. })
    }

    /// The status that the provider answered with, if it did.
    pub(crate) const fn answered(&self) -> Option<u16> {
        match self {
            Self::AuthFailed { status }
            | Self::Failed { status, .. }
            | Self::Overloaded { status, .. }
            | Self::Rejected { status, .. } => Some(*status),
            Self::RateLimited { .. } => Some(429),
            _ => None,
        }
    }

    /// When the provider wants to be asked again.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Failed { retry_after, .. }
            | Self::Overloaded { retry_after, .. }
            | Self::RateLimited { retry_after, .. } => *retry_after,
            Self::Resting { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_timeout_has_its_own_code() {
        let codes = [Fault::ConnectTimeout, Fault::FirstByteTimeout, Fault::IdleTimeout, Fault::TotalTimeout]
            .map(|fault| (fault.status(), fault.code()));
        assert_eq!(
            codes,
            [
                (504, "upstream_connect_timeout"),
                (504, "upstream_first_byte_timeout"),
                (504, "upstream_idle_timeout"),
                (504, "upstream_total_timeout"),
            ]
        );
    }
}
