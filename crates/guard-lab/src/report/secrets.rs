//! How well credentials are found.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::uncovered;
use crate::measure::{Counts, share};
use crate::prediction::Judged;

/// Rows made after the format of one vendor; their kind follows.
const GENERATED: &str = "gen_";

/// Recall by group and kind, what leaks, and false positives by group.
pub(crate) fn secrets(judged: &[Judged<'_>]) -> String {
    let mut groups: BTreeMap<(&str, bool), (usize, usize)> = BTreeMap::new();
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let (mut characters, mut leaked) = (0, 0);
    for (row, prediction) in judged {
        let kind = row.group.strip_prefix(GENERATED);
        let name = if kind.is_some() { "gen" } else { row.group.as_str() };
        count(groups.entry((name, row.positive)).or_default(), prediction.flag);
        if let Some(kind) = kind {
            count(kinds.entry(kind).or_default(), prediction.flag);
            for gold in &row.spans {
                characters += gold.end - gold.start;
                leaked += uncovered(gold, &prediction.spans);
            }
        }
    }
    let mut text = format!("## secrets\n\n{} rows\n\n", judged.len());
    for (positive, title) in
        [(true, "| group | rows | recall |"), (false, "| harmless group | rows | false positives |")]
    {
        let _ = writeln!(text, "{title}\n| --- | ---: | ---: |");
        for ((group, _), (flagged, rows)) in groups.iter().filter(|(key, _)| key.1 == positive) {
            let _ = writeln!(text, "| {group} | {rows} | {:.4} |", share(*flagged, *rows));
        }
        text.push('\n');
    }
    core(&mut text, &groups);
    let _ = writeln!(text, "leaked characters of generated rows {:.4}", share(leaked, characters));
    for (kind, (flagged, rows)) in kinds.iter().filter(|(_, (flagged, rows))| flagged < rows) {
        let _ = writeln!(text, "missed: {kind}, recall {:.4} of {rows}", share(*flagged, *rows));
    }
    text
}

fn count(entry: &mut (usize, usize), flag: bool) {
    entry.0 += usize::from(flag);
    entry.1 += 1;
}

/// The pooled figures; the long tail of other people's rules is reported as a group only.
fn core(text: &mut String, groups: &BTreeMap<(&str, bool), (usize, usize)>) {
    let sum = |wanted: &dyn Fn(&(&str, bool)) -> bool| {
        let kept = groups.iter().filter(|(key, _)| wanted(key));
        kept.fold((0, 0), |sum, (_, group)| (sum.0 + group.0, sum.1 + group.1))
    };
    let (hits, positives) = sum(&|key| key.1 && !key.0.contains("tail"));
    let (false_alarms, negatives) = sum(&|key| !key.1);
    let counts = Counts { hits, false_alarms, misses: positives - hits };
    let _ = writeln!(
        text,
        "pooled: precision {:.4}, recall {:.4}, F1 {:.4}, false positives {:.4}",
        counts.precision(),
        counts.recall(),
        counts.f1(),
        share(false_alarms, negatives)
    );
}
