//! Typed identifiers.

use std::time::Duration;

use crate::{Clock, Entropy};

/// A text that is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a UUID")]
pub struct InvalidId {
    /// What was given, shortened to 64 characters.
    pub text: String,
}

impl InvalidId {
    #[doc(hidden)]
    pub fn new(text: &str) -> Self {
        Self { text: text.chars().take(64).collect() }
    }
}

/// Makes a UUIDv7 (RFC 9562 section 5.7) from an instant and ten random bytes.
#[doc(hidden)]
pub fn uuid_v7(clock: &dyn Clock, entropy: &dyn Entropy) -> uuid::Uuid {
    let mut random = [0u8; 10];
    entropy.fill(&mut random);
    let since_epoch = Duration::from_micros(clock.now().as_micros().max(0).unsigned_abs());
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

/// Defines an identifier: a newtype over UUIDv7 that is a plain UUID on the wire and in logs.
///
/// ```
/// promptgate_kernel::id! {
///     /// Identifies a parcel.
///     pub ParcelId
/// }
/// let id: ParcelId = "018f4e6e-0000-7000-8000-000000000001".parse().expect("a UUID");
/// assert_eq!(id.to_string(), "018f4e6e-0000-7000-8000-000000000001");
/// ```
#[macro_export]
macro_rules! id {
    ($(#[$meta:meta])* pub $name:ident) => {
        $(#[$meta])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            $crate::__private::serde::Serialize, $crate::__private::serde::Deserialize,
        )]
        #[serde(crate = "::promptgate_kernel::__private::serde", transparent)]
        pub struct $name($crate::__private::uuid::Uuid);

        impl $name {
            /// Makes a new identifier; one made in a later millisecond sorts later.
            pub fn mint(clock: &dyn $crate::Clock, entropy: &dyn $crate::Entropy) -> Self {
                Self($crate::__uuid_v7(clock, entropy))
            }

            /// Wraps a UUID that was an identifier of this type before.
            pub const fn from_uuid(uuid: $crate::__private::uuid::Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID inside, for storage.
            pub const fn as_uuid(self) -> $crate::__private::uuid::Uuid {
                self.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::std::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::write!(f, "{}({})", ::std::stringify!($name), self.0)
            }
        }

        impl ::std::str::FromStr for $name {
            type Err = $crate::InvalidId;

            fn from_str(text: &str) -> ::std::result::Result<Self, Self::Err> {
                $crate::__private::uuid::Uuid::try_parse(text)
                    .map(Self)
                    .map_err(|_| $crate::InvalidId::new(text))
            }
        }
    };
}

id! {
    /// Identifies a project; also the `{uuid}` of its public routes.
    pub ProjectId
}
id! {
    /// Identifies an API token. Not the secret: it may be shown and logged.
    pub TokenId
}
id! {
    /// Identifies a configured upstream.
    pub ProviderId
}
id! {
    /// Identifies one secret of a provider.
    pub CredentialId
}
id! {
    /// Identifies a named AI endpoint of a project.
    pub EndpointId
}
id! {
    /// Identifies a provider template, from which endpoints take provider, model and settings.
    pub TemplateId
}
id! {
    /// Identifies a project's own name for a model.
    pub AliasId
}
id! {
    /// Identifies a golden set of one AI endpoint.
    pub EvalId
}
id! {
    /// Identifies one run of a golden set.
    pub EvalRunId
}
id! {
    /// Identifies a conversation that the gateway remembers; the `session_id` of requests.
    pub AiSessionId
}
id! {
    /// Identifies one call through the gateway: its request id, its usage event, its log row.
    pub CallId
}
id! {
    /// Identifies one row of the audit log.
    pub AuditEventId
}
id! {
    /// Identifies an account: a person or a service account.
    pub AccountId
}
id! {
    /// Identifies an access group.
    pub GroupId
}
id! {
    /// Identifies a subscription plan.
    pub PlanId
}
id! {
    /// Identifies a login session, for lists. Not the secret in the cookie.
    pub SessionId
}
id! {
    /// Identifies a named admin API key. Not the secret.
    pub AdminKeyId
}
id! {
    /// Identifies the definition of an MCP server.
    pub McpServerId
}
id! {
    /// Identifies a monitored service.
    pub MonitoredServiceId
}
id! {
    /// Identifies one run of a recurring job.
    pub JobRunId
}
id! {
    /// Identifies an entry of the FAQ.
    pub FaqEntryId
}
id! {
    /// Identifies a set-up guide.
    pub SetupGuideId
}
id! {
    /// Identifies a network rule.
    pub NetworkRuleId
}
id! {
    /// Identifies a stored price of a model.
    pub PriceId
}
id! {
    /// Identifies a look for newer prices.
    pub PriceRefreshId
}
id! {
    /// Identifies a repricing of calls of the past.
    pub RepricingId
}
id! {
    /// Identifies a running process, from its start to its end.
    pub ReplicaId
}
id! {
    /// Identifies who acted on the control plane.
    pub ActorId
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SeededEntropy, TestClock};

    #[test]
    fn later_ids_sort_later() {
        let clock = TestClock::at_millis(1_700_000_000_000);
        let entropy = SeededEntropy::new(7);
        let first = TokenId::mint(&clock, &entropy);
        clock.advance(Duration::from_millis(1));
        let second = TokenId::mint(&clock, &entropy);
        assert!(first < second);
        assert_eq!(first.as_uuid().get_version_num(), 7);
    }

    #[test]
    fn wrong_text_is_named_and_shortened() {
        let error = "x".repeat(500).parse::<TokenId>().unwrap_err();
        assert_eq!(error.text.len(), 64);
    }

    #[test]
    fn serialises_as_a_plain_uuid() {
        let id: ProjectId = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"018f4e6e-0000-7000-8000-000000000001\"");
    }
}
