//! Reading the items of a request's input.

use crate::chat::{note_others, read_cache};
use crate::ids::{self, Encrypted};
use crate::maker::Maker;
use crate::members::{Members, Value};
use crate::{Block, Extra, Message, Role, Source, Untranslatable, media};

/// Members of items that are read, and those of answers that say nothing for the next one.
const ITEM: [&str; 12] = [
    "type",
    "id",
    "status",
    "role",
    "content",
    "call_id",
    "name",
    "arguments",
    "output",
    "summary",
    "encrypted_content",
    "created_by",
];

/// Members of parts that are read, and those of answers that say nothing for the next one.
const PART: [&str; 13] = [
    "type",
    "text",
    "refusal",
    "file_id",
    "image_url",
    "detail",
    "filename",
    "file_url",
    "file_data",
    "input_audio",
    "annotations",
    "logprobs",
    "prompt_cache_breakpoint",
];

/// Reads the input. What the model did in one turn, thoughts, words and calls, becomes one message;
/// so do results that follow each other.
pub(super) fn read_input(
    input: &Value<'_>,
    messages: &mut Vec<Message>,
    extras: &mut Vec<Extra>,
) -> Result<(), Untranslatable> {
    if input.is_text() {
        let text = input.text()?;
        messages.push(Message { role: Role::User, blocks: vec![Block::Text { text, cache: None }] });
        return Ok(());
    }
    let mut after_result = false;
    for item in input.items()? {
        let item = item.members()?;
        note_others(&item, &ITEM, extras);
        let turn = read_item(&item, extras)?;
        let is_result = matches!(turn.blocks.first(), Some(Block::ToolResult { .. }));
        match messages.last_mut() {
            Some(last) if last.role == Role::Assistant && turn.role == Role::Assistant => {
                last.blocks.extend(turn.blocks);
            }
            Some(last) if is_result && after_result => last.blocks.extend(turn.blocks),
            _ => messages.push(turn),
        }
        after_result = is_result;
    }
    Ok(())
}

fn read_item(item: &Members<'_>, extras: &mut Vec<Extra>) -> Result<Message, Untranslatable> {
    let kind = item.text("type")?;
    match kind.as_deref() {
        None if item.get("role").is_none() && item.get("id").is_some() => Err(Untranslatable::unsupported(
            item.path_of("id"),
            "what an id refers to is known to the vendor of this format only; send the item itself",
        )),
        None | Some("message") => read_message(item, extras),
        Some("function_call") => {
            let (id, signature) = ids::split_call(&item.need_text("call_id")?);
            let block = Block::ToolCall {
                id,
                name: item.need_text("name")?,
                arguments: item.text("arguments")?.unwrap_or_default(),
                signature,
                cache: None,
            };
            Ok(Message { role: Role::Assistant, blocks: vec![block] })
        }
        Some("function_call_output") => {
            let (id, _) = ids::split_call(&item.need_text("call_id")?);
            let content = read_content(&item.need("output")?, extras)?;
            let block = Block::ToolResult { id, name: None, content, is_error: false, cache: None };
            Ok(Message { role: Role::User, blocks: vec![block] })
        }
        Some("reasoning") => Ok(Message { role: Role::Assistant, blocks: read_reasoning(item) }),
        Some(kind) => Err(Untranslatable::unsupported(
            item.path_of("type"),
            &format!("items of the type `{kind}` exist at the vendor of this format only"),
        )),
    }
}

fn read_message(item: &Members<'_>, extras: &mut Vec<Extra>) -> Result<Message, Untranslatable> {
    let role = match item.need_text("role")?.as_str() {
        "system" | "developer" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        _ => {
            let path = item.path_of("role");
            return Err(Untranslatable::invalid(path, "`system`, `developer`, `user` or `assistant`"));
        }
    };
    Ok(Message { role, blocks: read_content(&item.need("content")?, extras)? })
}

/// Reads a text or parts.
fn read_content(value: &Value<'_>, extras: &mut Vec<Extra>) -> Result<Vec<Block>, Untranslatable> {
    if value.is_text() {
        return Ok(vec![Block::Text { text: value.text()?, cache: None }]);
    }
    if !value.is_array() {
        return Err(value.invalid("a string or an array of parts"));
    }
    value.items()?.iter().map(|part| read_part(&part.members()?, extras)).collect()
}

