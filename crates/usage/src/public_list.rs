//! The public list of prices that LiteLLM keeps: an object by model, with dollars per token.

use std::collections::BTreeMap;

use promptgate_kernel::PricePerMillion;
use serde_json::{Map, Value};

use crate::price_file::{Faults, Wrong};
use crate::{InvalidPriceFile, NewListPrice, PriceFile, PriceOrigin, PriceRates};

/// What rows are taken of: whatever answers with text or embeds.
const MODES: [&str; 5] = ["chat", "completion", "responses", "embedding", ""];

/// Each kind with a vendor's name in the list, the better source of two first.
const VENDORS: [(&str, &str); 12] = [
    ("openai", "openai"),
    ("text-completion-openai", "openai"),
    ("azure", "azure_openai"),
    ("anthropic", "anthropic"),
    ("gemini", "google"),
    ("mistral", "mistral"),
    ("groq", "groq"),
    ("together_ai", "together"),
    ("cohere_chat", "cohere"),
    ("cohere", "cohere"),
    ("ollama", "ollama"),
    ("ollama_chat", "ollama"),
];

/// Kinds whose models are free by nature: they run where the operator lets them run.
const FREE: [&str; 2] = ["ollama", "echo"];

/// The kind of provider of a vendor, and how good a source of its prices the row is: less is better.
fn kind(vendor: &str) -> Option<(&'static str, usize)> {
    let known = VENDORS.iter().enumerate().find(|(_, (name, _))| *name == vendor);
    match known {
        Some((rank, (_, kind))) => Some((kind, rank)),
        None if vendor.starts_with("vertex_ai-") => Some(("google", VENDORS.len())),
        None => None,
    }
}

/// The name of a model without the vendor's in front of it.
fn model<'a>(key: &'a str, vendor: &str) -> &'a str {
    let family = vendor.split('-').next().unwrap_or(vendor);
    let without = |prefix: &str| key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/'));
    without(vendor).or_else(|| without(family)).unwrap_or(key)
}

/// Whether a row says what its model costs. A list has zeros where nobody knows a price, or where a vendor gives
/// a trial away: calls at such a price would look free, and so nobody would miss the price.
fn says_a_price(kind: &str, mode: &str, row: &Value, rates: &PriceRates) -> bool {
    let writes = matches!(mode, "chat" | "completion" | "responses");
    let is_whole = !writes || row.get("output_cost_per_token").is_some_and(|value| !value.is_null());
    FREE.contains(&kind) || (rates.input != PricePerMillion::default() && is_whole)
}

/// Reads the list. What is not to be used is passed over; what is to be and is wrong is a fault, or passed over
/// too unless all of it is wrong.
pub(crate) fn read(members: &Map<String, Value>, wrong: Wrong) -> Result<PriceFile, InvalidPriceFile> {
    let rows = members.values().filter(|row| row.get("litellm_provider").is_some()).count();
    if rows == 0 {
        let message = "it has neither `fallback`, `models` or `lists`, nor rows with a `litellm_provider`";
        return Err(InvalidPriceFile::Unreadable(message.to_owned()));
    }
    let mut best: BTreeMap<(&str, &str), (usize, PriceRates)> = BTreeMap::new();
    let (mut faults, mut skipped) = (Faults::default(), 0);
    for (key, row) in members {
        let vendor = row.get("litellm_provider").and_then(Value::as_str).unwrap_or_default();
        let mode = row.get("mode").and_then(Value::as_str).unwrap_or_default();
        let known = kind(vendor).filter(|_| MODES.contains(&mode) && key != "sample_spec");
        let is_priced = ["input_cost_per_token", "output_cost_per_token"]
            .iter()
            .any(|name| row.get(name).is_some_and(|value| !value.is_null()));
        let (Some((kind, rank)), true) = (known, is_priced) else {
            skipped += 1;
            continue;
        };
        let Some(rates) = rates(key, row, &mut faults) else {
            skipped += 1;
            continue;
        };
        if !says_a_price(kind, mode, row, &rates) {
            skipped += 1;
            continue;
        }
        let model = model(key, vendor);
        match best.get(&(kind, model)) {
            Some((better, _)) if *better <= rank => skipped += 1,
            before => {
                skipped += u64::from(before.is_some());
                best.insert((kind, model), (rank, rates));
            }
        }
    }
    let mut lists = Vec::with_capacity(best.len());
    for ((kind, model), (_, rates)) in best {
        match NewListPrice::new(kind, model, rates, PriceOrigin::Fetched, "") {
            Ok(new) => lists.push(new),
            Err(error) => {
                skipped += 1;
                faults.add(model, "model", error.to_string());
            }
        }
    }
    let is_taken = wrong == Wrong::Skipped && !lists.is_empty();
    let file = PriceFile { lists, skipped, ..PriceFile::default() };
    if is_taken { Ok(file) } else { faults.end(file) }
}

