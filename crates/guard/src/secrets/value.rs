//! What a value looks like: random, made up, or a name.

use super::class::{ALNUM, ALPHA, ANY_HEX, Class, DIGIT, LOWER, UPPER};

/// A value that may be a secret.
#[derive(Debug, Clone, Copy)]
pub(super) struct Value<'t> {
    pub(super) bytes: &'t [u8],
    /// What it is made of, as far as that stands in tokens.
    pub(super) class: Class,
}

/// How many bytes of a value are weighed.
const WEIGHED: usize = 256;

/// How many bits a character of a random value holds at least.
const RANDOM: f32 = 3.6;

/// What nobody writes into a secret that works.
const STAND_INS: [&[u8]; 17] = [
    b"example",
    b"placeholder",
    b"changeme",
    b"change_me",
    b"change-me",
    b"replace",
    b"redacted",
    b"dummy",
    b"your",
    b"insert",
    b"sample",
    b"xxxxx",
    b"*****",
    b".....",
    b"lorem",
    b"foobar",
    b"notreal",
];

/// What is typed along the keyboard or the alphabet, or says that it is none.
const TYPED: [&[u8]; 3] = [b"abcdefgh", b"12345678", b"fake"];

impl<'t> Value<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Self {
        Self { bytes, class: Class::of_all(bytes) }
    }

    /// Whether it holds a byte of a class.
    pub(super) fn has(&self, class: Class) -> bool {
        self.class.meets(class)
    }

    /// Whether it is a UUID.
    pub(super) fn is_uuid(&self) -> bool {
        self.bytes.len() == 36
            && self.bytes.iter().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => *byte == b'-',
                _ => ANY_HEX.has(*byte),
            })
    }

    /// Whether it is nothing but hexadecimal digits.
    pub(super) fn is_hex(&self) -> bool {
        ANY_HEX.holds(self.bytes)
    }

    /// The bits that its characters hold on average.
    pub(super) fn entropy(&self) -> f32 {
        let bytes = &self.bytes[..self.bytes.len().min(WEIGHED)];
        let mut counts = [0u16; 256];
        for byte in bytes {
            counts[usize::from(*byte)] += 1;
        }
        let length = f32::from(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
        let weight = |count: &u16| f32::from(*count) / length * (length / f32::from(*count)).log2();
        counts.iter().filter(|count| **count > 0).map(weight).sum()
    }

    /// How often, of all neighbours that are letters or digits, the two are of different sorts: capitals, small
    /// letters, digits. Names change rarely, random texts at every second or third place. In percent.
    fn changes(&self) -> usize {
        let sort = |byte: u8| {
            if DIGIT.has(byte) { 2 } else { u8::from(UPPER.has(byte)) }
        };
        let pairs = self.bytes.windows(2).filter(|pair| ALNUM.holds(pair));
        let (all, changed) = pairs.fold((0, 0), |(all, changed), pair| {
            (all + 1, changed + usize::from(sort(pair[0]) != sort(pair[1])))
        });
        (changed * 100usize).checked_div(all).unwrap_or(0)
    }

    /// Whether it looks drawn at random, and like nothing that only looks so.
    pub(super) fn is_random(&self) -> bool {
        self.is_drawn(RANDOM)
    }

    /// The same, with other bits for a character.
    pub(super) fn is_drawn(&self, bits: f32) -> bool {
        self.has(DIGIT)
            && self.has(ALPHA)
            && self.bytes.iter().filter(|byte| DIGIT.has(**byte)).count() >= 2
            && !self.is_uuid()
            && !self.is_name()
            && self.changes() >= if self.has(UPPER) && self.has(LOWER) { 30 } else { 22 }
            && self.entropy() >= if self.is_hex() { 3.0 } else { bits }
            && !self.is_placeholder()
    }

    /// Whether it is made of words, as names in code are: capitalised ones, or such that separators part.
    pub(super) fn is_name(&self) -> bool {
        let bytes = self.bytes;
        let mut in_words = 0;
        let mut at = 0;
        while at < bytes.len() {
            let end = LOWER.end(bytes, at, usize::MAX);
            let capital = usize::from(at > 0 && UPPER.has(bytes[at - 1]));
            if end - at >= 4 {
                in_words += end - at + capital;
            }
            at = end + 1;
        }
        let is_mixed = self.has(UPPER) && self.has(LOWER);
        let parts = || bytes.split(|byte| matches!(byte, b'_' | b'-' | b'.' | b'/'));
        let is_word = |part: &&[u8]| part.len() > 1 && ALPHA.holds(part) && Value::new(part).changes() < 30;
        let in_parts: usize = parts().filter(is_word).map(<[u8]>::len).sum();
        let groups = parts().filter(|part| part.len() == 4).count();
        (is_mixed && in_words * 10 >= bytes.len() * 3)
            || in_parts * 5 >= bytes.len() * 2
            || (groups == 3 && (30..=40).contains(&bytes.len()))
    }

    /// Whether it is random beyond doubt: all sorts of characters, and long.
    pub(super) fn is_very_random(&self) -> bool {
        self.is_long() && self.is_random()
    }

    /// Whether it is as long as what is random beyond doubt.
    pub(super) fn is_long(&self) -> bool {
        let mixed = self.has(UPPER) && self.has(LOWER) && self.has(DIGIT);
        self.bytes.len() >= if mixed { 20 } else { 32 }
    }

    /// Whether it is filled in to be replaced.
    pub(super) fn is_placeholder(&self) -> bool {
        self.is_stand_in() || holds_any(self.bytes, &TYPED)
    }

    /// Whether it stands where a secret is to be put, although a vendor's form or name may be right.
    pub(super) fn is_stand_in(&self) -> bool {
        self.is_monotonous() || holds_any(self.bytes, &STAND_INS)
    }

    /// Whether one character alone, or two, make all of a long value.
    pub(super) fn is_one_thing(&self) -> bool {
        let first = self.bytes.first();
        let second = self.bytes.iter().find(|byte| Some(*byte) != first);
        self.bytes.len() >= 12 && self.bytes.iter().all(|byte| Some(byte) == first || Some(byte) == second)
    }

    /// Whether next to nothing but `x`, `0`, `*` and the like is in it.
    pub(super) fn is_monotonous(&self) -> bool {
        let filler =
            |byte: &&u8| matches!(byte, b'x' | b'X' | b'0' | b'*' | b'.' | b'-' | b'_' | b'?' | b'#');
        self.bytes.iter().filter(filler).count() * 5 >= self.bytes.len() * 4
    }
}

