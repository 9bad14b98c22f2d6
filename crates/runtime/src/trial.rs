//! `promptgate firewall test` and `… replay`: what guardrails make of something.

pub(crate) mod replay;

use std::fmt::Write;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, anyhow, bail};
use promptgate_auth::{Actor, Origin, Via};
use promptgate_control::guardrails::{
    self, Admission, Asked, Certainty, Changed, Channel, Coming, ExplainError, Explained, Explanation, Form,
    Heard, Said, Tried, Way,
};
use promptgate_providers::Operation;
use serde_json::{Map, Value, json};

use crate::accounts;
use crate::base::Base;
use crate::cli::FirewallTest;
use crate::start::print;
use crate::storage;

const ACTOR: Actor = Actor::system_for(Origin { via: Via::CommandLine, ..Origin::UNKNOWN });

/// Something was refused, as was said already.
#[derive(Debug, thiserror::Error)]
#[error("the guardrails refuse it")]
pub(crate) struct Refused;

/// Does what `promptgate firewall test …` says.
pub(crate) async fn run(base: Base, test: FirewallTest) -> anyhow::Result<()> {
    let (asked_about, places) = said(&test)?;
    let asked = Asked { said: asked_about, coming: coming(&test)? };
    let explained = match &test.policy {
        Some(policy) => guardrails::explain_alone(&document(policy)?, &asked),
        None => explain(&base, &test, asked).await?,
    };
    let Explanation { access, explained } = explained.map_err(|error| match error {
        ExplainError::Unreadable { at, source } => anyhow!("{}: {source}", places[at]),
        error => error.into(),
    })?;
    let said = match (test.json, &access) {
        (true, access) => as_json(&explained, access.as_ref())?,
        (false, Some(access)) => admission(access) + &readable(&explained, &places),
        (false, None) => readable(&explained, &places),
    };
    print(&said)?;
    let may_come = access.is_none_or(|access| access.refusal().is_none());
    let may_pass = explained.iter().all(|it| it.verdict.refusal.is_none());
    if may_come && may_pass { Ok(()) } else { Err(Refused.into()) }
}

/// By the rules of the database.
async fn explain(
    base: &Base,
    test: &FirewallTest,
    asked: Asked,
) -> anyhow::Result<Result<Explanation, ExplainError>> {
    let way = Way {
        project: id(test.project.as_deref(), "--project")?,
        endpoint: id(test.endpoint.as_deref(), "--endpoint")?,
        token: id(test.token.as_deref(), "--token")?,
    };
    let data = match base.common.database.url {
        Some(_) => None,
        None => storage::data_dir(&base.common, "")?,
    };
    let storage = storage::open(&base.common, data.as_ref()).await?;
    let control = accounts::offline(base, &storage)?;
    let explained = guardrails::explain(&control, ACTOR, way, Tried::Stored, asked).await;
    base.stop.cancel();
    storage.connected.close().await;
    Ok(explained)
}

fn id<T: std::str::FromStr>(text: Option<&str>, flag: &str) -> anyhow::Result<Option<T>> {
    text.map(|text| text.parse().map_err(|_| anyhow!("{flag} must be a UUID"))).transpose()
}

/// Where the call comes from, and when, as far as that is asked.
fn coming(test: &FirewallTest) -> anyhow::Result<Coming> {
    let from =
        test.address.as_deref().map(str::parse).transpose().context("--address must be an IP address")?;
    let at = test
        .at
        .as_deref()
        .map(|at| at.parse().map_err(|_| anyhow!("--at must be an instant such as 2025-01-31T12:00:00Z")));
    Ok(Coming { from, at: at.transpose()? })
}

/// What the file has, and for each thing what people call its place.
fn said(test: &FirewallTest) -> anyhow::Result<(Vec<Said>, Vec<String>)> {
    let Some(file) = &test.file else { return Ok((Vec::new(), Vec::new())) };
    let content = content(file)?;
    let heard = heard(test)?;
    if !test.lines {
        let whole = match test.operation {
            Some(_) => heard.body(content.into()),
            None => heard.text(content),
        };
        return Ok((vec![whole], vec![file.display().to_string()]));
    }
    let (mut said, mut places) = (Vec::new(), Vec::new());
    for (at, line) in content.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("line {}", at + 1);
        let value: Value = serde_json::from_str(line).with_context(|| format!("{place} is no JSON"))?;
        let line = heard.line(value);
        said.push(line.ok_or_else(|| anyhow!("{place} is neither a text nor an object"))?);
        places.push(place);
    }
    Ok((said, places))
}

fn heard(test: &FirewallTest) -> anyhow::Result<Heard> {
    let operation = match test.operation.as_deref() {
        Some("endpoint") => None,
        None if test.endpoint.is_some() => None,
        None => Some(Operation::ChatCompletions),
        Some(name) => {
            let known = Operation::ALL.into_iter().find(|operation| operation.as_str() == name);
            let names = Operation::ALL.map(Operation::as_str).join(", ");
            Some(known.ok_or_else(|| anyhow!("--operation must be one of {names}, endpoint"))?)
        }
    };
    match (test.answer, operation) {
        (false, operation) => Ok(Heard::Asked(operation.map_or(Form::Call, Form::Request), Channel::User)),
        (true, Some(operation)) => Ok(Heard::Answered(operation)),
        (true, None) if test.operation.is_none() => Ok(Heard::Answered(Operation::ChatCompletions)),
        (true, None) => bail!("--answer needs the --operation of a provider"),
    }
}

