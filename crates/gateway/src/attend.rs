//! What becomes of an upstream call whose client leaves before the answer begins.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};

use crate::limits::DisconnectPolicy;
use crate::pipeline::Shared;
use crate::record::Record;
use crate::refusal::Refusal;
use crate::relay::{Presence, Relayed};
use crate::settle::abandoned;

/// A call to a provider, and the record that books it.
pub(crate) type RelayCall = BoxFuture<'static, (Box<Record>, Result<Relayed, Refusal>)>;

/// Waits for a call. Dropped before the answer has begun, it ends the call, whose record then
/// settles itself, or drains it, by setting. In no case is anybody else called for it.
pub(crate) struct Attended {
    call: Option<RelayCall>,
    shared: Arc<Shared>,
    client: Presence,
}

impl Attended {
    /// Waits for `call`, which is told by `client` when nobody does any more.
    pub(crate) fn new(call: RelayCall, shared: Arc<Shared>, client: Presence) -> Self {
        Self { call: Some(call), shared, client }
    }
}

impl Future for Attended {
    type Output = (Box<Record>, Result<Relayed, Refusal>);

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let call = self.call.as_mut().expect("a future is not polled after it was ready");
        let done = std::task::ready!(call.poll_unpin(cx));
        self.call = None;
        Poll::Ready(done)
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let Some(call) = self.call.take() else { return };
        self.client.end();
        let Ok(runtime) = Handle::try_current() else { return };
        let Some((permit, limit)) = drain_permit(&self.shared) else { return };
        self.shared.tasks.spawn_on(
            async move {
                let _permit = permit;
                let deadline = Instant::now() + limit;
                if let Ok((record, result)) = timeout_at(deadline, call).await {
                    abandoned(result, record, deadline).await;
                }
            },
            &runtime,
        );
    }
}

/// Leave to drain one more call, and for how long; `None` when calls are to be ended at once, or
/// too many are drained already.
pub(crate) fn drain_permit(shared: &Shared) -> Option<(OwnedSemaphorePermit, Duration)> {
    match shared.limits.disconnect {
        DisconnectPolicy::Cancel => None,
        DisconnectPolicy::Drain { limit } => {
            let permit = Arc::clone(&shared.drains).try_acquire_owned().ok()?;
            Some((permit, limit))
        }
    }
}
