//! Seventh stage: providers are called, one after the other, until an answer has begun for good.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, StatusCode};
use promptgate_kernel::CredentialId;
use promptgate_translate::ChatAnswer;
use promptgate_usage::{Attempt as Tried, Outcome};
use tokio::time::{Instant, sleep};

use crate::affinity::Pin;
use crate::allowance;
use crate::attempt::{Attempt, Writer};
use crate::attend::Attended;
use crate::candidate::{Ask, Candidate};
use crate::exchange::{Exchange, Failed, Told};
use crate::fault::Fault;
use crate::headers::add_retry_after;
use crate::prepare::Prepared;
use crate::record::{Record, Spent, shortened};
use crate::refusal::Refusal;
use crate::resilience::{Course, RETRY_AFTER_MS, Step, Turn};
use crate::stream::Opened;

/// A call whose answer has begun.
pub(crate) struct Relayed {
    pub(crate) status: StatusCode,
    /// What of the provider's headers the client gets.
    pub(crate) headers: HeaderMap,
    pub(crate) answer: Answer,
    _made_here: (),
}

impl Relayed {
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, answer: Answer) -> Self {
        Self { status, headers, answer, _made_here: () }
    }
}

/// The body of an answer.
#[expect(clippy::large_enum_variant, reason = "one is made for a call, and goes from hand to hand at once")]
pub(crate) enum Answer {
    /// It is here as a whole.
    Whole {
        /// The body; empty where the answer is in `chat`.
        body: Bytes,
        /// What it consumed.
        spent: Spent,
        /// How the call ended.
        outcome: Outcome,
        /// Why, if not well.
        code: Option<&'static str>,
        /// The answer in no vendor's words, where the request was so.
        chat: Option<Box<ChatAnswer>>,
        /// The body as the client gets it, where it is another than the one that is recorded.
        shown: Option<Bytes>,
        /// Why the client does not get it, where a guardrail refuses it.
        refused: Option<Box<Refusal>>,
    },
    /// It arrives piece by piece.
    Stream(Box<Opened>),
}

/// Whether the client is still there. Once it is not, nobody else is called for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Presence(Arc<AtomicBool>);

