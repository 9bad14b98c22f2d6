//! Files of prices: those of PromptGate, and public lists.

use std::collections::HashSet;
use std::fmt;

use promptgate_kernel::PricePerMillion;
use serde_json::{Map, Value};

use crate::{
    InvalidPrice, ListPrice, NewListPrice, PriceOrigin, PriceRates, PriceTarget, StoredPrices, public_list,
};

/// How many rows are named that are not in order.
const MOST_NAMED: usize = 100;

/// What a file says that models cost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceFile {
    /// What every model costs that has no price.
    pub fallback: Option<PriceRates>,
    /// What models of single providers cost.
    pub models: Vec<(PriceTarget, PriceRates)>,
    /// What models of kinds of providers cost.
    pub lists: Vec<NewListPrice>,
    /// How many rows of a public list are of no use here: of other vendors, of models that make no text, and
    /// wrong ones of a list that was [fetched](Self::parse_fetched).
    pub skipped: u64,
}

/// A row of a file that is not in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Which: `models[3] (main gpt-4o)`.
    pub row: String,
    /// The field, as the file names it.
    pub field: String,
    /// What is wrong with it, for people.
    pub message: String,
}

impl fmt::Display for BadRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.row, self.field, self.message)
    }
}

/// A file that is not taken, not a row of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPriceFile {
    /// It is no JSON, or not of a shape that is known.
    #[error("this is no file of prices: {0}")]
    Unreadable(String),
    /// Some rows are not in order: the first hundred of them.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Rows(Vec<BadRow>),
}

/// What becomes of rows of a public list that are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The list is not taken.
    Refused,
    /// The others are taken.
    Skipped,
}

/// The rows of a file that are not in order, so far.
#[derive(Default)]
pub(crate) struct Faults(Vec<BadRow>);

impl Faults {
    pub(crate) fn add(&mut self, row: &str, field: &str, message: impl Into<String>) {
        if self.0.len() < MOST_NAMED {
            self.0.push(BadRow { row: row.to_owned(), field: field.to_owned(), message: message.into() });
        }
    }

    fn add_invalid(&mut self, row: &str, error: InvalidPrice) {
        self.add(row, error.field().unwrap_or("model"), error.to_string());
    }

    pub(crate) fn end<T>(self, value: T) -> Result<T, InvalidPriceFile> {
        if self.0.is_empty() { Ok(value) } else { Err(InvalidPriceFile::Rows(self.0)) }
    }
}

