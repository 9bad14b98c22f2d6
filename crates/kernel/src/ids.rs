//! Typed identifiers.

use std::sync::atomic::{AtomicU64, Ordering};
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

/// How far the numbers of one burst may run ahead of the clock: 256 ms' worth of [`LAST`]'s steps.
const AHEAD: u64 = 256 << 12;

/// The time and the counter of the identifier made last: 48 bits of milliseconds, 12 bits of counter.
static LAST: AtomicU64 = AtomicU64::new(0);

/// Makes a UUIDv7 (RFC 9562 section 5.7) from an instant and ten random bytes.
///
/// The twelve bits after the time are a counter (section 6.2, method 1), so that identifiers made by one process
/// within one millisecond sort in the order they were made; a millisecond with more than it holds borrows from
/// the next.
#[doc(hidden)]
pub fn uuid_v7(clock: &dyn Clock, entropy: &dyn Entropy) -> uuid::Uuid {
    let mut random = [0u8; 10];
    entropy.fill(&mut random);
    let since_epoch = Duration::from_micros(clock.now().as_micros().max(0).unsigned_abs());
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX) & 0xffff_ffff_ffff;
    // The counter starts in its lower half, so that it has room to grow.
    let fresh = millis << 12 | u64::from(random[0] & 7) << 8 | u64::from(random[1]);
    // A clock that was set back, or another clock, starts anew.
    let next = |last: u64| if last.wrapping_sub(millis << 12) < AHEAD { last + 1 } else { fresh };
    let last = LAST.update(Ordering::Relaxed, Ordering::Relaxed, next);
    let [.., high, low] = next(last).to_be_bytes();
    (random[0], random[1]) = (high & 0x0f, low);
    uuid::Builder::from_unix_timestamp_millis(next(last) >> 12, &random).into_uuid()
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
            /// Makes a new identifier; identifiers made later sort later.
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
    fn ids_of_one_instant_sort_as_they_were_made() {
        let clock = TestClock::at_millis(1_700_000_000_500);
        let entropy = SeededEntropy::new(7);
        let ids: Vec<_> = (0..10_000).map(|_| TokenId::mint(&clock, &entropy)).collect();
        assert!(ids.is_sorted_by(|earlier, later| earlier < later));
        clock.advance(Duration::from_millis(300));
        assert!(*ids.last().unwrap() < TokenId::mint(&clock, &entropy));
    }

    #[test]
    fn a_clock_that_was_set_back_is_believed() {
        let entropy = SeededEntropy::new(7);
        TokenId::mint(&TestClock::at_millis(1_700_000_100_000), &entropy);
        let id = TokenId::mint(&TestClock::at_millis(1_700_000_090_000), &entropy);
        assert_eq!(id.as_uuid().get_timestamp().unwrap().to_unix().0, 1_700_000_090);
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
