//! The checksums at the ends of tokens.

/// How many characters the checksum has.
const LENGTH: usize = 6;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether the last six characters are the CRC-32, in base62, of what `covered` says: GitHub and npm cover what
/// stands between the prefix and the checksum, PromptGate the prefix too.
pub(super) fn is_right(token: &[u8], prefix: usize) -> bool {
    let Some(end) = token.len().checked_sub(LENGTH) else { return false };
    let (covered, said) = token.split_at(end);
    matches(covered, said) || covered.get(prefix..).is_some_and(|body| matches(body, said))
}

fn matches(covered: &[u8], said: &[u8]) -> bool {
    let mut rest = crc32fast::hash(covered);
    let mut digits = [b'0'; LENGTH];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits == said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_checksum_is_told_from_a_wrong_one() {
        // The example that GitHub gives, of a token that never was.
        assert!(is_right(b"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", 4));
        assert!(!is_right(b"ghp_zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ0mLq18", 4));
        assert!(!is_right(b"abc", 0));
    }
}
