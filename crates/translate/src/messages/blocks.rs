//! Reading content blocks.

use super::request::hint;
use crate::maker::Maker;
use crate::members::{Members, Value};
use crate::{Block, Cache, Extra, Source, Untranslatable, arguments, ids};

/// Members of a block that say nothing which is missed: `direct` is who calls a tool anyway.
const HARMLESS: [&str; 3] = ["type", "cache_control", "caller"];

/// The blocks of a content: a text is one block of text.
pub(super) fn content(value: &Value<'_>, extras: &mut Vec<Extra>) -> Result<Vec<Block>, Untranslatable> {
    within(value, Place::Message, extras)
}

/// Where a content stands. Results and documents hold no results and documents of contents again, so
/// that nothing is nested without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Message,
    Result,
    Document,
}

fn within(value: &Value<'_>, place: Place, extras: &mut Vec<Extra>) -> Result<Vec<Block>, Untranslatable> {
    if value.is_text() {
        return Ok(vec![Block::Text { text: value.text()?, cache: None }]);
    }
    if !value.is_array() {
        return Err(value.invalid("a string or an array of blocks"));
    }
    let items = value.items()?;
    let mut blocks = Vec::with_capacity(items.len());
    for item in items {
        read(&item.members()?, place, &mut blocks, extras)?;
    }
    Ok(blocks)
}

/// The cache marker of a block, a tool or a result.
pub(super) fn cache(members: &Members<'_>) -> Result<Option<Cache>, Untranslatable> {
    let Some(marker) = members.members("cache_control")? else { return Ok(None) };
    Ok(Some(Cache { ttl: marker.text("ttl")? }))
}

fn read(
    members: &Members<'_>,
    place: Place,
    blocks: &mut Vec<Block>,
    extras: &mut Vec<Extra>,
) -> Result<(), Untranslatable> {
    let kind = members.need_text("type")?;
    let fits = match kind.as_str() {
        "text" | "image" => true,
        "document" => place != Place::Document,
        _ => place == Place::Message,
    };
    if !fits {
        let why = format!("a block of the type `{kind}` has no place inside of another one");
        return Err(Untranslatable::unsupported(members.path_of("type"), &why));
    }
    let known: &[&str] = match kind.as_str() {
        "text" => &["text", "citations"],
        "image" => &["source"],
        "document" => &["source", "title", "context", "citations"],
        "tool_use" => &["id", "name", "input"],
        "tool_result" => &["tool_use_id", "content", "is_error"],
        "thinking" => &["thinking", "signature"],
        _ => &["data"],
    };
    for (name, value) in members.iter() {
        let is_direct =
            || value.members().is_ok_and(|by| by.lenient_text("type").as_deref() == Some("direct"));
        if !known.contains(&name) && !HARMLESS.contains(&name) || name == "caller" && !is_direct() {
            extras.push(hint(&format!("messages.content.{name}"), &value));
        }
    }
    let block = match kind.as_str() {
        "text" => {
            if let Some(citations) = members.get("citations") {
                extras.push(hint("messages.content.citations", &citations));
            }
            Block::Text { text: members.need_text("text")?, cache: cache(members)? }
        }
        "image" => Block::Image { source: image(members)?, detail: None, cache: cache(members)? },
        "document" => return document(members, blocks, extras),
        "tool_use" => {
            let (id, signature) = ids::split_call(&members.need_text("id")?);
            let input = members.json("input");
            Block::ToolCall {
                id,
                name: members.need_text("name")?,
                arguments: input.map_or_else(|| "{}".to_owned(), |input| input.as_str().to_owned()),
                signature,
                cache: cache(members)?,
            }
        }
        "tool_result" => Block::ToolResult {
            id: ids::split_call(&members.need_text("tool_use_id")?).0,
            name: None,
            content: match members.get("content") {
                Some(inner) => within(&inner, Place::Result, extras)?,
                None => Vec::new(),
            },
            is_error: members.flag("is_error")?.unwrap_or(false),
            cache: cache(members)?,
        },
        "thinking" => Block::Thinking {
            text: members.text("thinking")?.unwrap_or_default(),
            signature: members
                .text("signature")?
                .filter(|signature| !signature.is_empty())
                .map(|signature| Maker::Anthropic.claim(&signature)),
        },
        "redacted_thinking" => {
            Block::RedactedThinking { data: Maker::Anthropic.claim(&members.need_text("data")?) }
        }
        other => {
            let why = format!("blocks of the type `{other}` exist for Anthropic's models only");
            return Err(Untranslatable::unsupported(members.path_of("type"), &why));
        }
    };
    blocks.push(block);
    Ok(())
}

fn image(members: &Members<'_>) -> Result<Source, Untranslatable> {
    let source = members.need("source")?.members()?;
    match source.need_text("type")?.as_str() {
        "base64" => base64(&source),
        "url" => Ok(Source::Url { url: source.need_text("url")? }),
        "file" => Ok(Source::Id { id: source.need_text("file_id")? }),
        _ => Err(source.need("type")?.invalid("`base64`, `url` or `file`")),
    }
}

fn base64(source: &Members<'_>) -> Result<Source, Untranslatable> {
    Ok(Source::Base64 { media_type: source.need_text("media_type")?, data: source.need_text("data")? })
}

/// A document. Its context is text for the model, so it stands before the document.
fn document(
    members: &Members<'_>,
    blocks: &mut Vec<Block>,
    extras: &mut Vec<Extra>,
) -> Result<(), Untranslatable> {
    if let Some(citations) = members.members("citations")?
        && citations.flag("enabled")? == Some(true)
    {
        let path = members.path_of("citations");
        return Err(Untranslatable::unsupported(path, "citations are made by Anthropic's models only"));
    }
    if let Some(context) = members.text("context")? {
        blocks.push(Block::Text { text: context, cache: None });
    }
    let source = members.need("source")?.members()?;
    let source = match source.need_text("type")?.as_str() {
        "base64" => base64(&source)?,
        "text" => Source::Text { text: source.need_text("data")? },
        "url" => Source::Url { url: source.need_text("url")? },
        "file" => Source::Id { id: source.need_text("file_id")? },
        "content" => {
            blocks.extend(within(&source.need("content")?, Place::Document, extras)?);
            return Ok(());
        }
        _ => return Err(source.need("type")?.invalid("`base64`, `text`, `url`, `file` or `content`")),
    };
    blocks.push(Block::File { source, name: members.text("title")?, cache: cache(members)? });
    Ok(())
}

/// Reads a block of an answer; `None` for kinds that only Anthropic's own tools make.
pub(super) fn answered(members: &Members<'_>) -> Option<Block> {
    let mut blocks = Vec::new();
    read(members, Place::Message, &mut blocks, &mut Vec::new()).ok()?;
    let mut block = blocks.pop()?;
    if let Block::ToolCall { id, signature, arguments: text, .. } = &mut block {
        // A provider's id is its own; marks are only in what clients send back.
        *id = members.lenient_text("id")?;
        *signature = None;
        arguments::object(text).as_str().clone_into(text);
    }
    matches!(
        block,
        Block::Text { .. } | Block::Thinking { .. } | Block::RedactedThinking { .. } | Block::ToolCall { .. }
    )
    .then_some(block)
}
