//! What cannot be translated.

/// A request that cannot be read, or not be said in the other format. A client gets it as 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Untranslatable {
    /// The path of what is wrong, such as `messages[2].content[0].type`.
    pub field: Option<String>,
    /// What is wrong and what to do, for people. It names the part, never its content.
    pub message: String,
    /// What is wrong, for programs: `invalid_json`, `missing_field`, `invalid_field` (the request is
    /// not one of its own format) or `unsupported_by_provider` (the target has no way to say it).
    pub code: &'static str,
}

impl Untranslatable {
    /// The body is no JSON object.
    pub fn json(message: impl Into<String>) -> Self {
        Self { field: None, message: message.into(), code: "invalid_json" }
    }

    /// A member that must be there is not.
    pub fn missing(field: impl Into<String>) -> Self {
        let field = field.into();
        Self { message: format!("`{field}` is required"), field: Some(field), code: "missing_field" }
    }

    /// A member is not what its format says.
    pub fn invalid(field: impl Into<String>, expected: &str) -> Self {
        let field = field.into();
        Self { message: format!("`{field}` must be {expected}"), field: Some(field), code: "invalid_field" }
    }

    /// The target cannot do it.
    pub fn unsupported(field: impl Into<String>, why: &str) -> Self {
        let field = field.into();
        Self { message: format!("`{field}`: {why}"), field: Some(field), code: "unsupported_by_provider" }
    }
}

/// An answer of a provider that is not one of its format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the provider's answer cannot be read: {0}")]
pub struct Unreadable(pub String);
