//! What must hold for any input at all.

use std::sync::{Arc, LazyLock};

use promptgate_providers::{
    Alias, Capabilities, CapabilityTable, Listed, NewAlias, Preset, ProviderKind, ProviderName, Shape,
    resolve,
};
use promptgate_translate::embeddings::{self, Encoding};
use promptgate_translate::{
    ChatRequest, Context, Failure, StreamTranslator, Target, Untranslatable, count, prompt, read_answer,
    read_error, read_request, sse, summary, write_answer, write_error, write_request,
};
use serde_json::value::RawValue;

const CLIENTS: [Shape; 3] = [Shape::ChatCompletions, Shape::Responses, Shape::Messages];

/// One model for each format, with much that it can do.
static PROVIDERS: LazyLock<[(Shape, Arc<Capabilities>); 5]> = LazyLock::new(|| {
    let table = CapabilityTable::bundled();
    [
        (Shape::ChatCompletions, table.of(ProviderKind::OpenAi, "gpt-4.1")),
        (Shape::Responses, table.of(ProviderKind::OpenAi, "gpt-5")),
        (Shape::Messages, table.of(ProviderKind::Anthropic, "claude-sonnet-4-5")),
        (Shape::GenerateContent, table.of(ProviderKind::Google, "gemini-3-pro-preview")),
        (Shape::CohereChat, table.of(ProviderKind::Cohere, "command-a-vision-07-2025")),
    ]
});

/// Runs the checks of a target.
pub(crate) fn run(target: &str, data: &[u8]) {
    match target {
        "sse" => events(data),
        "chat" => format(Shape::ChatCompletions, data),
        "responses" => format(Shape::Responses, data),
        "messages" => format(Shape::Messages, data),
        "gemini" => format(Shape::GenerateContent, data),
        "cohere" => format(Shape::CohereChat, data),
        "embeddings" => vectors(data),
        "model_ids" => model_ids(data),
        other => panic!("no target is called {other}"),
    }
}

/// The first byte says what the rest is, the second one how it arrives.
fn format(shape: Shape, data: &[u8]) {
    let [mode, size, rest @ ..] = data else { return };
    match mode {
        b'r' => request(shape, rest),
        b'a' => answer(shape, rest),
        b's' => stream(shape, rest, usize::from(*size).max(1)),
        b'e' => error(shape, rest),
        _ => {}
    }
}

fn json(bytes: &[u8]) {
    let parsed = serde_json::from_slice::<&RawValue>(bytes);
    assert!(parsed.is_ok(), "this is no JSON: {}", String::from_utf8_lossy(bytes));
}

fn context() -> Context {
    Context { id: "req".to_owned(), model: "m".to_owned(), created: 1, include_usage: true }
}

fn request(shape: Shape, body: &[u8]) {
    prompt::last_user_text(shape, body);
    if let Ok(counted) = count::estimate(body) {
        json(&counted);
    }
    // A format that no client asks in is written from the others.
    let (clients, targets) = match CLIENTS.iter().position(|client| *client == shape) {
        Some(client) => (&CLIENTS[client..=client], &PROVIDERS[..]),
        None => (&CLIENTS[..], if shape == Shape::CohereChat { &PROVIDERS[4..] } else { &PROVIDERS[3..4] }),
    };
    for client in clients {
        match read_request(*client, body) {
            Ok(request) => {
                for (provider, capabilities) in targets {
                    written(*provider, capabilities, &request);
                }
            }
            Err(refused) => refusal(&refused),
        }
    }
}

fn written(provider: Shape, capabilities: &Capabilities, request: &ChatRequest) {
    let target = Target { model: "m", capabilities, stream: request.stream };
    match write_request(provider, request, &target) {
        Ok(outgoing) => {
            json(&outgoing.body);
            if CLIENTS.contains(&provider) {
                let again = read_request(provider, &outgoing.body);
                assert!(again.is_ok(), "{provider} cannot read what was written for it: {again:?}");
            }
        }
        Err(refused) => refusal(&refused),
    }
}

fn refusal(refused: &Untranslatable) {
    assert!(!refused.message.is_empty());
    assert!(
        ["invalid_json", "missing_field", "invalid_field", "unsupported_by_provider"].contains(&refused.code)
    );
}

fn answer(shape: Shape, body: &[u8]) {
    let summary = summary::of(shape, false, body);
    let Ok(answer) = read_answer(shape, body) else { return };
    assert!(summary.text.len() <= body.len() && summary.tool_calls.len() <= body.len());
    for client in CLIENTS {
        let shown = write_answer(client, &answer, &context());
        json(&shown);
        if answer.stop != promptgate_translate::Stop::Error {
            let again = read_answer(client, &shown);
            assert!(again.is_ok(), "{client} cannot read what was written for it: {again:?}");
        }
    }
}

fn stream(shape: Shape, body: &[u8], size: usize) {
    summary::of(shape, true, body);
    for client in CLIENTS {
        let (whole, ended) = translated(shape, client, [body].into_iter());
        let (pieces, ended_too) = translated(shape, client, body.chunks(size));
        assert_eq!((&pieces, ended_too), (&whole, ended), "{shape} to {client} in pieces of {size}");
        let text = std::str::from_utf8(&whole).expect("streams are text");
        assert!(text.is_empty() || text.ends_with("\n\n"), "whole events only");
        for line in text.lines() {
            match line.strip_prefix("data: ") {
                Some("[DONE]") => {}
                Some(data) => json(data.as_bytes()),
                None => {
                    assert!(
                        line.is_empty() || line.starts_with("event: ") || line.starts_with(':'),
                        "{line}"
                    );
                }
            }
        }
    }
}

