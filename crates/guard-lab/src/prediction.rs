//! What the guard said of a row.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use promptgate_guard::Finding;
use serde::Serialize;

use crate::row::{Family, Row};

/// What the guard said of a row, in the shape that scorers read.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Prediction {
    pub(crate) id: String,
    pub(crate) flag: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) score: Option<f32>,
    pub(crate) spans: Vec<Span>,
    /// Microseconds.
    pub(crate) us: f64,
}

/// Where something stands, in Unicode code points.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

/// The findings of a text as spans of code points.
pub(crate) fn spans(text: &str, findings: &[Finding]) -> Vec<Span> {
    let mut borders: Vec<usize> =
        findings.iter().flat_map(|finding| [finding.span.start, finding.span.end]).collect();
    borders.sort_unstable();
    borders.dedup();
    let mut points = Vec::with_capacity(borders.len());
    let (mut byte, mut point) = (0, 0);
    for &border in &borders {
        point += text.get(byte..border).map_or(0, |part| part.chars().count());
        byte = border;
        points.push(point);
    }
    let point = |border: usize| borders.binary_search(&border).map_or(0, |index| points[index]);
    findings
        .iter()
        .map(|finding| Span {
            start: point(finding.span.start),
            end: point(finding.span.end),
            kind: finding.kind.clone().into_owned(),
        })
        .collect()
}

/// Writes the predictions of a family to `FAMILY.jsonl` of a folder.
pub(crate) fn write(folder: &Path, family: Family, predictions: &[Prediction]) -> anyhow::Result<()> {
    let path = folder.join(format!("{}.jsonl", family.name()));
    let wrong = || format!("cannot write {}", path.display());
    let mut file = BufWriter::new(File::create(&path).with_context(wrong)?);
    for prediction in predictions {
        serde_json::to_writer(&mut file, prediction).with_context(wrong)?;
        file.write_all(b"\n").with_context(wrong)?;
    }
    file.flush().with_context(wrong)
}

/// Rows beside what was said of them.
pub(crate) type Judged<'a> = (&'a Row, &'a Prediction);

#[cfg(test)]
mod tests {
    use promptgate_guard::{Category, Certainty};

    use super::*;

    #[test]
    fn spans_count_characters() {
        let finding = Finding {
            category: Category::Pii,
            kind: "email".into(),
            span: 3..6,
            certainty: Certainty::Certain,
        };
        let spans = spans("äb\u{20ac}c", &[finding]);
        assert_eq!(spans, [Span { start: 2, end: 3, kind: "email".to_owned() }]);
    }
}
