//! Sealed documents on the disk of this process.
//!
//! A document is a file of its own, with a first line that says what it is, then pieces of it, each sealed
//! for its place: none of them can be moved, exchanged, or left out unnoticed. It is written beside the
//! one before it and takes its place when it is whole and on the disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Arc;

use promptgate_gateway::ports::{Shelf, ShelfError};
use promptgate_kernel::{Entropy, KeyRing, SealError, Sealed, Secret};

/// How much of a document is sealed at a time.
const PIECE_BYTES: usize = 256 * 1024;
/// What a file begins with. The number grows when its form changes.
const MAGIC: &str = "promptgate sealed document 1";
/// Stands before a piece that others follow.
const MORE: &str = "+";
/// Stands before the last one.
const LAST: &str = ".";

/// A directory of sealed documents that one process writes.
pub struct SealedShelf {
    directory: PathBuf,
    keys: KeyRing,
    entropy: Arc<dyn Entropy>,
}

impl SealedShelf {
    /// A shelf in a directory, which is made if it is not there, and is its owner's alone.
    pub fn open(directory: PathBuf, keys: KeyRing, entropy: Arc<dyn Entropy>) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
        Ok(Self { directory, keys, entropy })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.sealed"))
    }

    fn write_draft(
        &self,
        draft: &PathBuf,
        name: &str,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(draft)?;
        let mut file = BufWriter::new(file);
        writeln!(file, "{MAGIC} {name}")?;
        let mut pieces =
            Pieces { shelf: self, name, file, number: 0, piece: Vec::with_capacity(PIECE_BYTES) };
        write(&mut pieces)?;
        pieces.seal(LAST)?;
        pieces.file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

impl Shelf for SealedShelf {
    fn put(
        &self,
        name: &'static str,
        write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        let draft = self.directory.join(format!("{name}.draft-{}", std::process::id()));
        let path = self.path(name);
        let written = self.write_draft(&draft, name, write).and_then(|()| fs::rename(&draft, &path));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
            return written;
        }
        // The name is to be on the disk as well.
        File::open(&self.directory)?.sync_all()
    }

    fn get(&self, name: &'static str) -> Result<Option<Secret<Vec<u8>>>, ShelfError> {
        let text = match fs::read_to_string(self.path(name)) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == ErrorKind::InvalidData => {
                return Err(ShelfError::Foreign("it is no sealed document".into()));
            }
            Err(error) => return Err(ShelfError::Read(error)),
        };
        let mut lines = text.lines();
        if lines.next() != Some(&format!("{MAGIC} {name}")) {
            return Err(ShelfError::Foreign("it is no sealed document of this version".into()));
        }
        // Of the right size from the start, so that no copy of what is secret is left behind by growing.
        let mut document = Vec::with_capacity(text.len());
        let mut ended = false;
        for (number, line) in lines.enumerate() {
            let Some((kind, sealed)) = line.split_at_checked(1).filter(|_| !ended) else {
                return Err(ShelfError::Foreign("there is more in it than was written".into()));
            };
            let sealed = Sealed::from_text(sealed.to_owned());
            let piece = self.keys.open(&sealed, &context(name, number, kind));
            document.extend_from_slice(piece.map_err(|error| refused(&error))?.expose());
            ended = kind == LAST;
        }
        if ended {
            Ok(Some(Secret::new(document)))
        } else {
            Err(ShelfError::Foreign("its end is missing".into()))
        }
    }
}

fn refused(error: &SealError) -> ShelfError {
    ShelfError::Foreign(match error {
        SealError::UnknownKey { .. } => format!("it was {error}"),
        SealError::Malformed | SealError::Forged => "it was altered, or a part of it is missing".into(),
    })
}

fn context(name: &str, number: usize, kind: &str) -> String {
    format!("{MAGIC} {name} {number}{kind}")
}

