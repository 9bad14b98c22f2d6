//! Usage, as Gemini counts it.

use promptgate_usage::TokenCounts;

use crate::counts::{Lie, believed};
use crate::members::Members;

/// The classes of `usageMetadata`; `None` when they cannot be true. What was cached and what was
/// heard are shares of the prompt; thoughts stand beside the answer.
pub(super) fn read(usage: &Members<'_>) -> Option<TokenCounts> {
    try_read(usage).ok().flatten()
}

fn try_read(usage: &Members<'_>) -> Result<Option<TokenCounts>, Lie> {
    let Some(prompt) = believed(usage, "promptTokenCount")? else { return Ok(None) };
    let tools = believed(usage, "toolUsePromptTokenCount")?.unwrap_or(0);
    let cache_read = believed(usage, "cachedContentTokenCount")?.unwrap_or(0).min(prompt);
    let written = believed(usage, "candidatesTokenCount")?.unwrap_or(0);
    let heard = audio(usage, "promptTokensDetails");
    let heard = heard.saturating_sub(audio(usage, "cacheTokensDetails")).min(prompt - cache_read);
    let spoken = audio(usage, "candidatesTokensDetails").min(written);
    Ok(Some(TokenCounts {
        input: (prompt - cache_read - heard).saturating_add(tools),
        cache_read,
        audio_input: heard,
        output: written - spoken,
        reasoning: believed(usage, "thoughtsTokenCount")?.unwrap_or(0),
        audio_output: spoken,
        ..TokenCounts::default()
    }))
}

fn audio(usage: &Members<'_>, details: &str) -> u64 {
    let of_audio = |details: &Members<'_>| details.lenient_text("modality").as_deref() == Some("AUDIO");
    usage
        .lenient_items(details)
        .iter()
        .filter_map(|item| item.members().ok())
        .filter(of_audio)
        .filter_map(|item| believed(&item, "tokenCount").ok().flatten())
        .fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str) -> Option<TokenCounts> {
        read(&Members::of(json).unwrap())
    }

    #[test]
    fn classes_do_not_overlap() {
        let counts = told(
            r#"{"promptTokenCount":1000,"cachedContentTokenCount":600,"candidatesTokenCount":50,"thoughtsTokenCount":30,
                "toolUsePromptTokenCount":5,"totalTokenCount":1085,
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":900},{"modality":"AUDIO","tokenCount":100}],
                "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":40}]}"#,
        );
        let expected = TokenCounts {
            input: 345,
            cache_read: 600,
            audio_input: 60,
            output: 50,
            reasoning: 30,
            ..TokenCounts::default()
        };
        assert_eq!(counts, Some(expected));
        assert_eq!(expected.total(), 1085);
    }

    #[test]
    fn lies_are_not_believed() {
        for lie in
            [r#"{"promptTokenCount":-1}"#, r#"{"promptTokenCount":1,"candidatesTokenCount":"x"}"#, "{}"]
        {
            assert_eq!(told(lie), None, "{lie}");
        }
        let shares = told(r#"{"promptTokenCount":5,"cachedContentTokenCount":9}"#).unwrap();
        assert_eq!((shares.input, shares.cache_read), (0, 5));
    }
}