/// Whether a text holds one of some words of small letters, in any case.
pub(super) fn holds_any(bytes: &[u8], words: &[&[u8]]) -> bool {
    // A letter and its capital have the same last five bits: what begins no word is passed over at once.
    let sign = |byte: u8| 1u32 << (byte & 31);
    let firsts = words.iter().fold(0, |firsts, word| firsts | sign(word[0]));
    let begins = |at: &usize| firsts & sign(bytes[*at]) != 0;
    (0..bytes.len()).filter(begins).any(|at| {
        let first = bytes[at].to_ascii_lowercase();
        words.iter().any(|word| {
            word[0] == first
                && bytes.get(at..at + word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_texts_are_told_from_names() {
        for random in [
            "iSFqK0b64HTR0ye2fbEAvOPpv5ZW0pCRF50uwNPf",
            "a1b2c3d4e5f6071829304a5b6c7d8e9f",
            "k3j9x0q2m7v8z1c4b6n5",
        ] {
            assert!(Value::new(random.as_bytes()).is_random(), "{random}");
        }
        for name in [
            "hf_transformers_cache_directory_location",
            "process.env.OPENAI_API_KEY",
            "getAccessTokenFromRequestV2",
            "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            "123e4567-e89b-12d3-a456-426614174000",
            "xxxxxxxxxxxxxxxxxxxx1x",
            "2026-11-22T13-24-16Z",
            "X509CertificateTemplatePrivateKeyFlag",
            "MyTestDatabaseSecret1-d4e5f6",
            "PKERB_S4U2PROXY_CRED",
            "12cs345-67cd-890b-1cd2-c3a4567d89f1",
        ] {
            assert!(!Value::new(name.as_bytes()).is_random(), "{name}");
        }
    }

    #[test]
    fn words_are_found_in_any_case() {
        assert!(holds_any(b"myEXAMPLEkey", &[b"example"]));
        assert!(!holds_any(b"exampl", &[b"example"]));
    }
}
