//! What a request says is the same after it went through a format and back.

use promptgate_providers::Shape;
use promptgate_translate::{
    Block, Cache, ChatRequest, Json, Message, Number, OutputFormat, Reasoning, Role, Sampling, Source,
    Target, Tool, ToolChoice, read_answer, read_error, read_request, summary, write_request,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use crate::able::{able, translate};

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Zäé🦀\"\\\\\n ]{1,12}"
}

fn id() -> impl Strategy<Value = String> {
    "call_[a-zA-Z0-9]{4,12}"
}

fn json() -> impl Strategy<Value = Json> {
    prop_oneof![
        Just(r#"{"type":"object","properties":{"z":{"type":"number"},"a":{"const":1.50}}}"#),
        Just(r#"{ "b" : [1e3, -0.0], "a": "\u00e9" }"#),
        Just("{}"),
    ]
    .prop_map(|text| Json::parse(text).expect("it is JSON"))
}

/// A schema and whether it is followed exactly, which not every schema can be.
fn schema() -> impl Strategy<Value = (Json, bool)> {
    let exact = r#"{"type":"object","properties":{"z":{}},"required":["z"],"additionalProperties":false}"#;
    prop_oneof![
        json().prop_map(|schema| (schema, false)),
        Just((Json::parse(exact).expect("it is JSON"), true)),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![Just("0.70"), Just("1"), Just("0"), Just("1e-1")]
        .prop_map(|text| Number::parse(text).expect("it is a number"))
}

fn cache() -> impl Strategy<Value = Option<Cache>> {
    option::of(option::of(Just("1h".to_owned())).prop_map(|ttl| Cache { ttl }))
}

fn base64() -> impl Strategy<Value = Source> {
    Just(Source::Base64 { media_type: "image/png".to_owned(), data: "iVBORw0KGgo=".to_owned() })
}

fn said(marked: bool) -> BoxedStrategy<Block> {
    let mark = move |cache: Option<Cache>| cache.filter(|_| marked);
    let image = prop_oneof![base64(), Just(Source::Url { url: "https://example.com/x.png".to_owned() })];
    let file = prop_oneof![
        Just(Source::Base64 { media_type: "application/pdf".to_owned(), data: "JVBE".to_owned() }),
        Just(Source::Id { id: "file-1".to_owned() }),
    ];
    prop_oneof![
        4 => (text(), cache()).prop_map(move |(text, cache)| Block::Text { text, cache: mark(cache) }),
        1 => (image, prop_oneof![Just("low"), Just("auto")], cache()).prop_map(move |(source, detail, cache)| {
            Block::Image { source, detail: Some(detail.to_owned()), cache: mark(cache) }
        }),
        1 => (file, cache()).prop_map(move |(source, cache)| {
            let name = matches!(source, Source::Base64 { .. }).then(|| "a.pdf".to_owned());
            Block::File { source, name, cache: mark(cache) }
        }),
        1 => Just(Block::Audio { data: "UklG".to_owned(), format: "wav".to_owned() }),
    ]
    .boxed()
}

fn call(marked: bool) -> impl Strategy<Value = Block> {
    (id(), "[a-z_]{1,8}", json(), cache()).prop_map(move |(id, name, arguments, cache)| Block::ToolCall {
        id,
        name,
        arguments: arguments.as_str().to_owned(),
        signature: None,
        cache: cache.filter(|_| marked),
    })
}

fn result(marked: bool) -> impl Strategy<Value = Block> {
    let content = vec(
        (text(), cache())
            .prop_map(move |(text, cache)| Block::Text { text, cache: cache.filter(|_| marked) }),
        1..3,
    );
    (id(), content, cache()).prop_map(move |(id, content, cache)| Block::ToolResult {
        id,
        name: None,
        content,
        is_error: false,
        cache: cache.filter(|_| marked),
    })
}

/// What the model said: its thoughts first, then its words, then its calls.
fn assistant(maker: &'static str, marked: bool) -> impl Strategy<Value = Message> {
    let thought = (text(), "[a-zA-Z0-9+/=]{4,20}")
        .prop_map(move |(text, sign)| Block::Thinking { text, signature: Some(format!("{maker}:{sign}")) });
    let words = (text(), cache())
        .prop_map(move |(text, cache)| Block::Text { text, cache: cache.filter(|_| marked) });
    (vec(thought, 0..2), vec(words, 1..3), option::of(text()), vec(call(marked), 0..3)).prop_map(
        move |(thoughts, words, refusal, calls)| {
            // Chat Completions writes a refusal as words.
            let refusal = refusal.filter(|_| maker == "openai").map(|text| Block::Refusal { text });
            let blocks = thoughts.into_iter().chain(words).chain(refusal).chain(calls).collect();
            Message { role: Role::Assistant, blocks }
        },
    )
}

/// A turn of the user, what the model said, and what came out.
fn exchange(maker: &'static str, marked: bool) -> impl Strategy<Value = Vec<Message>> {
    let user = vec(said(marked), 1..4).prop_map(|blocks| Message { role: Role::User, blocks });
    let results = vec(result(marked), 1..3).prop_map(|blocks| Message { role: Role::User, blocks });
    (user, assistant(maker, marked), results)
        .prop_map(|(user, assistant, results)| vec![user, assistant, results])
}

fn tool(marked: bool) -> impl Strategy<Value = Tool> {
    ("[a-z_]{1,8}", option::of(text()), option::of(schema()), cache()).prop_map(
        move |(name, description, schema, cache)| {
            let strict = Some(schema.as_ref().is_some_and(|(_, exactly)| *exactly));
            let parameters = schema.map(|(parameters, _)| parameters);
            Tool { name, description, parameters, strict, cache: cache.filter(|_| marked) }
        },
    )
}

fn output() -> impl Strategy<Value = OutputFormat> {
    prop_oneof![
        Just(OutputFormat::Text),
        Just(OutputFormat::JsonObject),
        ("[a-z]{1,8}", option::of(text()), schema(), any::<bool>()).prop_map(
            |(name, description, (schema, exactly), says)| OutputFormat::JsonSchema {
                name,
                description,
                schema,
                strict: says.then_some(exactly),
            }
        ),
    ]
}

fn request(shape: Shape) -> impl Strategy<Value = ChatRequest> {
    let is_chat = shape == Shape::ChatCompletions;
    let maker = if is_chat { "compatible" } else { "openai" };
    let system = option::of(text()).prop_map(|text| {
        text.map(|text| Message { role: Role::System, blocks: vec![Block::Text { text, cache: None }] })
    });
    let choice = prop_oneof![
        Just(ToolChoice::Auto),
        Just(ToolChoice::None),
        Just(ToolChoice::Required),
        Just(ToolChoice::Named("f".to_owned())),
    ];
    let sampling = (option::of(number()), option::of(number()), option::of(number()), option::of(number()));
    let reasoning = option::of(prop_oneof![Just("none"), Just("low"), Just("high")]);
    (
        (system, vec(exchange(maker, is_chat), 1..3)),
        (vec(tool(is_chat), 1..3), option::of(choice), option::of(any::<bool>())),
        (output(), reasoning, sampling),
        (option::of(1_u64..9_999), vec(text(), 0..3), any::<bool>(), option::of("[a-z]{3}")),
    )
        .prop_map(
            move |(
                (system, exchanges),
                tools,
                (output, effort, sampling),
                (max_output, stop, stream, user),
            )| {
                ChatRequest {
                    model: "m".to_owned(),
                    messages: system.into_iter().chain(exchanges.into_iter().flatten()).collect(),
                    tools: tools.0,
                    tool_choice: tools.1,
                    parallel_tool_calls: tools.2,
                    output,
                    reasoning: effort
                        .map(|effort| Reasoning { effort: Some(effort.to_owned()), ..Reasoning::default() }),
                    sampling: Sampling {
                        temperature: sampling.0,
                        top_p: sampling.1,
                        seed: sampling.2.filter(|_| is_chat),
                        top_k: sampling.3.filter(|_| is_chat),
                        ..Sampling::default()
                    },
                    max_output,
                    stop: if is_chat { stop } else { Vec::new() },
                    stream,
                    include_usage: is_chat && stream,
                    user,
                    extras: Vec::new(),
                }
            },
        )
}

/// Writes a request for a provider of a format, and reads it as a client of the same would be read.
fn there_and_back(shape: Shape, request: &ChatRequest) -> ChatRequest {
    let capabilities = able();
    let target = Target { model: "m", capabilities: &capabilities, stream: request.stream };
    let outgoing = write_request(shape, request, &target).expect("everything can be said");
    assert_eq!(outgoing.dropped, Vec::<String>::new());
    read_request(shape, &outgoing.body).expect("what was written can be read")
}

/// Chat Completions does not name the makers of signatures to providers.
fn unmarked(mut request: ChatRequest) -> ChatRequest {
    for block in request.messages.iter_mut().flat_map(|message| &mut message.blocks) {
        if let Block::Thinking { signature: Some(signature), .. } = block
            && let Some(own) = signature.strip_prefix("compatible:")
        {
            *signature = own.to_owned();
        }
    }
    request
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn requests_survive_chat_completions(request in request(Shape::ChatCompletions)) {
        prop_assert_eq!(there_and_back(Shape::ChatCompletions, &request), unmarked(request));
    }

    #[test]
    fn requests_survive_responses(request in request(Shape::Responses)) {
        prop_assert_eq!(there_and_back(Shape::Responses, &request), request);
    }

    #[test]
    fn no_bytes_are_too_strange(bytes in vec(any::<u8>(), 0..300)) {
        for shape in Shape::ALL {
            let _ = read_request(shape, &bytes);
            let _ = read_answer(shape, &bytes);
            let _ = read_error(shape, &bytes);
            summary::of(shape, true, &bytes);
            summary::of(shape, false, &bytes);
            translate(shape, Shape::Responses, [bytes.as_slice()]);
        }
    }

    #[test]
    fn no_json_is_too_strange(text in r#"(\{|\}|\[|\]|,|:|"(model|messages|role|user|assistant|tool|content|type|input|output|choices|delta|tool_calls|function|id|index|response|item|text)"|null|true|1|-1|1e9){0,40}"#) {
        let event = format!("data: {text}\n\n");
        for shape in Shape::ALL {
            let _ = read_request(shape, text.as_bytes());
            let _ = read_answer(shape, text.as_bytes());
            for to in [Shape::ChatCompletions, Shape::Responses, Shape::Messages] {
                translate(shape, to, [event.as_bytes()]);
            }
        }
    }
}