/// Seals what is written to it, piece by piece.
struct Pieces<'a> {
    shelf: &'a SealedShelf,
    name: &'a str,
    file: BufWriter<File>,
    number: usize,
    piece: Vec<u8>,
}

impl Pieces<'_> {
    fn seal(&mut self, kind: &str) -> io::Result<()> {
        let context = context(self.name, self.number, kind);
        let sealed = self.shelf.keys.seal(&self.piece, &context, &*self.shelf.entropy);
        writeln!(self.file, "{kind}{}", sealed.as_text())?;
        self.number += 1;
        self.piece.clear();
        Ok(())
    }
}

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.piece.len() == PIECE_BYTES {
            self.seal(MORE)?;
        }
        let fits = bytes.len().min(PIECE_BYTES - self.piece.len());
        self.piece.extend_from_slice(&bytes[..fits]);
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use promptgate_kernel::testing::SeededEntropy;
    use promptgate_kernel::{OsEntropy, SecretsKey};

    use super::*;

    fn shelf(directory: &tempfile::TempDir, seed: u64) -> SealedShelf {
        let keys = KeyRing::new(SecretsKey::generate(&SeededEntropy::new(seed)), vec![]);
        SealedShelf::open(directory.path().join("kept"), keys, Arc::new(OsEntropy)).unwrap()
    }

    fn put(shelf: &SealedShelf, text: &[u8]) {
        shelf.put("things", &mut |to| to.write_all(text)).unwrap();
    }

    fn got(shelf: &SealedShelf) -> Option<Vec<u8>> {
        shelf.get("things").unwrap().map(|document| document.expose().clone())
    }

    fn refused(shelf: &SealedShelf) -> String {
        shelf.get("things").unwrap_err().to_string()
    }

    #[test]
    fn documents_of_any_size_come_back_and_are_the_owners_alone() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = shelf(&directory, 1);
        assert_eq!(got(&shelf), None);
        for size in [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES] {
            let text: Vec<u8> = (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect();
            put(&shelf, &text);
            assert!(got(&shelf) == Some(text), "{size} bytes");
        }
        put(&shelf, b"canary");
        let path = shelf.path("things");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&shelf.directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!fs::read_to_string(&path).unwrap().contains("canary"));
        assert_eq!(fs::read_dir(&shelf.directory).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn what_was_there_stays_until_all_of_the_next_is() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = shelf(&directory, 1);
        put(&shelf, b"first");
        let failed = shelf.put("things", &mut |to| {
            to.write_all(&vec![7; 2 * PIECE_BYTES])?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert!(failed.is_err());
        assert_eq!(got(&shelf).unwrap(), b"first");
        assert_eq!(fs::read_dir(&shelf.directory).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn what_is_damaged_or_somebody_elses_is_told_and_not_opened() {
        let directory = tempfile::tempdir().unwrap();
        let shelf = shelf(&directory, 1);
        put(&shelf, &vec![7; 2 * PIECE_BYTES + 9]);
        let path = shelf.path("things");
        let whole = fs::read_to_string(&path).unwrap();
        assert!(refused(&self::shelf(&directory, 2)).contains("PROMPTGATE_SECRETS_KEYS_OLD"));
        let lines: Vec<&str> = whole.lines().collect();
        let exchanged = [lines[0], lines[2], lines[1], lines[3]].join("\n");
        let shortened = [lines[0], lines[1], lines[2]].join("\n");
        let cut = lines[..2].join("\n") + "\n" + &lines[2].replacen('+', ".", 1);
        let longer = format!("{whole}{}", lines[1]);
        let renamed = whole.replacen("things", "others", 1);
        for wrong in [&exchanged, &shortened, &cut, &longer, &renamed, "", "garbage", "\n\n"] {
            fs::write(&path, wrong).unwrap();
            refused(&shelf);
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        refused(&shelf);
        fs::write(&path, whole).unwrap();
        assert!(got(&shelf).is_some());
    }
}
