//! `/api/v1/admin/jobs`: recurring work.

mod dead_letters;
mod list;
mod run;
mod runs;
mod update;

use http::StatusCode;
use promptgate_control::jobs::JobError;
use promptgate_kernel::{JobRunId, Timestamp};
use promptgate_schedule::{JobState, Run, RunState};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::ApiState;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list::list))
        .routes(routes!(update::update))
        .routes(routes!(runs::runs))
        .routes(routes!(run::run))
        .routes(routes!(dead_letters::list_dead_letters))
        .routes(routes!(dead_letters::discard))
        .routes(routes!(dead_letters::retry))
}

/// One time that a job is carried out.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct JobRunView {
    #[schema(value_type = String, format = "uuid")]
    id: JobRunId,
    /// The job's name.
    job: String,
    /// `schedule` or `request`.
    #[schema(example = "schedule")]
    origin: &'static str,
    /// `waiting`, `running`, `finished`, `dead` (given up), `discarded` (given up, and let go), or
    /// `skipped` (left out, because the job is paused).
    #[schema(example = "finished")]
    state: &'static str,
    /// How often it was begun.
    attempts: u32,
    /// Not before this.
    #[schema(value_type = String, format = "date-time")]
    due_at: Timestamp,
    #[schema(value_type = String, format = "date-time")]
    created_at: Timestamp,
    /// When it was last begun.
    #[schema(value_type = Option<String>, format = "date-time")]
    started_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = "date-time")]
    ended_at: Option<Timestamp>,
    /// How long its last attempt took; null before its end.
    duration_ms: Option<u64>,
    /// Of how much it did something: rows removed, tokens marked and the like.
    amount: u64,
    /// What went wrong the last time.
    error: Option<String>,
}

impl From<Run> for JobRunView {
    fn from(run: Run) -> Self {
        let duration = run.ended_at.zip(run.started_at).map(|(end, start)| end.since(start));
        Self {
            id: run.id,
            job: run.job,
            origin: run.origin.as_str(),
            state: run.state.as_str(),
            attempts: run.attempts,
            due_at: run.due_at,
            created_at: run.created_at,
            started_at: run.started_at,
            ended_at: run.ended_at,
            duration_ms: duration.map(|span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX)),
            amount: run.amount,
            error: run.error,
        }
    }
}

/// A job, and how it goes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct JobView {
    #[schema(example = "prune_usage")]
    name: String,
    /// When it is due, in words.
    #[schema(example = "every 1h")]
    schedule: String,
    /// `idle`, `waiting` or `running`.
    #[schema(example = "idle")]
    state: &'static str,
    /// When it is due next.
    #[schema(value_type = String, format = "date-time")]
    next_run_at: Timestamp,
    /// When a scheduler last said that it carries it out.
    #[schema(value_type = String, format = "date-time")]
    seen_at: Timestamp,
    /// Whether it is left out when it is due.
    is_paused: bool,
    /// Since when.
    #[schema(value_type = Option<String>, format = "date-time")]
    paused_at: Option<Timestamp>,
    /// The run that waits or is carried out; after a failure, with what went wrong.
    #[schema(nullable)]
    open_run: Option<JobRunView>,
    /// The run that came to its end last, of those that were not left out.
    #[schema(nullable)]
    last_run: Option<JobRunView>,
    /// How many runs of it were given up and not let go.
    dead_letters: u64,
}

impl From<JobState> for JobView {
    fn from(job: JobState) -> Self {
        let state = match job.open.as_ref().map(|run| run.state) {
            None => "idle",
            Some(RunState::Running) => "running",
            Some(
                RunState::Waiting
                | RunState::Finished
                | RunState::Dead
                | RunState::Discarded
                | RunState::Skipped,
            ) => "waiting",
        };
        Self {
            name: job.name,
            schedule: job.schedule,
            state,
            next_run_at: job.next_at,
            seen_at: job.seen_at,
            is_paused: job.paused_at.is_some(),
            paused_at: job.paused_at,
            open_run: job.open.map(JobRunView::from),
            last_run: job.last.map(JobRunView::from),
            dead_letters: job.dead,
        }
    }
}

