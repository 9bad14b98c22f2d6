//! Texts turned round or moved along the alphabet by thirteen letters.

use super::Concepts;

/// Words whose disguise is known by itself, as it is no word of any language.
const KNOWN: &str = "ignore disregard forget previous instructions instruction system prompt override bypass reveal restrictions \
    guidelines password your all rules prior filters safety above disable restriction print everything the you \
    what with this that tell from which write give would about please example user answer text body content \
    first name send will status subject were before message task important without follow start must response \
    account request share when information only following output here assistant then help more every \
    configuration full reply best respond never could title code hidden should note show instead mode email make \
    model list location test provide team there need next training call data details free description rating \
    developer open character where anything address execute access does explain their pretend create \
    conversation just include room read until return like them sure want security within attached admin also \
    priya after week between date product delete words know always into stay order chatgpt tool below question \
    comment reviews these author asked price secret three days received complete responses unrestricted number \
    watson minutes post remember dear policy says given language rest questions true matter link since fred \
    channel monday ethical review approved payment participants they other state memory named summary";

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
        KNOWN.split(' ').map(move |word| self.turn(word))
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
