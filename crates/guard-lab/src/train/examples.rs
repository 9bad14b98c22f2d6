//! The training set.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use promptgate_guard::Channel;
use promptgate_guard::training::{Reader, Window};
use serde::Deserialize;

/// How far apart the windows of a long text begin, in tokens.
const STRIDE: usize = 24;
/// Harmful wishes that inject nothing are what another tool looks for; they hardly count.
const HARMFUL: f32 = 0.1;

/// So many rows more every source counts as having: no handful of rows is worth a source.
const FEW: f32 = 100.0;

/// A row of the training set.
#[derive(Debug, Deserialize)]
pub(crate) struct Example {
    pub(crate) text: String,
    label: u8,
    /// The source, or the sources that belong together, left out at a time.
    pub(crate) set: String,
    pub(crate) group: String,
    #[serde(skip)]
    pub(crate) weight: f32,
    #[serde(skip)]
    pub(crate) windows: Vec<Window>,
    /// What the rules say of it.
    #[serde(skip)]
    pub(crate) evidence: f32,
    source: String,
    license: String,
}

impl Example {
    pub(crate) fn is_attack(&self) -> bool {
        self.label == 1
    }
}

/// All rows.
pub(crate) struct Examples {
    pub(crate) rows: Vec<Example>,
}

impl Examples {
    /// Reads every `*.jsonl` of a folder, in the order of the names.
    pub(crate) fn read(folder: &Path) -> anyhow::Result<Self> {
        let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        files.retain(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
        files.sort();
        let mut rows: Vec<Example> = Vec::new();
        for file in files {
            let content =
                fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
            for (number, line) in content.lines().enumerate() {
                let at = || format!("{}, line {}", file.display(), number + 1);
                let row: Example = serde_json::from_str(line).with_context(at)?;
                if row.source.is_empty() || row.license.is_empty() {
                    bail!("{}: a row names its source and its licence", at());
                }
                rows.push(row);
            }
        }
        weigh(&mut rows);
        let reader = Reader::default();
        for row in &mut rows {
            row.windows = reader.windows(&row.text, STRIDE);
            row.evidence = reader.evidence(&row.text, Channel::User);
        }
        Ok(Self { rows })
    }
}

/// Gives every row a weight: a large source counts as the root of its size, and both labels alike.
fn weigh(rows: &mut [Example]) {
    let mut sizes: BTreeMap<(String, String, u8), f32> = BTreeMap::new();
    let key = |row: &Example| {
        let group = if row.set == "own" { row.group.clone() } else { String::new() };
        (row.set.clone(), group, row.label)
    };
    for row in rows.iter() {
        *sizes.entry(key(row)).or_default() += 1.0;
    }
    let mut totals = [0.0; 2];
    for row in rows.iter_mut() {
        row.weight = (sizes[&key(row)] + FEW).powf(-0.5);
        if row.set == "harmful" && row.is_attack() {
            row.weight *= HARMFUL;
        }
        totals[usize::from(row.is_attack())] += row.weight;
    }
    let mean = rows.len() as f32 / 2.0;
    for row in rows.iter_mut() {
        row.weight *= mean / totals[usize::from(row.is_attack())];
    }
}

impl fmt::Display for Examples {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts: BTreeMap<(&str, &str), [usize; 2]> = BTreeMap::new();
        for row in &self.rows {
            counts.entry((&row.set, &row.license)).or_default()[usize::from(row.is_attack())] += 1;
        }
        writeln!(f, "| source | licence | attacks | harmless |\n| --- | --- | ---: | ---: |")?;
        for ((set, license), [harmless, attacks]) in counts {
            writeln!(f, "| {set} | {license} | {attacks} | {harmless} |")?;
        }
        Ok(())
    }
}
