//! The pages that are asked for, each by itself: a mean over several hides the one that is slow.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::fill::{Ids, RARE_OUTCOME, RARE_PROVIDER};
use super::{median, millis};
use crate::ask::{Visitor, page, sign_in};
use crate::process::say;
use promptgate_kernel::{Clock, SystemClock};

/// How often a page is asked for; the median counts.
const ASKED: usize = 7;
/// How often, if it takes longer than that.
const PATIENCE: (usize, Duration) = (3, Duration::from_secs(1));
/// The part of a path that is the cursor of a page far into the log.
const DEEP: &str = "{deep}";

/// What each page took, at each size.
pub(super) struct Pages {
    api: SocketAddr,
    visitor: Visitor,
    asked: Vec<(&'static str, String)>,
    took: Vec<Vec<Option<Duration>>>,
    sizes: Vec<u64>,
}

impl Pages {
    /// The pages, for the one who is signed in as the first of all people.
    pub(super) async fn of(api: SocketAddr, ids: &Ids) -> anyhow::Result<Self> {
        let visitor = sign_in(api).await?;
        let asked = pages(ids);
        let took = vec![Vec::new(); asked.len()];
        Ok(Self { api, visitor, asked, took, sizes: Vec::new() })
    }

    /// Asks for all of them.
    pub(super) async fn ask(&mut self, rows: u64) -> anyhow::Result<()> {
        let deep = deep(self.api, 50).await?;
        for ((_, path), took) in self.asked.iter().zip(&mut self.took) {
            let path = path.replace(DEEP, &deep);
            let whose = if path.contains("/me/") { &self.visitor } else { &Visitor::Admin };
            took.push(asked(self.api, &path, whose).await);
        }
        self.sizes.push(rows);
        Ok(())
    }

    /// A table of all of them.
    pub(super) fn tell(&self) {
        let (mut head, mut line) = ("| page |".to_owned(), "| --- |".to_owned());
        for size in &self.sizes {
            let _ = write!(head, " {size} calls |");
            line.push_str(" ---: |");
        }
        say(&format!("\n{head}\n{line}"));
        for ((name, _), took) in self.asked.iter().zip(&self.took) {
            let cells: Vec<String> =
                took.iter().map(|took| took.map_or_else(|| "failed".to_owned(), millis)).collect();
            say(&format!("| {name} | {} |", cells.join(" | ")));
        }
    }
}

fn pages(ids: &Ids) -> Vec<(&'static str, String)> {
    let log = "/api/v1/admin/calls?limit=50";
    let Ids { project, token, owner, endpoint, .. } = ids;
    let week_ago = SystemClock.now().minus(Duration::from_hours(7 * 24));
    let dashboard = |what: &str| format!("/api/v1/admin/dashboard/{what}?window=30d");
    let own = |what: &str| format!("/api/v1/me/dashboard/{what}?window=30d");
    let of_project = format!("/api/v1/admin/projects/{project}/costs?timezone=");
    let all = "/api/v1/admin/costs?timezone=";
    vec![
        ("log, newest", log.to_owned()),
        ("log, 50 pages in", format!("{log}&cursor={DEEP}")),
        ("log, before a week ago", format!("{log}&to={week_ago}")),
        ("log of a project", format!("{log}&projectId={project}")),
        ("log of a project, refused", format!("{log}&projectId={project}&outcome=refused")),
        (
            "log of a project, an outcome that is rare",
            format!("{log}&projectId={project}&outcome={RARE_OUTCOME}"),
        ),
        ("log, an outcome that is rare", format!("{log}&outcome={RARE_OUTCOME}")),
        ("log, status 429", format!("{log}&status=429")),
        ("log of a token", format!("{log}&tokenId={token}")),
        ("log of an owner", format!("{log}&ownerId={owner}")),
        ("log of an endpoint", format!("{log}&endpointId={endpoint}")),
        ("log of a model", format!("{log}&model=model-3")),
        ("log of a provider", format!("{log}&provider=bench")),
        ("log of a provider that is rare", format!("{log}&provider={RARE_PROVIDER}")),
        ("log, blocked by guardrails", format!("{log}&guardrailOutcome=blocked")),
        ("log, one rule of guardrails", format!("{log}&guardrail=pii_filter.email")),
        ("log, one request", format!("{log}&requestId=nobody-sent-this")),
        ("usage of a project, with its total", format!("/api/v1/admin/projects/{project}/usage")),
        ("prompts, with their total", "/api/v1/admin/prompts?sortBy=createdAt&sortDir=desc".to_owned()),
        ("dashboard: tokens", dashboard("tokens")),
        ("dashboard: messages", dashboard("messages")),
        ("dashboard: duration", dashboard("duration")),
        ("dashboard: activity", dashboard("activity")),
        ("dashboard: models", dashboard("top-models")),
        ("dashboard: providers", dashboard("top-provider-names")),
        ("dashboard: adoption", dashboard("adoption")),
        ("dashboard: people", dashboard("top-identities")),
        ("costs, UTC", format!("{all}UTC")),
        ("costs, Europe/Berlin", format!("{all}Europe/Berlin")),
        ("costs, Asia/Kolkata", format!("{all}Asia/Kolkata")),
        ("costs of a year, UTC", format!("{all}UTC&days=366")),
        ("costs of a year, Europe/Berlin", format!("{all}Europe/Berlin&days=366")),
        ("costs of a project, UTC", format!("{of_project}UTC")),
        ("costs of a project, Europe/Berlin", format!("{of_project}Europe/Berlin")),
        ("costs of a token, UTC", format!("{all}UTC&tokenId={token}")),
        ("costs of an owner, Europe/Berlin", format!("{all}Europe/Berlin&ownerId={owner}")),
        ("costs of a model, Europe/Berlin", format!("{all}Europe/Berlin&model=model-3")),
        ("me: usage", "/api/v1/me/usage".to_owned()),
        ("me: dashboard", own("tokens")),
        ("me: activity", own("activity")),
        ("me: prompts", "/api/v1/me/prompts".to_owned()),
        ("me: quota", "/api/v1/me/quota".to_owned()),
    ]
}

/// Where the page behind so many of the log begins.
async fn deep(api: SocketAddr, pages: usize) -> anyhow::Result<String> {
    let mut cursor = String::new();
    for _ in 0..pages {
        let shown =
            page(api, &format!("/api/v1/admin/calls?limit=50&cursor={cursor}"), &Visitor::Admin).await?;
        let Some(next) = shown["nextCursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    Ok(cursor)
}

/// How long a page takes, as a rule; nothing if it does not come.
async fn asked(api: SocketAddr, path: &str, visitor: &Visitor) -> Option<Duration> {
    let mut took = Vec::with_capacity(ASKED);
    while took.len() < ASKED {
        let started = Instant::now();
        if let Err(error) = page(api, path, visitor).await {
            say(&error.to_string());
            return None;
        }
        took.push(started.elapsed());
        let (enough, long) = PATIENCE;
        if took.len() >= enough && took.iter().all(|took| *took > long) {
            break;
        }
    }
    Some(median(&mut took))
}
