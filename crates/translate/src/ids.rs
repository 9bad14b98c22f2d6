//! Marks that travel through clients which know nothing of them.
//!
//! A vendor may want something opaque back with a tool call or a thought. A client's format may
//! have no member for it, but every format has an id of the call, or an opaque member for
//! encrypted reasoning, that clients send back as they got it. What we put there begins with a mark
//! of ours, so that a vendor's own is never taken for it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

const CALL_MARK: &str = "__pgs_";
const THOUGHT_MARK: &str = "pg1.";

/// The id of a tool call, with the signature in it if there is one.
pub(crate) fn join_call(id: &str, signature: Option<&str>) -> String {
    match signature {
        Some(signature) => format!("{id}{CALL_MARK}{}", URL_SAFE_NO_PAD.encode(signature)),
        None => id.to_owned(),
    }
}

/// The id of a tool call and the signature that was in it.
pub(crate) fn split_call(id: &str) -> (String, Option<String>) {
    let parts = id.rsplit_once(CALL_MARK).and_then(|(id, mark)| Some((id, decode(mark)?)));
    match parts {
        Some((id, signature)) => (id.to_owned(), Some(signature)),
        None => (id.to_owned(), None),
    }
}

/// What an opaque member for encrypted reasoning holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Encrypted {
    /// The signature of a thought whose text stands beside it.
    Signature(String),
    /// A thought that only its vendor can read.
    Redacted(String),
}

/// Puts a signature into an opaque member.
pub(crate) fn wrap_signature(signature: &str) -> String {
    format!("{THOUGHT_MARK}s.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Puts a redacted thought into an opaque member.
pub(crate) fn wrap_redacted(data: &str) -> String {
    format!("{THOUGHT_MARK}r.{}", URL_SAFE_NO_PAD.encode(data))
}

/// What of ours is in an opaque member; `None` if it is the vendor's own.
pub(crate) fn unwrap(member: &str) -> Option<Encrypted> {
    let (kind, data) = member.strip_prefix(THOUGHT_MARK)?.split_once('.')?;
    match kind {
        "s" => decode(data).map(Encrypted::Signature),
        "r" => decode(data).map(Encrypted::Redacted),
        _ => None,
    }
}

fn decode(text: &str) -> Option<String> {
    String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_vendors_own_ids_are_left_alone() {
        assert_eq!(split_call("call_abc"), ("call_abc".to_owned(), None));
        assert_eq!(split_call("toolu__pgs_!!"), ("toolu__pgs_!!".to_owned(), None));
        assert_eq!(unwrap("gAAAAABo"), None);
        assert_eq!(unwrap("pg1.x.AAAA"), None);
    }

    proptest! {
        #[test]
        fn what_is_joined_is_split_again(id in "[a-zA-Z0-9_-]{1,20}", signature in ".{0,40}") {
            let joined = join_call(&id, Some(&signature));
            prop_assert!(joined.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)));
            prop_assert_eq!(split_call(&joined), (id, Some(signature)));
        }

        #[test]
        fn what_is_wrapped_is_unwrapped_again(data in ".{0,40}") {
            prop_assert_eq!(unwrap(&wrap_signature(&data)), Some(Encrypted::Signature(data.clone())));
            prop_assert_eq!(unwrap(&wrap_redacted(&data)), Some(Encrypted::Redacted(data)));
        }
    }
}
