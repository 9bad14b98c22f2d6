//! How well personal data is found.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::uncovered;
use crate::measure::{self, Counts, share};
use crate::prediction::{Judged, Span};
use crate::row::Gold;

#[derive(Default)]
struct Type {
    counts: Counts,
    characters: usize,
    leaked: usize,
}

/// Precision and recall of spans by type, what leaks, and false positives on texts with nothing in them.
pub(crate) fn pii(judged: &[Judged<'_>]) -> String {
    let mut types: BTreeMap<&str, Type> = BTreeMap::new();
    let mut empty: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (row, prediction) in judged {
        score(&row.spans, &prediction.spans, &mut types);
        if row.spans.is_empty() {
            let group = empty.entry(&row.group).or_default();
            group.0 += usize::from(!prediction.spans.is_empty());
            group.1 += 1;
        }
    }
    let mut text = format!("## pii\n\n{} rows\n\n", judged.len());
    let _ = writeln!(
        text,
        "| type | spans | precision | recall | F1 | leaked characters |\n| --- | ---: | ---: | ---: | ---: | ---: |"
    );
    let mut all = Type::default();
    for (name, found) in &types {
        let counts = found.counts;
        let _ = writeln!(
            text,
            "| {name} | {} | {:.3} | {:.3} | {:.3} | {:.4} |",
            counts.hits + counts.misses,
            counts.precision(),
            counts.recall(),
            counts.f1(),
            share(found.leaked, found.characters)
        );
        all.counts.add(counts);
        all.characters += found.characters;
        all.leaked += found.leaked;
    }
    let present = types.values().filter(|found| found.counts.hits + found.counts.misses > 0);
    let _ = writeln!(
        text,
        "\npooled: precision {:.4}, recall {:.4}, F1 {:.4}; mean F1 over types {:.4}; leaked characters {:.4}\n",
        all.counts.precision(),
        all.counts.recall(),
        all.counts.f1(),
        measure::mean(present.map(|found| found.counts.f1())),
        share(all.leaked, all.characters)
    );
    let _ = writeln!(text, "| texts without | rows | false positives |\n| --- | ---: | ---: |");
    for (group, (flagged, rows)) in &empty {
        let _ = writeln!(text, "| {group} | {rows} | {:.4} |", share(*flagged, *rows));
    }
    let (flagged, rows) = empty.values().fold((0, 0), |sum, group| (sum.0 + group.0, sum.1 + group.1));
    let _ = writeln!(text, "| all | {rows} | {:.4} |", share(flagged, rows));
    text
}

/// Pairs what is there with what was found: the same type, and at least half of both together in common.
fn score<'a>(gold: &'a [Gold], spans: &'a [Span], types: &mut BTreeMap<&'a str, Type>) {
    let mut used = vec![false; spans.len()];
    for wanted in gold {
        let hit = spans
            .iter()
            .enumerate()
            .position(|(index, span)| !used[index] && span.kind == wanted.kind && overlaps(wanted, span));
        let entry = types.entry(&wanted.kind).or_default();
        match hit {
            Some(index) => {
                used[index] = true;
                entry.counts.hits += 1;
            }
            None => entry.counts.misses += 1,
        }
        entry.characters += wanted.end - wanted.start;
        entry.leaked += uncovered(wanted, spans);
    }
    for (span, _) in spans.iter().zip(used).filter(|(_, used)| !used) {
        types.entry(&span.kind).or_default().counts.false_alarms += 1;
    }
}

fn overlaps(gold: &Gold, span: &Span) -> bool {
    let common = span.end.min(gold.end).saturating_sub(span.start.max(gold.start));
    let together = span.end.max(gold.end) - span.start.min(gold.start);
    common > 0 && 2 * common >= together
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_both_together_is_enough_and_each_span_counts_once() {
        let gold = |start, end| Gold { start, end, kind: "email".to_owned() };
        let span = |start, end| Span { start, end, kind: "email".to_owned() };
        let wanted = [gold(0, 10), gold(20, 30)];
        let found = [span(0, 5), span(0, 10), span(40, 41)];
        let mut types = BTreeMap::new();

        score(&wanted, &found, &mut types);

        let found = &types["email"];
        assert_eq!((found.counts.hits, found.counts.misses, found.counts.false_alarms), (1, 1, 2));
        assert_eq!((found.characters, found.leaked), (20, 10));
    }
}
