//! Measures the guard on labelled texts and by the clock, and trains its classifier.
//!
//! `eval` reads a folder of labelled rows, lets the guard judge every one and prints what that is
//! worth; `train` makes the classifier's weights from the training set beside this crate; `bench` says
//! what requests cost. None of it ships with anything.

#![expect(clippy::cast_precision_loss, reason = "counts of rows and bytes are far below 2^52")]
#![expect(clippy::print_stdout, reason = "a command line tool speaks on standard output")]

mod bench;
mod channel;
mod cost;
mod detector;
mod eval;
mod evasion;
#[cfg(test)]
mod held_out;
mod measure;
mod prediction;
mod report;
mod row;
mod train;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures the guard on labelled texts and by the clock, and trains its classifier")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Score every `injection*.jsonl`, `pii*.jsonl` and `secrets*.jsonl` of a folder.
    Eval(eval::Order),
    /// Train the classifier, or say what it is worth on sources it never saw.
    Train(train::Order),
    /// Say what guarding requests costs: time, instructions, and many rules against few.
    Bench(bench::Order),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Eval(order) => eval::eval(&order),
        Command::Train(order) => train::train(&order),
        Command::Bench(order) => bench::bench(&order),
    }
}
