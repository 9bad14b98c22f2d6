//! Answers that say no, by their status or in place of what was asked for.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use promptgate_providers::Shape;
use promptgate_translate::{ProviderError, broken_off, read_error, write_error};
use promptgate_wire::Observed;

use super::{Exchange, Failed, Told};
use crate::fault::Fault;
use crate::passage::Passage;
use crate::ports::UpstreamBody;
use crate::record::Record;
use crate::relay::Relayed;
use crate::reported::{fault_of, fault_of_reported, plain_error, retry_delay};
use crate::resilience::retry_after;

/// As much of an error is read as can hold a message.
const MAX_ERROR_BYTES: usize = 64 * 1024;

impl Exchange<'_> {
    /// An answer whose status says no.
    pub(super) async fn refused(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        mut passing: HeaderMap,
        body: &mut UpstreamBody,
        record: &mut Record,
    ) -> Result<Relayed, Failed> {
        record.note(format!("the provider answered {status}"));
        let said = self.read_whole(body, MAX_ERROR_BYTES, record).await;
        let is_whole = said.is_ok();
        let said = self.candidate.provider.without_credential(said.unwrap_or_default());
        let said = self.with_ids_of_client(said);
        let shape = self.passage.provider_shape();
        let error = shape.and_then(|shape| read_error(shape, &said)).or_else(|| plain_error(&said));
        let after = retry_after(headers, record.shared.clock.now()).or_else(|| retry_delay(&said));
        let fault = fault_of(status, error.as_ref(), after);
        if !matches!(fault, Fault::Rejected { .. } | Fault::RateLimited { .. }) {
            return Err(fault.into());
        }
        let body = match self.passage {
            Passage::Same { .. } | Passage::Unread if is_whole => said,
            // Half an error, or one that is too long, says nothing to anybody.
            _ => {
                passing.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                self.written(status, &error.unwrap_or_default(), record)
            }
        };
        Err(Failed { fault, told: Some(Box::new(Told { status, headers: passing, body })) })
    }

    /// What a provider says of a thing that it keeps, with the id that the client knows it by.
    fn with_ids_of_client(&self, said: Bytes) -> Bytes {
        let known = self.prepared.answer_ids.iter().flat_map(|ids| &ids.known);
        known.fold(said, |said, (own, id)| {
            let text = String::from_utf8_lossy(&said);
            if !own.is_empty() && text.contains(own) { text.replace(own, id).into() } else { said }
        })
    }

    /// An error in place of an answer, under a status that said that all is well.
    pub(super) fn reported(&self, error: &ProviderError, record: &mut Record) -> Failed {
        record.note("the provider reported an error in its answer");
        // Nothing came of it, whatever the status said: it costs nothing.
        record.worked = false;
        let message = self.candidate.provider.without_credential(error.message.clone().into());
        let message = String::from_utf8_lossy(&message).into_owned();
        let error = &ProviderError { message, ..error.clone() };
        let fault = fault_of_reported(error);
        if !matches!(fault, Fault::Rejected { .. } | Fault::RateLimited { .. }) {
            return fault.into();
        }
        let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::BAD_GATEWAY);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let body = self.written(status, error, record);
        Failed { fault, told: Some(Box::new(Told { status, headers, body })) }
    }

    /// A model that stopped before it said anything: it may have thought for long, and that has its price.
    pub(super) fn broken_off(&self, seen: Observed, record: &mut Record) -> Failed {
        let failed = self.reported(&broken_off(), record);
        record.worked = true;
        record.note_held(seen);
        failed
    }

    /// A provider's error in the client's words.
    fn written(&self, status: StatusCode, error: &ProviderError, record: &Record) -> Bytes {
        let shape = Shape::from(self.prepared.operation);
        let body = write_error(shape, status.as_u16(), error, record.request_id_text());
        self.candidate.provider.without_credential(body)
    }
}
