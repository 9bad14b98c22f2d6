//! What is said on the channel.

use promptgate_kernel::{Revision, Timestamp};
use promptgate_store::{Announcement, Signal};
use serde::{Deserialize, Serialize};

/// Where changes of the configuration are announced.
pub(crate) const CHANNEL: &str = "promptgate:config:events";

const DOMAIN: &str = "config";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    domain: &'a str,
    version: i64,
    created_at: Timestamp,
}

/// The payload that announces a revision.
pub(crate) fn write(announcement: Announcement, now: Timestamp) -> String {
    let version = announcement.revision.number();
    let message = Message { domain: DOMAIN, version, created_at: now };
    serde_json::to_string(&message).expect("a message of two numbers and a word is JSON")
}

/// What a payload tells a listener. One that cannot be understood is a reason to look.
pub(crate) fn read(payload: &str) -> Signal {
    match serde_json::from_str::<Message<'_>>(payload) {
        Ok(Message { domain: DOMAIN, version, .. }) => {
            Signal::Announced(Announcement { revision: Revision::from_number(version) })
        }
        Ok(_) | Err(_) => Signal::Missed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_documented_shape() {
        let announcement = Announcement { revision: Revision::from_number(12) };
        let payload = write(announcement, Timestamp::from_micros(1_500_000));
        assert_eq!(payload, r#"{"domain":"config","version":12,"createdAt":"1970-01-01T00:00:01.500000Z"}"#);
        assert_eq!(read(&payload), Signal::Announced(announcement));
    }

    #[test]
    fn anything_else_is_a_reason_to_look() {
        let other = r#"{"domain":"providers","version":12,"createdAt":"2026-01-02T03:04:05Z"}"#;
        for payload in [other, "", "{}", "12"] {
            assert_eq!(read(payload), Signal::Missed, "{payload}");
        }
    }
}
