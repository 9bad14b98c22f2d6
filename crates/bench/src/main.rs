//! Measures the gateway against a bare proxy and nginx.
//!
//! Everything is measured in one run on one machine, in turns, and reported as ratios: absolute
//! numbers of a shared machine mean little, and a ratio taken in the same minute means a lot. No
//! figure is asserted; the report is for reading.

#![expect(clippy::cast_precision_loss, reason = "counts and times of a short run are far below 2^52")]

mod ask;
mod bare;
mod calls;
mod drive;
mod ingest;
mod mock;
mod process;
mod report;
mod run;
mod scale;
mod server;
mod serving;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures the gateway against a bare proxy and nginx, as ratios in one run")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the whole measurement and print a report.
    Run(Plan),
    /// Fill a database step by step, and measure at each how fast calls are recorded, pages are shown and
    /// tokens are known.
    Scale(scale::Sizes),
    /// Put calls that are over where they wait, and measure how fast they are recorded.
    Ingest(ingest::Amounts),
    /// The upstream: answers a chat completion of about 1 KB, or 40 events when asked to stream.
    Mock {
        /// Where to listen.
        listen: SocketAddr,
    },
    /// The yardstick: passes every request on and does nothing else.
    Bare {
        /// Where to listen.
        listen: SocketAddr,
        /// Where to pass requests on to.
        upstream: SocketAddr,
    },
}

/// What is measured, and how long.
#[derive(clap::Args, Clone)]
struct Plan {
    /// The `promptgate` binary, built in release mode.
    #[arg(long)]
    gateway: PathBuf,
    /// An older `promptgate` binary, to see what a change costs.
    #[arg(long)]
    before: Option<PathBuf>,
    /// How often every target takes its turn.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// How many plain calls a turn has. Processor time is read in steps of 10 ms: fewer calls than
    /// this, and the steps show in the ratios.
    #[arg(long, default_value_t = 40_000)]
    calls: usize,
    /// How many streams a turn has.
    #[arg(long, default_value_t = 8_000)]
    streams: usize,
    /// How many connections call at the same time.
    #[arg(long, default_value_t = 16)]
    clients: usize,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match arguments.command {
        Command::Run(plan) => runtime.block_on(run::run(plan)),
        Command::Scale(sizes) => runtime.block_on(scale::scale(sizes)),
        Command::Ingest(amounts) => runtime.block_on(ingest::ingest(amounts)),
        Command::Mock { listen } => runtime.block_on(mock::serve(listen)),
        Command::Bare { listen, upstream } => runtime.block_on(bare::serve(listen, upstream)),
    }
}
