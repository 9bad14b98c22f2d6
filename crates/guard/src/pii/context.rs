//! The words near a number, which say what it is.

mod words;

use super::PiiKind;

/// How far back words are read, in bytes.
const BEHIND: usize = 64;
/// How near a word is that belongs to the number alone.
const NEAR: usize = 16;

/// What a word says about a number near it: any of several things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sense(u64);

impl Sense {
    /// A telephone or a message to one.
    pub(super) const PHONE: Self = Self(1 << 56);
    /// Somebody is to be reached.
    pub(super) const CALL: Self = Self(1 << 57);
    /// A place of somebody's telephone, where it follows the number.
    pub(super) const PLACE: Self = Self(1 << 58);
    /// Something is paid for.
    pub(super) const PAY: Self = Self(1 << 55);
    /// A card that pays.
    pub(super) const CARD: Self = Self(1 << 59);
    /// A network.
    pub(super) const INTERNET: Self = Self(1 << 60);
    /// A number of a person, of some kind.
    pub(super) const IDENTITY: Self = Self(1 << 61);
    /// A release of something.
    pub(super) const VERSION: Self = Self(1 << 62);
    /// A number of a thing, a quantity or a time.
    pub(super) const THING: Self = Self(1 << 63);

    /// An identifier, of a thing unless a word before it says of whom.
    pub(super) const ID: Self = Self(1 << 54);
    /// All numbers of persons.
    const PERSONS: Self = Self(((1 << 54) - 1) | Self::IDENTITY.0);

    /// A number of this kind.
    pub(super) const fn person(kind: PiiKind) -> Self {
        Self(1 << kind as u32)
    }

    /// Either.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// What says that a number is none of a person.
const NOT_OF_A_PERSON: Sense = Sense::THING.or(Sense::VERSION).or(Sense::ID);

/// Words between the name of a thing and its number.
const FILLERS: [&str; 12] =
    ["no", "nr", "num", "number", "nummer", "numero", "número", "numéro", "n", "is", "code", "id"];

/// The words before a number that say something, the nearest first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    words: [Option<Said>; 8],
}

#[derive(Debug, Clone, Copy)]
struct Said {
    sense: Sense,
    distance: usize,
    same_line: bool,
    /// Whether no other word but such as `number` stands between the word and the number.
    adjacent: bool,
    /// Whether nothing but a sentence stands between the word and the number.
    in_sentence: bool,
}

impl Context {
    /// Reads the words before a place.
    pub(super) fn before(text: &str, end: usize) -> Self {
        let mut floor = text.ceil_char_boundary(end.saturating_sub(BEHIND));
        if text[..floor].chars().next_back().is_some_and(char::is_alphanumeric) {
            floor += text[floor..end].find(|c: char| !c.is_alphanumeric()).unwrap_or(end - floor);
        }
        let window = &text[floor..end];
        let line = window.rfind('\n').unwrap_or(0);
        let mut words = [None; 8];
        let mut known = 0;
        let mut before = 0;
        let mut adjacent = true;
        let mut at = window.len();
        while known < words.len() {
            let Some((start, stop)) = last_word(&window[..at]) else { break };
            if window.as_bytes()[start].is_ascii_digit() {
                at = start;
                continue;
            }
            let part = start + last_part(&window[start..stop]);
            let whole = words::sense(&window[start..stop]);
            if let Some(sense) = whole.or_else(|| words::sense(&window[part..stop])) {
                // `Tax ID` is one word in two.
                let id = |said: &Option<Said>| said.is_some_and(|said| said.sense == Sense::ID);
                if known > 0
                    && sense.meets(Sense::PERSONS)
                    && window.len() - stop <= before + 2
                    && id(&words[known - 1])
                {
                    known -= 1;
                }
                words[known] = Some(Said {
                    sense,
                    distance: window.len() - stop,
                    same_line: start >= line,
                    adjacent,
                    in_sentence: !window[stop..].contains(is_markup),
                });
                known += 1;
            }
            adjacent &= FILLERS.iter().any(|filler| filler.eq_ignore_ascii_case(&window[start..stop]));
            at = if whole.is_some() { start } else { part };
            before = window.len() - at;
        }
        Self { words }
    }

