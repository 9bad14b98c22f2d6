//! Entries of the FAQ.

use promptgate_kernel::{FaqEntryId, Timestamp};

const MAX_QUESTION: usize = 300;
const MAX_ANSWER_BYTES: usize = 64 * 1024;

/// What is wrong with an entry that somebody wants to create or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFaqEntry {
    /// There is no question.
    #[error("question must not be blank")]
    QuestionRequired,
    /// The question is too long.
    #[error("question must have at most 300 characters")]
    QuestionTooLong,
    /// There is no answer.
    #[error("answer must not be blank")]
    AnswerRequired,
    /// The answer is too long.
    #[error("answer must have at most 65,536 bytes")]
    AnswerTooLong,
}

impl InvalidFaqEntry {
    /// The field that is wrong, as the wire names it.
    pub const fn field(self) -> &'static str {
        match self {
            Self::QuestionRequired | Self::QuestionTooLong => "question",
            Self::AnswerRequired | Self::AnswerTooLong => "answer",
        }
    }
}

/// A question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaqEntry {
    /// Its identity.
    pub id: FaqEntryId,
    /// What is asked.
    pub question: String,
    /// The answer, in Markdown.
    pub answer: String,
    /// Its place among all entries, from 0 and without gaps.
    pub position: u64,
    /// Whether everybody reads it.
    pub published: bool,
    /// When it was created.
    pub created_at: Timestamp,
    /// When its text last changed.
    pub updated_at: Timestamp,
    /// Grows with every change of the text; a save of an older version does not match.
    pub version: i64,
}

/// What an entry is made from.
#[derive(Debug, Clone, Default)]
pub struct NewFaqEntry {
    /// What is asked.
    pub question: String,
    /// The answer, in Markdown.
    pub answer: String,
    /// Whether everybody reads it.
    pub published: bool,
}

/// What may be changed about an entry; `None` keeps a value.
#[derive(Debug, Clone, Default)]
pub struct FaqChanges {
    /// Another question.
    pub question: Option<String>,
    /// Another answer.
    pub answer: Option<String>,
    /// Show it to everybody or do not.
    pub published: Option<bool>,
}

impl FaqEntry {
    /// Creates an entry at a place.
    pub fn create(
        id: FaqEntryId,
        new: &NewFaqEntry,
        position: u64,
        at: Timestamp,
    ) -> Result<Self, InvalidFaqEntry> {
        let entry = Self {
            id,
            question: new.question.trim().to_owned(),
            answer: new.answer.trim().to_owned(),
            position,
            published: new.published,
            created_at: at,
            updated_at: at,
            version: 1,
        };
        entry.check()?;
        Ok(entry)
    }

    /// Applies changes.
    pub fn change(mut self, changes: &FaqChanges, at: Timestamp) -> Result<Self, InvalidFaqEntry> {
        if let Some(question) = &changes.question {
            question.trim().clone_into(&mut self.question);
        }
        if let Some(answer) = &changes.answer {
            answer.trim().clone_into(&mut self.answer);
        }
        self.published = changes.published.unwrap_or(self.published);
        self.updated_at = at;
        self.version += 1;
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), InvalidFaqEntry> {
        if self.question.is_empty() {
            return Err(InvalidFaqEntry::QuestionRequired);
        }
        if self.question.chars().count() > MAX_QUESTION {
            return Err(InvalidFaqEntry::QuestionTooLong);
        }
        if self.answer.is_empty() {
            return Err(InvalidFaqEntry::AnswerRequired);
        }
        if self.answer.len() > MAX_ANSWER_BYTES {
            return Err(InvalidFaqEntry::AnswerTooLong);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(question: &str, answer: &str) -> Result<FaqEntry, InvalidFaqEntry> {
        let new = NewFaqEntry { question: question.into(), answer: answer.into(), published: true };
        let id = "018f4e6e-0000-7000-8000-000000000001".parse().unwrap();
        FaqEntry::create(id, &new, 0, Timestamp::default())
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (question, answer, wrong) in [
            (" \n", "a", InvalidFaqEntry::QuestionRequired),
            (&*"é".repeat(301), "a", InvalidFaqEntry::QuestionTooLong),
            ("q", " ", InvalidFaqEntry::AnswerRequired),
            ("q", &"x".repeat(65_537), InvalidFaqEntry::AnswerTooLong),
        ] {
            assert_eq!(create(question, answer).unwrap_err(), wrong);
        }
        let fits = create(&format!(" {} ", "é".repeat(300)), " a ").unwrap();
        assert_eq!((fits.question.chars().count(), &*fits.answer), (300, "a"));
    }

    #[test]
    fn a_change_keeps_what_it_does_not_name() {
        let first = create("q", "a").unwrap();
        let changes = FaqChanges { published: Some(false), ..FaqChanges::default() };
        let after = first.clone().change(&changes, Timestamp::from_micros(3)).unwrap();
        assert_eq!((&after.question, after.published, after.version), (&first.question, false, 2));
        let blank = FaqChanges { answer: Some(" ".into()), ..FaqChanges::default() };
        assert_eq!(first.change(&blank, Timestamp::default()), Err(InvalidFaqEntry::AnswerRequired));
    }
}
