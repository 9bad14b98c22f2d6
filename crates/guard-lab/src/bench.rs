//! `bench`: what guarding requests costs, by the clock and in instructions.

mod bodies;
mod callgrind;
mod pairs;
mod texts;
mod work;

use std::fmt::Write;
use std::time::Instant;

use anyhow::Context;

use self::bodies::{Body, Load, kib};
use self::pairs::PAIRS;
use self::work::{MEASURES, Work, pieces};

/// What is measured.
#[derive(clap::Args)]
pub(crate) struct Order {
    /// How often everything takes its turn. On a shared machine only the best turn says something of the
    /// program; of ratios, which are taken within a turn, the median counts.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Count instructions, too: they do not depend on what else the machine does. Needs valgrind.
    #[arg(long)]
    callgrind: bool,
    /// Do nothing but one piece of work.
    #[arg(long, hide = true)]
    work: Option<String>,
    /// With requests of one sort.
    #[arg(long, hide = true)]
    load: Option<String>,
    /// How often.
    #[arg(long, hide = true, default_value_t = 1)]
    passes: u32,
}

/// Measures and prints the report.
pub(crate) fn bench(order: &Order) -> anyhow::Result<()> {
    let loads = Load::all()?;
    if let Some(name) = &order.work {
        let chosen: Vec<Load> = loads
            .into_iter()
            .filter(|load| order.load.as_deref().is_none_or(|name| load.name == name))
            .collect();
        let work =
            named(name, every(&chosen)).with_context(|| format!("there is no work called `{name}`"))?;
        (0..order.passes).for_each(|_| work());
        return Ok(());
    }
    println!("{}", table(&loads, order.rounds));
    println!("{}", ratios(&loads, order.rounds));
    if order.callgrind && !callgrind::is_there() {
        println!("valgrind is not installed: no instructions are counted");
    } else if order.callgrind {
        println!("{}", counts(&loads)?);
    }
    Ok(())
}

/// What many requests of all sorts are, for work that is not told apart by them.
fn every(loads: &[Load]) -> Vec<Body> {
    loads.iter().flat_map(|load| load.bodies.iter().take(2)).cloned().collect()
}

/// The piece of work of a name: of a measurement, or of either side of a pair.
fn named(name: &str, bodies: Vec<Body>) -> Option<Work> {
    if let Some(measure) = MEASURES.iter().find(|measure| measure.name == name) {
        return Some((measure.make)(bodies));
    }
    let (name, side) = name.rsplit_once('#')?;
    let pair = PAIRS.iter().find(|pair| pair.name == name)?;
    Some(if side == "few" { (pair.few)(bodies) } else { (pair.many)(bodies) })
}

/// Seconds that one pass takes.
fn timed(work: &Work) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64()
}

/// The head of a table with a column for every sort of requests.
fn head(loads: &[Load]) -> String {
    let mut text = String::from("| |");
    for load in loads {
        text.extend([" ", load.name, " |"]);
    }
    text.push_str("\n| --- |");
    text.push_str(&" ---: |".repeat(loads.len()));
    text.push('\n');
    text
}

/// Microseconds per KiB of every measurement and every sort of requests.
fn table(loads: &[Load], rounds: usize) -> String {
    let mut text = format!("µs per KiB of text, requests of 8 KiB\n\n{}", head(loads));
    let mut streamed = String::new();
    for measure in &MEASURES {
        let _ = write!(text, "| {} |", measure.name);
        for load in loads {
            let work = (measure.make)(load.bodies.clone());
            work();
            let best = (0..rounds).map(|_| timed(&work)).fold(f64::INFINITY, f64::min);
            let _ = write!(text, " {:.2} |", best * 1e6 / kib(&load.bodies));
            if measure.name.starts_with("answer") {
                let _ = write!(streamed, " {} {:.0}", load.name, best * 1e9 / pieces(&load.bodies));
            }
        }
        text.push('\n');
    }
    let _ = writeln!(text, "\nns per piece of a stream:{streamed}");
    text
}

/// What many rules cost against few, taken in turns.
fn ratios(loads: &[Load], rounds: usize) -> String {
    let mut text = String::from("| | few | many | ratio |\n| --- | ---: | ---: | ---: |\n");
    for pair in &PAIRS {
        let bodies = every(loads);
        let unit = pair.unit.of(kib(&bodies));
        let (few, many) = ((pair.few)(bodies.clone()), (pair.many)(bodies));
        few();
        many();
        let turns: Vec<(f64, f64)> = (0..rounds * 3).map(|_| (timed(&few), timed(&many))).collect();
        let mut shares: Vec<f64> = turns.iter().map(|(few, many)| many / few).collect();
        shares.sort_by(f64::total_cmp);
        let best = |times: &mut dyn Iterator<Item = f64>| times.fold(f64::INFINITY, f64::min) * 1e9 / unit;
        let _ = writeln!(
            text,
            "| {}, ns per {} | {:.0} | {:.0} | {:.2} |",
            pair.name,
            pair.unit.name(),
            best(&mut turns.iter().map(|(few, _)| *few)),
            best(&mut turns.iter().map(|(_, many)| *many)),
            shares.get(shares.len() / 2).copied().unwrap_or(f64::NAN),
        );
    }
    text
}

/// Instructions per KiB for every sort of requests; and of few rules against many.
fn counts(loads: &[Load]) -> anyhow::Result<String> {
    let mut text = format!("instructions per KiB\n\n{}", head(loads));
    for measure in &MEASURES {
        let _ = write!(text, "| {} |", measure.name);
        for load in loads {
            let kib = kib(&every(std::slice::from_ref(load)));
            let instructions = callgrind::instructions(measure.name, Some(load.name))? / kib;
            let _ = write!(text, " {instructions:.0} |");
        }
        text.push('\n');
    }
    let kib = kib(&every(loads));
    text.push_str("\n| instructions | few | many | ratio |\n| --- | ---: | ---: | ---: |\n");
    for pair in &PAIRS {
        let unit = pair.unit.of(kib);
        let few = callgrind::instructions(&format!("{}#few", pair.name), None)? / unit;
        let many = callgrind::instructions(&format!("{}#many", pair.name), None)? / unit;
        let _ = writeln!(
            text,
            "| {}, per {} | {few:.0} | {many:.0} | {:.2} |",
            pair.name,
            pair.unit.name(),
            many / few
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_of_work_has_a_name_and_can_be_done() {
        let bodies = Load::all().unwrap().remove(0).bodies;
        let bodies = &bodies[..1];
        let pairs = PAIRS.iter().flat_map(|pair| ["few", "many"].map(|side| format!("{}#{side}", pair.name)));
        for name in MEASURES.iter().map(|measure| measure.name.to_owned()).chain(pairs) {
            named(&name, bodies.to_vec()).unwrap_or_else(|| panic!("{name}"))();
        }
        assert!(named("something else", bodies.to_vec()).is_none());
    }
}