    /// Whether the nearest word that says something says this.
    pub(super) fn is(&self, sense: Sense) -> bool {
        self.words[0].is_some_and(|said| said.sense.meets(sense))
    }

    /// Whether the nearest word that says something says this, and stands right before the number.
    pub(super) fn is_near(&self, sense: Sense) -> bool {
        self.words[0].is_some_and(|said| said.sense.meets(sense) && said.distance <= NEAR && said.same_line)
    }

    /// Whether a word says this, and no word nearer in the same line says that it is a number of a thing.
    pub(super) fn says(&self, sense: Sense) -> bool {
        self.until_thing().any(|said| said.sense.meets(sense))
    }

    /// The same, within the sentence.
    pub(super) fn says_in_sentence(&self, sense: Sense) -> bool {
        self.until_thing().any(|said| said.sense.meets(sense) && said.same_line && said.in_sentence)
    }

    /// Whether the number is one of a thing.
    pub(super) fn thing(&self) -> bool {
        self.is(NOT_OF_A_PERSON) && self.words[0].is_some_and(|said| said.same_line)
    }

    /// Whether a word right before the number says that it is one of a thing.
    pub(super) fn thing_near(&self) -> bool {
        self.is_near(NOT_OF_A_PERSON) && self.words[0].is_some_and(|said| said.adjacent)
    }

    fn until_thing(&self) -> impl Iterator<Item = &Said> {
        self.words.iter().flatten().take_while(|said| !(said.sense.meets(NOT_OF_A_PERSON) && said.same_line))
    }
}

/// Whether a word right after a number says that it is one of a telephone: `555 1234 (mobile)`.
pub(super) fn labels_phone(text: &str, end: usize) -> bool {
    let rest = &text[end..text.floor_char_boundary((end + 20).min(text.len()))];
    let word = rest.trim_start_matches([' ', '-', '(', '[', ',']);
    let length = word.find(|c: char| !c.is_alphabetic()).unwrap_or(word.len());
    word.len() + 3 >= rest.len()
        && words::sense(&word[..length]).is_some_and(|sense| sense.meets(Sense::PHONE.or(Sense::PLACE)))
}

/// Whether it is a sign of code or data, which sentences do without.
fn is_markup(c: char) -> bool {
    matches!(c, '{' | '}' | '[' | ']' | '<' | '>' | '=' | ';' | '"' | '|')
}

/// Where the last word of a text stands.
fn last_word(text: &str) -> Option<(usize, usize)> {
    let end = text.rfind(char::is_alphanumeric)?;
    let end = end + text[end..].chars().next().map_or(1, char::len_utf8);
    let start = text[..end].char_indices().rev().take_while(|(_, c)| c.is_alphanumeric()).last()?.0;
    Some((start, end))
}

/// Where the last part of a word begins: `userPhone` has two.
fn last_part(word: &str) -> usize {
    let mut start = word.len();
    let mut upper = false;
    for (at, c) in word.char_indices().rev() {
        if upper && c.is_lowercase() {
            break;
        }
        upper = c.is_uppercase();
        start = at;
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(text: &str) -> Context {
        Context::before(text, text.len())
    }

    #[test]
    fn the_nearest_word_that_says_something_counts() {
        assert!(before("You can call me at ").says_in_sentence(Sense::CALL));
        assert!(before("my phone: order number ").thing());
        assert!(!before("my phone: order number ").says(Sense::PHONE));
        assert!(before("\"userPhoneNumber\": \"").says(Sense::PHONE));
        assert!(before("Téléphone : ").says(Sense::PHONE) && before("电话：").says(Sense::PHONE));
        assert!(before("credit card number ").says(Sense::CARD));
        assert!(before("Here's my SSN: ").says(Sense::person(PiiKind::SsnUs)));
        assert!(!before("Tell me what the telemetry says: ").says(Sense::PHONE));
    }

    #[test]
    fn a_label_may_follow() {
        assert!(
            labels_phone("123-Office\\,", 3) && labels_phone("123 fax", 3) && labels_phone("123 (mobile)", 3)
        );
        assert!(!labels_phone("123 apples", 3) && !labels_phone("123", 3));
    }
}
