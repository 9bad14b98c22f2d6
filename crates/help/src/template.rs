//! The language of a guide's template.
//!
//! `{{name}}` stands for a value, `{{#models}}…{{/models}}` is repeated for each model. There is
//! nothing else: double braces that are no tag are refused, so that a template never shows them.

const MAX_BYTES: usize = 64 * 1024;

const VARIABLES: [&str; 8] = [
    "token",
    "baseUrl",
    "openaiBaseUrl",
    "anthropicBaseUrl",
    "model",
    "models",
    "providerName",
    "providerDisplayName",
];

/// The one name that a section may have.
const SECTION: &str = "models";

/// What is wrong with a template.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTemplate {
    /// There is nothing in it.
    #[error("template is required")]
    Empty,
    /// There is too much in it.
    #[error("template is too long: at most 65,536 bytes are kept")]
    TooLong,
    /// A tag names something that is not there.
    #[error("unknown template variable: {0}")]
    UnknownVariable(String),
    /// A section is opened for something that is no list.
    #[error("unsupported template section: {0}")]
    UnsupportedSection(String),
    /// A section is opened within another one, or closed without having been opened.
    #[error("unmatched template section: {0}")]
    UnmatchedSection(String),
    /// A section is not closed.
    #[error("unclosed template section: {0}")]
    UnclosedSection(String),
    /// There are double braces that belong to no tag.
    #[error("template has double braces that belong to no tag")]
    StrayBraces,
}

impl InvalidTemplate {
    /// What is wrong, without what was written.
    pub const fn sentence(&self) -> &'static str {
        match self {
            Self::Empty => "template is required",
            Self::TooLong => "template is too long",
            Self::UnknownVariable(_) => "unknown template variable",
            Self::UnsupportedSection(_) => "unsupported template section",
            Self::UnmatchedSection(_) => "unmatched template section",
            Self::UnclosedSection(_) => "unclosed template section",
            Self::StrayBraces => "template has double braces that belong to no tag",
        }
    }
}

/// Checks a template from beginning to end; the first thing that is wrong is named.
pub fn check_template(template: &str) -> Result<(), InvalidTemplate> {
    if template.trim().is_empty() {
        return Err(InvalidTemplate::Empty);
    }
    if template.len() > MAX_BYTES || template.contains('\0') {
        return Err(InvalidTemplate::TooLong);
    }
    let mut open = false;
    let mut rest = template;
    while let Some((text, tagged)) = rest.split_once("{{") {
        let (tag, after) = tagged.split_once("}}").ok_or(InvalidTemplate::StrayBraces)?;
        if text.contains("}}") || tag.contains(['{', '}']) {
            return Err(InvalidTemplate::StrayBraces);
        }
        if let Some(name) = tag.strip_prefix('#') {
            if name != SECTION {
                return Err(InvalidTemplate::UnsupportedSection(cut(name)));
            }
            if std::mem::replace(&mut open, true) {
                return Err(InvalidTemplate::UnmatchedSection(cut(name)));
            }
        } else if let Some(name) = tag.strip_prefix('/') {
            if name != SECTION || !std::mem::replace(&mut open, false) {
                return Err(InvalidTemplate::UnmatchedSection(cut(name)));
            }
        } else if !VARIABLES.contains(&tag) {
            return Err(InvalidTemplate::UnknownVariable(cut(tag)));
        }
        rest = after;
    }
    if rest.contains("}}") {
        return Err(InvalidTemplate::StrayBraces);
    }
    if open { Err(InvalidTemplate::UnclosedSection(SECTION.to_owned())) } else { Ok(()) }
}

/// The beginning of what was written, for a message.
fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_variable_and_the_one_section_are_known() {
        for variable in VARIABLES {
            assert_eq!(check_template(&format!("a {{{{{variable}}}}} b")), Ok(()));
        }
        assert_eq!(check_template("{{#models}}- {{model}}\n{{/models}}{{#models}}x{{/models}}"), Ok(()));
        assert_eq!(check_template("{ \"a\": { \"b\": \"{{token}}\" } }"), Ok(()), "single braces are text");
    }

    #[test]
    fn what_is_wrong_is_named() {
        use InvalidTemplate as Wrong;
        for (template, wrong) in [
            ("", Wrong::Empty),
            (" \n", Wrong::Empty),
            ("{{host}}", Wrong::UnknownVariable("host".into())),
            ("{{ token }}", Wrong::UnknownVariable(" token ".into())),
            ("{{}}", Wrong::UnknownVariable(String::new())),
            ("{{Token}}", Wrong::UnknownVariable("Token".into())),
            ("{{#token}}x{{/token}}", Wrong::UnsupportedSection("token".into())),
            ("{{#models}}", Wrong::UnclosedSection("models".into())),
            ("{{/models}}", Wrong::UnmatchedSection("models".into())),
            ("{{#models}}{{#models}}{{/models}}{{/models}}", Wrong::UnmatchedSection("models".into())),
            ("{{#models}}{{/model}}", Wrong::UnmatchedSection("model".into())),
            ("{{token", Wrong::StrayBraces),
            ("token}}", Wrong::StrayBraces),
            ("a }} {{token}}", Wrong::StrayBraces),
            ("{{{token}}}", Wrong::StrayBraces),
            ("{{token}} {{", Wrong::StrayBraces),
        ] {
            assert_eq!(check_template(template), Err(wrong), "{template}");
        }
        assert_eq!(check_template(&"x".repeat(65_537)), Err(Wrong::TooLong));
    }

    proptest! {
        #[test]
        fn what_is_accepted_leaves_no_braces_when_its_tags_are_filled_in(
            parts in proptest::collection::vec(
                prop_oneof![
                    Just("{{token}}"), Just("{{model}}"), Just("{{#models}}"), Just("{{/models}}"), Just("{"),
                    Just("}"), Just("text"), Just("{{x}}"), Just("{{")
                ], 0..10)
        ) {
            let template = parts.concat();
            if check_template(&template).is_ok() {
                // What the reader does: the sections, then the variables.
                let mut filled = template.replace("{{#models}}", "s").replace("{{/models}}", "s");
                for variable in VARIABLES {
                    filled = filled.replace(&format!("{{{{{variable}}}}}"), "v");
                }
                prop_assert!(!filled.contains("{{") && !filled.contains("}}"), "{}", template);
                prop_assert_eq!(template.matches("{{#models}}").count(), template.matches("{{/models}}").count());
            }
        }

        #[test]
        fn nothing_makes_it_panic(template in ".{0,80}") {
            let _ = check_template(&template);
        }
    }
}