fn translated<'a>(from: Shape, to: Shape, pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<u8>, bool) {
    let mut translator = StreamTranslator::new(from, to, context());
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&translator.push(piece));
    }
    out.extend_from_slice(&translator.end());
    let ended = translator.has_ended();
    let failure = Failure { status: 502, code: "upstream_broken", message: "it broke off" };
    out.extend_from_slice(&translator.fail(&failure));
    assert!(translator.push(b"data: {}\n\n").is_empty(), "nothing comes after the end");
    (out, ended)
}

fn error(shape: Shape, body: &[u8]) {
    let error = read_error(shape, body).unwrap_or_default();
    for client in CLIENTS {
        json(&write_error(client, 400, &error, "req"));
    }
}

fn events(data: &[u8]) {
    let [size, stream @ ..] = data else { return };
    let whole = decoded([stream].into_iter());
    assert_eq!(decoded(stream.chunks(usize::from(*size).max(1))), whole);
    assert_eq!(decoded(stream.chunks(1)), whole);
}

fn decoded<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<(Option<String>, String)> {
    let mut decoder = sse::Decoder::new();
    let mut events = Vec::new();
    let mut keep = |name: Option<&str>, data: &str| events.push((name.map(str::to_owned), data.to_owned()));
    for piece in pieces {
        decoder.push(piece, &mut keep).expect("no input of a fuzzer is that long");
    }
    decoder.end(&mut keep).expect("no input of a fuzzer is that long");
    events
}

fn vectors(data: &[u8]) {
    let capabilities = CAPABLE.clone();
    if let Ok(asked) = embeddings::write_cohere(data, "m", &capabilities) {
        json(&asked.outgoing.body);
    }
    for encoding in [Encoding::Float, Encoding::Base64] {
        if let Ok(embedded) = embeddings::read_cohere(data, "m", encoding) {
            json(&embedded.body);
        }
    }
}

static CAPABLE: LazyLock<Arc<Capabilities>> =
    LazyLock::new(|| CapabilityTable::bundled().of(ProviderKind::Cohere, "embed-v4.0"));

/// The first line is a model's id, the second an alias, the third a provider's name, the others
/// models that a provider lists.
fn model_ids(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.split('\n');
    let model = lines.next().unwrap_or_default();
    let alias = alias(lines.next().unwrap_or_default());
    let name = ProviderName::parse(lines.next().unwrap_or_default());
    if let Ok(name) = &name {
        assert_eq!(ProviderName::parse(name.as_str()).as_ref(), Ok(name), "a name is its own name");
    }
    let names = [
        name.unwrap_or_else(|_| ProviderName::from_stored("local".to_owned())),
        ProviderName::from_stored("openai".to_owned()),
        ProviderName::from_stored("claude-team".to_owned()),
    ];
    let listed: Vec<String> = lines.map(str::to_owned).collect();
    let kinds = [ProviderKind::Ollama, ProviderKind::OpenAi, ProviderKind::Anthropic];
    let providers: Vec<Listed<'_>> = (0..3)
        .map(|number| Listed {
            id: id(number),
            name: &names[number],
            kind: kinds[number],
            models: if number == 0 { &listed } else { &[] },
            enabled: number != 2 || !model.contains('!'),
            allowed: number != 1 || !model.contains('?'),
        })
        .collect();
    let default = model.len().is_multiple_of(2).then(|| id(1));
    let resolved =
        resolve(model, &providers, default, |name| alias.as_ref().filter(|alias| alias.name == name));
    match resolved {
        Ok(resolved) => {
            assert!(!resolved.targets.is_empty(), "somebody is asked");
            for target in &resolved.targets {
                let provider = providers.iter().find(|provider| provider.id == target.provider);
                assert!(provider.is_some_and(|provider| provider.enabled && provider.allowed));
                let known = resolved.alias.map_or(model, |alias| &alias.model);
                assert!(known.ends_with(target.model), "the model is the end of what was asked for");
            }
        }
        Err(refused) => assert!(refused.to_string().len() < 1_000, "a refusal does not repeat what is long"),
    }
}

fn id(number: usize) -> promptgate_kernel::ProviderId {
    format!("018f4e6e-0000-7000-8000-0000000000{number:02x}").parse().expect("an id")
}

/// An alias of that name, if it may have it.
fn alias(name: &str) -> Option<Alias> {
    let new = NewAlias {
        project_id: "018f4e6e-0000-7000-8000-000000000001".parse().expect("an id"),
        name: name.to_owned(),
        provider_id: id(0),
        model: "llama3:8b".to_owned(),
        description: String::new(),
        preset: Preset::default(),
    };
    let id = "018f4e6e-0000-7000-8000-0000000000ff".parse().expect("an id");
    let alias = Alias::create(id, new, promptgate_kernel::Timestamp::default()).ok()?;
    assert!(!alias.name.starts_with("promptgate:"), "the prefix is reserved");
    Some(alias)
}
