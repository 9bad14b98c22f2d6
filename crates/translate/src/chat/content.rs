//! Reading messages.

use super::read::{note_others, read_cache};
use super::thought;
use crate::members::{Members, Value};
use crate::{Block, Extra, Message, Role, Source, Untranslatable, ids, media};

/// Members of messages that are read, and those of answers that say nothing for the next one.
const MESSAGE: [&str; 13] = [
    "role",
    "content",
    "tool_calls",
    "tool_call_id",
    "refusal",
    "reasoning_content",
    "reasoning",
    "reasoning_details",
    "cache_control",
    "prompt_cache_breakpoint",
    "annotations",
    "function_call",
    "audio",
];

/// Members of parts that are read.
const PART: [&str; 8] = [
    "type",
    "text",
    "image_url",
    "input_audio",
    "file",
    "refusal",
    "cache_control",
    "prompt_cache_breakpoint",
];

/// Reads a conversation. Results of tools that follow each other become one message.
pub(super) fn read_messages(
    messages: &Value<'_>,
    extras: &mut Vec<Extra>,
) -> Result<Vec<Message>, Untranslatable> {
    let mut read: Vec<Message> = Vec::new();
    let mut after_tool = false;
    for message in messages.items()? {
        let message = message.members()?;
        note_others(&message, &MESSAGE, extras);
        let role = message.need_text("role")?;
        let is_tool = role == "tool";
        let turn = match role.as_str() {
            "system" | "developer" => turn(Role::System, &message, extras)?,
            "user" => turn(Role::User, &message, extras)?,
            "assistant" => assistant(&message, extras)?,
            "tool" => Message { role: Role::User, blocks: vec![tool_result(&message, extras)?] },
            _ => {
                let path = message.path_of("role");
                return Err(Untranslatable::invalid(
                    path,
                    "`system`, `developer`, `user`, `assistant` or `tool`",
                ));
            }
        };
        match read.last_mut() {
            Some(last) if is_tool && after_tool => last.blocks.extend(turn.blocks),
            _ => read.push(turn),
        }
        after_tool = is_tool;
    }
    Ok(read)
}

fn turn(role: Role, message: &Members<'_>, extras: &mut Vec<Extra>) -> Result<Message, Untranslatable> {
    let mut blocks = content(&message.need("content")?, extras)?;
    mark_last(&mut blocks, message)?;
    Ok(Message { role, blocks })
}

/// Some clients put the marker on the message instead of its last part.
fn mark_last(blocks: &mut [Block], message: &Members<'_>) -> Result<(), Untranslatable> {
    let marker = read_cache(message)?;
    let last = blocks.last_mut();
    if let (
        Some(_),
        Some(Block::Text { cache, .. } | Block::Image { cache, .. } | Block::File { cache, .. }),
    ) = (&marker, last)
    {
        *cache = marker;
    }
    Ok(())
}

fn assistant(message: &Members<'_>, extras: &mut Vec<Extra>) -> Result<Message, Untranslatable> {
    let mut blocks = thought::read(message);
    if let Some(value) = message.get("content") {
        let said = content(&value, extras)?;
        blocks.extend(
            said.into_iter().filter(|block| !matches!(block, Block::Text { text, .. } if text.is_empty())),
        );
    }
    if let Some(text) = message.text("refusal")? {
        blocks.push(Block::Refusal { text });
    }
    mark_last(&mut blocks, message)?;
    for call in message.items("tool_calls")? {
        blocks.push(tool_call(&call.members()?)?);
    }
    if message.get("function_call").is_some() {
        let path = message.path_of("function_call");
        return Err(Untranslatable::unsupported(path, "use `tool_calls`"));
    }
    if let Some(audio) = message.get("audio") {
        return Err(Untranslatable::unsupported(audio.path(), "spoken answers exist at their vendor only"));
    }
    Ok(Message { role: Role::Assistant, blocks })
}

fn tool_call(call: &Members<'_>) -> Result<Block, Untranslatable> {
    if let Some(kind) = call.text("type")?
        && kind != "function"
    {
        return Err(Untranslatable::unsupported(
            call.path_of("type"),
            &format!("calls of the type `{kind}` exist at the vendor of this format only"),
        ));
    }
    let function = call.need("function")?.members()?;
    let (id, signature) = ids::split_call(&call.need_text("id")?);
    Ok(Block::ToolCall {
        id,
        name: function.need_text("name")?,
        arguments: function.text("arguments")?.unwrap_or_default(),
        signature,
        cache: read_cache(call)?,
    })
}

fn tool_result(message: &Members<'_>, extras: &mut Vec<Extra>) -> Result<Block, Untranslatable> {
    let (id, _) = ids::split_call(&message.need_text("tool_call_id")?);
    let content = match message.get("content") {
        Some(value) => content(&value, extras)?,
        None => Vec::new(),
    };
    Ok(Block::ToolResult { id, name: None, content, is_error: false, cache: read_cache(message)? })
}

/// Reads a text or parts.
fn content(value: &Value<'_>, extras: &mut Vec<Extra>) -> Result<Vec<Block>, Untranslatable> {
    if value.is_text() {
        return Ok(vec![Block::Text { text: value.text()?, cache: None }]);
    }
    if !value.is_array() {
        return Err(value.invalid("a string or an array of parts"));
    }
    value.items()?.iter().map(|part| read_part(&part.members()?, extras)).collect()
}

