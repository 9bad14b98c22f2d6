//! Streams that vendors document, and what clients of the other shapes get of them.
//!
//! `golden/<shape>/<name>.sse` is a provider's stream, `<name>.to_<shape>.sse` the client's.

use std::path::{Path, PathBuf};
use std::{fs, io};

use promptgate_providers::Shape;

use crate::able::translate;

const CLIENTS: [Shape; 3] = [Shape::ChatCompletions, Shape::Responses, Shape::Messages];

struct Case {
    name: String,
    from: Shape,
    stream: Vec<u8>,
    directory: PathBuf,
}

fn cases() -> Vec<Case> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases: Vec<Case> = Vec::new();
    for shape in Shape::ALL.into_iter().filter(|shape| shape.is_chat()) {
        let directory = golden.join(shape.as_str());
        let before = cases.len();
        for file in fs::read_dir(&directory)
            .expect("golden files of every chat shape")
            .map(|file| file.expect("a file").path())
        {
            let name = file.file_name().expect("a name").to_string_lossy().into_owned();
            if let Some(name) = name.strip_suffix(".sse").filter(|name| !name.contains(".to_")) {
                let stream = fs::read(&file).expect("a stream");
                cases.push(Case { name: name.to_owned(), from: shape, stream, directory: directory.clone() });
            }
        }
        assert!(cases.len() >= before + 5, "golden files of {shape} are gone");
    }
    cases
}

/// Compares with the golden file; what differs is left in the target directory to be looked at.
fn compare(case: &Case, to: Shape, actual: &str) -> Result<(), String> {
    let name = format!("{}.to_{to}.sse", case.name);
    let expected = match fs::read_to_string(case.directory.join(&name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        expected => Some(expected.map_err(|error| error.to_string())?),
    };
    if expected.as_deref() == Some(actual) {
        return Ok(());
    }
    let seen = Path::new(env!("CARGO_TARGET_TMPDIR")).join(case.from.as_str());
    fs::create_dir_all(&seen).map_err(|error| error.to_string())?;
    fs::write(seen.join(&name), actual).map_err(|error| error.to_string())?;
    Err(format!("{}: {name} differs from what was seen in {}", case.from, seen.display()))
}

#[test]
fn clients_get_what_the_golden_files_say() {
    let mut wrong = Vec::new();
    for case in cases() {
        for to in CLIENTS.into_iter().filter(|to| *to != case.from) {
            let actual = translate(case.from, to, [case.stream.as_slice()]);
            wrong.extend(compare(&case, to, &actual).err());
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_split_at_any_byte_changes_nothing() {
    for case in cases() {
        for to in CLIENTS {
            let whole = translate(case.from, to, [case.stream.as_slice()]);
            for length in [1, 2, 3, 61] {
                let split = translate(case.from, to, case.stream.chunks(length));
                assert_eq!(split, whole, "{} {} to {to}, split every {length}", case.from, case.name);
            }
        }
    }
}
