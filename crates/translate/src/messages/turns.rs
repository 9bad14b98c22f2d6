//! The order that Anthropic wants: instructions apart, one turn after the other, results of tools
//! first.

use promptgate_providers::Feature;

use crate::demands::Dropped;
use crate::maker::Maker;
use crate::{Block, ChatRequest, Role, Source, Target, Untranslatable};

/// A conversation in that order.
#[derive(Debug)]
pub(super) struct Conversation<'a> {
    /// The instructions.
    pub(super) system: Vec<&'a Block>,
    /// What was said, by turns.
    pub(super) turns: Vec<Turn<'a>>,
}

/// What one side said before the other one answered.
#[derive(Debug)]
pub(super) struct Turn<'a> {
    /// Who spoke.
    pub(super) role: Role,
    /// What was said.
    pub(super) blocks: Vec<&'a Block>,
}

/// Brings a conversation into that order. Blocks that would be refused for being empty are left
/// out, as are thoughts that are not the target's own.
pub(super) fn arrange<'a>(
    request: &'a ChatRequest,
    target: &Target<'_>,
    dropped: &mut Dropped,
) -> Result<Conversation<'a>, Untranslatable> {
    let mut system = Vec::new();
    let mut turns: Vec<Turn<'a>> = Vec::new();
    for message in &request.messages {
        for block in message.blocks.iter().filter(|block| !is_blank(block)) {
            check(block)?;
            if message.role == Role::System {
                system.push(block);
                continue;
            }
            if !is_own(block, target) {
                dropped.note("thinking");
                continue;
            }
            match turns.last_mut().filter(|turn| turn.role == message.role) {
                Some(turn) => turn.blocks.push(block),
                None => turns.push(Turn { role: message.role, blocks: vec![block] }),
            }
        }
    }
    if turns.is_empty() {
        return Err(Untranslatable::unsupported(
            "messages",
            "instructions alone are no conversation here; add a message of the user",
        ));
    }
    for turn in &mut turns {
        turn.blocks.sort_by_key(|block| !matches!(block, Block::ToolResult { .. }));
    }
    Ok(Conversation { system, turns })
}

fn is_blank(block: &Block) -> bool {
    match block {
        Block::Text { text, .. } | Block::Refusal { text } => text.trim().is_empty(),
        _ => false,
    }
}

/// Whether a thought, if it is one, may go back to the target.
fn is_own(block: &Block, target: &Target<'_>) -> bool {
    let signature = match block {
        Block::Thinking { signature, .. } => signature.as_deref(),
        Block::RedactedThinking { data } => Some(data.as_str()),
        _ => return true,
    };
    target.capabilities.has(Feature::ThinkingHistory)
        && signature.is_some_and(|signature| Maker::Anthropic.own(signature).is_some())
}

/// Refuses what the format has no word for.
fn check(block: &Block) -> Result<(), Untranslatable> {
    match block {
        Block::File { source: Source::Base64 { media_type, .. }, .. }
            if media_type != "application/pdf" && !media_type.starts_with("text/") =>
        {
            let why = format!("documents of the type `{media_type}` are not understood, PDF and text are");
            Err(Untranslatable::unsupported("file", &why))
        }
        Block::Audio { .. } => Err(Untranslatable::unsupported("audio", "sound is not understood")),
        Block::ToolResult { content, .. } => content.iter().try_for_each(check),
        _ => Ok(()),
    }
}
