//! The long form of the chaos suite: `cargo xtask soak`.
#![expect(clippy::print_stdout, reason = "a command line tool speaks on standard output")]

use std::time::Duration;

use anyhow::{bail, ensure};
use clap::Parser;
use promptgate_e2e::chaos::{
    Counted, Deaths, Kept, Leftovers, Limited, NOTICE, Part, Report, Stage, deaths, dollars, rolling,
    troubles,
};
use tokio::signal::unix::{SignalKind, signal};

/// Calls a minute of a limited token.
const CALLS_A_MINUTE: u32 = 120;
/// The month's budget of each of the others, in nano-dollars.
const BUDGET: u64 = 20_000_000;
/// How many of these there are at most for each part of the run.
const BUDGETS: usize = 100;
/// How long what is left of a part may take to be cleared away.
const PATIENCE: Duration = Duration::from_mins(3);

/// Brings trouble over two data planes, a control plane, two schedulers and a worker over a PostgreSQL and a
/// Redis of their own, and says what it cost. Ends with 1 if an event was lost or counted twice, a limit
/// broken, or something left behind.
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
    let [mut interrupted, mut terminated] =
        [signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?];
    // Whatever ends it, everything that it started ends with it.
    tokio::select! {
        soaked = soak(&arguments) => soaked,
        _ = interrupted.recv() => bail!("interrupted"),
        _ = terminated.recv() => bail!("told to end"),
    }
}

async fn soak(arguments: &Arguments) -> anyhow::Result<()> {
    let mut stage = Stage::start(&[NOTICE]).await?;
    let mut broken = Vec::new();
    through_troubles(&mut stage, arguments, &mut broken).await?;
    through_a_restart(&mut stage, &mut broken).await?;
    through_deaths(&mut stage, arguments, &mut broken).await?;
    println!("\n## What processes warned of\n");
    for (warning, times) in stage.warnings() {
        println!("  - {times} × {warning}");
    }
    ensure!(broken.is_empty(), "{}", broken.join("; "));
    println!("\nNothing was lost, counted twice or left behind, and no limit was broken.");
    Ok(())
}

async fn through_troubles(
    stage: &mut Stage,
    arguments: &Arguments,
    broken: &mut Vec<String>,
) -> anyhow::Result<()> {
    println!("## Dependencies in trouble, {} s each\n", arguments.trouble);
    let limited = Limited::start(stage, CALLS_A_MINUTE, BUDGETS, BUDGET).await?;
    let (findings, counted) = troubles(stage, Duration::from_secs(arguments.trouble)).await?;
    limited.stop().await;
    println!(
        "| dependency | trouble | calls | failed | median before → during | 99 of 100 before → during | slowest | as before after |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    for finding in &findings {
        let (before, during) = (&finding.before, &finding.during);
        println!(
            "| {} | {} | {} | {} | {} | {} | {:.1} s |",
            finding.dependency,
            finding.trouble,
            during.calls,
            during.failures(),
            change(before, during),
            millis(during.longest),
            finding.recovery.as_secs_f64()
        );
    }
    for finding in &findings {
        explain(&finding.during);
    }
    if findings.iter().any(|finding| finding.during.failures() > 0) {
        broken.push("trouble cost calls".to_owned());
    }
    count("calls without limits", counted, broken);
    let kept = limited.kept(stage, PATIENCE).await?;
    // Two replicas that cannot ask share the limit: each has half of it to give, and what it had in hand. And a
    // Redis that comes back empty counts anew: once in a minute at this length.
    hold(&kept, 3 * u64::from(CALLS_A_MINUTE), broken);
    Ok(())
}

async fn through_a_restart(stage: &mut Stage, broken: &mut Vec<String>) -> anyhow::Result<()> {
    println!("\n## A rolling restart behind nginx\n");
    let limited = Limited::start(stage, CALLS_A_MINUTE, BUDGETS, BUDGET).await?;
    let rolled = rolling(stage).await?;
    limited.stop().await;
    println!("Before: {}. Meanwhile: {}.", rolled.before, rolled.during);
    explain(&rolled.during);
    if rolled.during.failures() > 0 {
        println!("nginx: {}", rolled.complaints);
        broken.push("a rolling restart cost calls".to_owned());
    }
    count("calls without limits", rolled.counted, broken);
    hold(&limited.kept(stage, PATIENCE).await?, u64::from(CALLS_A_MINUTE), broken);
    Ok(())
}

