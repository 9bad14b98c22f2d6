//! Directories that belong to one process each, as long as it lives.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";

/// A spool's directory, locked until this value is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    _lock: File,
}

impl Directory {
    /// Makes a directory for this process.
    pub(super) fn claim(root: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        let process = std::process::id();
        for number in 0_u64.. {
            let path = root.join(format!("{process}-{number}"));
            match DirBuilder::new().mode(0o700).create(&path) {
                // Of another process of that number, or another spool of this one.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            }
            // An adopting process may take it for an orphan between any two of these steps.
            let lock = match OpenOptions::new().create(true).append(true).open(path.join(LOCK)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            if let Some(lock) = take(&path, lock)? {
                return Ok(Self { path, _lock: lock });
            }
        }
        unreachable!("there is always another number")
    }

    /// Takes over every directory whose process is dead.
    pub(super) fn orphans(root: &Path) -> io::Result<Vec<Self>> {
        let entries = match fs::read_dir(root) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut orphans = Vec::new();
        for entry in entries {
            let path = entry?.path();
            match OpenOptions::new().append(true).open(path.join(LOCK)) {
                Ok(lock) => {
                    orphans.extend(take(&path, lock)?.map(|lock| Self { path, _lock: lock }));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    // Its process died before it had a lock, or after it had removed it. Only empty
                    // directories can be removed like this.
                    let _ = fs::remove_dir(&path);
                }
                Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
                Err(error) => return Err(error),
            }
        }
        Ok(orphans)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it and everything in it, the lock last.
    pub(super) fn remove(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name() != LOCK {
                fs::remove_file(entry.path())?;
            }
        }
        fs::remove_file(self.path.join(LOCK))?;
        fs::remove_dir(&self.path)
    }
}

/// Takes the lock, unless somebody holds it, or removed it before it could be taken.
fn take(path: &Path, lock: File) -> io::Result<Option<File>> {
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    let still_there = match (lock.metadata()?, fs::metadata(path.join(LOCK))) {
        (held, Ok(named)) => held.ino() == named.ino() && held.dev() == named.dev(),
        (_, Err(_)) => false,
    };
    Ok(still_there.then_some(lock))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_living_keep_what_is_theirs_and_the_dead_do_not() {
        let root = tempfile::tempdir().unwrap();
        let (first, second) =
            (Directory::claim(root.path()).unwrap(), Directory::claim(root.path()).unwrap());
        assert_ne!(first.path(), second.path());
        assert!(Directory::orphans(root.path()).unwrap().is_empty());

        let left = first.path().to_owned();
        drop(first);
        let orphans = Directory::orphans(root.path()).unwrap();
        assert_eq!(orphans.iter().map(Directory::path).collect::<Vec<_>>(), [&left]);
        assert!(Directory::orphans(root.path()).unwrap().is_empty(), "adopted once");
        orphans[0].remove().unwrap();
        assert!(!left.exists() && second.path().exists());
    }

    #[test]
    fn empty_leftovers_are_cleared_and_files_are_left_alone() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("1-0")).unwrap();
        fs::write(root.path().join("quarantine.jsonl"), "").unwrap();
        assert!(Directory::orphans(root.path()).unwrap().is_empty());
        assert!(!root.path().join("1-0").exists() && root.path().join("quarantine.jsonl").exists());
        assert!(Directory::orphans(&root.path().join("none")).unwrap().is_empty());
    }
}
