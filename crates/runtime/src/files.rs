//! The data directory and the keys that are made in it.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use promptgate_kernel::{Entropy, SecretString, SecretsKey};

/// A data directory that can be written to.
#[derive(Debug, Clone)]
pub(crate) struct DataDir {
    path: PathBuf,
}

impl DataDir {
    /// Makes the directory if it is not there, and tries whether it can be written to.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        if path.exists() && !path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, "it is a file, not a directory"));
        }
        DirBuilder::new().recursive(true).mode(0o750).create(path)?;
        let path = fs::canonicalize(path)?;
        let probe = path.join(format!(".write-test-{}", std::process::id()));
        fs::write(&probe, b"")?;
        fs::remove_file(&probe)?;
        Ok(Self { path })
    }

    /// The directory itself, absolute.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The database of the embedded mode. It is made here, because it would be everybody's to read
    /// otherwise; what SQLite puts beside it takes after it.
    pub(crate) fn database_url(&self) -> io::Result<String> {
        let path = self.path.join("promptgate.db");
        OpenOptions::new().append(true).create(true).mode(0o640).open(&path)?;
        // A path stands in a URL, where some letters mean something else.
        let shown = path.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        let escaped = shown.replace('%', "%25").replace('?', "%3F").replace('#', "%23");
        Ok(format!("sqlite:{escaped}"))
    }

    /// Where usage events wait.
    pub(crate) fn spool(&self) -> PathBuf {
        self.path.join("spool")
    }

    /// What a process keeps for the time when the database is away.
    pub(crate) fn kept(&self, process: &str) -> PathBuf {
        self.path.join("kept").join(process)
    }

    /// The file of a key.
    pub(crate) fn key_path(&self, name: &str) -> PathBuf {
        self.path.join("keys").join(name)
    }

    /// The key that credentials are sealed under; made at the first call, by whichever process is first.
    pub(crate) fn secrets_key(&self, entropy: &dyn Entropy) -> anyhow::Result<SecretsKey> {
        let text = self.key("secrets_key", || SecretsKey::generate(entropy).encode())?;
        SecretsKey::parse(text.expose()).map_err(|_| {
            anyhow!(
                "the key file {} is damaged: it must hold base64 of 32 bytes; put back a copy of it (without \
                     it a new key is made, which does not open the credentials that are stored)",
                self.key_path("secrets_key").display()
            )
        })
    }

    /// The admin API key; made at the first call.
    pub(crate) fn admin_api_key(&self, entropy: &dyn Entropy) -> anyhow::Result<SecretString> {
        self.key("admin_api_key", || {
            let mut bytes = [0; 32];
            entropy.fill(&mut bytes);
            let text = bytes.iter().fold("pg_admin_".to_owned(), |text, byte| format!("{text}{byte:02x}"));
            SecretString::new(text)
        })
    }

    fn key(&self, name: &str, make: impl FnOnce() -> SecretString) -> anyhow::Result<SecretString> {
        let path = self.key_path(name);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write_once(&path, make().expose())
                    .with_context(|| format!("cannot write the key file {}", path.display()))?;
                // Another process may have been first; what is in the file is what counts.
                fs::read_to_string(&path)
            }
            other => other,
        };
        let text =
            SecretString::new(text.with_context(|| format!("cannot read the key file {}", path.display()))?);
        warn_if_open(&path);
        if text.expose().trim().is_empty() {
            bail!("the key file {} is empty", path.display());
        }
        Ok(SecretString::new(text.expose().trim().to_owned()))
    }
}

/// Says so when others than its owner can read a key.
fn warn_if_open(path: &Path) {
    let mode = fs::metadata(path).map_or(0, |found| found.permissions().mode());
    if mode & 0o077 != 0 {
        let shown = path.display();
        tracing::warn!(
            file = %shown,
            "the key file {shown} can be read by others than its owner; run: chmod 600 {shown}"
        );
    }
}

/// Writes a file that only its owner can read, whole or not at all, and never over another.
fn write_once(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    let written = writeln!(file, "{text}").and_then(|()| file.sync_all());
    let linked = written.and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use promptgate_kernel::OsEntropy;

    use super::*;

    #[test]
    fn keys_are_made_once_and_are_the_owners_alone() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let data = DataDir::open(&root.path().join("a/data")).expect("made");
        let first = data.secrets_key(&OsEntropy).expect("made").id();
        assert_eq!(data.secrets_key(&OsEntropy).expect("read").id(), first);
        let admin = data.admin_api_key(&OsEntropy).expect("made");
        assert_eq!(data.admin_api_key(&OsEntropy).expect("read").expose(), admin.expose());
        for name in ["secrets_key", "admin_api_key"] {
            let mode = fs::metadata(data.key_path(name)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let files = fs::read_dir(data.path().join("keys")).expect("there").count();
        assert_eq!(files, 2, "no draft is left");
    }

    #[tokio::test]
    async fn a_directory_of_any_name_holds_the_database() {
        let root = tempfile::tempdir().expect("a temporary directory");
        for name in ["plain", "with blank", "100%", "%41", "a?mode=ro#b", "ü"] {
            let data = DataDir::open(&root.path().join(name)).expect("made");
            let url = data.database_url().expect("made");
            let connected = promptgate_store_sql::connect(&url, promptgate_store_sql::SqlOptions::default())
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            connected.migrate().await.expect("migrated");
            connected.close().await;
            let file = fs::metadata(data.path().join("promptgate.db")).expect("there");
            assert!(file.len() > 0, "{name}");
            assert_eq!(file.permissions().mode() & 0o007, 0, "{name}");
        }
    }

    #[test]
    fn a_file_is_no_directory() {
        let root = tempfile::NamedTempFile::new().expect("a temporary file");
        let error = DataDir::open(root.path()).expect_err("refused");
        assert_eq!(error.to_string(), "it is a file, not a directory");
    }

    #[test]
    fn processes_that_start_at_once_agree_on_the_key() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let data = DataDir::open(root.path()).expect("there");
        let path = data.key_path("k");
        fs::create_dir_all(path.parent().expect("it has one")).expect("made");
        write_once(&path, "first").expect("written");
        write_once(&path, "second").expect("not an error");
        assert_eq!(fs::read_to_string(&path).expect("there").trim(), "first");
    }

    #[test]
    fn damaged_keys_are_named_and_not_shown() {
        let root = tempfile::tempdir().expect("a temporary directory");
        let data = DataDir::open(root.path()).expect("there");
        fs::create_dir_all(root.path().join("keys")).expect("made");
        for wrong in ["", "canary"] {
            fs::write(data.key_path("secrets_key"), wrong).expect("written");
            let line = format!("{:#}", data.secrets_key(&OsEntropy).expect_err("refused"));
            assert!(line.contains("secrets_key") && !line.contains("canary"), "{line}");
        }
    }
}
