//! What came out when a golden set was asked.

use promptgate_kernel::{ActorId, CallId, EndpointId, EvalId, EvalRunId, ProjectId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{EvalItem, EvalSet, Failure, FailureKind, Observed};

/// What came out for one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemResult {
    /// The item's name.
    pub name: String,
    /// Whether everything was as expected.
    pub passed: bool,
    /// What was not.
    pub failures: Vec<Failure>,
    /// The answer's text, shortened to [`Self::MAX_ANSWER`] characters; `None` when there was none.
    pub answer: Option<String>,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// The tokens of prompt and answer.
    pub total_tokens: u64,
    /// The call's log row.
    pub call_id: Option<CallId>,
}

impl ItemResult {
    /// How much of an answer is kept, in characters.
    pub const MAX_ANSWER: usize = 4_096;

    /// Judges the answer to an item.
    pub fn answered(
        item: &EvalItem,
        answer: Observed<'_>,
        duration_us: u64,
        call_id: Option<CallId>,
    ) -> Self {
        let failures = item.expected.judge(answer);
        Self {
            name: item.name.clone(),
            passed: failures.is_empty(),
            failures,
            answer: Some(answer.text.chars().take(Self::MAX_ANSWER).collect()),
            duration_us,
            total_tokens: answer.total_tokens,
            call_id,
        }
    }

    /// An item whose call was refused or failed.
    pub fn not_answered(item: &EvalItem, error: &str, duration_us: u64, call_id: Option<CallId>) -> Self {
        let detail = error.chars().take(Self::MAX_ANSWER).collect();
        Self {
            name: item.name.clone(),
            passed: false,
            failures: vec![Failure { kind: FailureKind::ExecError, detail }],
            answer: None,
            duration_us,
            total_tokens: 0,
            call_id,
        }
    }
}

/// A run that has begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunStart {
    /// Its identity.
    pub id: EvalRunId,
    /// The endpoint's newest version.
    pub endpoint_version: u32,
    /// Who started it.
    pub author: Option<ActorId>,
    /// When.
    pub at: Timestamp,
}

/// The totals of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSummary {
    /// Its identity.
    pub id: EvalRunId,
    /// The golden set that was asked.
    pub eval_id: EvalId,
    /// The endpoint that answered.
    pub endpoint_id: EndpointId,
    /// The endpoint's project.
    pub project_id: ProjectId,
    /// The endpoint's newest version at that time.
    pub endpoint_version: u32,
    /// How many items passed.
    pub passed: u32,
    /// How many did not.
    pub failed: u32,
    /// How long all items took together, in microseconds.
    pub duration_us: u64,
    /// The tokens of all items.
    pub total_tokens: u64,
    /// Who started it.
    pub author: Option<ActorId>,
    /// When it was started.
    pub started_at: Timestamp,
    /// When it was done.
    pub finished_at: Timestamp,
}

/// What changed since the run before. Items are compared by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunDiff {
    /// The run before.
    pub previous: EvalRunId,
    /// Items that failed now and passed then, or were not there.
    pub newly_failing: Vec<String>,
    /// Items that passed now and failed then, or were not there.
    pub newly_passing: Vec<String>,
    /// How many more passed than then.
    pub delta: i64,
}

/// A run of a golden set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvalRun {
    /// Its totals.
    pub summary: RunSummary,
    /// What came out, item by item, in the set's order.
    pub items: Vec<ItemResult>,
    /// What changed since the run before; `None` for the first one.
    pub diff: Option<RunDiff>,
}

impl EvalRun {
    /// Adds up what came out and compares it with the run before.
    pub fn finish(
        set: &EvalSet,
        start: RunStart,
        items: Vec<ItemResult>,
        previous: Option<&Self>,
        at: Timestamp,
    ) -> Self {
        let count = |passed: bool| {
            u32::try_from(items.iter().filter(|item| item.passed == passed).count()).unwrap_or(u32::MAX)
        };
        let summary = RunSummary {
            id: start.id,
            eval_id: set.id,
            endpoint_id: set.endpoint_id,
            project_id: set.project_id,
            endpoint_version: start.endpoint_version,
            passed: count(true),
            failed: count(false),
            duration_us: items.iter().map(|item| item.duration_us).fold(0, u64::saturating_add),
            total_tokens: items.iter().map(|item| item.total_tokens).fold(0, u64::saturating_add),
            author: start.author,
            started_at: start.at,
            finished_at: at,
        };
        let diff = previous.map(|previous| RunDiff::between(previous, &summary, &items));
        Self { summary, items, diff }
    }
}

