//! Texts turned round or moved along the alphabet by thirteen letters.

use super::Concepts;

/// Words whose disguise is known by itself.
const KNOWN: [&str; 25] = [
    "ignore",
    "disregard",
    "forget",
    "previous",
    "instructions",
    "instruction",
    "system",
    "prompt",
    "override",
    "bypass",
    "reveal",
    "restrictions",
    "guidelines",
    "password",
    "your",
    "all",
    "rules",
    "prior",
    "filters",
    "safety",
    "above",
    "disable",
    "restriction",
    "print",
    "everything",
];

/// A way to write so that nobody reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::injection) enum Cipher {
    /// Every letter moved by thirteen.
    Rot13,
    /// The last letter first.
    Backwards,
}

impl Cipher {
    /// Both.
    pub(in crate::injection) const ALL: [Self; 2] = [Self::Rot13, Self::Backwards];

    /// The other way round, which is the same way.
    pub(in crate::injection) fn turn(self, text: &str) -> String {
        match self {
            Self::Rot13 => text.chars().map(rotated).collect(),
            Self::Backwards => text.chars().rev().collect(),
        }
    }

    /// What words mean that give it away.
    pub(in crate::injection) const fn given_away_by(self) -> Concepts {
        match self {
            Self::Rot13 => Concepts::ROTTEN,
            Self::Backwards => Concepts::BACKWARD,
        }
    }

    /// The words that give it away.
    pub(super) fn words(self) -> impl Iterator<Item = String> {
        KNOWN.iter().map(move |word| self.turn(word))
    }
}

fn rotated(letter: char) -> char {
    match letter {
        'a'..='m' => char::from(letter as u8 + 13),
        'n'..='z' => char::from(letter as u8 - 13),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turning_twice_changes_nothing() {
        for cipher in Cipher::ALL {
            assert_eq!(cipher.turn(&cipher.turn("ignore all, größe")), "ignore all, größe");
        }
        assert_eq!(Cipher::Rot13.turn("ignore"), "vtaber");
    }
}
