use super::*;

fn problems(json: &str) -> Vec<String> {
    CapabilityTable::parse(json).unwrap_err().problems
}

/// The bundled table with one kind replaced.
fn with(kind: &str, entry: &str) -> String {
    let mut document: Value = serde_json::from_str(BUNDLED).unwrap();
    document["kinds"][kind] = serde_json::from_str(entry).unwrap();
    document.to_string()
}

#[test]
fn the_bundled_table_is_right() {
    let table = CapabilityTable::parse(BUNDLED).map_err(|wrong| wrong.to_string()).unwrap();
    for kind in ProviderKind::ALL {
        let can = table.of(kind, "a-model-nobody-knows");
        assert!(can.chat_shape().is_some(), "{kind}");
        assert!(can.parameter("max_output").is_some(), "{kind}");
    }
}

#[test]
fn every_entry_says_where_it_is_from() {
    let table = CapabilityTable::bundled();
    let (beginning, origin) = table.origin(ProviderKind::OpenAi, "gpt-5-mini");
    assert!("gpt-5-mini".starts_with(beginning) && !beginning.is_empty());
    assert!(origin.source.starts_with("https://") && origin.date.len() == 10);
    assert_eq!(table.origin(ProviderKind::OpenAi, "nobody-knows").0, "");
}

#[test]
fn the_facts_that_bite() {
    let table = CapabilityTable::bundled();
    let of = |kind, model| table.of(kind, model);
    let most = |kind| of(kind, "m").parameter("max_output").map(str::to_owned);
    assert_eq!(most(ProviderKind::OpenAi).as_deref(), Some("max_completion_tokens"));
    for kind in [
        ProviderKind::Mistral,
        ProviderKind::Groq,
        ProviderKind::Together,
        ProviderKind::Ollama,
        ProviderKind::OpenAiCompatible,
        ProviderKind::Anthropic,
    ] {
        assert_eq!(most(kind).as_deref(), Some("max_tokens"), "{kind}");
    }
    for model in ["o1-mini", "o3", "o4-mini-2025-04-16", "gpt-5", "gpt-5.1-codex"] {
        let can = of(ProviderKind::OpenAi, model);
        assert_eq!((can.parameter("temperature"), can.parameter("top_p")), (None, None), "{model}");
        assert!(can.has(Feature::Reasoning), "{model}");
    }
    assert!(of(ProviderKind::OpenAi, "gpt-5-chat-latest").parameter("temperature").is_some());
    assert!(of(ProviderKind::OpenAi, "gpt-4o").parameter("reasoning_effort").is_none());
    for kind in [ProviderKind::Groq, ProviderKind::Anthropic, ProviderKind::Google] {
        let can = of(kind, "m");
        assert!(!can.speaks(Shape::Embeddings) && !can.speaks(Shape::CohereEmbed), "{kind}");
    }
    assert_eq!(of(ProviderKind::Google, "gemini-2.5-pro").chat_shape(), Some(Shape::GenerateContent));
    assert_eq!(of(ProviderKind::Cohere, "command-a").parameter("top_p"), Some("p"));
    assert_eq!(of(ProviderKind::Cohere, "command-a").maximum("temperature"), Some(1));
    assert!(of(ProviderKind::Cohere, "embed-v4.0").chat_shape().is_none());
    let claude = of(ProviderKind::Anthropic, "claude-sonnet-4-20250514");
    assert!(claude.takes_beta("interleaved-thinking-2025-05-14") && !claude.takes_beta("made-up-2025"));
    assert!(!of(ProviderKind::OpenAiCompatible, "m").takes_beta("interleaved-thinking-2025-05-14"));
}

