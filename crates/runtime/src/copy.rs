//! `migrate copy`: from an embedded installation to PostgreSQL.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use promptgate_settings::CommonSettings;
use promptgate_store_sql::{SqlOptions, TableCopied, copy, describe};

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
    let copied = copy(&from, &to, options, tell).await;
    base.stop.cancel();
    print(&report(&copied?, &source, &target, &common.data_dir))
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

/// What was copied, and what else belongs to an installation.
fn report(copied: &[TableCopied], source: &str, target: &str, data_dir: &Path) -> String {
    let widest = copied.iter().map(|table| table.name.len()).max().unwrap_or_default();
    let mut text = format!("{:widest$}  {:>12}  checksum (the same on both sides)\n", "table", "rows");
    for TableCopied { name, rows, checksum } in copied {
        let _ = writeln!(text, "{name:widest$}  {rows:>12}  {checksum}");
    }
    let rows: u64 = copied.iter().map(|table| table.rows).sum();
    let _ = writeln!(text, "\ncopied {rows} rows in {} tables from {source} to {target}", copied.len());
    let key = data_dir.join("keys").join("secrets_key");
    let _ = writeln!(
        text,
        "\nWhat is sealed in it opens under the same key only, and the audit log is signed under it. Every process over\n\
         the new database needs PROMPTGATE_SECRETS_KEY as it is now; an embedded installation has it in a file:\n  \
         PROMPTGATE_SECRETS_KEY=$(cat {})",
        key.display()
    );
    let waiting = waiting(&data_dir.join("spool"));
    if waiting > 0 {
        let _ = writeln!(
            text,
            "\n{waiting} files wait in {}: calls whose record is not in the database yet. Start a proxy over the new\n\
             database on this data directory, and they are recorded there.",
            data_dir.join("spool").display()
        );
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
        let calm = report(&copied, "sqlite a", "h/b (port=1)", data.path());
        assert!(calm.contains("tokens             3  abc\n"), "{calm}");
        assert!(calm.contains("copied 3 rows in 1 tables from sqlite a to h/b (port=1)"), "{calm}");
        assert!(calm.contains(&format!("$(cat {}/keys/secrets_key)", data.path().display())), "{calm}");
        assert!(!calm.contains("wait in"), "{calm}");
        let spool = data.path().join("spool").join("a");
        fs::create_dir_all(&spool).expect("a directory");
        fs::write(spool.join("1.jsonl"), "x").expect("a file");
        fs::write(spool.join("lock"), "1").expect("a file");
        let told = report(&copied, "sqlite a", "b", data.path());
        assert!(told.contains("\n1 files wait in"), "{told}");
    }
}
