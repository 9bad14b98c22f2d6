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

/// The id of a call for services that take nine letters or digits: theirs as it is, another one
/// always as the same one. It need not be undone: the client keeps its own.
pub(crate) fn short_call(id: &str) -> String {
    const DIGITS: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    if id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return id.to_owned();
    }
    let mut rest = digest(id);
    let digit = |_| {
        let digit = usize::try_from(rest % 62).unwrap_or_default();
        rest /= 62;
        char::from(DIGITS[digit])
    };
    (0..9).map(digit).collect()
}

/// A digest that is the same in every version: FNV-1a, stirred so that its low digits are as good as
/// the others. It protects nothing.
pub(crate) fn digest(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
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

    #[test]
    fn short_ids_stay_the_same() {
        assert_eq!(short_call("D681PevKs"), "D681PevKs");
        assert_eq!(short_call("toolu_01A09q90qw90lq917835lq9"), short_call("toolu_01A09q90qw90lq917835lq9"));
        let ids: std::collections::BTreeSet<_> =
            (0..1_000).map(|call| short_call(&format!("call_{call}"))).collect();
        assert_eq!(ids.len(), 1_000);
        assert!(ids.iter().all(|id| id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())));
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