#[test]
fn the_longest_beginning_counts_alone() {
    let table = with(
        "groq",
        r#"{"source":"s","date":"2026-01-02","can":{"shapes":["chat_completions"],"parameters":{"seed":"seed","user":"user"}},
            "models":[{"names":["a"],"source":"s","date":"2026-01-02","can":{"parameters":{"seed":null}}},
                      {"names":["ab"],"source":"s","date":"2026-01-02","can":{"parameters":{"user":"u"},"with":["tools"]}}]}"#,
    );
    let table = CapabilityTable::parse(&table).unwrap();
    let of = |model| table.of(ProviderKind::Groq, model);
    assert_eq!((of("a1").parameter("seed"), of("a1").parameter("user")), (None, Some("user")));
    assert_eq!((of("abc").parameter("seed"), of("abc").parameter("user")), (Some("seed"), Some("u")));
    assert!(of("ab").has(Feature::Tools) && !of("").has(Feature::Tools));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    assert_eq!(problems("{")[0].split(':').next(), Some("not a table"));
    assert_eq!(problems(r#"{"format":2,"kinds":{}}"#), ["format: must be 1, not 2"]);
    assert_eq!(problems(r#"{"format":1,"kinds":{}}"#).len(), ProviderKind::ALL.len());
    let wrong = with(
        "groq",
        r#"{"source":" ","date":"2026-13-01","can":{"shapes":["chat_completions"],"parameters":{"heat":"t"}},
            "models":[{"names":["a","a"],"source":"s","date":"2026-01-02","can":{"shapes":[]}},
                      {"names":["b"],"source":"s","date":"2026-01-02","can":{"shape":["messages"]}},
                      {"names":["c"],"source":"s","date":"2026-01-02","can":{"shapes":["messages"]}}]}"#,
    );
    let problems = problems(&wrong);
    for (place, what) in [
        ("kinds.groq.source", "where"),
        ("kinds.groq.date", "2026-11-22"),
        ("kinds.groq.can", "`heat` is no parameter"),
        ("kinds.groq.models[0].can", "shapes must name at least one"),
        ("kinds.groq.models[0].names", "`a` is there twice"),
        ("kinds.groq.models[1]", "unknown field `shape`"),
        ("kinds.groq.models[2].can.default_max_output", "required"),
    ] {
        let found = problems
            .iter()
            .any(|problem| problem.starts_with(&format!("{place}: ")) && problem.contains(what));
        assert!(found, "{place} {what}: {problems:#?}");
    }
    assert!(!problems.iter().any(|problem| problem.contains("missing")), "groq is wrong, not missing");
    let unknown = with("grok", r#"{"source":"s","date":"2026-01-02","can":{"shapes":["chat_completions"]}}"#);
    assert_eq!(
        CapabilityTable::parse(&unknown).unwrap_err().problems,
        ["kinds.grok: no such kind of provider"]
    );
}

#[test]
fn a_providers_own_word_comes_last() {
    let table = CapabilityTable::bundled();
    let overrides = |json: &str| serde_json::from_str::<Overrides>(json).unwrap();
    let all = overrides(r#"{"parameters":{"user":null}}"#);
    let by_model = BTreeMap::from([
        ("gpt-5".to_owned(), overrides(r#"{"parameters":{"temperature":"temperature"}}"#)),
        ("gpt-4o-mine".to_owned(), overrides(r#"{"with":["reasoning"]}"#)),
    ]);
    let models = table.kind(ProviderKind::OpenAi).overridden(&all, &by_model);
    let can = |model, name: &str| models.of(model).parameter(name).is_some();
    assert!(!can("gpt-4o", "user") && !can("gpt-5", "user") && !can("x", "user"));
    assert!(can("gpt-5", "temperature") && !can("gpt-5", "top_p"), "its own word on top of the table's");
    assert!(can("gpt-5-chat-latest", "top_p"), "the table's longer beginning still counts below it");
    assert!(models.of("gpt-4o-mine-1").has(Feature::Reasoning));
    assert!(!can("gpt-4o-mine-1", "reasoning_effort"), "what the table says of gpt-4 stays");
}
