//! The capability table: what each kind's models can do, as data.

mod cell;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use crate::capabilities::PARAMETERS;
use crate::{Capabilities, Feature, Modality, ProviderKind, Shape};

pub use cell::CapabilityCell;

/// The table that comes with the program.
const BUNDLED: &str = include_str!("../data/capabilities.json");

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the capability table is wrong: {}", problems.join("; "))]
pub struct InvalidTable {
    /// Each thing that is wrong, with its place, such as `kinds.openai.models[2].date: …`.
    pub problems: Vec<String>,
}

/// What every kind's models can do: defaults of a kind, and what differs for models whose names
/// begin in some way. The longest beginning counts, alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapabilityTable {
    kinds: BTreeMap<ProviderKind, ModelCapabilities>,
    origins: BTreeMap<ProviderKind, BTreeMap<String, Origin>>,
}

/// Where an entry of the table is from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Where it was read.
    pub source: String,
    /// When, such as `2026-11-22`.
    pub date: String,
}

impl CapabilityTable {
    /// The table that comes with the program.
    pub fn bundled() -> Self {
        Self::parse(BUNDLED).expect("a test reads the bundled table")
    }

    /// Reads a table and says everything that is wrong with it.
    pub fn parse(json: &str) -> Result<Self, InvalidTable> {
        let fail = |problem: String| InvalidTable { problems: vec![problem] };
        let document: Document =
            serde_json::from_str(json).map_err(|error| fail(format!("not a table: {error}")))?;
        if document.format != 1 {
            return Err(fail(format!("format: must be 1, not {}", document.format)));
        }
        let mut problems = Vec::new();
        let (mut kinds, mut origins) = (BTreeMap::new(), BTreeMap::new());
        for (name, entry) in document.kinds {
            let at = format!("kinds.{name}");
            let Ok(kind) = name.parse::<ProviderKind>() else {
                problems.push(format!("{at}: no such kind of provider"));
                continue;
            };
            if let Some((models, from)) = read_kind(&at, entry, &mut problems) {
                kinds.insert(kind, models);
                origins.insert(kind, from);
            }
        }
        for kind in ProviderKind::ALL {
            if !kinds.contains_key(&kind) && !problems.iter().any(|problem| names(problem, kind)) {
                problems.push(format!("kinds.{kind}: missing"));
            }
        }
        if problems.is_empty() { Ok(Self { kinds, origins }) } else { Err(InvalidTable { problems }) }
    }

    /// What a model of a kind can do.
    pub fn of(&self, kind: ProviderKind, model: &str) -> Arc<Capabilities> {
        self.kind(kind).of(model)
    }

    /// The beginning of a model's name that counts (empty for the kind's defaults), and where what is
    /// said of it is from.
    pub fn origin(&self, kind: ProviderKind, model: &str) -> (&str, &Origin) {
        let entries = self.origins.get(&kind).expect("a table without one of the kinds is refused");
        let fitting = entries.iter().filter(|(beginning, _)| model.starts_with(beginning.as_str()));
        let longest = fitting.max_by_key(|(beginning, _)| beginning.len());
        longest
            .map(|(beginning, origin)| (beginning.as_str(), origin))
            .expect("every name begins with nothing")
    }

    /// What the models of a kind can do.
    pub fn kind(&self, kind: ProviderKind) -> &ModelCapabilities {
        self.kinds.get(&kind).expect("a table without one of the kinds is refused")
    }
}

fn names(problem: &str, kind: ProviderKind) -> bool {
    problem
        .strip_prefix("kinds.")
        .and_then(|rest| rest.strip_prefix(kind.as_str()))
        .is_some_and(|rest| rest.starts_with([':', '.']))
}

/// What the models of one kind, or of one provider, can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelCapabilities {
    /// By the beginning of the model's name, the longest first; the empty one is always there.
    entries: Vec<(String, Arc<Capabilities>)>,
}

impl ModelCapabilities {
    /// What a model can do.
    pub fn of(&self, model: &str) -> Arc<Capabilities> {
        Arc::clone(self.entry(model))
    }

    fn entry(&self, model: &str) -> &Arc<Capabilities> {
        let found = self.entries.iter().find(|(beginning, _)| model.starts_with(beginning.as_str()));
        &found.expect("every name begins with nothing").1
    }

    fn from_map(entries: BTreeMap<String, Arc<Capabilities>>) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by_key(|(beginning, _)| std::cmp::Reverse(beginning.len()));
        Self { entries }
    }

    /// The same with what a provider's own configuration says on top of it.
    pub(crate) fn overridden(&self, all: &Overrides, by_model: &BTreeMap<String, Overrides>) -> Self {
        // A name has at most one longest beginning here and one there; whichever of the two is longer
        // begins with the other.
        let own = |name: &str| {
            let fitting = by_model.iter().filter(|(beginning, _)| name.starts_with(beginning.as_str()));
            fitting.max_by_key(|(beginning, _)| beginning.len()).map(|(_, overrides)| overrides)
        };
        let beginnings = self.entries.iter().map(|(beginning, _)| beginning).chain(by_model.keys());
        let entries = beginnings.map(|beginning| {
            let mut capabilities = Capabilities::clone(self.entry(beginning));
            all.apply(&mut capabilities);
            if let Some(own) = own(beginning) {
                own.apply(&mut capabilities);
            }
            (beginning.clone(), Arc::new(capabilities))
        });
        Self::from_map(entries.collect())
    }
}

/// What differs from something more general. Members that are left out change nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Overrides {
    pub(crate) shapes: Option<Vec<Shape>>,
    /// `null` takes a parameter away.
    parameters: BTreeMap<String, Option<String>>,
    modalities: Option<BTreeSet<Modality>>,
    maximums: BTreeMap<String, Option<u64>>,
    features: Option<BTreeSet<Feature>>,
    with: BTreeSet<Feature>,
    without: BTreeSet<Feature>,
    default_max_output: Option<u64>,
    betas: Option<Vec<String>>,
}