fn read_part(part: &Members<'_>, extras: &mut Vec<Extra>) -> Result<Block, Untranslatable> {
    let cache = read_cache(part)?;
    note_others(part, &PART, extras);
    match part.need_text("type")?.as_str() {
        "text" => Ok(Block::Text { text: part.need_text("text")?, cache }),
        "image_url" => {
            let image = part.need("image_url")?;
            // A bare address is not OpenAI's, but common.
            if image.is_text() {
                return Ok(Block::Image { source: media::of_url(image.text()?), detail: None, cache });
            }
            let image = image.members()?;
            note_others(&image, &["url", "detail"], extras);
            let source = media::of_url(image.need_text("url")?);
            Ok(Block::Image { source, detail: image.text("detail")?, cache })
        }
        "input_audio" => {
            let audio = part.need("input_audio")?.members()?;
            Ok(Block::Audio { data: audio.need_text("data")?, format: audio.need_text("format")? })
        }
        "file" => read_file(&part.need("file")?.members()?, cache),
        "refusal" => Ok(Block::Refusal { text: part.need_text("refusal")? }),
        kind => Err(Untranslatable::unsupported(
            part.path_of("type"),
            &format!("parts of the type `{kind}` cannot be translated"),
        )),
    }
}

fn read_file(file: &Members<'_>, cache: Option<crate::Cache>) -> Result<Block, Untranslatable> {
    let name = file.text("filename")?;
    let source = match (file.text("file_id")?, file.text("file_data")?) {
        (Some(id), _) => Source::Id { id },
        (None, Some(data)) if data.starts_with("http://") || data.starts_with("https://") => {
            Source::Url { url: data }
        }
        (None, Some(data)) => media::of_data(data, media::type_of_name(name.as_deref().unwrap_or_default())),
        (None, None) => return Err(Untranslatable::missing(file.path_of("file_data"))),
    };
    Ok(Block::File { source, name, cache })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(messages: &str) -> Result<Vec<Message>, Untranslatable> {
        let body = format!(r#"{{"messages":{messages}}}"#);
        let body = Members::parse(body.as_bytes())?;
        read_messages(&body.need("messages")?, &mut Vec::new())
    }

    #[test]
    fn parallel_results_become_one_message() {
        let messages = read(
            r#"[{"role":"assistant","content":null,"tool_calls":[
                  {"id":"a","type":"function","function":{"name":"f","arguments":"{\"z\":1,\"a\":2}"}},
                  {"id":"b","type":"function","function":{"name":"g","arguments":""}}]},
                {"role":"tool","tool_call_id":"a","content":"1"},
                {"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"2","cache_control":{"type":"ephemeral"}}]},
                {"role":"user","content":"go on"}]"#,
        )
        .unwrap();
        assert_eq!(messages.len(), 3);
        assert_eq!(messages[1].blocks.len(), 2);
        let Block::ToolCall { arguments, .. } = &messages[0].blocks[0] else { panic!("a call") };
        assert_eq!(arguments, r#"{"z":1,"a":2}"#);
        let Block::ToolResult { id, content, .. } = &messages[1].blocks[1] else { panic!("a result") };
        assert_eq!(id, "b");
        assert_eq!(content, &[Block::Text { text: "2".to_owned(), cache: Some(crate::Cache::default()) }]);
    }

    #[test]
    fn thoughts_come_back_with_their_signatures() {
        let messages = read(
            r#"[{"role":"assistant","content":"so","reasoning_content":"hm","reasoning_details":[
                  {"type":"reasoning.text","text":"hm","signature":"s1","index":0},
                  {"type":"reasoning.encrypted","data":"d1","index":1}]},
                {"role":"assistant","content":"x","reasoning_content":"hm","reasoning_details":[
                  {"type":"reasoning.text","signature":"s2","index":0}]},
                {"role":"assistant","content":"y","reasoning_content":"hm"}]"#,
        )
        .unwrap();
        let thought = |signature: Option<&str>| Block::Thinking {
            text: "hm".to_owned(),
            signature: signature.map(str::to_owned),
        };
        assert_eq!(
            messages[0].blocks[..2],
            [thought(Some("s1")), Block::RedactedThinking { data: "d1".to_owned() }]
        );
        assert_eq!(messages[1].blocks[0], thought(Some("s2")));
        assert_eq!(messages[2].blocks[0], thought(None));
    }

    #[test]
    fn pictures_and_documents_are_read() {
        let messages = read(
            r#"[{"role":"user","content":[
                {"type":"image_url","image_url":{"url":"data:image/png;base64,AA==","detail":"low"}},
                {"type":"image_url","image_url":{"url":"https://example.com/x.png"}},
                {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,BB=="}},
                {"type":"file","file":{"file_id":"file-1"}},
                {"type":"input_audio","input_audio":{"data":"CC==","format":"wav"}}]}]"#,
        )
        .unwrap();
        let base64 = |media_type: &str, data: &str| Source::Base64 {
            media_type: media_type.to_owned(),
            data: data.to_owned(),
        };
        let expected = [
            Block::Image { source: base64("image/png", "AA=="), detail: Some("low".to_owned()), cache: None },
            Block::Image {
                source: Source::Url { url: "https://example.com/x.png".to_owned() },
                detail: None,
                cache: None,
            },
            Block::File {
                source: base64("application/pdf", "BB=="),
                name: Some("a.pdf".to_owned()),
                cache: None,
            },
            Block::File { source: Source::Id { id: "file-1".to_owned() }, name: None, cache: None },
            Block::Audio { data: "CC==".to_owned(), format: "wav".to_owned() },
        ];
        assert_eq!(messages[0].blocks, expected);
    }
}
