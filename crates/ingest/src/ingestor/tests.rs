use std::collections::HashSet;
use std::sync::Mutex;

use async_trait::async_trait;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::*;
use crate::StreamAway;
use crate::testing::{self, Behaviour, FakeLedger};

/// A stream that delivers what it is told to.
#[derive(Default)]
struct Told {
    waiting: Vec<Delivery>,
    done: HashSet<String>,
    kept: u32,
    kept_ids: HashSet<String>,
    left: bool,
    away: bool,
}

#[derive(Clone, Default)]
struct FakeDeliveries(Arc<Mutex<Told>>);

#[async_trait]
impl Deliveries for FakeDeliveries {
    async fn next(&self, most: usize) -> Result<Vec<Delivery>, StreamAway> {
        let (batch, away) = {
            let mut told = self.0.lock().unwrap();
            let most = most.min(told.waiting.len());
            if told.away { (Vec::new(), true) } else { (told.waiting.drain(..most).collect(), false) }
        };
        if away {
            return Err(StreamAway("no".into()));
        }
        if batch.is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
        Ok(batch)
    }

    async fn keep(&self, ids: &[String]) -> Result<(), StreamAway> {
        let mut told = self.0.lock().unwrap();
        told.kept += 1;
        told.kept_ids.extend(ids.iter().cloned());
        Ok(())
    }

    async fn done(&self, ids: &[String]) -> Result<(), StreamAway> {
        let mut told = self.0.lock().unwrap();
        if told.away {
            return Err(StreamAway("no".into()));
        }
        told.done.extend(ids.iter().cloned());
        Ok(())
    }

    async fn leave(&self) -> Result<(), StreamAway> {
        self.0.lock().unwrap().left = true;
        Ok(())
    }
}

struct Running {
    stream: FakeDeliveries,
    ledger: FakeLedger,
    shutdown: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    fn start() -> Self {
        let (stream, ledger) = (FakeDeliveries::default(), FakeLedger::default());
        let recording = Recording::new(Box::new(ledger.clone()), testing::clock());
        let ingestor = Ingestor::new(Box::new(stream.clone()), recording, IngestorOptions::default());
        let (shutdown, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(ingestor.run(shutdown.clone()));
        Self { stream, ledger, shutdown, tasks }
    }

    fn deliver(&self, number: u64, times: u32) {
        let delivery =
            Delivery { id: format!("{number}-0"), times, payload: Payload::Call(testing::call(number)) };
        self.stream.0.lock().unwrap().waiting.push(delivery);
    }

    async fn until(&self, what: &str, reached: impl Fn(&Told, &Behaviour) -> bool) {
        let poll = async {
            while !reached(&self.stream.0.lock().unwrap(), &self.ledger.0.lock().unwrap()) {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(Duration::from_mins(5), poll).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    async fn stop(self) {
        self.shutdown.cancel();
        self.tasks.close();
        timeout(Duration::from_mins(1), self.tasks.wait()).await.expect("it stops");
        assert!(self.stream.0.lock().unwrap().left);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_delivered_is_recorded_and_done_with() {
    let running = Running::start();
    (0..2_500).for_each(|number| running.deliver(number, 1));
    running.until("all done", |told, _| told.done.len() == 2_500).await;
    {
        let behaviour = running.ledger.0.lock().unwrap();
        // While more wait, several batches are one.
        assert_eq!((behaviour.taken.len(), behaviour.attempts), (2_500, 1));
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_done_with_before_it_is_in_the_store_and_it_is_kept_meanwhile() {
    let running = Running::start();
    running.ledger.0.lock().unwrap().away = true;
    // Those too whose turn does not come before.
    (0..10).for_each(|number| running.deliver(number, if number < 5 { 1 } else { 4 }));
    running.until("kept", |told, _| told.kept > 2).await;
    assert_eq!(running.stream.0.lock().unwrap().kept_ids.len(), 10);
    assert_eq!(running.stream.0.lock().unwrap().done.len(), 0);
    running.ledger.0.lock().unwrap().away = false;
    running.until("all done", |told, _| told.done.len() == 10).await;
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_leaves_what_the_store_does_not_take_to_others() {
    let running = Running::start();
    running.ledger.0.lock().unwrap().away = true;
    running.deliver(1, 1);
    running.until("an attempt", |_, behaviour| behaviour.attempts > 0).await;
    let stream = running.stream.clone();
    running.stop().await;
    assert_eq!(stream.0.lock().unwrap().done.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn poison_is_set_aside_and_the_rest_of_its_batch_is_recorded() {
    let running = Running::start();
    running.ledger.0.lock().unwrap().poison.insert(testing::event(7).id);
    (0..20).for_each(|number| running.deliver(number, 1));
    running.stream.0.lock().unwrap().waiting.push(Delivery {
        id: "x".into(),
        times: 1,
        payload: Payload::Foreign("{\"later\":1}".into()),
    });
    running.until("all done", |told, _| told.done.len() == 21).await;
    {
        let behaviour = running.ledger.0.lock().unwrap();
        assert_eq!((behaviour.taken.len(), behaviour.letters.len()), (19, 2));
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_killed_others_is_tried_alone_and_then_no_more() {
    let running = Running::start();
    for (number, times) in [(1, 1), (2, 1), (3, 4), (4, 4), (5, 10)] {
        running.deliver(number, times);
    }
    running.until("all done", |told, _| told.done.len() == 5).await;
    {
        let behaviour = running.ledger.0.lock().unwrap();
        assert_eq!((behaviour.taken.len(), behaviour.attempts), (4, 3));
        let [letter] = &behaviour.letters[..] else { panic!("one letter") };
        assert_eq!((letter.id, letter.attempts), (testing::event(5).id, 10));
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn only_the_first_of_a_batch_is_taken_to_have_killed_others() {
    let running = Running::start();
    for (number, times) in [(1, 10), (2, 10), (3, 12)] {
        running.deliver(number, times);
    }
    running.until("all done", |told, _| told.done.len() == 3).await;
    {
        let behaviour = running.ledger.0.lock().unwrap();
        let dead: Vec<_> = behaviour.letters.iter().map(|letter| letter.id).collect();
        assert_eq!((dead, behaviour.taken.len()), (vec![testing::event(1).id], 2));
    }
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_away_is_asked_again() {
    let running = Running::start();
    running.stream.0.lock().unwrap().away = true;
    sleep(Duration::from_secs(5)).await;
    running.deliver(1, 1);
    running.stream.0.lock().unwrap().away = false;
    running.until("done", |told, _| told.done.len() == 1).await;
    running.stop().await;
}