/// Rules, with the names of the API or of the log.
fn document(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let shown = path.display();
    let document: Map<String, Value> =
        serde_json::from_str(&content(path)?).with_context(|| format!("{shown} is no JSON object"))?;
    let snaked = |members: Map<String, Value>| members.into_iter().map(|(name, value)| (snake(&name), value));
    let guardrails = snaked(document).map(|(name, fields)| match fields {
        Value::Object(fields) => (name, Value::Object(snaked(fields).collect())),
        other => (name, other),
    });
    Ok(guardrails.collect())
}

/// `piiFilter` as `pii_filter`.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(character.to_ascii_lowercase());
    }
    snake
}

fn content(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read the standard input")?;
        return Ok(text);
    }
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

/// How many were refused, replaced in parts, and only written down.
fn counts(explained: &[Explained]) -> [usize; 3] {
    ["blocked", "changed", "noted"]
        .map(|outcome| explained.iter().filter(|it| it.verdict.outcome.name() == outcome).count())
}

fn micros(explained: &[Explained]) -> u64 {
    explained.iter().map(|it| it.micros).sum()
}

fn admission(access: &Admission) -> String {
    let mut text = String::new();
    for said in &access.said {
        let _ = match &said.entry {
            Ok(entry) => writeln!(text, "{}: passed by {entry}", said.guardrail),
            Err(denied) => writeln!(text, "{}: refused\n  {denied}", said.guardrail),
        };
    }
    if access.said.is_empty() {
        text.push_str("no rule for addresses or times is at work that was asked\n");
    }
    text
}

fn readable(explained: &[Explained], places: &[String]) -> String {
    let mut text = String::new();
    if explained.is_empty() {
        return text;
    }
    for (it, place) in explained.iter().zip(places) {
        let verdict = &it.verdict;
        let _ = write!(text, "{place}: {}", verdict.outcome.name());
        if let Some(score) = verdict.injection_score {
            let _ = write!(text, ", injection {}.{:03}", score / 1_000, score % 1_000);
        }
        let _ = writeln!(text, " ({} µs)", it.micros);
        if let Some(refusal) = &verdict.refusal {
            let _ = writeln!(text, "  {}", refusal.message);
        }
        for found in &verdict.matches {
            let (rule, mode, span) = (found.rule(), found.mode.name(), &found.span);
            let sure = sure(found.certainty);
            let _ = writeln!(text, "  {rule}  {mode}  {sure}  {} {}..{}", found.part, span.start, span.end);
        }
        if verdict.more > 0 {
            let _ = writeln!(text, "  and {} more", verdict.more);
        }
        if !it.unasked.is_empty() {
            let _ =
                writeln!(text, "  not looked for, because no model is asked here: {}", it.unasked.join(", "));
        }
        match &it.changed {
            Some(Changed::Text(changed)) => drop(writeln!(text, "  > {}", changed.trim_end())),
            Some(Changed::Body(body)) => drop(writeln!(text, "  > {}", String::from_utf8_lossy(body))),
            None => {}
        }
    }
    let [blocked, changed, noted] = counts(explained);
    let bytes: usize = explained.iter().map(|it| it.bytes).sum();
    let (count, micros) = (explained.len(), micros(explained));
    let _ = writeln!(
        text,
        "{count} read: {blocked} blocked, {changed} changed, {noted} noted; {bytes} bytes in {micros} µs"
    );
    text
}

fn as_json(explained: &[Explained], access: Option<&Admission>) -> anyhow::Result<String> {
    let verdicts: Vec<Value> = explained.iter().map(verdict).collect();
    let [blocked, changed, noted] = counts(explained);
    let micros = micros(explained);
    let access = access.map(|access| {
        let said = access.said.iter().map(|said| {
            json!({
                "guardrail": said.guardrail.key(), "allowed": said.entry.is_ok(),
                "entry": said.entry.as_deref().ok(),
            })
        });
        let refusal = access.refusal();
        json!({
            "allowed": refusal.is_none(), "refusedBy": refusal.map(|(guardrail, _)| guardrail.key()),
            "message": refusal.map(|(_, denied)| denied.to_string()), "rules": said.collect::<Vec<_>>(),
        })
    });
    let all = json!({
        "blocked": blocked, "changed": changed, "noted": noted, "micros": micros, "verdicts": verdicts,
        "access": access,
    });
    let mut text = serde_json::to_string_pretty(&all)?;
    text.push('\n');
    Ok(text)
}

/// With the names that the API has for it.
fn verdict(explained: &Explained) -> Value {
    let verdict = &explained.verdict;
    let matches = verdict.matches.iter().map(|found| {
        json!({
            "rule": found.rule(), "guardrail": found.guardrail.key(), "category": found.kind, "label": found.label,
            "mode": found.mode.name(), "certainty": sure(found.certainty), "score": found.score,
            "part": found.part, "start": found.span.start, "end": found.span.end,
        })
    });
    let (text, body) = match &explained.changed {
        Some(Changed::Text(text)) => (Some(text), None),
        Some(Changed::Body(body)) => (None, serde_json::from_slice::<Value>(body).ok()),
        None => (None, None),
    };
    json!({
        "outcome": verdict.outcome.name(),
        "refusedBy": verdict.refusal.as_ref().map(|blocked| blocked.guardrail.key()),
        "message": verdict.refusal.as_ref().map(|blocked| &blocked.message),
        "injectionScore": verdict.injection_score, "matches": matches.collect::<Vec<_>>(),
        "more": verdict.more, "sentText": text, "sentBody": body, "bytes": explained.bytes,
        "micros": explained.micros, "unasked": explained.unasked,
    })
}

const fn sure(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Shape => "shape",
        Certainty::Likely => "likely",
        Certainty::Certain => "certain",
    }
}