async fn through_deaths(
    stage: &mut Stage,
    arguments: &Arguments,
    broken: &mut Vec<String>,
) -> anyhow::Result<()> {
    println!("\n## kill -9 at random, for {} s\n", arguments.deaths);
    let mut drawn = arguments.seed.max(1);
    // xorshift64*: a sequence that can be had again.
    let next = |among: usize| {
        drawn ^= drawn >> 12;
        drawn ^= drawn << 25;
        drawn ^= drawn >> 27;
        usize::try_from(drawn.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap_or_default() % among
    };
    let limited = Limited::start(stage, CALLS_A_MINUTE, BUDGETS, BUDGET).await?;
    let found = deaths(stage, Duration::from_secs(arguments.deaths), next).await?;
    limited.stop().await;
    tell(&found);
    if found.unexplained.failures() > 0 {
        broken.push("calls failed at processes that lived".to_owned());
    }
    count("calls without limits", found.counted, broken);
    hold(&limited.kept(stage, PATIENCE).await?, u64::from(CALLS_A_MINUTE), broken);
    let leaks = limited.leaks(stage).await?;
    println!(
        "Once the lives of the dead were over, {leaks} budgets had something reserved that nobody holds."
    );
    hold(&limited.kept(stage, PATIENCE).await?, u64::from(CALLS_A_MINUTE), broken);
    if leaks > 0 {
        broken.push(format!("{leaks} budgets leak"));
    }
    let left = Leftovers::after(stage, PATIENCE).await?;
    println!("Left behind: {left}.");
    if left != Leftovers::default() {
        broken.push("something was left behind".to_owned());
    }
    Ok(())
}

fn tell(found: &Deaths) {
    println!("| process | died | median until it served again | longest |");
    println!("| --- | --- | --- | --- |");
    for part in [Part::Api, Part::Proxy, Part::Scheduler, Part::Worker] {
        let died = found.deaths.iter().filter(|death| death.part == part);
        let mut back: Vec<_> = died.map(|death| death.back_after).collect();
        back.sort_unstable();
        if let (Some(median), Some(longest)) = (back.get(back.len() / 2), back.last()) {
            println!("| {part:?} | {} | {} | {} |", back.len(), millis(*median), millis(*longest));
        }
    }
    println!("\nBefore: {}. Meanwhile: {}.", found.before, found.during);
    println!(
        "Of those that failed, {} were not to a process that was dead or died.",
        found.unexplained.failures()
    );
    explain(&found.unexplained);
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

fn hold(kept: &Kept, most_a_minute: u64, broken: &mut Vec<String>) {
    count("calls under limits", kept.counted, broken);
    println!(
        "Answers: {:?}. Of {CALLS_A_MINUTE} calls a minute, {} in the fullest, {} \
         without asking. Of {} budgets of ${:.4} at most ${:.6} \
         of one, ${:.6} too much in all.",
        kept.statuses,
        kept.fullest_minute,
        kept.unasked,
        kept.budgets,
        dollars(BUDGET),
        dollars(kept.most_spent),
        dollars(kept.overspent)
    );
    explain(&kept.others);
    if kept.overspent > 0 {
        broken.push("a budget was overspent".to_owned());
    }
    // A process that is too busy to wait for an answer gives its share, too.
    let most_a_minute =
        if kept.unasked > 0 { most_a_minute.max(2 * u64::from(CALLS_A_MINUTE)) } else { most_a_minute };
    if kept.fullest_minute > most_a_minute {
        broken.push(format!("{} calls in a minute of at most {most_a_minute}", kept.fullest_minute));
    }
}

fn explain(report: &Report) {
    for (why, times) in &report.failed {
        println!("  - {times} × {why}");
    }
}

fn change(before: &Report, during: &Report) -> String {
    let [median, slowest] = [(before.median, during.median), (before.slowest, during.slowest)]
        .map(|(before, during)| format!("{} → {}", millis(before), millis(during)));
    format!("{median} | {slowest}")
}

fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1_000.0)
}
