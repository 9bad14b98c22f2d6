//! Where the text of a row would have stood in a request.

use promptgate_guard::Channel;

use crate::row::Row;

/// Words in a group's name that say its texts come from elsewhere than the user's keyboard.
const DOCUMENT: [&str; 14] = [
    "document",
    "documents",
    "doc",
    "docs",
    "indirect",
    "email",
    "emails",
    "web",
    "webpage",
    "page",
    "rag",
    "bipia",
    "retrieval",
    "retrieved",
];
const TOOL: [&str; 9] =
    ["tool", "tools", "agent", "agents", "injecagent", "agentdojo", "mcp", "function", "observation"];

/// The channel that a row or its group names; the user's own words otherwise.
pub(crate) fn channel(row: &Row) -> Channel {
    row.channel.as_deref().and_then(named).or_else(|| named(&row.group)).unwrap_or(Channel::User)
}

fn named(name: &str) -> Option<Channel> {
    let name = name.to_ascii_lowercase();
    let mut words = name.split(|character: char| !character.is_ascii_alphanumeric());
    // What is called manipulation of an agent is something a user says to it.
    if name.contains("manipulation") || name.contains("user") {
        return None;
    }
    words.find_map(|word| match word {
        word if TOOL.contains(&word) => Some(Channel::Tool),
        word if DOCUMENT.contains(&word) => Some(Channel::Document),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_where_a_text_came_from() {
        assert_eq!(named("indirect_bipia"), Some(Channel::Document));
        assert_eq!(named("document_clean"), Some(Channel::Document));
        assert_eq!(named("InjecAgent-dh"), Some(Channel::Tool));
        assert_eq!(named("tool"), Some(Channel::Tool));
        assert_eq!(named("nc_agent_manipulation"), None);
        assert_eq!(named("slabs"), None);
        assert_eq!(named("code"), None);
    }
}
