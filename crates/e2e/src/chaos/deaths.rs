//! Processes that are killed without a word, under load.

use std::time::{Duration, Instant};

use crate::chaos::scenario::{CLIENTS, PAUSE, RECORDED_WITHIN};
use crate::chaos::{Counted, Load, Part, Report, Sample, Stage};

/// For how long it is looked how calls go before.
const CALM: Duration = Duration::from_secs(5);

/// A process that was killed.
#[derive(Debug)]
pub struct Death {
    /// What it was.
    pub part: Part,
    /// Where it served.
    port: u16,
    /// When it died.
    at: Instant,
    /// How long it took until a new one served in its place.
    pub back_after: Duration,
}

impl Death {
    /// Whether a call met with it: it was to the dead process, and under way while that did not serve.
    fn explains(&self, sample: &Sample) -> bool {
        let (back, ended) = (self.at + self.back_after, sample.at + sample.took);
        sample.port == self.port && sample.at <= back && self.at <= ended
    }
}

/// What deaths did.
#[derive(Debug)]
pub struct Deaths {
    /// Who died.
    pub deaths: Vec<Death>,
    /// The calls before the first one.
    pub before: Report,
    /// The calls from then on.
    pub during: Report,
    /// Those of them that failed though the process that was called lived.
    pub unexplained: Report,
    /// What of all of them is recorded.
    pub counted: Counted,
}

/// Kills one process after the other without a word, as `next` says, and starts it again, under load.
pub async fn deaths(
    stage: &mut Stage,
    for_how_long: Duration,
    mut next: impl FnMut(usize) -> usize,
) -> anyhow::Result<Deaths> {
    let project = stage.project().await?;
    let load = Load::start(&[project], &stage.proxies(), CLIENTS, PAUSE);
    let calm = Instant::now();
    tokio::time::sleep(CALM.min(for_how_long)).await;
    let (begun, mut deaths) = (Instant::now(), Vec::new());
    while begun.elapsed() < for_how_long {
        let number = next(stage.len()) % stage.len();
        let at = Instant::now();
        stage.kill(number)?;
        stage.begin(number)?;
        stage.until_ready(number).await?;
        let back_after = at.elapsed();
        deaths.push(Death { part: stage.part(number), port: stage.port(number), at, back_after });
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    load.stop().await;
    let (before, during) = (load.between(calm, begun), load.between(begun, Instant::now()));
    let explained = |sample: &Sample| deaths.iter().any(|death| death.explains(sample));
    let unexplained: Vec<_> =
        during.iter().filter(|sample| !sample.is_good() && !explained(sample)).cloned().collect();
    let counted = load.counted(&stage.postgres, RECORDED_WITHIN).await?;
    let (before, during) = (Report::of(&before), Report::of(&during));
    Ok(Deaths { deaths, before, during, unexplained: Report::of(&unexplained), counted })
}
