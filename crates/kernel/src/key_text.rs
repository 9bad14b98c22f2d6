//! The form of the keys that are handed out: a prefix, 43 base62 characters (256 random bits), then 6
//! base62 characters of a CRC-32 over everything before them.

use crate::Entropy;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const RANDOM_LENGTH: usize = 43;
const CHECKSUM_LENGTH: usize = 6;

/// How long a key is behind its prefix.
pub const KEY_TEXT_LENGTH: usize = RANDOM_LENGTH + CHECKSUM_LENGTH;

/// Makes the text of a new key.
pub fn mint_key_text(prefix: &str, entropy: &dyn Entropy) -> String {
    let mut random = [0u8; 32];
    entropy.fill(&mut random);
    let mut text = String::with_capacity(prefix.len() + KEY_TEXT_LENGTH);
    text.push_str(prefix);
    text.push_str(&base62::<RANDOM_LENGTH>(&random));
    let checksum = checksum(&text);
    text.push_str(&checksum);
    text
}

/// Whether a text has the form of a key with this prefix, so that it is worth a lookup.
pub fn is_key_text(prefix: &str, text: &str) -> bool {
    if !text.starts_with(prefix) || text.len() != prefix.len() + KEY_TEXT_LENGTH || !text.is_ascii() {
        return false;
    }
    let (body, given) = text.split_at(text.len() - CHECKSUM_LENGTH);
    body[prefix.len()..].bytes().all(|byte| byte.is_ascii_alphanumeric()) && checksum(body) == given
}

fn checksum(body: &str) -> String {
    base62::<CHECKSUM_LENGTH>(&crc32fast::hash(body.as_bytes()).to_be_bytes())
}

/// The big-endian number in base 62, padded to `LENGTH` digits.
fn base62<const LENGTH: usize>(bytes: &[u8]) -> String {
    let mut number = bytes.to_vec();
    let mut digits = [b'0'; LENGTH];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0u32;
        for byte in &mut number {
            let value = (remainder << 8) | u32::from(*byte);
            *byte = u8::try_from(value / 62).expect("a quotient of a value below 62 * 256 by 62 fits a byte");
            remainder = value % 62;
        }
        *digit = ALPHABET[remainder as usize];
    }
    String::from_utf8(digits.to_vec()).expect("the alphabet is ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base62_is_the_plain_big_endian_number() {
        assert_eq!(base62::<6>(&0u32.to_be_bytes()), "000000");
        assert_eq!(base62::<6>(&61u32.to_be_bytes()), "00000z");
        assert_eq!(base62::<6>(&u32::MAX.to_be_bytes()), "4gfFC3");
        assert_eq!(base62::<43>(&[0xff; 32]).len(), 43);
    }
}
