//! Labelled rows, and the files they stand in.

use std::fmt::Write;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;
use serde_json::Value;

/// What a file of rows asks about its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    Injection,
    Pii,
    Secrets,
}

impl Family {
    pub(crate) const ALL: [Self; 3] = [Self::Injection, Self::Pii, Self::Secrets];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Injection => "injection",
            Self::Pii => "pii",
            Self::Secrets => "secrets",
        }
    }
}

/// What stands where in a text, in Unicode code points.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Gold {
    pub(crate) start: usize,
    pub(crate) end: usize,
    #[serde(rename = "type", default)]
    pub(crate) kind: String,
}

/// A text and what is true of it.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) text: String,
    pub(crate) positive: bool,
    pub(crate) group: String,
    pub(crate) channel: Option<String>,
    pub(crate) spans: Vec<Gold>,
}

/// A row as it stands in a file: only the text is indispensable.
#[derive(Deserialize)]
struct Line {
    text: String,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    label: Value,
    #[serde(default)]
    group: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    spans: Option<Vec<Gold>>,
}

/// All rows of a family in a folder, from its files in the order of their names.
pub(crate) fn rows(folder: &Path, family: Family) -> anyhow::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for file in files(folder, family)? {
        read(&file, &mut rows)?;
    }
    Ok(rows)
}

fn files(folder: &Path, family: Family) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_wanted = name.starts_with(family.name())
            && path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("jsonl"));
        if is_wanted && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Adds the rows of a file. Empty lines, a byte order mark and carriage returns do no harm.
pub(crate) fn read(path: &Path, rows: &mut Vec<Row>) -> anyhow::Result<()> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut reader = BufReader::with_capacity(1 << 20, file);
    let mut line = Vec::new();
    let mut number = 0_usize;
    loop {
        line.clear();
        number += 1;
        let at = || format!("{}, line {number}", path.display());
        if reader.read_until(b'\n', &mut line).with_context(|| format!("cannot read {}", at()))? == 0 {
            return Ok(());
        }
        let bytes = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line).trim_ascii();
        if !bytes.is_empty() {
            let parsed: Line =
                serde_json::from_slice(bytes).with_context(|| format!("no labelled row: {}", at()))?;
            rows.push(row(parsed, path, number).with_context(at)?);
        }
    }
}

fn row(line: Line, path: &Path, number: usize) -> anyhow::Result<Row> {
    let spans = line.spans.unwrap_or_default();
    let positive = match &line.label {
        Value::Null if !spans.is_empty() => true,
        Value::Null => bail!("the row has no `label`"),
        Value::Bool(label) => *label,
        Value::Number(label) => label.as_f64().is_some_and(|label| label > 0.5),
        other => bail!("the row's `label` is {other}, not 0 or 1"),
    };
    let length = line.text.chars().count();
    if let Some(span) = spans.iter().find(|span| span.start > span.end || span.end > length) {
        bail!("a span goes from {} to {} in a text of {length} characters", span.start, span.end);
    }
    let id = match line.id {
        Value::String(id) => id,
        Value::Null => {
            let mut id = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let _ = write!(id, ":{number}");
            id
        }
        other => other.to_string(),
    };
    Ok(Row {
        id,
        text: line.text,
        positive,
        group: line.group.unwrap_or_else(|| "ungrouped".to_owned()),
        channel: line.channel,
        spans,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_of(content: &str) -> anyhow::Result<Vec<Row>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("injection_more.jsonl"), content).unwrap();
        std::fs::write(folder.path().join("injection_empty.jsonl"), "").unwrap();
        std::fs::write(folder.path().join("pii.jsonl"), "not read").unwrap();
        rows(folder.path(), Family::Injection)
    }

    #[test]
    fn foreign_line_ends_and_missing_fields_do_no_harm() {
        let rows = rows_of("\u{feff}{\"text\":\"a\",\"label\":1}\r\n\r\n{\"id\":7,\"text\":\"b\",\"label\":false,\"new\":{}}")
            .unwrap();

        assert_eq!(rows.len(), 2);
        assert_eq!((rows[0].id.as_str(), rows[0].positive), ("injection_more:1", true));
        assert_eq!((rows[1].id.as_str(), rows[1].group.as_str()), ("7", "ungrouped"));
    }

    #[test]
    fn an_error_names_file_and_line() {
        let error = format!("{:#}", rows_of("{\"text\":\"a\",\"label\":1}\n{\"label\":1}\n").unwrap_err());
        assert!(error.contains("injection_more.jsonl, line 2") && error.contains("text"), "{error}");

        let error = format!("{:#}", rows_of("{\"text\":\"a\"}\n").unwrap_err());
        assert!(error.contains("line 1") && error.contains("label"), "{error}");
    }

    #[test]
    fn a_span_outside_its_text_is_refused() {
        let row = "{\"text\":\"äb\",\"label\":1,\"spans\":[{\"start\":0,\"end\":3,\"type\":\"x\"}]}";
        assert!(rows_of(row).is_err());
    }
}