fn read_part(part: &Members<'_>, extras: &mut Vec<Extra>) -> Result<Block, Untranslatable> {
    note_others(part, &PART, extras);
    let cache = read_cache(part)?;
    match part.need_text("type")?.as_str() {
        "input_text" | "output_text" | "text" => Ok(Block::Text { text: part.need_text("text")?, cache }),
        "refusal" => Ok(Block::Refusal { text: part.need_text("refusal")? }),
        "input_image" => {
            let source = match (part.text("file_id")?, part.text("image_url")?) {
                (Some(id), _) => Source::Id { id },
                (None, Some(url)) => media::of_url(url),
                (None, None) => return Err(Untranslatable::missing(part.path_of("image_url"))),
            };
            Ok(Block::Image { source, detail: part.text("detail")?, cache })
        }
        "input_file" => {
            let name = part.text("filename")?;
            let source = match (part.text("file_id")?, part.text("file_url")?, part.text("file_data")?) {
                (Some(id), _, _) => Source::Id { id },
                (None, Some(url), _) => media::of_url(url),
                (None, None, Some(data)) => {
                    media::of_data(data, media::type_of_name(name.as_deref().unwrap_or_default()))
                }
                (None, None, None) => return Err(Untranslatable::missing(part.path_of("file_data"))),
            };
            Ok(Block::File { source, name, cache })
        }
        "input_audio" => {
            let audio = part.need("input_audio")?.members()?;
            Ok(Block::Audio { data: audio.need_text("data")?, format: audio.need_text("format")? })
        }
        kind => Err(Untranslatable::unsupported(
            part.path_of("type"),
            &format!("parts of the type `{kind}` cannot be translated"),
        )),
    }
}

/// Reads a reasoning item, of a request or of an answer.
pub(super) fn read_reasoning(item: &Members<'_>) -> Vec<Block> {
    let text = reasoning_text(item);
    let encrypted = item.lenient_text("encrypted_content").filter(|encrypted| !encrypted.is_empty());
    match encrypted.map(|encrypted| (ids::unwrap(&encrypted), encrypted)) {
        Some((Some(Encrypted::Redacted(data)), _)) => vec![Block::RedactedThinking { data }],
        Some((Some(Encrypted::Signature(signature)), _)) => {
            vec![Block::Thinking { text, signature: Some(signature) }]
        }
        Some((None, own)) => vec![Block::Thinking { text, signature: Some(Maker::OpenAi.sign(&own)) }],
        None if text.is_empty() => Vec::new(),
        None => vec![Block::Thinking { text, signature: None }],
    }
}

/// The summary, or else what services that show their thoughts wrote.
fn reasoning_text(item: &Members<'_>) -> String {
    let texts = |name: &str| -> Vec<String> {
        let parts = item.lenient_items(name);
        parts.iter().filter_map(|part| part.members().ok()?.lenient_text("text")).collect()
    };
    let summary = texts("summary");
    if summary.is_empty() { texts("content").join("\n\n") } else { summary.join("\n\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &str) -> Vec<Message> {
        let body = format!(r#"{{"input":{input}}}"#);
        let body = Members::parse(body.as_bytes()).unwrap();
        let mut messages = Vec::new();
        read_input(&body.need("input").unwrap(), &mut messages, &mut Vec::new()).unwrap();
        messages
    }

    #[test]
    fn what_the_model_did_in_one_turn_is_one_message() {
        let messages = read(
            r#"["hi"]"#.replace("\"hi\"", r#"{"role":"user","content":"hi"},
               {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],"encrypted_content":"gAAA"},
               {"type":"message","role":"assistant","content":[{"type":"output_text","text":"so","annotations":[]}]},
               {"type":"function_call","call_id":"a","name":"f","arguments":"{}"},
               {"type":"function_call","call_id":"b","name":"g","arguments":"{}"},
               {"type":"function_call_output","call_id":"a","output":"1"},
               {"type":"function_call_output","call_id":"b","output":[{"type":"input_image","image_url":"data:image/png;base64,AA=="}]},
               {"role":"user","content":"thanks"}"#).as_str(),
        );
        let sizes: Vec<_> = messages.iter().map(|message| (message.role, message.blocks.len())).collect();
        assert_eq!(sizes, [(Role::User, 1), (Role::Assistant, 4), (Role::User, 2), (Role::User, 1)]);
        let thought = Block::Thinking { text: "hm".to_owned(), signature: Some(Maker::OpenAi.sign("gAAA")) };
        assert_eq!(messages[1].blocks[0], thought);
    }

    #[test]
    fn our_own_marks_are_told_from_the_vendors() {
        let ours = ids::wrap_signature("anthropic:sig");
        let hidden = ids::wrap_redacted("data");
        let messages = read(&format!(
            r#"[{{"type":"reasoning","summary":[{{"type":"summary_text","text":"hm"}}],"encrypted_content":"{ours}"}},
                {{"type":"reasoning","summary":[],"encrypted_content":"{hidden}"}}]"#
        ));
        let expected = [
            Block::Thinking { text: "hm".to_owned(), signature: Some("anthropic:sig".to_owned()) },
            Block::RedactedThinking { data: "data".to_owned() },
        ];
        assert_eq!(messages[0].blocks, expected);
    }
}
