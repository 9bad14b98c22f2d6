//! The connections in the background.

use std::sync::Arc;
use std::time::Duration;

use fred::clients::SubscriberClient;
use fred::interfaces::{ClientLike, EventInterface, PubsubInterface};
use fred::types::Message;
use promptgate_store::Signal;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tokio_util::sync::CancellationToken;

use crate::bus::Shared;
use crate::message;

/// Keeps a client's connection task alive: it ends by itself on errors that look final, such as a
/// wrong password, which somebody may put right meanwhile.
pub(crate) async fn keep_connected(client: impl ClientLike, pause: Duration, stop: CancellationToken) {
    loop {
        let mut connection = client.connect();
        tokio::select! {
            () = stop.cancelled() => {
                connection.abort();
                return;
            }
            ended = &mut connection => {
                if let Ok(Err(error)) = ended {
                    tracing::debug!(%error, "the connection to Redis ended; trying again");
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(pause) => {}
        }
    }
}

/// Passes on what is announced, and tells listeners when announcements may have been missed.
pub(crate) async fn listen(
    client: SubscriberClient,
    shared: Arc<Shared>,
    heartbeat: Duration,
    stop: CancellationToken,
) {
    let mut messages = client.message_rx();
    let mut connections = client.reconnect_rx();
    let mut errors = client.error_rx();
    let mut heartbeat = interval_at(Instant::now() + heartbeat, heartbeat);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            Some(signal) = heard(&mut messages) => {
                // Where Redis is only said to be away, it is as good as away.
                if !shared.breaker.is_held_open() {
                    let _ = shared.signals.send(signal);
                }
            }
            Ok(_) = connections.recv() => {
                shared.listening.send_replace(false);
                subscribe(&client, &shared).await;
            }
            Ok(_) = errors.recv() => lost(&shared),
            _ = heartbeat.tick() => {
                subscribe(&client, &shared).await;
                shared.check().await;
            }
        }
    }
}

async fn heard(messages: &mut broadcast::Receiver<Message>) -> Option<Signal> {
    match messages.recv().await {
        Ok(message) => {
            let payload = message.value.as_string();
            Some(payload.map_or(Signal::Missed, |payload| message::read(&payload)))
        }
        Err(RecvError::Lagged(_)) => Some(Signal::Missed),
        Err(RecvError::Closed) => None,
    }
}

/// Subscribes, or finds out whether the subscription still holds: Redis confirms it once more.
async fn subscribe(client: &SubscriberClient, shared: &Shared) {
    if client.subscribe(message::CHANNEL).await.is_err() {
        lost(shared);
        return;
    }
    shared.health.listening(true);
    if !*shared.listening.borrow() {
        // First, so that whoever waits for the connection does not hear of what was before it.
        let _ = shared.signals.send(Signal::Missed);
        shared.listening.send_replace(true);
    }
}

fn lost(shared: &Shared) {
    shared.listening.send_replace(false);
    shared.health.listening(false);
}