impl Presence {
    /// The client left.
    pub(crate) fn end(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn has_ended(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Begins to call providers, in a way that goes on by setting when nobody waits for it any more.
pub(crate) fn begin(prepared: Prepared, mut record: Box<Record>) -> Attended {
    let (shared, presence) = (Arc::clone(&record.shared), Presence::default());
    let client = presence.clone();
    let call = async move {
        let relayed = relay(&prepared, &mut record, &client).await;
        (record, relayed)
    };
    Attended::new(call.boxed(), shared, presence)
}

/// Calls the candidates in their order until one answers.
pub(crate) async fn relay(
    prepared: &Prepared,
    record: &mut Record,
    client: &Presence,
) -> Result<Relayed, Refusal> {
    let shared = Arc::clone(&record.shared);
    let (limits, now) = (&shared.limits, shared.clock.now());
    let most = most_calls(prepared, limits.max_attempts);
    let mut course = Course::new(&shared.resilience, &prepared.candidates, most, now);
    let mut writer = Writer::new(prepared);
    let total = prepared.candidates.first().map(|first| prepared.times(first, limits).total);
    let deadline = Instant::now() + total.unwrap_or(limits.total_timeout);
    let (mut unfit, mut last): (_, Option<Ended>) = (None, None);
    loop {
        let step = course.next();
        for decision in course.take_passed_over() {
            record.note(decision);
        }
        let mut turn = match step {
            Step::Call(turn) => turn,
            Step::Wait(wait) if !prepared.stream && Instant::now() + wait >= deadline => break,
            Step::Wait(wait) => {
                record.note(format!("asked again after {} ms", wait.as_millis()));
                sleep(wait).await;
                record.timing.paused(wait);
                continue;
            }
            Step::Nobody => break,
        };
        if client.has_ended() && last.is_some() {
            record.note("nobody else is asked, because the client left");
            break;
        }
        let candidate = &prepared.candidates[turn.candidate];
        if let Err(refusal) = allowance::turn_to(candidate, record).await {
            record.note(format!("`{}` passed over: {}", candidate.provider.label, refusal.message()));
            course.is_unfit(&turn);
            unfit.get_or_insert((turn.candidate, refusal));
            continue;
        }
        let times = prepared.times(candidate, limits);
        let attempt = match writer.attempt(candidate, turn.secret.as_ref(), times, record) {
            Ok(attempt) => attempt,
            Err(refusal) => {
                record.note(format!("`{}` cannot be asked: {}", candidate.provider.label, refusal.code()));
                course.is_unfit(&turn);
                unfit.get_or_insert((turn.candidate, refusal));
                continue;
            }
        };
        if !attempt.estimate {
            course.called(&turn);
        }
        asked(candidate, &turn, &attempt, record);
        let exchange = Exchange {
            prepared,
            candidate,
            passage: attempt.passage,
            times,
            // A stream has no end; what comes in its place has its own time.
            deadline: if prepared.stream { Instant::now() + times.total } else { deadline },
            estimate: attempt.estimate,
            pin: Pin { provider: candidate.provider.provider.id, credential: turn.credential.id },
        };
        record.timing.call_begins();
        let answered = exchange.make(attempt.sent, &course, record).await;
        if !matches!(&answered, Ok(Relayed { answer: Answer::Stream(_), .. })) {
            record.timing.call_ends();
        }
        match answered {
            Ok(mut relayed) => {
                if exchange.estimate {
                    // Nobody was called, so nothing is known of the provider.
                    return Ok(relayed);
                }
                let took = turn.under_way.elapsed();
                note_attempt(candidate, &turn, took, Ok(relayed.status), record);
                turn.under_way.succeeded(Some(took));
                if let Answer::Stream(opened) = &mut relayed.answer {
                    opened.watch(turn.under_way);
                    opened.bound(record.held_allowance.as_deref(), prepared);
                }
                return Ok(relayed);
            }
            Err(failed) => {
                let took = turn.under_way.elapsed();
                note_attempt(candidate, &turn, took, Err(&failed.fault), record);
                course.failed(&mut turn, &failed.fault);
                let mut goes_on = failed.fault.may_move();
                if prepared.ask.is_once() && failed.fault.may_be_done() {
                    record.note("not asked again: it may be done already");
                    goes_on = false;
                }
                // Whoever can be asked again later is worth more to the client than whoever cannot.
                let is_worse = |before: &Ended| before.failed.fault.may_pass() && !failed.fault.may_pass();
                if !(goes_on && last.as_ref().is_some_and(is_worse)) {
                    last = Some(Ended { candidate: turn.candidate, credential: turn.credential.id, failed });
                }
                if !goes_on {
                    break;
                }
            }
        }
    }
    conclude(prepared, &course, unfit, last, record)
}

/// How many calls may be made. A chain that somebody has written down is asked to its end.
fn most_calls(prepared: &Prepared, limit: u32) -> u32 {
    match &prepared.ask {
        Ask::Chat(_) => limit.max(u32::try_from(prepared.candidates.len()).unwrap_or(u32::MAX)),
        Ask::Body(_) | Ask::Forward(_) => limit.max(1),
    }
}

/// A call that failed, and whose it was.
struct Ended {
    candidate: usize,
    credential: Option<CredentialId>,
    failed: Failed,
}

/// What is told when nobody answered.
fn conclude(
    prepared: &Prepared,
    course: &Course<'_>,
    unfit: Option<(usize, Refusal)>,
    last: Option<Ended>,
    record: &mut Record,
) -> Result<Relayed, Refusal> {
    let upstream = |fault, record: &Record| {
        let provider = record.provider.as_ref();
        let provider = provider.map_or_else(String::new, |provider| provider.provider.name.to_string());
        Refusal::Upstream { provider, fault }
    };
    if let Some(Ended { candidate, credential, failed }) = last {
        name(&prepared.candidates[candidate], record);
        record.credential = credential;
        let Failed { mut fault, told } = failed;
        if let Fault::RateLimited { retry_after, .. } = &mut fault {
            *retry_after = course.earliest().or(*retry_after);
        }
        let Some(told) = told else { return Err(upstream(fault, record)) };
        let provider = record.provider.as_ref().map_or("", |provider| provider.provider.name.as_str());
        record.error_message = Some(fault.message(provider));
        let Told { status, mut headers, body } = *told;
        if let Some(earliest) = fault.retry_after() {
            headers.remove(http::header::RETRY_AFTER);
            headers.remove(RETRY_AFTER_MS);
            add_retry_after(&mut headers, Some(earliest));
        }
        let (outcome, code) = (Outcome::UpstreamFailed, Some(fault.code()));
        let answer = Answer::Whole {
            body,
            spent: Spent::Nothing,
            outcome,
            code,
            chat: None,
            shown: None,
            refused: None,
        };
        return Ok(Relayed::new(status, headers, answer));
    }
    if let Some((candidate, fault)) = course.obstacle() {
        name(&prepared.candidates[candidate], record);
        return Err(upstream(fault, record));
    }
    if let Some((candidate, refusal)) = unfit {
        name(&prepared.candidates[candidate], record);
        return Err(refusal);
    }
    let provider = prepared.candidates.first().map(|first| {
        name(first, record);
        first.provider.provider.name.as_str().to_owned()
    });
    Err(Refusal::CredentialUnusable { provider: provider.unwrap_or_default() })
}

/// Writes down who the record speaks of from now on.
fn name(candidate: &Candidate, record: &mut Record) {
    record.provider = Some(Arc::clone(&candidate.provider));
    if record.model.as_ref() != Some(&candidate.model) {
        record.model = Some(shortened(&candidate.model));
    }
}

fn asked(candidate: &Candidate, turn: &Turn, attempt: &Attempt, record: &mut Record) {
    name(candidate, record);
    record.credential = turn.credential.id;
    record.provider_request_id = None;
    record.dropped.clone_from(&attempt.dropped);
    // Who estimates calls nobody.
    record.attempts += u32::from(!attempt.estimate);
    record.begin_anew();
}

/// Writes down how a call ended: in the record, in its trace, and in the trace of the client.
fn note_attempt(
    candidate: &Candidate,
    turn: &Turn,
    took: Duration,
    ended: Result<StatusCode, &Fault>,
    record: &mut Record,
) {
    let (provider, model) = (candidate.provider.provider.name.as_str(), &candidate.model);
    let (fault, status) = match ended {
        Ok(status) => (None, Some(status.as_u16())),
        Err(fault) => (Some(fault.code()), fault.answered()),
    };
    let duration_us = i64::try_from(took.as_micros()).unwrap_or(i64::MAX);
    let span = &record.span;
    if let Some(code) = fault {
        tracing::info!(
            parent: span,
            attempt = record.attempts,
            provider,
            model = model.as_str(),
            credential.id = turn.credential.id.map(display),
            error.code = code,
            http.response.status_code = status,
            duration_us,
            "attempt {} at {provider}: {code}", record.attempts
        );
    } else {
        tracing::debug!(
            parent: span,
            attempt = record.attempts,
            provider,
            model = model.as_str(),
            credential.id = turn.credential.id.map(display),
            http.response.status_code = status,
            duration_us,
            "attempt {} at {provider}: answered", record.attempts
        );
    }
    if let Some(fault) = fault {
        let status = status.map_or_else(String::new, |status| format!(" ({status})"));
        record.note(format!("attempt {} at `{provider}`: {fault}{status}", record.attempts));
    }
    record.tried.push(Tried {
        provider: provider.to_owned(),
        model: shortened(model),
        credential_id: turn.credential.id,
        fault: fault.map(str::to_owned),
        status,
        duration_us,
    });
}

#[cfg(test)]
mod tests;
