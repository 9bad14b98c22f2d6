//! `eval`: lets the guard judge labelled rows and says what that is worth.

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::detector::Bench;
use crate::prediction::{self, Judged, Prediction};
use crate::row::{self, Family, Row};
use crate::{cost, evasion, report};

/// What is to be scored.
#[derive(clap::Args)]
pub(crate) struct Order {
    /// A folder with `injection*.jsonl`, `pii*.jsonl` or `secrets*.jsonl`.
    folder: PathBuf,
    /// Where to write `FAMILY.jsonl` with what was said of every row.
    #[arg(long)]
    predictions: Option<PathBuf>,
    /// Let the shape alone be enough for personal data and secrets.
    #[arg(long)]
    lenient: bool,
    /// Write the attacks that are caught in other ways too, and say how many of them still are.
    #[arg(long)]
    evasion: bool,
}

/// Scores a folder and prints the report.
pub(crate) fn eval(order: &Order) -> anyhow::Result<()> {
    if let Some(out) = &order.predictions {
        std::fs::create_dir_all(out).with_context(|| format!("cannot create {}", out.display()))?;
    }
    let mut seen = 0;
    for family in Family::ALL {
        let rows = row::rows(&order.folder, family)?;
        if rows.is_empty() {
            continue;
        }
        seen += rows.len();
        let bench = Bench::new(order.lenient, &rows);
        let predictions: Vec<Prediction> = rows.iter().map(|row| bench.judge(family, row)).collect();
        println!("{}", report_of(family, &rows, &predictions));
        println!("{}", cost::report(family, &bench, &rows, &predictions));
        if order.evasion && family == Family::Injection {
            println!("{}", evasion::report(&bench, &rows, &predictions));
        }
        if let Some(out) = &order.predictions {
            prediction::write(out, family, &predictions)?;
        }
    }
    if seen == 0 {
        bail!("{} holds no row of injection*.jsonl, pii*.jsonl or secrets*.jsonl", order.folder.display());
    }
    Ok(())
}

fn report_of(family: Family, rows: &[Row], predictions: &[Prediction]) -> String {
    let judged: Vec<Judged<'_>> = rows.iter().zip(predictions).collect();
    match family {
        Family::Injection => report::injection(&judged),
        Family::Pii => report::pii(&judged),
        Family::Secrets => report::secrets(&judged),
    }
}
