//! The beginning of a stream, until there is something in it that a client would miss.

use std::time::Duration;

use bytes::Bytes;
use promptgate_wire::estimate;
use tokio::time::{Instant, timeout_at};

use super::{Exchange, Failed, failed};
use crate::fault::Fault;
use crate::passage::Passing;
use crate::ports::{UpstreamBody, UpstreamError};
use crate::record::Record;
use crate::resilience::Course;
use crate::stream::{Incoming, Opened, Ways};

/// So much of a stream is held back until then.
const MAX_HELD: usize = 64 * 1024;
/// Where nobody else could answer, the beginning of a stream is held back no longer than this: its
/// client would otherwise take a model that thinks for one that is gone.
const HELD_FOR_NOBODY: Duration = Duration::from_secs(10);

impl Exchange<'_> {
    /// Holds the beginning of a stream back until there is something in it that a client would miss.
    /// Until then a failure is nobody's but ours: somebody else may be asked.
    pub(super) async fn hold(
        &self,
        upstream: UpstreamBody,
        waited: Duration,
        course: &Course<'_>,
        record: &mut Record,
    ) -> Result<Opened, Failed> {
        let mut passing = self.passage.stream().with_ids(self.ids(true, record));
        let begun = Instant::now();
        let over = begun + self.times.first_byte.saturating_sub(waited);
        let (mut held, mut size) = (Vec::new(), 0);
        let most = record.held_allowance.as_ref().and_then(|held| held.most_output());
        let room = most.map_or(u64::MAX, |most| most.saturating_mul(estimate::BYTES_PER_TOKEN));
        let mut upstream = Incoming::new(upstream);
        while !(passing.has_content() || passing.has_ended() || size > MAX_HELD) {
            let for_nobody = size > 0 && !course.has_other();
            let until = if for_nobody { over.min(begun + HELD_FOR_NOBODY) } else { over };
            match timeout_at(until, upstream.next(room)).await {
                Ok(Some(Ok(piece))) => {
                    size += piece.len();
                    record.answer_bytes = size as u64;
                    let out = passing.push(piece);
                    if !out.is_empty() {
                        held.push(out);
                    }
                    self.look_for_error(&passing, &held, record)?;
                    record.note_held(passing.observed());
                }
                Ok(Some(Err(error))) => return Err(failed(error, record).into()),
                Ok(None) => {
                    let rest = passing.end();
                    if !rest.is_empty() {
                        held.push(rest);
                    }
                    self.look_for_error(&passing, &held, record)?;
                    if !passing.has_ended() && !passing.is_unread() && !passing.has_content() {
                        record.note("the answer ended before it said anything");
                        return Err(Fault::Broken.into());
                    }
                    record.note_first_byte();
                    let opened =
                        Opened::new(upstream, passing, held, self.times.idle, self.candidate, self.ways());
                    return Ok(opened.finished());
                }
                // It lives and thinks, and nobody else could do better, or could not while it was waited for.
                Err(_) if for_nobody || (size > 0 && !course.has_other()) => break,
                Err(_) => return Err(failed(UpstreamError::FirstByteTimeout, record).into()),
            }
        }
        record.note_first_byte();
        Ok(Opened::new(upstream, passing, held, self.times.idle, self.candidate, self.ways()))
    }

    fn look_for_error(&self, passing: &Passing, held: &[Bytes], record: &mut Record) -> Result<(), Failed> {
        if passing.has_content() || !passing.has_reported() {
            return Ok(());
        }
        if passing.is_broken_off() {
            return Err(self.broken_off(passing.observed(), record));
        }
        let error = passing.reported(held, self.passage.provider_shape()).unwrap_or_default();
        Err(self.reported(&error, record))
    }

    /// What guardrails do with a stream.
    fn ways(&self) -> Ways {
        let (outgoing, operation) = (&self.prepared.outgoing, self.prepared.operation);
        Ways { rules: outgoing.rules(operation), values: outgoing.values(operation) }
    }
}
