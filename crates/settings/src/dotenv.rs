//! `.env` files: where the nearest one is, and what stands in it.

use std::path::{Path, PathBuf};

use crate::error::SettingsError;

/// The nearest `.env`, from `start` upwards. A directory of that name is an error.
pub(crate) fn nearest(start: &Path) -> Result<Option<PathBuf>, SettingsError> {
    for directory in start.ancestors() {
        let candidate = directory.join(".env");
        match std::fs::metadata(&candidate) {
            Ok(found) if found.is_dir() => {
                return Err(SettingsError::File { path: candidate, problem: "is a directory".into() });
            }
            Ok(_) => return Ok(Some(candidate)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(SettingsError::File { path: candidate, problem: error.to_string() }),
        }
    }
    Ok(None)
}

/// Reads a file of `KEY=value` lines. Keys come back in upper case; an error names the line and
/// repeats nothing of it.
pub(crate) fn read(path: &Path) -> Result<Vec<(String, String)>, SettingsError> {
    let file_error = |problem: String| SettingsError::File { path: path.to_owned(), problem };
    let text = std::fs::read_to_string(path).map_err(|error| file_error(error.to_string()))?;
    parse(&text).map_err(|line| file_error(format!("line {line} is not KEY=value")))
}

fn parse(text: &str) -> Result<Vec<(String, String)>, usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut pairs = Vec::new();
    for (position, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let pair = line.split_once('=').and_then(|(key, value)| {
            let key = key.trim();
            let is_name = !key.is_empty()
                && key.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter));
            is_name.then_some(())?;
            Some((key.to_ascii_uppercase(), value_of(value.trim())?))
        });
        pairs.push(pair.ok_or(position + 1)?);
    }
    Ok(pairs)
}

/// A value: bare up to a blank and `#`, or in single quotes as it is, or in double quotes with
/// `\n`, `\t`, `\"` and `\\`. `$` means nothing, so that secrets survive.
fn value_of(text: &str) -> Option<String> {
    let Some(quote @ ('"' | '\'')) = text.chars().next() else {
        let end = text
            .char_indices()
            .find(|(at, letter)| *letter == '#' && (*at == 0 || text[..*at].ends_with(char::is_whitespace)))
            .map_or(text.len(), |(at, _)| at);
        return Some(text[..end].trim_end().to_owned());
    };
    let mut value = String::new();
    let mut letters = text[1..].chars();
    loop {
        match letters.next()? {
            letter if letter == quote => break,
            '\\' if quote == '"' => value.push(match letters.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                other => other,
            }),
            letter => value.push(letter),
        }
    }
    let rest = letters.as_str().trim_start();
    (rest.is_empty() || rest.starts_with('#')).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_are_read() {
        let text = "\u{feff}# comment\r\n\nA=1\r\nexport b = two words # remark\nC='it''\nC='$x # y'\nD=\"l\\n\\\"q\\\"\" # z\nE=\nF=a#b\nG=#b\nH=x=y==\n";
        assert_eq!(parse(text), Err(5), "a quote that does not end its line");
        let text = text.replace("C='it''\n", "");
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "$x # y"),
            ("D", "l\n\"q\""),
            ("E", ""),
            ("F", "a#b"),
            ("G", ""),
            ("H", "x=y=="),
        ];
        let expected: Vec<_> = expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(parse(&text), Ok(expected));
    }

    #[test]
    fn a_wrong_line_is_counted() {
        assert_eq!(parse("A=1\nnonsense\n"), Err(2));
        assert_eq!(parse("A B=1"), Err(1));
        assert_eq!(parse("A=\"open"), Err(1));
    }
}
