//! Servers that others started: who listens on a port of this machine, and what that costs.

use std::path::Path;

use crate::process::cpu_ticks_with_ended;

/// A server on this machine.
#[derive(Clone, Copy)]
pub(crate) struct Serving {
    pid: u32,
}

impl Serving {
    /// Whoever serves a URL such as `redis://127.0.0.1:6379`; `None` where that is not to be seen.
    pub(crate) fn of(url: &str) -> Option<Self> {
        let authority = url.split_once("://")?.1.split(['/', '?']).next()?;
        let port = authority.rsplit_once(':')?.1.parse().ok()?;
        let inode = listening(port)?;
        let link = format!("socket:[{inode}]");
        let processes = std::fs::read_dir("/proc").ok()?.flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        // Of those who have it, the first one opened it.
        pids.filter(|pid| has(*pid, &link)).min().map(|pid| Self { pid })
    }

    /// Processor seconds of it and of the processes that it started, those that ended too.
    pub(crate) fn cpu_seconds(self) -> f64 {
        let children =
            std::fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid)).unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        let ticks: u64 = std::iter::once(self.pid).chain(children).filter_map(cpu_ticks_with_ended).sum();
        ticks as f64 / 100.0
    }
}

/// The inode of the socket that listens on a port of IPv4.
fn listening(port: u16) -> Option<u64> {
    let sockets = std::fs::read_to_string("/proc/net/tcp").ok()?;
    sockets.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_it = fields.get(1)?.ends_with(&format!(":{port:04X}")) && *fields.get(3)? == "0A";
        is_it.then(|| fields.get(9)?.parse().ok())?
    })
}

fn has(pid: u32, link: &str) -> bool {
    let Ok(open) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    open.flatten().any(|entry| std::fs::read_link(entry.path()).is_ok_and(|found| found == Path::new(link)))
}

/// Processor seconds of the whole machine.
pub(crate) fn machine_cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/stat").unwrap_or_default();
    let first = stat.lines().next().unwrap_or_default();
    // User, nice, system, then idle and waiting, then interrupts.
    let fields: Vec<u64> = first.split_whitespace().skip(1).filter_map(|field| field.parse().ok()).collect();
    let busy = [0, 1, 2, 5, 6].iter().filter_map(|at| fields.get(*at)).sum::<u64>();
    busy as f64 / 100.0
}