impl RunSummary {
    /// How many items were asked.
    pub const fn total(&self) -> u32 {
        self.passed.saturating_add(self.failed)
    }
}

impl RunDiff {
    fn between(previous: &EvalRun, summary: &RunSummary, items: &[ItemResult]) -> Self {
        let then = |name: &str| previous.items.iter().find(|item| item.name == name).map(|item| item.passed);
        let newly = |passed: bool| {
            let changed =
                items.iter().filter(|item| item.passed == passed && then(&item.name) != Some(passed));
            changed.map(|item| item.name.clone()).collect()
        };
        Self {
            previous: previous.summary.id,
            newly_failing: newly(false),
            newly_passing: newly(true),
            delta: i64::from(summary.passed) - i64::from(previous.summary.passed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expected;
    use serde_json::Map;

    fn item(name: &str) -> EvalItem {
        let expected = Expected { contains: vec!["yes".to_owned()], ..Expected::default() };
        EvalItem { name: name.to_owned(), input: Map::new(), expected }
    }

    fn set() -> EvalSet {
        let id = "018f4e6e-0000-7000-8000-000000000001";
        EvalSet {
            id: id.parse().unwrap(),
            project_id: id.parse().unwrap(),
            endpoint_id: id.parse().unwrap(),
            name: "golden".to_owned(),
            description: None,
            items: vec![],
            created_at: Timestamp::default(),
            updated_at: Timestamp::default(),
            version: 1,
        }
    }

    fn run(number: u8, answers: &[(&str, &str)], previous: Option<&EvalRun>) -> EvalRun {
        let start = RunStart {
            id: format!("018f4e6e-0000-7000-8000-0000000001{number:02}").parse().unwrap(),
            endpoint_version: 3,
            author: None,
            at: Timestamp::from_micros(1),
        };
        let judged = answers.iter().map(|(name, text)| {
            ItemResult::answered(&item(name), Observed { text, total_tokens: 10 }, 1_000, None)
        });
        EvalRun::finish(&set(), start, judged.collect(), previous, Timestamp::from_micros(9))
    }

    #[test]
    fn a_run_is_added_up() {
        let run = run(1, &[("a", "YES"), ("b", "no"), ("c", "yes")], None);
        let summary = &run.summary;
        assert_eq!((summary.passed, summary.failed, summary.total()), (2, 1, 3));
        assert_eq!((summary.total_tokens, summary.duration_us), (30, 3_000));
        assert_eq!(run.diff, None);
    }

    #[test]
    fn it_is_compared_with_the_one_before_by_name() {
        let first = run(1, &[("a", "yes"), ("b", "no"), ("c", "yes"), ("gone", "yes")], None);
        let second = run(2, &[("b", "yes"), ("a", "no"), ("c", "yes"), ("new", "no")], Some(&first));
        let diff = second.diff.unwrap();
        assert_eq!(diff.newly_failing, ["a", "new"]);
        assert_eq!(diff.newly_passing, ["b"]);
        assert_eq!((diff.previous, diff.delta), (first.summary.id, -1));
    }

    #[test]
    fn a_call_that_failed_is_told_and_long_texts_are_cut() {
        let failed = ItemResult::not_answered(&item("a"), &"x".repeat(5_000), 5, None);
        assert_eq!(failed.failures[0].kind, FailureKind::ExecError);
        assert_eq!(failed.failures[0].detail.len(), ItemResult::MAX_ANSWER);
        let text = "ö".repeat(5_000);
        let long = ItemResult::answered(&item("a"), Observed { text: &text, total_tokens: 1 }, 5, None);
        assert_eq!(long.answer.unwrap().chars().count(), ItemResult::MAX_ANSWER);
    }
}