fn run_not_found(error: impl ToString) -> ApiError {
    ApiError::not_found("job_run_not_found").message(error)
}

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        let conflict = |code, error: JobError| Self::new(StatusCode::CONFLICT, code).message(error);
        match error {
            JobError::Forbidden(error) => error.into(),
            error @ JobError::NotFound(_) => Self::not_found("job_not_found").message(error),
            error @ JobError::NoRun(_) => run_not_found(error),
            error @ JobError::Open => conflict("job_is_running", error),
            error @ JobError::NotDead(_) => conflict("not_a_dead_letter", error),
            error @ JobError::Changed => Self::changed(&error),
            JobError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use promptgate_kernel::Clock;
    use promptgate_schedule::{Retry, Run};
    use promptgate_store::Access;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use crate::testing::Api;

    const PATH: &str = "/api/v1/admin/jobs";
    const DEAD: &str = "/api/v1/admin/jobs/dead-letters";

    /// An API with a scheduler's job.
    async fn api() -> Api {
        let api = Api::new().await;
        let now = api.clock.now();
        let mut work = api.store.begin(Access::Write).await.unwrap();
        work.jobs().announce("tidy", "every 1h", now.plus(Duration::from_hours(1)), now).await.unwrap();
        work.commit().await.unwrap();
        api
    }

    /// What a scheduler does with the open run.
    async fn carry_out(api: &Api, end: impl FnOnce(Run) -> Run) {
        let now = api.clock.now();
        let mut work = api.store.begin(Access::Write).await.unwrap();
        let lease = now.plus(Duration::from_mins(1));
        let run = work.jobs().claim(&["tidy"], Uuid::from_u128(1), now, lease).await.unwrap().unwrap();
        let run = end(run);
        if run.holder.is_none() {
            assert!(work.jobs().save(&run).await.unwrap());
        }
        work.commit().await.unwrap();
    }

    fn give_up(run: Run) -> Run {
        let at = run.due_at.plus(Duration::from_millis(7));
        run.failed(at, "no room", Retry { attempts: 1, ..Retry::default() })
    }

    #[tokio::test]
    async fn a_job_is_run_now_unless_it_is_running() {
        let api = api().await;
        let run = format!("{PATH}/tidy/run");
        let idle = api.get(PATH).await.ok()["items"][0].clone();
        assert_eq!(
            (&idle["name"], &idle["state"], &idle["lastRun"]),
            (&json!("tidy"), &json!("idle"), &Value::Null)
        );
        let asked = api.send("POST", &run, "").await.accepted();
        assert_eq!((&asked["state"], &asked["origin"]), (&json!("waiting"), &json!("request")));
        let again = api.send("POST", &run, "").await.accepted();
        assert_eq!(again["id"], asked["id"], "it waits already");
        carry_out(&api, |run| run).await;
        assert_eq!(api.get(PATH).await.ok()["items"][0]["state"], "running");
        api.send("POST", &run, "").await.refused(409, "job_is_running");
        api.send("POST", &format!("{PATH}/other/run"), "").await.refused(404, "job_not_found");
        assert_eq!(api.audit_actions().await, ["job.requested", "job.requested"]);
    }

    #[tokio::test]
    async fn a_paused_job_is_left_out_and_run_when_somebody_asks() {
        let api = api().await;
        let one = format!("{PATH}/tidy");
        for _ in 0..2 {
            let paused = api.patch(&one, &json!({"isPaused": true})).await.ok();
            assert_eq!((&paused["name"], &paused["isPaused"]), (&json!("tidy"), &json!(true)));
            assert!(paused["pausedAt"].is_string());
        }
        let now = api.clock.now();
        let id = promptgate_kernel::JobRunId::mint(&*api.clock, &promptgate_kernel::OsEntropy);
        let due = Run::new(id, "tidy", promptgate_schedule::Origin::Schedule, now, now);
        let mut work = api.store.begin(Access::Write).await.unwrap();
        assert!(work.jobs().take_tick(now, now.plus(Duration::from_hours(1)), &due).await.unwrap());
        work.commit().await.unwrap();
        let runs = api.get(&format!("{one}/runs")).await.ok();
        assert_eq!((&runs["items"][0]["state"], &runs["total"]), (&json!("skipped"), &json!(1)));
        assert_eq!(api.get(&format!("{one}/runs?state=skipped")).await.ok()["total"], 1);
        let listed = api.get(PATH).await.ok()["items"][0].clone();
        assert_eq!((&listed["state"], &listed["lastRun"]), (&json!("idle"), &Value::Null));
        api.send("POST", &format!("{one}/run"), "").await.accepted();
        carry_out(&api, |run| {
            let at = run.due_at.plus(Duration::from_millis(3));
            run.finished(at, 1)
        })
        .await;
        let resumed = api.patch(&one, &json!({"isPaused": false})).await.ok();
        assert_eq!((&resumed["isPaused"], &resumed["lastRun"]["amount"]), (&json!(false), &json!(1)));
        assert_eq!(resumed["pausedAt"], Value::Null);
        api.patch(&format!("{PATH}/other"), &json!({"isPaused": true})).await.refused(404, "job_not_found");
        api.patch(&one, &json!({})).await.refused(400, "invalid_request_body");
        assert_eq!(api.audit_actions().await, ["job.paused", "job.requested", "job.resumed"]);
    }

    #[tokio::test]
    async fn dead_letters_are_listed_tried_again_and_let_go() {
        let api = api().await;
        api.send("POST", &format!("{PATH}/tidy/run"), "").await.accepted();
        carry_out(&api, give_up).await;
        let dead = api.get(DEAD).await.ok()["items"][0].clone();
        assert_eq!(
            (&dead["job"], &dead["state"], &dead["error"]),
            (&json!("tidy"), &json!("dead"), &json!("no room"))
        );
        assert_eq!(api.get(PATH).await.ok()["items"][0]["deadLetters"], 1);
        let one = format!("{DEAD}/{}", dead["id"].as_str().unwrap());
        let retried = api.send("POST", &format!("{one}/retry"), "").await.accepted();
        assert_eq!((&retried["state"], &retried["attempts"]), (&json!("waiting"), &json!(0)));
        api.delete(&one).await.refused(409, "not_a_dead_letter");
        carry_out(&api, give_up).await;
        api.send("POST", &format!("{PATH}/tidy/run"), "").await.accepted();
        api.send("POST", &format!("{one}/retry"), "").await.refused(409, "job_is_running");
        api.delete(&one).await.no_content();
        assert_eq!(api.get(DEAD).await.ok()["total"], 0);
        api.delete(&format!("{DEAD}/x")).await.refused(404, "job_run_not_found");
        carry_out(&api, |run| {
            let at = run.due_at.plus(Duration::from_millis(9));
            run.finished(at, 5)
        })
        .await;
        let runs = api.get(&format!("{PATH}/tidy/runs")).await.ok();
        let states: Vec<_> = runs["items"].as_array().unwrap().iter().map(|run| &run["state"]).collect();
        assert_eq!(states, ["finished", "discarded"]);
        assert_eq!(runs["items"][0]["amount"], 5);
        assert_eq!(api.get(&format!("{PATH}/tidy/runs?state=finished")).await.ok()["total"], 1);
        api.get(&format!("{PATH}/tidy/runs?state=late")).await.refused(400, "invalid_filter");
        api.get(&format!("{PATH}/other/runs")).await.refused(404, "job_not_found");
        let actions = api.audit_actions().await;
        assert_eq!(actions[1..], ["job.revived", "job.requested", "job.discarded"]);
    }
}
