//! The long form of the chaos suite: `cargo xtask soak`.
#![expect(clippy::print_stdout, reason = "a command line tool speaks on standard output")]

use std::time::Duration;

use anyhow::ensure;
use clap::Parser;
use promptgate_e2e::chaos::{Counted, Limits, NOTICE, Report, Stage, deaths, limited, rolling, troubles};

/// Calls a minute of the limited token.
const CALLS_A_MINUTE: u32 = 120;
/// The month's budget of the limited token, in nano-dollars.
const BUDGET: u64 = 10_000_000;

/// Brings trouble over two data planes, a control plane and two schedulers over a PostgreSQL and a Redis of
/// their own, and says what it cost. Ends with 1 if an event was lost or counted twice, or a limit broken.
#[derive(Parser)]
#[command(name = "cargo xtask soak")]
struct Arguments {
    /// How long each trouble lasts, in seconds.
    #[arg(long, default_value_t = 15)]
    trouble: u64,
    /// For how long processes are killed at random, in seconds.
    #[arg(long, default_value_t = 600)]
    deaths: u64,
    /// What the random choice of whom to kill begins with; the same one kills in the same order.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut stage = Stage::start(&[NOTICE]).await?;
    let mut broken = Vec::new();

    println!("## Dependencies in trouble, {} s each\n", arguments.trouble);
    let (token, load) = limited(&stage, CALLS_A_MINUTE, BUDGET).await?;
    let (findings, counted) = troubles(&mut stage, Duration::from_secs(arguments.trouble)).await?;
    load.stop().await;
    println!(
        "| dependency | trouble | calls | failed | median before → during | 99 of 100 before → during | back after |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for finding in &findings {
        let (before, during) = (&finding.before, &finding.during);
        println!(
            "| {} | {} | {} | {} | {} → {} | {} → {} | {:.1} s |",
            finding.dependency,
            finding.trouble,
            during.calls,
            during.failures(),
            millis(before.median),
            millis(during.median),
            millis(before.slowest),
            millis(during.slowest),
            finding.recovery.as_secs_f64()
        );
        explain(during);
    }
    count("all calls", counted, &mut broken);
    count(
        "calls of the limited token",
        load.counted(&stage.postgres, Duration::from_mins(1)).await?,
        &mut broken,
    );
    let limits = Limits::of(&token, &stage).await?;
    println!(
        "\nA token with {CALLS_A_MINUTE} calls a minute made at most {} in one; of a budget of ${:.4} it spent ${:.6}.",
        limits.fullest_minute,
        dollars(BUDGET),
        dollars(limits.spent)
    );
    if limits.spent > BUDGET {
        broken.push("a budget was overspent".to_owned());
    }
    if limits.fullest_minute > 2 * u64::from(CALLS_A_MINUTE) {
        broken.push("more calls were let in than the bound of degraded limits".to_owned());
    }

    println!("\n## A rolling restart behind nginx\n");
    let (calls, counted) = rolling(&mut stage).await?;
    println!("{calls}");
    explain(&calls);
    if calls.failures() > 0 {
        broken.push("a rolling restart cost calls".to_owned());
    }
    count("calls", counted, &mut broken);

    println!("\n## kill -9 at random, for {} s\n", arguments.deaths);
    let mut drawn = arguments.seed;
    // xorshift64*: a sequence that can be had again.
    let next = |among: usize| {
        drawn = drawn.max(1);
        drawn ^= drawn >> 12;
        drawn ^= drawn << 25;
        drawn ^= drawn >> 27;
        usize::try_from(drawn.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap_or_default() % among
    };
    let (deaths, calls, counted) = deaths(&mut stage, Duration::from_secs(arguments.deaths), next).await?;
    println!("{} processes died. {calls}", deaths.len());
    if let Some(slowest) = deaths.iter().max_by_key(|death| death.back_after) {
        println!(
            "The slowest, {:?}, served again after {:.1} s.",
            slowest.part,
            slowest.back_after.as_secs_f64()
        );
    }
    explain(&calls);
    count("calls", counted, &mut broken);

    ensure!(broken.is_empty(), "{}", broken.join("; "));
    println!("\nNothing was lost, nothing was counted twice, no limit was broken.");
    Ok(())
}

fn count(what: &str, counted: Counted, broken: &mut Vec<String>) {
    println!(
        "\nOf {} {what} that were answered, {} have no event, {} have two.",
        counted.answered, counted.lost, counted.double
    );
    if counted.lost + counted.double > 0 {
        broken.push(format!("{what}: {} lost, {} double", counted.lost, counted.double));
    }
}

fn explain(report: &Report) {
    for (why, times) in &report.failed {
        println!("  - {times} × {why}");
    }
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}

#[expect(clippy::cast_precision_loss, reason = "a few dollars at most")]
fn dollars(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}
