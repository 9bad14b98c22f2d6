//! `train`: makes the classifier's weights from the training set, or says what such weights are worth
//! on sources they never saw.

mod cross;
mod examples;
mod fit;

use std::path::PathBuf;

use anyhow::Context;

use self::examples::Examples;

/// What is to be trained.
#[derive(clap::Args)]
pub(crate) struct Order {
    /// The folder with the training set.
    #[arg(long)]
    training: PathBuf,
    /// Where to write the weights.
    #[arg(long, required_unless_present = "cross")]
    out: Option<PathBuf>,
    /// Write no weights; leave every source out once and say what becomes of it.
    #[arg(long)]
    cross: bool,
    /// What to judge when sources are left out.
    #[arg(long, value_enum, default_value = "both")]
    part: cross::Part,
    /// Show so many rows of each group on the wrong side of the threshold of 1 %.
    #[arg(long, default_value_t = 0)]
    wrong: usize,
    #[command(flatten)]
    rates: fit::Rates,
}

/// Trains.
pub(crate) fn train(order: &Order) -> anyhow::Result<()> {
    let examples = Examples::read(&order.training)?;
    println!("{examples}");
    if order.cross {
        println!("{}", cross::report(&examples, &order.rates, order.part, order.wrong)?);
    }
    if let Some(out) = &order.out {
        let everything: Vec<usize> = (0..examples.rows.len()).collect();
        let model = fit::fit(&examples, &everything, &order.rates);
        let file = promptgate_guard::training::file(&model.weights, model.bias);
        std::fs::write(out, &file).with_context(|| format!("cannot write {}", out.display()))?;
        println!("{} bytes of weights", file.len());
    }
    Ok(())
}