impl PriceFile {
    /// Reads a file: `{"fallback": {…}, "models": [{"providerName", "model", …}], "lists": [{"kind",
    /// "model", …}]}` with dollars per million tokens, each of the three if it is there; or a public list,
    /// which names models and has dollars per token. All of it is in order, or nothing is taken.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidPriceFile> {
        Self::of(json, Wrong::Refused)
    }

    /// Reads what nobody here has a hand in: the same, but that a public list is read without its wrong rows,
    /// which are counted among those that are of no use. A list without a good one is not taken.
    pub fn parse_fetched(json: &[u8]) -> Result<Self, InvalidPriceFile> {
        Self::of(json, Wrong::Skipped)
    }

    fn of(json: &[u8], wrong: Wrong) -> Result<Self, InvalidPriceFile> {
        let unreadable = |message: String| InvalidPriceFile::Unreadable(message);
        let document: Value = serde_json::from_slice(json).map_err(|error| unreadable(error.to_string()))?;
        let Value::Object(members) = document else {
            return Err(unreadable("it must be a JSON object".to_owned()));
        };
        let is_ours = ["fallback", "models", "lists"].iter().any(|name| members.contains_key(*name));
        if is_ours { Self::read(members) } else { public_list::read(&members, wrong) }
    }

    fn read(members: Map<String, Value>) -> Result<Self, InvalidPriceFile> {
        let (mut file, mut faults) = (Self::default(), Faults::default());
        for (name, value) in members {
            match (name.as_str(), value) {
                ("fallback", Value::Object(row)) => file.fallback = rates("fallback", &row, &[], &mut faults),
                ("models", Value::Array(rows)) => file.read_models(&rows, &mut faults),
                ("lists", Value::Array(rows)) => file.read_lists(&rows, &mut faults),
                ("fallback" | "models" | "lists", _) => faults.add("file", &name, "it has the wrong type"),
                _ => faults.add("file", &name, "there is no such part of a file of prices"),
            }
        }
        faults.end(file)
    }

    fn read_models(&mut self, rows: &[Value], faults: &mut Faults) {
        let mut seen = HashSet::new();
        for (at, row) in rows.iter().enumerate() {
            let Some((name, row)) = named("models", at, row, "providerName", faults) else { continue };
            let target = PriceTarget::new(text(row, "providerName"), text(row, "model"));
            let rates = rates(&name, row, &["providerName", "model"], faults);
            match (target, rates) {
                (Ok(target), _) if !seen.insert(target.clone()) => {
                    faults.add_invalid(&name, InvalidPrice::Twice);
                }
                (Ok(target), Some(rates)) => self.models.push((target, rates)),
                (Ok(_), None) => {}
                (Err(error), _) => faults.add_invalid(&name, error),
            }
        }
    }

    fn read_lists(&mut self, rows: &[Value], faults: &mut Faults) {
        let mut seen = HashSet::new();
        for (at, row) in rows.iter().enumerate() {
            let Some((name, row)) = named("lists", at, row, "kind", faults) else { continue };
            let Some(rates) = rates(&name, row, &["kind", "model", "origin", "edition"], faults) else {
                continue;
            };
            let new =
                NewListPrice::new(text(row, "kind"), text(row, "model"), rates, PriceOrigin::Manual, "");
            match new {
                Ok(new) if !seen.insert((new.kind.clone(), new.model.clone())) => {
                    faults.add_invalid(&name, InvalidPrice::Twice);
                }
                Ok(new) => self.lists.push(new),
                Err(error) => faults.add_invalid(&name, error),
            }
        }
    }

    /// The file that says what is kept. Of what is published only what somebody set is in it, unless
    /// `everything` is: whoever reads it back sets that himself.
    pub fn export(stored: &StoredPrices, everything: bool) -> Value {
        let models: Vec<Value> = stored
            .models
            .iter()
            .map(|price| {
                let mut row = written(&price.rates);
                row.insert("providerName".into(), price.target.provider.clone().into());
                row.insert("model".into(), price.target.model.clone().into());
                row.into()
            })
            .collect();
        let wanted = |price: &&ListPrice| everything || price.origin == PriceOrigin::Manual;
        let lists: Vec<Value> = stored
            .lists
            .iter()
            .filter(wanted)
            .map(|price| {
                let mut row = written(&price.rates);
                row.insert("kind".into(), price.kind.clone().into());
                row.insert("model".into(), price.model.clone().into());
                row.into()
            })
            .collect();
        let mut file = Map::new();
        if let Some(fallback) = &stored.fallback {
            file.insert("fallback".into(), written(&fallback.rates).into());
        }
        file.insert("models".into(), models.into());
        file.insert("lists".into(), lists.into());
        file.into()
    }
}

fn text<'a>(row: &'a Map<String, Value>, field: &str) -> &'a str {
    row.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// A row, and what to call it.
fn named<'a>(
    list: &str,
    at: usize,
    row: &'a Value,
    whose: &str,
    faults: &mut Faults,
) -> Option<(String, &'a Map<String, Value>)> {
    let Value::Object(row) = row else {
        faults.add(&format!("{list}[{at}]"), "*", "a row must be a JSON object");
        return None;
    };
    let short = |field: &str| text(row, field).chars().take(200).collect::<String>();
    Some((format!("{list}[{at}] ({} {})", short(whose), short("model")), row))
}

/// The rates of a row; `None`, and said, where one is not in order.
fn rates(name: &str, row: &Map<String, Value>, besides: &[&str], faults: &mut Faults) -> Option<PriceRates> {
    const IGNORED: [&str; 3] = ["id", "createdAt", "updatedAt"];
    let optional = PriceRates::default().optional().map(|(field, _)| field);
    let (mut rates, mut is_good) = (PriceRates::default(), true);
    let mut fault = |field: &str, message: &str| {
        faults.add(name, field, message);
        is_good = false;
    };
    for field in row.keys().map(String::as_str) {
        let is_rate = matches!(field, "input" | "output") || optional.contains(&field);
        if !is_rate && !besides.contains(&field) && !IGNORED.contains(&field) {
            fault(field, "there is no such field");
        }
    }
    let mut read = |field: &str| match row.get(field) {
        None | Some(Value::Null) => None,
        Some(value) => {
            let price = value.as_f64().and_then(PricePerMillion::from_dollars);
            if price.is_none() {
                fault(field, "it must be a number of dollars per million tokens, from 0 up");
            }
            price
        }
    };
    let whole = ["input", "output"].map(&mut read);
    let others = optional.map(&mut read);
    for (field, rate) in ["input", "output"].into_iter().zip(whole) {
        if rate.is_none() && row.get(field).is_none_or(Value::is_null) {
            fault(field, "it is missing");
        }
    }
    rates.input = whole[0].unwrap_or_default();
    rates.output = whole[1].unwrap_or_default();
    is_good.then(|| rates.with_optional(others))
}