impl Overrides {
    /// What cannot be meant.
    pub(crate) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for name in self.parameters.keys().chain(self.maximums.keys()) {
            if !PARAMETERS.contains(&name.as_str()) {
                problems.push(format!("`{name}` is no parameter; there are {}", PARAMETERS.join(", ")));
            }
        }
        if self.parameters.values().flatten().any(|wire| wire.trim().is_empty()) {
            problems.push("a parameter's name on the wire must not be blank".to_owned());
        }
        if self.shapes.as_ref().is_some_and(Vec::is_empty) {
            problems.push("shapes must name at least one".to_owned());
        }
        if self.default_max_output == Some(0) {
            problems.push("default_max_output must be at least 1".to_owned());
        }
        if self.betas.iter().flatten().any(|beta| beta.trim_end_matches('*').contains('*')) {
            problems.push("a pattern of betas may have `*` at its end only".to_owned());
        }
        problems
    }

    fn apply(&self, to: &mut Capabilities) {
        if let Some(shapes) = &self.shapes {
            to.shapes.clone_from(shapes);
        }
        merge(&mut to.parameters, &self.parameters);
        merge(&mut to.maximums, &self.maximums);
        if let Some(modalities) = &self.modalities {
            to.modalities.clone_from(modalities);
        }
        if let Some(features) = &self.features {
            to.features.clone_from(features);
        }
        to.features.extend(&self.with);
        to.features.retain(|feature| !self.without.contains(feature));
        to.default_max_output = self.default_max_output.or(to.default_max_output);
        if let Some(betas) = &self.betas {
            to.betas.clone_from(betas);
        }
    }
}

fn merge<V: Clone>(into: &mut BTreeMap<String, V>, changes: &BTreeMap<String, Option<V>>) {
    for (name, value) in changes {
        match value {
            Some(value) => into.insert(name.clone(), value.clone()),
            None => into.remove(name),
        };
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    /// What the file is, for its readers.
    #[serde(rename = "about", default)]
    _about: String,
    format: u32,
    kinds: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindEntry {
    source: String,
    date: String,
    can: Overrides,
    #[serde(default)]
    models: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelEntry {
    /// Beginnings of the names of models that this is about.
    names: Vec<String>,
    source: String,
    date: String,
    can: Overrides,
}

fn read_kind(
    at: &str,
    entry: Value,
    problems: &mut Vec<String>,
) -> Option<(ModelCapabilities, BTreeMap<String, Origin>)> {
    let before = problems.len();
    let entry: KindEntry = match serde_json::from_value(entry) {
        Ok(entry) => entry,
        Err(error) => {
            problems.push(format!("{at}: {error}"));
            return None;
        }
    };
    check(at, &entry.source, &entry.date, &entry.can, problems);
    let mut base = Capabilities::default();
    entry.can.apply(&mut base);
    let mut entries = BTreeMap::new();
    let mut origins = BTreeMap::from([(String::new(), Origin { source: entry.source, date: entry.date })]);
    for (index, model) in entry.models.into_iter().enumerate() {
        let at = format!("{at}.models[{index}]");
        let model: ModelEntry = match serde_json::from_value(model) {
            Ok(model) => model,
            Err(error) => {
                problems.push(format!("{at}: {error}"));
                continue;
            }
        };
        check(&at, &model.source, &model.date, &model.can, problems);
        let mut capabilities = base.clone();
        model.can.apply(&mut capabilities);
        check_whole(&at, &capabilities, problems);
        let capabilities = Arc::new(capabilities);
        let origin = Origin { source: model.source, date: model.date };
        if model.names.is_empty() {
            problems.push(format!("{at}.names: must name at least one"));
        }
        for name in model.names {
            if name.is_empty() {
                problems.push(format!("{at}.names: must not be empty"));
            } else if entries.insert(name.clone(), Arc::clone(&capabilities)).is_some() {
                problems.push(format!("{at}.names: `{name}` is there twice"));
            } else {
                origins.insert(name, origin.clone());
            }
        }
    }
    check_whole(at, &base, problems);
    entries.insert(String::new(), Arc::new(base));
    (problems.len() == before).then(|| (ModelCapabilities::from_map(entries), origins))
}

fn check(at: &str, source: &str, date: &str, can: &Overrides, problems: &mut Vec<String>) {
    if source.trim().is_empty() {
        problems.push(format!("{at}.source: must say where this is from"));
    }
    if !is_date(date) {
        problems.push(format!("{at}.date: must be a date such as 2026-11-22"));
    }
    problems.extend(can.problems().into_iter().map(|problem| format!("{at}.can: {problem}")));
}

/// What only shows when everything is put together.
fn check_whole(at: &str, can: &Capabilities, problems: &mut Vec<String>) {
    if can.shapes.is_empty() {
        problems.push(format!("{at}.can.shapes: must name at least one"));
    }
    if can.chat_shape() == Some(Shape::Messages) && can.default_max_output.is_none() {
        problems.push(format!("{at}.can.default_max_output: is required where messages come first"));
    }
}

fn is_date(text: &str) -> bool {
    let digits = |range: std::ops::Range<usize>, most: u32| {
        let part = text.get(range).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
        part.and_then(|part| part.parse().ok()).is_some_and(|number: u32| (1..=most).contains(&number))
    };
    text.len() == 10
        && digits(0..4, 9999)
        && digits(5..7, 12)
        && digits(8..10, 31)
        && text.get(4..5) == Some("-")
        && text.get(7..8) == Some("-")
}

#[cfg(test)]
mod tests;