fn rates(key: &str, row: &Value, faults: &mut Faults) -> Option<PriceRates> {
    let mut is_good = true;
    let mut read = |field: &str| match row.get(field) {
        None | Some(Value::Null) => None,
        Some(value) => {
            let price = value.as_f64().and_then(|dollars| PricePerMillion::from_dollars(dollars * 1e6));
            if price.is_none() {
                faults.add(key, field, "it must be a number of dollars per token, from 0 up");
                is_good = false;
            }
            price
        }
    };
    let rates = PriceRates {
        input: read("input_cost_per_token").unwrap_or_default(),
        output: read("output_cost_per_token").unwrap_or_default(),
        cache_read: read("cache_read_input_token_cost"),
        cache_write: read("cache_creation_input_token_cost"),
        cache_write_1h: read("cache_creation_input_token_cost_above_1hr"),
        audio_input: read("input_cost_per_audio_token"),
        audio_output: read("output_cost_per_audio_token"),
        reasoning: read("output_cost_per_reasoning_token"),
        embedding: None,
    };
    is_good.then_some(rates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::BadRow;
    use serde_json::json;

    fn parse(document: &Value) -> Result<PriceFile, InvalidPriceFile> {
        PriceFile::parse(document.to_string().as_bytes())
    }

    #[test]
    fn known_vendors_are_read_and_the_best_row_of_a_model_counts() {
        let file = parse(&json!({
            "sample_spec": {"litellm_provider": "openai", "input_cost_per_token": 0},
            "gpt-x": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1.5e-7,
                "output_cost_per_token": 6e-7, "cache_read_input_token_cost": 7.5e-8,
                "output_cost_per_reasoning_token": 1e-6, "max_tokens": 1},
            "gemini/gemini-x": {"litellm_provider": "gemini", "mode": "chat", "input_cost_per_token": 1e-6,
                "output_cost_per_token": 2e-6},
            "vertex_ai/gemini-x": {"litellm_provider": "vertex_ai-language-models", "mode": "chat",
                "input_cost_per_token": 9e-6, "output_cost_per_token": 9e-6},
            "together_ai/meta/llama": {"litellm_provider": "together_ai", "mode": "chat",
                "input_cost_per_token": 1e-9, "output_cost_per_token": 0},
            "dall-e": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_token": 1},
            "free": {"litellm_provider": "openai", "mode": "chat"},
            "other": {"litellm_provider": "bedrock", "mode": "chat", "input_cost_per_token": 1},
        }))
        .unwrap();
        let found: Vec<_> = file
            .lists
            .iter()
            .map(|new| (new.kind.as_str(), new.model.as_str(), new.rates.input.as_dollars()))
            .collect();
        assert_eq!(
            found,
            [("google", "gemini-x", 1.0), ("openai", "gpt-x", 0.15), ("together", "meta/llama", 0.001)]
        );
        let mini = file.lists[1].rates;
        let dollars = |rate: Option<PricePerMillion>| rate.map(PricePerMillion::as_dollars);
        assert_eq!((dollars(mini.cache_read), dollars(mini.reasoning)), (Some(0.075), Some(1.0)));
        assert_eq!((file.skipped, file.models.len(), file.fallback), (5, 0, None));
        assert!(file.lists.iter().all(|new| new.origin == PriceOrigin::Fetched));
    }

    #[test]
    fn a_zero_is_no_price_unless_the_kind_is_free() {
        let row = |vendor: &str, mode: &str, input: Value, output: Value| {
            json!({"litellm_provider": vendor, "mode": mode, "input_cost_per_token": input,
                "output_cost_per_token": output})
        };
        let none = Value::Null;
        let file = parse(&json!({
            "gemini/trial": row("gemini", "chat", json!(0), json!(0.0)),
            "gpt-written": row("openai", "chat", none.clone(), json!(1e-6)),
            "gpt-zero-in": row("openai", "responses", json!(0), json!(1e-6)),
            "gpt-read": row("openai", "chat", json!(1e-6), none.clone()),
            "embed-zero": row("openai", "embedding", json!(0), json!(0)),
            "embed": row("openai", "embedding", json!(1e-8), none),
            "gpt-good": row("openai", "chat", json!(1e-6), json!(0)),
            "ollama/llama": row("ollama", "chat", json!(0), json!(0)),
        }))
        .unwrap();
        let names: Vec<_> = file.lists.iter().map(|new| new.model.as_str()).collect();
        assert_eq!((names, file.skipped), (vec!["llama", "embed", "gpt-good"], 5));
    }

    #[test]
    fn a_wrong_number_names_its_model_and_field() {
        let error = parse(&json!({"gpt-x": {"litellm_provider": "openai", "input_cost_per_token": "free"}}));
        let Err(InvalidPriceFile::Rows(rows)) = error else { panic!("{error:?}") };
        let [BadRow { row, field, .. }] = &rows[..] else { panic!("{rows:?}") };
        assert_eq!((row.as_str(), field.as_str()), ("gpt-x", "input_cost_per_token"));
        let wrong = json!({"litellm_provider": "openai", "input_cost_per_token": -1});
        let good = json!({"litellm_provider": "openai", "input_cost_per_token": 1e-6});
        let fetched = |document: Value| PriceFile::parse_fetched(document.to_string().as_bytes());
        let file = fetched(json!({"gpt-x": wrong, "gpt-y": good, " ": good})).unwrap();
        assert_eq!((file.lists.len(), file.lists[0].model.as_str(), file.skipped), (1, "gpt-y", 2));
        assert!(matches!(fetched(json!({"gpt-x": wrong})), Err(InvalidPriceFile::Rows(_))));
        assert!(matches!(parse(&json!({"a": {"b": 1}})), Err(InvalidPriceFile::Unreadable(_))));
    }
}
