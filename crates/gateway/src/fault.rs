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
    /// It reported an error in the middle of its answer, in its own words.
    ReportedInStream,
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
        }
    }
}

impl Fault {
    pub(crate) const fn status(&self) -> u16 {
        match self {
            Self::ConnectTimeout | Self::FirstByteTimeout | Self::IdleTimeout | Self::TotalTimeout => 504,
            Self::Unreachable | Self::Broken | Self::TooLarge | Self::Compressed => 502,
            Self::AuthFailed { .. } | Self::Failed { .. } | Self::ReportedInStream => 502,
            Self::Overloaded { .. } => 503,
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
            Self::Compressed => "upstream_response_compressed",
            Self::AuthFailed { .. } => "upstream_auth_failed",
            Self::Failed { .. } => "upstream_error",
            Self::Overloaded { .. } => "upstream_overloaded",
            Self::ReportedInStream => "upstream_error_event",
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
            Self::Compressed => format!(
                "the provider `{provider}` compressed its answer although it was asked not to, so it cannot be \
                 read"
            ),
            Self::AuthFailed { status } => format!(
                "the provider `{provider}` refused the credential that is stored for it ({status}); an \
                 administrator must renew it"
            ),
            Self::Failed { status, message, .. } | Self::Overloaded { status, message, .. } => {
                answered(status, message)
            }
            Self::ReportedInStream => format!("the provider `{provider}` reported an error in its answer"),
        }
    }

    /// Whether it may be over when the request is sent again.
    pub(crate) const fn may_pass(&self) -> bool {
        !matches!(self, Self::TooLarge | Self::Compressed | Self::AuthFailed { .. } | Self::ReportedInStream)
    }

    /// When the provider wants to be asked again.
    pub(crate) const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Failed { retry_after, .. } | Self::Overloaded { retry_after, .. } => *retry_after,
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
