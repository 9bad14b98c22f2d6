//! What judging costs.

use std::fmt::Write;

use crate::detector::Bench;
use crate::prediction::Prediction;
use crate::row::{Family, Row};

/// The size of an ordinary request.
const REQUEST: usize = 8 * 1024;
/// How many requests are timed at most.
const REQUESTS: usize = 256;
/// How often; the best counts, as on a shared machine only the best says something of the program.
const ROUNDS: usize = 7;

/// Microseconds a KiB for the rows as they stand, and for harmless texts of 8 KiB.
pub(crate) fn report(family: Family, bench: &Bench, rows: &[Row], predictions: &[Prediction]) -> String {
    let bytes: usize = rows.iter().map(|row| row.text.len()).sum();
    let us: f64 = predictions.iter().map(|prediction| prediction.us).sum();
    let mut text = format!("cost: {:.2} µs per KiB of these rows, reading included\n", us / kib(bytes));
    let requests = requests(rows);
    if !requests.is_empty() {
        let size = kib(requests.iter().map(String::len).sum());
        let (mut reading, mut judging) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            let (read, judged) = bench.time(family, &requests);
            (reading, judging) = (reading.min(read), judging.min(judged));
        }
        let _ = writeln!(
            text,
            "cost on {} requests of 8 KiB: reading {:.2} µs per KiB, {} {:.2} µs per KiB",
            requests.len(),
            reading / size,
            family.name(),
            judging / size
        );
    }
    text
}

fn kib(bytes: usize) -> f64 {
    bytes.max(1) as f64 / 1024.0
}

/// The harmless rows, strung together to requests.
fn requests(rows: &[Row]) -> Vec<String> {
    let mut requests = Vec::new();
    let mut request = String::with_capacity(2 * REQUEST);
    for row in rows.iter().filter(|row| !row.positive) {
        request.push_str(&row.text);
        request.push('\n');
        if request.len() >= REQUEST {
            requests.push(std::mem::take(&mut request));
            if requests.len() == REQUESTS {
                break;
            }
        }
    }
    requests
}
