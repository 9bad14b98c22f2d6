//! What the classifier is worth on sources it never saw: every source is left out once, with those that
//! share texts with it.

use std::collections::BTreeMap;
use std::fmt::Write;

use promptgate_guard::training::RULES;

use super::examples::{Example, Examples};
use super::fit::{self, Model, Rates};
use crate::measure;

/// Sources that are left out together. What no fold names is trained on every time.
const FOLDS: [&[&str]; 5] = [
    &["s-labs", "writingbench", "code"],
    &["neuralchemy", "self-instruct", "harmful"],
    &["hackaprompt", "inthewild", "pyrit", "t0", "readmes"],
    &["spikee", "bastion", "aib", "garakml", "nullsec", "giskard", "agentdojo", "tau2", "catalogues"],
    &["snippets", "harmless-list", "threat-reports", "bank-documents"],
];

/// What is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// The classifier alone.
    Classifier,
    /// The rules alone.
    Rules,
    /// Both, as they are joined.
    Both,
}

impl Part {
    fn score(self, model: &Model, row: &Example) -> f32 {
        match self {
            Self::Classifier => model.highest(&row.windows),
            Self::Rules => row.evidence,
            Self::Both => model.highest(&row.windows) + RULES * row.evidence,
        }
    }
}

/// Trains once a fold and reports on what was left out.
pub(crate) fn report(examples: &Examples, rates: &Rates, part: Part, wrong: usize) -> anyhow::Result<String> {
    let mut attacks: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
    let mut harmless: BTreeMap<&str, Vec<f32>> = BTreeMap::new();
    let mut text = String::new();
    let mut all_rows: Vec<(f32, &Example)> = Vec::new();
    for fold in FOLDS {
        let is_out = |row: &Example| fold.contains(&row.set.as_str());
        let (out, kept): (Vec<usize>, Vec<usize>) =
            (0..examples.rows.len()).partition(|row| is_out(&examples.rows[*row]));
        let model = fit::fit(examples, &kept, rates);
        let (mut above, mut below) = (Vec::new(), Vec::new());
        for row in out.iter().map(|row| &examples.rows[*row]) {
            let score = part.score(&model, row);
            all_rows.push((score, row));
            if row.is_attack() {
                attacks.entry(&row.group).or_default().push(score);
                above.push(score);
            } else {
                harmless.entry(&row.set).or_default().push(score);
                below.push(score);
            }
        }
        match measure::area_under_curve(&above, &below) {
            Some(area) => writeln!(text, "left out {}: AUC {area:.3}", fold.join(", "))?,
            None => writeln!(text, "left out {}", fold.join(", "))?,
        }
    }
    let all: Vec<f32> = harmless.values().flatten().copied().collect();
    let thresholds = [0.005, 0.01, 0.02, 0.05].map(|share| measure::threshold(&all, share));
    writeln!(
        text,
        "\n| attacks | rows | 0.5 % | 1 % | 2 % | 5 % |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    )?;
    let mut line = |name: &str, rows: usize, shares: [f64; 4]| {
        let [a, b, c, d] = shares;
        writeln!(text, "| {name} | {rows} | {a:.3} | {b:.3} | {c:.3} | {d:.3} |")
    };
    for (group, scores) in &attacks {
        line(group, scores.len(), thresholds.map(|threshold| measure::above(scores, threshold)))?;
    }
    line(
        "mean over groups",
        attacks.values().map(Vec::len).sum(),
        thresholds
            .map(|threshold| measure::mean(attacks.values().map(|scores| measure::above(scores, threshold)))),
    )?;
    for (set, scores) in &harmless {
        line(
            &format!("harmless: {set}"),
            scores.len(),
            thresholds.map(|threshold| measure::above(scores, threshold)),
        )?;
    }
    if wrong > 0 {
        worst(&mut text, &all_rows, thresholds[1], wrong)?;
    }
    writeln!(text, "\nlogits at those thresholds: {thresholds:.3?}")?;
    Ok(text)
}

/// A few of the rows on the wrong side of a threshold, evenly over those of each group.
fn worst(text: &mut String, rows: &[(f32, &Example)], threshold: f32, count: usize) -> std::fmt::Result {
    let mut groups: BTreeMap<(bool, &str), Vec<(f32, &str)>> = BTreeMap::new();
    for (score, row) in rows.iter().filter(|(score, row)| (*score > threshold) != row.is_attack()) {
        let name = if row.is_attack() { &row.group } else { &row.set };
        groups.entry((row.is_attack(), name)).or_default().push((*score, &row.text));
    }
    for ((attack, name), mut rows) in groups {
        rows.sort_by(|left, right| right.0.total_cmp(&left.0));
        writeln!(text, "\n{} {name}:", if attack { "missed in" } else { "false alarms in" })?;
        for (score, row) in rows.iter().step_by((rows.len() / count).max(1)).take(count) {
            writeln!(text, "{score:.2} {:?}", row.chars().take(160).collect::<String>())?;
        }
    }
    Ok(())
}
