//! Who made a signature.
//!
//! A vendor refuses a request with a signature that it did not make. Inside this crate a signature
//! therefore names its maker, and only the maker gets it back. A client's own vendor is not named
//! on the wire, so that its bytes stay what they are.

/// Who signs thoughts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maker {
    /// Anthropic signs thinking blocks.
    Anthropic,
    /// Gemini signs parts.
    Gemini,
    /// OpenAI encrypts reasoning items.
    OpenAi,
    /// Services that imitate Chat Completions, with `reasoning_details` of their own.
    Compatible,
}

impl Maker {
    const ALL: [Self; 4] = [Self::Anthropic, Self::Gemini, Self::OpenAi, Self::Compatible];

    const fn mark(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic:",
            Self::Gemini => "gemini:",
            Self::OpenAi => "openai:",
            Self::Compatible => "compatible:",
        }
    }

    /// The signature with its maker's name.
    pub(crate) fn sign(self, raw: &str) -> String {
        format!("{}{raw}", self.mark())
    }

    /// The signature as this maker wrote it; `None` if somebody else did.
    pub(crate) fn own(self, signature: &str) -> Option<&str> {
        signature.strip_prefix(self.mark())
    }

    /// The signature with this maker's name, unless it has a name already.
    pub(crate) fn claim(self, signature: &str) -> String {
        if Self::ALL.iter().any(|maker| maker.own(signature).is_some()) {
            signature.to_owned()
        } else {
            self.sign(signature)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_maker_gets_it_back() {
        let signature = Maker::Gemini.sign("c2ln");
        assert_eq!(Maker::Gemini.own(&signature), Some("c2ln"));
        assert_eq!(Maker::Anthropic.own(&signature), None);
        assert_eq!(Maker::Anthropic.claim(&signature), signature);
        assert_eq!(Maker::Anthropic.own(&Maker::Anthropic.claim("EqQB")), Some("EqQB"));
        assert_eq!(Maker::Anthropic.own("EqQB"), None);
    }
}
