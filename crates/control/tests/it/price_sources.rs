//! Lists of prices that take the place of another one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use promptgate_control::prices::{self, FetchedPrices, ListInUse, PriceKeeper, PriceSource};
use promptgate_usage::RefreshStatus;
use serde_json::json;

use crate::fixture::{ADMIN, Fixture};

/// A list that never changes. While it is read for the first time, another one may take its place.
struct Steady {
    name: &'static str,
    dollars: f64,
    successor: Mutex<Option<(ListInUse, Arc<Steady>)>>,
}

impl Steady {
    fn new(name: &'static str, dollars: f64) -> Arc<Self> {
        Arc::new(Self { name, dollars, successor: Mutex::default() })
    }
}

#[async_trait]
impl PriceSource for Steady {
    fn name(&self) -> &str {
        self.name
    }

    async fn fetch(&self, etag: Option<&str>) -> Result<FetchedPrices, String> {
        if let Some((in_use, successor)) = self.successor.lock().unwrap().take() {
            in_use.replace(Some(successor));
        }
        if etag == Some(self.name) {
            return Ok(FetchedPrices::Unchanged);
        }
        let list = json!({"lists": [
            {"kind": "openai", "model": "gpt-of-tomorrow", "input": self.dollars, "output": self.dollars},
        ]});
        Ok(FetchedPrices::List { json: list.to_string().into_bytes(), etag: Some(self.name.to_owned()) })
    }
}

struct Bench {
    fixture: Fixture,
    keeper: PriceKeeper,
}

impl Bench {
    async fn new() -> Self {
        let fixture = Fixture::new().await;
        let control = &fixture.control;
        let keeper = PriceKeeper {
            store: Arc::clone(&control.store),
            bus: Arc::clone(&control.bus),
            clock: Arc::clone(&control.clock),
            entropy: Arc::clone(&control.entropy),
            source: ListInUse::default(),
        };
        // The table of the program.
        keeper.refresh().await.unwrap();
        Self { fixture, keeper }
    }

    /// Looks at a list, and at nothing else; what became of it.
    async fn read(&self, list: &Arc<Steady>) -> Option<RefreshStatus> {
        self.keeper.source.replace(Some(list.clone()));
        self.read_on().await
    }

    async fn read_on(&self) -> Option<RefreshStatus> {
        self.fixture.clock.advance(Duration::from_secs(1));
        let done = self.keeper.refresh().await.unwrap();
        assert!(done.len() <= 1, "{done:?}");
        done.first().map(|refresh| refresh.status)
    }

    async fn price(&self) -> Option<f64> {
        let lists = prices::all_with_lists(&self.fixture.control, ADMIN).await.unwrap().lists;
        let price = lists.iter().find(|price| price.model == "gpt-of-tomorrow");
        price.map(|price| price.rates.input.as_dollars())
    }
}

#[tokio::test]
async fn a_list_that_is_in_use_again_is_read_again_though_it_is_what_it_was() {
    let bench = Bench::new().await;
    let [a, b] = [Steady::new("a", 1.0), Steady::new("b", 2.0)];
    assert_eq!(bench.read(&a).await, Some(RefreshStatus::Succeeded));
    assert_eq!(bench.read(&a).await, Some(RefreshStatus::Unchanged));
    assert_eq!(bench.read(&b).await, Some(RefreshStatus::Succeeded));
    assert_eq!(bench.price().await, Some(2.0));
    assert_eq!(bench.read(&a).await, Some(RefreshStatus::Succeeded));
    assert_eq!(bench.price().await, Some(1.0));
    assert_eq!(bench.read(&a).await, Some(RefreshStatus::Unchanged));
}

#[tokio::test]
async fn what_a_list_says_is_dropped_when_another_one_took_its_place_meanwhile() {
    let bench = Bench::new().await;
    let [a, b] = [Steady::new("a", 1.0), Steady::new("b", 2.0)];
    let replaced = || *a.successor.lock().unwrap() = Some((bench.keeper.source.clone(), b.clone()));
    replaced();
    assert_eq!((bench.read(&a).await, bench.price().await), (None, None));
    assert_eq!((bench.read_on().await, bench.price().await), (Some(RefreshStatus::Succeeded), Some(2.0)));

    // Nor does it say that nothing changed.
    bench.read(&a).await.unwrap();
    replaced();
    let before = prices::refreshes(&bench.fixture.control, ADMIN).await.unwrap();
    assert_eq!(bench.read(&a).await, None);
    assert_eq!(prices::refreshes(&bench.fixture.control, ADMIN).await.unwrap(), before);
    assert_eq!((bench.read_on().await, bench.price().await), (Some(RefreshStatus::Succeeded), Some(2.0)));
}