fn written(rates: &PriceRates) -> Map<String, Value> {
    let mut row = Map::new();
    row.insert("input".into(), rates.input.as_dollars().into());
    row.insert("output".into(), rates.output.as_dollars().into());
    for (name, rate) in rates.optional() {
        if let Some(rate) = rate {
            row.insert(name.into(), rate.as_dollars().into());
        }
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FallbackPrice, StoredPrice};
    use promptgate_kernel::{Money, Timestamp};
    use proptest::prelude::*;
    use serde_json::json;

    fn parse(document: &Value) -> Result<PriceFile, InvalidPriceFile> {
        PriceFile::parse(document.to_string().as_bytes())
    }

    fn bad(document: &Value) -> Vec<(String, String)> {
        let Err(InvalidPriceFile::Rows(rows)) = parse(document) else { panic!("{document}") };
        rows.into_iter().map(|bad| (bad.row, bad.field)).collect()
    }

    #[test]
    fn every_bad_row_is_named_and_nothing_is_taken() {
        let document = json!({"fallback": {"input": 1}, "models": [
            {"providerName": "main", "model": "good", "input": 1, "output": 2},
            {"providerName": "main", "model": "m", "input": -1, "output": 2, "reasoning": "x"},
            {"providerName": " ", "model": "m", "input": 1, "output": 2},
            {"providerName": "main", "model": "good ", "input": 1, "output": 2},
            7,
        ], "lists": [{"kind": "openai", "model": "", "input": 1, "output": 2, "inputs": 1}], "more": 1});
        let expected = [
            ("fallback", "output"),
            ("lists[0] (openai )", "inputs"),
            ("models[1] (main m)", "input"),
            ("models[1] (main m)", "reasoning"),
            ("models[2] (  m)", "providerName"),
            ("models[3] (main good )", "model"),
            ("models[4]", "*"),
            ("file", "more"),
        ];
        let expected = expected.map(|(row, field)| (row.to_owned(), field.to_owned()));
        let mut found = bad(&document);
        found.sort();
        let mut sorted = expected.to_vec();
        sorted.sort();
        assert_eq!(found, sorted);
        for wrong in ["", "[]", "7", "{"] {
            let unreadable = PriceFile::parse(wrong.as_bytes());
            assert!(matches!(unreadable, Err(InvalidPriceFile::Unreadable(_))), "{wrong}");
        }
    }

    #[test]
    fn only_so_many_rows_are_named() {
        let rows: Vec<Value> = (0..200).map(|_| json!(1)).collect();
        assert_eq!(bad(&json!({"models": rows})).len(), MOST_NAMED);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanos in proptest::collection::vec(0..1_000_000_000_000_i64, 9)) {
            let price = |at: usize| PricePerMillion::from_money(Money::from_nanos(nanos[at]));
            let optional = std::array::from_fn(|at| (nanos[at] % 2 == 0).then(|| price(at)));
            let rates = PriceRates { input: price(7), output: price(8), ..PriceRates::default() };
            let rates = rates.with_optional(optional);
            let (id, at) = ("018f4e6e-0000-7000-8000-000000000001".parse().unwrap(), Timestamp::default());
            let target = PriceTarget::new("main", "m").unwrap();
            let list = NewListPrice::new("openai", "m", rates, PriceOrigin::Manual, "").unwrap();
            let stored = StoredPrices {
                fallback: Some(FallbackPrice { rates, updated_at: at, version: 1 }),
                models: vec![StoredPrice::create(id, target.clone(), rates, at)],
                lists: vec![ListPrice::create(id, list.clone(), at)],
            };
            let file = parse(&PriceFile::export(&stored, false)).unwrap();
            let expected =
                PriceFile { fallback: Some(rates), models: vec![(target, rates)], lists: vec![list], skipped: 0 };
            prop_assert_eq!(file, expected);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes: Vec<u8>) {
            let _ = PriceFile::parse(&bytes);
        }
    }
}
