//! How much thinking: words of one vendor into tokens of another.

use crate::Reasoning;

impl Reasoning {
    /// Whether the client asks for no thinking at all.
    pub fn is_off(&self) -> bool {
        self.effort.as_deref() == Some("none") || (self.budget == Some(0) && self.effort.is_none())
    }

    /// The effort in words, from the budget if only that is said. `None` leaves it to the model.
    pub fn words(&self) -> Option<&str> {
        if self.effort.is_some() {
            return self.effort.as_deref();
        }
        Some(match self.budget? {
            0 => "none",
            1..=4_096 => "low",
            4_097..=16_384 => "medium",
            _ => "high",
        })
    }

    /// The effort in the words of OpenAI's formats, and whether they say less than the client did:
    /// what is above `high` few models know.
    pub(crate) fn openai_words(&self) -> Option<(&str, bool)> {
        match self.words()? {
            "xhigh" | "max" => Some(("high", true)),
            words => Some((words, false)),
        }
    }

    /// The budget in tokens, from the words if only they are said. `None` leaves it to the model.
    pub fn tokens(&self) -> Option<u64> {
        if self.budget.is_some() {
            return self.budget;
        }
        match self.effort.as_deref()? {
            "none" => Some(0),
            "minimal" => Some(1_024),
            "low" => Some(4_096),
            "medium" => Some(16_384),
            "high" => Some(32_768),
            "xhigh" | "max" => Some(65_536),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::Reasoning;

    #[test]
    fn words_and_tokens_agree() {
        for effort in ["none", "low", "medium", "high"] {
            let said = Reasoning { effort: Some(effort.to_owned()), ..Reasoning::default() };
            let budget = Reasoning { budget: said.tokens(), ..Reasoning::default() };
            assert_eq!(budget.words(), Some(effort));
        }
    }
}
