//! Counting instructions, which do not depend on what else a machine does.

use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Whether there is a valgrind.
pub(super) fn is_there() -> bool {
    let asked = Command::new("valgrind").arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

/// How many instructions one pass of a piece of work takes, with requests of one sort or of all: those of
/// three passes less those of one, so that what is set up once does not count.
pub(super) fn instructions(work: &str, load: Option<&str>) -> anyhow::Result<f64> {
    let (one, three) = (counted(work, load, 1)?, counted(work, load, 3)?);
    Ok((three - one) / 2.0)
}

fn counted(work: &str, load: Option<&str>, passes: u32) -> anyhow::Result<f64> {
    let program = std::env::current_exe().context("cannot tell which program this is")?;
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args(["bench", "--work", work, "--passes", &passes.to_string()])
        .args(load.into_iter().flat_map(|load| ["--load", load]))
        .stdin(Stdio::null())
        .output()
        .context("cannot start valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("valgrind failed at `{work}`:\n{said}");
    }
    collected(&said).with_context(|| format!("valgrind does not say what it counted:\n{said}"))
}

/// The number in `==1234== Collected : 5678`.
fn collected(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.split_once("Collected :"))?;
    line.1.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_callgrind_collected_is_read() {
        assert_eq!(
            collected("==1== Events    : Ir\n==1== Collected : 50331690\n==1==\n"),
            Some(50_331_690.0)
        );
        assert_eq!(collected("==1== nothing\n"), None);
    }
}
