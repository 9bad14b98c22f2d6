//! Recurring work.

use std::time::Duration;

use http::Method;
use promptgate_e2e::eventually;
use serde_json::{Value, json};

use super::shape::{assert_shape, page_of};
use super::{NOBODY, Pass, id};

pub(super) const ROUTES: &str = "
    GET /api/v1/admin/jobs
    PATCH /api/v1/admin/jobs/{name}
    GET /api/v1/admin/jobs/{name}/runs
    POST /api/v1/admin/jobs/{name}/run
    GET /api/v1/admin/jobs/dead-letters
    DELETE /api/v1/admin/jobs/dead-letters/{id}
    POST /api/v1/admin/jobs/dead-letters/{id}/retry
";

const JOB: &str = "/jobs/{name}";
const RUNS: &str = "/jobs/{name}/runs";
const RUN: &str = "/jobs/{name}/run";
const DEAD: &str = "/jobs/dead-letters";
const LETTER: &str = "/jobs/dead-letters/{id}";
const RETRY: &str = "/jobs/dead-letters/{id}/retry";

fn shape() -> Value {
    json!({
        "id": "uuid", "job": "text", "origin": "'schedule'|'request'",
        "state": "'waiting'|'running'|'finished'|'dead'|'discarded'|'skipped'", "attempts": "int", "dueAt": "time",
        "createdAt": "time", "startedAt": "time|null", "endedAt": "time|null", "durationMs": "int|null",
        "amount": "int", "error": "text|null",
    })
}

async fn pass(pass: &Pass) {
    let api = pass.operator();
    let patience = Duration::from_secs(30);
    let shown = eventually("the jobs of a scheduler", patience, || async {
        let shown = api.get("/jobs", &[]).await.is(200);
        shown["items"].as_array().is_some_and(|items| !items.is_empty()).then_some(shown)
    });
    let shown = shown.await.unwrap();
    let items = shown["items"].as_array().unwrap();
    let job = json!({
        "name": "text", "schedule": "text", "state": "'idle'|'waiting'|'running'", "nextRunAt": "time",
        "isPaused": "bool", "pausedAt": "time|null", "seenAt": "time", "openRun": "object|null", "lastRun": "object|null", "deadLetters": "int",
    });
    for item in items {
        assert_shape("a job", &job, item);
    }
    for name in
        ["prune_usage", "catch_up_usage", "prune_audit", "mark_expired_tokens", "end_access", "sweep_limits"]
    {
        assert!(items.iter().any(|item| item["name"] == name), "{name}: {shown}");
    }
    // Its first tick may be carried out just now.
    let asked = eventually("a run that may be asked for", patience, || async {
        let answer = api.send(Method::POST, RUN, &["prune_audit"], &Value::Null).await;
        (answer.response.status == 202).then(|| answer.shows(202, &shape()))
    });
    let asked = id(&asked.await.unwrap());
    let ended = eventually("the end of the run", patience, || async {
        let page = api.get(RUNS, &["prune_audit"]).await.shows(200, &page_of(&shape()));
        let run = page["items"].as_array()?.iter().find(|run| run["id"] == *asked)?.clone();
        (run["state"] == "finished").then_some(run)
    });
    assert_eq!(ended.await.unwrap()["error"], Value::Null);
    let body = |is_paused: bool| json!({"isPaused": is_paused});
    let paused = api.send(Method::PATCH, JOB, &["prune_audit"], &body(true)).await.shows(200, &job);
    assert_eq!((&paused["isPaused"], paused["pausedAt"].is_string()), (&json!(true), true));
    let shown = api.get("/jobs", &[]).await.is(200);
    let listed = shown["items"].as_array().unwrap().iter().find(|item| item["name"] == "prune_audit");
    assert_eq!(listed.unwrap()["isPaused"], true);
    let resumed = api.send(Method::PATCH, JOB, &["prune_audit"], &body(false)).await.shows(200, &job);
    assert_eq!((&resumed["isPaused"], &resumed["pausedAt"]), (&json!(false), &Value::Null));
    api.send(Method::PATCH, JOB, &["nothing"], &body(true)).await.refused(404, "job_not_found");
    api.get(&format!("{RUNS}?state=never"), &["prune_audit"]).await.refused(400, "invalid_filter");
    api.get(RUNS, &["nothing"]).await.refused(404, "job_not_found");
    api.send(Method::POST, RUN, &["nothing"], &Value::Null).await.refused(404, "job_not_found");
    assert_eq!(api.get(DEAD, &[]).await.shows(200, &page_of(&shape()))["total"], 0);
    for wrong in [NOBODY, "no-uuid"] {
        api.delete(LETTER, &[wrong]).await.refused(404, "job_run_not_found");
        api.send(Method::POST, RETRY, &[wrong], &Value::Null).await.refused(404, "job_run_not_found");
    }
    api.delete(LETTER, &[&asked]).await.refused(409, "not_a_dead_letter");
    api.send(Method::POST, RETRY, &[&asked], &Value::Null).await.refused(409, "not_a_dead_letter");
}

#[tokio::test]
async fn jobs_on_sqlite() {
    super::on_sqlite(ROUTES, pass).await;
}

#[tokio::test]
async fn jobs_on_postgres_and_redis() {
    super::on_postgres_and_redis(ROUTES, pass).await;
}
