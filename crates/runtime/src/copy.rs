//! `migrate copy`: from an embedded installation to PostgreSQL.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use promptgate_settings::CommonSettings;
use promptgate_store_sql::{LiveSource, SqlOptions, TableCopied, copy, describe};

use crate::base::Base;
use crate::cli::Copy;
use crate::files::DataDir;
use crate::start::print;

pub(crate) async fn run(base: Base, wanted: Copy) -> anyhow::Result<()> {
    let common = &base.common;
    let given = common.database.url.as_ref().map(|url| url.expose().clone());
    let (embedded, cluster) = match given {
        Some(url) if url.starts_with("sqlite:") => (Some(url), None),
        other => (None, other),
    };
    let installation = match &wanted.from {
        Some(url) => around(url),
        None => Some(common.data_dir.clone()),
    };
    let from = match wanted.from.or(embedded) {
        Some(url) => url,
        None => in_data_dir(common)?,
    };
    let to = wanted.to.or(cluster).ok_or_else(|| {
        anyhow!("say where to with --to postgres://…, or set PROMPTGATE_DATABASE_URL to it")
    })?;
    let options = SqlOptions { zone: common.zone, ..SqlOptions::default() };
    let (source, target) = (describe(&from), describe(&to));
    tracing::info!(source, target, "copying {source} to {target}");
    let tell = |table: &str, rows: u64| tracing::info!(table, rows, "{rows} rows of {table} are written");
    let live = if wanted.live_source { LiveSource::Taken } else { LiveSource::Refused };
    let copied = copy(&from, &to, options, live, base.clock.now(), tell).await;
    base.stop.cancel();
    print(&report(&copied?, &source, &target, installation.as_deref()))
}

/// The database that an embedded installation keeps. Nothing is made where there is none.
fn in_data_dir(common: &CommonSettings) -> anyhow::Result<String> {
    let path = common.data_dir.join("promptgate.db");
    if !path.is_file() {
        bail!(
            "there is no database at {}; say where the installation is with --from sqlite:… or --data-dir",
            path.display()
        );
    }
    let data = DataDir::open(&common.data_dir)
        .with_context(|| format!("cannot open the data directory {}", common.data_dir.display()))?;
    Ok(data.database_url()?)
}

/// The data directory that a database lies in, if it lies in one.
fn around(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    let file = Path::new(path.split('?').next()?);
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let belongs = |name: &str| directory.join(name).is_dir();
    (belongs("keys") || belongs("spool")).then(|| directory.to_owned())
}

/// What was copied, and what else belongs to an installation; `data_dir` is its own, if it is known.
fn report(copied: &[TableCopied], source: &str, target: &str, data_dir: Option<&Path>) -> String {
    let widest = copied.iter().map(|table| table.name.len()).max().unwrap_or_default();
    let mut text = format!("{:widest$}  {:>12}  checksum (the same on both sides)\n", "table", "rows");
    for TableCopied { name, rows, checksum } in copied {
        let _ = writeln!(text, "{name:widest$}  {rows:>12}  {checksum}");
    }
    let rows: u64 = copied.iter().map(|table| table.rows).sum();
    let _ = writeln!(text, "\ncopied {rows} rows in {} tables from {source} to {target}", copied.len());
    let place = data_dir.unwrap_or(Path::new("<its data directory>"));
    let _ = writeln!(
        text,
        "\nWhat is sealed in it opens under the same key only, and the audit log is signed under it. Every process over\n\
         the new database needs PROMPTGATE_SECRETS_KEY as it is now; an embedded installation has it in a file:\n  \
         PROMPTGATE_SECRETS_KEY=$(cat {})",
        place.join("keys").join("secrets_key").display()
    );
    let spool = place.join("spool");
    match data_dir.map(|_| waiting(&spool)) {
        Some(0) => {}
        Some(waiting) => {
            let _ = writeln!(
                text,
                "\n{waiting} files wait in {}: calls whose record is not in the database yet. Start a proxy over the new\n\
                 database on this data directory, and they are recorded there.",
                spool.display()
            );
        }
        None => {
            let _ = writeln!(
                text,
                "\nFiles in {} are calls whose record is not in the database yet. Start a proxy over the new database\n\
                 on that data directory, and they are recorded there.",
                spool.display()
            );
        }
    }
    let _ = writeln!(
        text,
        "\nWhat is called or changed in the old installation from now on is not in the new one: leave it stopped."
    );
    text
}

/// How many files of records are in a directory, those below it too.
fn waiting(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(about) if about.is_dir() => waiting(&entry.path()),
            Ok(about) => {
                usize::from(about.len() > 0 && entry.file_name().to_string_lossy().ends_with(".jsonl"))
            }
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_tables_the_key_and_what_still_waits() {
        let data = tempfile::tempdir().expect("a directory");
        let copied = [TableCopied { name: "tokens".into(), rows: 3, checksum: "abc".into() }];
        let calm = report(&copied, "sqlite a", "h/b (port=1)", Some(data.path()));
        assert!(calm.contains("tokens             3  abc\n"), "{calm}");
        assert!(calm.contains("copied 3 rows in 1 tables from sqlite a to h/b (port=1)"), "{calm}");
        assert!(calm.contains(&format!("$(cat {}/keys/secrets_key)", data.path().display())), "{calm}");
        assert!(!calm.contains("wait in"), "{calm}");
        let spool = data.path().join("spool").join("a");
        fs::create_dir_all(&spool).expect("a directory");
        fs::write(spool.join("1.jsonl"), "x").expect("a file");
        fs::write(spool.join("lock"), "1").expect("a file");
        let told = report(&copied, "sqlite a", "b", Some(data.path()));
        assert!(told.contains("\n1 files wait in"), "{told}");
        let elsewhere = report(&copied, "sqlite a", "b", None);
        assert!(elsewhere.contains("$(cat <its data directory>/keys/secrets_key)"), "{elsewhere}");
        assert!(elsewhere.contains("\nFiles in <its data directory>/spool are calls"), "{elsewhere}");
    }

    #[test]
    fn the_directory_of_the_source_counts_where_it_is_that_of_an_installation() {
        let data = tempfile::tempdir().expect("a directory");
        let url = format!("sqlite://{}/promptgate.db?mode=rwc", data.path().display());
        assert_eq!((around(&url), around("sqlite::memory:"), around("postgres://h/d")), (None, None, None));
        fs::create_dir(data.path().join("keys")).expect("a directory");
        assert_eq!(around(&url).as_deref(), Some(data.path()));
    }
}
