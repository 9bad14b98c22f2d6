//! Prices of files and lists, and other prices for calls of the past.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use chrono_tz::Tz;
use promptgate_control::prices::{
    self, FetchedPrices, ListInUse, NewPrice, PriceError, PriceKeeper, PriceSource, Rehearsal, load_built_in,
};
use promptgate_control::providers;
use promptgate_kernel::{CallId, Money, PageRequest, ProjectId, Timestamp, TokenId};
use promptgate_limits::{Counter, Demand, Holder, Limit, Measure, Subject, Taken, Window};
use promptgate_store::{Access, Change};
use promptgate_usage::{
    InvalidPriceFile, Outcome, PriceFile, PriceOrigin, PriceRates, PriceTable, PriceTarget,
    PriceVersionFilter, RateChanges, RefreshStatus, RepricingState, StoredPrices, TokenCounts, UsageEvent,
    WantedRepricing,
};
use serde_json::{Value, json};

use crate::fixture::{ADMIN, Fixture, new_provider};

async fn fixture() -> Fixture {
    let fixture = Fixture::new().await;
    providers::create(&fixture.control, ADMIN, new_provider("main", "sk-x")).await.unwrap();
    fixture
}

fn rates(input: f64, output: f64) -> PriceRates {
    RateChanges { input: Some(input), output: Some(output), ..RateChanges::default() }.into_rates().unwrap()
}

async fn import(
    fixture: &Fixture,
    file: &Value,
    rehearsal: Rehearsal,
) -> Result<(usize, u64, u64), PriceError> {
    let json = file.to_string();
    let imported = prices::import(&fixture.control, ADMIN, json.as_bytes(), rehearsal).await?;
    Ok((imported.changes.len(), imported.unchanged, imported.kept))
}

async fn all(fixture: &Fixture) -> StoredPrices {
    prices::all_with_lists(&fixture.control, ADMIN).await.unwrap()
}

#[tokio::test]
async fn a_file_is_rehearsed_taken_once_and_written_as_it_was() {
    let fixture = fixture().await;
    let file = json!({
        "fallback": {"input": 6, "output": 31},
        "models": [{"providerName": "main", "model": "m", "input": 1, "output": 2, "cacheWrite1h": 3}],
        "lists": [{"kind": "openai", "model": "gpt-x", "input": 4, "output": 5, "reasoning": 6}],
    });
    let before = (all(&fixture).await, fixture.revision().await, fixture.actions().await);
    assert_eq!(import(&fixture, &file, Rehearsal::Yes).await.unwrap(), (3, 0, 0));
    assert_eq!((all(&fixture).await, fixture.revision().await, fixture.actions().await), before);

    assert_eq!(import(&fixture, &file, Rehearsal::No).await.unwrap(), (3, 0, 0));
    assert_eq!(
        PriceFile::export(&all(&fixture).await, false),
        json!({
            "fallback": {"input": 6.0, "output": 31.0},
            "models": [{"providerName": "main", "model": "m", "input": 1.0, "output": 2.0, "cacheWrite1h": 3.0}],
            "lists": [{"kind": "openai", "model": "gpt-x", "input": 4.0, "output": 5.0, "reasoning": 6.0}],
        })
    );
    assert_eq!(fixture.last_change().await, Some(Change::Prices));
    let audit = fixture.audit().await;
    let event = &audit.last().unwrap().event;
    assert_eq!((event.action.as_str(), event.details["changes"].as_str()), ("price.imported", "3"));
    assert!(event.after["main/m"].contains("\"cacheWrite1h\":3.0"), "{:?}", event.after);

    let before = (fixture.revision().await, fixture.actions().await);
    assert_eq!(import(&fixture, &file, Rehearsal::No).await.unwrap(), (0, 3, 0));
    assert_eq!((fixture.revision().await, fixture.actions().await), before, "nothing is new");
    let other = json!({"models": [{"providerName": "main", "model": "m", "input": 9, "output": 2}]});
    assert_eq!(import(&fixture, &other, Rehearsal::No).await.unwrap(), (1, 0, 0));
    let filter = PriceVersionFilter { model: Some("m".into()), ..PriceVersionFilter::default() };
    let page = PageRequest::clamped(1, 10);
    let versions = prices::versions(&fixture.control, ADMIN, &filter, page).await.unwrap().items;
    let inputs: Vec<_> = versions.iter().map(|was| was.rates.unwrap().input.as_dollars()).collect();
    assert_eq!(inputs, [9.0, 1.0]);
    assert_eq!(prices::version(&fixture.control, ADMIN, versions[1].id).await.unwrap(), versions[1]);
}

#[tokio::test]
async fn a_file_with_one_bad_row_changes_nothing() {
    let fixture = fixture().await;
    let before = all(&fixture).await;
    let good = json!({"providerName": "main", "model": "m", "input": 1, "output": 2});
    for (file, row, field) in [
        (
            json!({"models": [good, {"providerName": "nobody", "model": "m", "input": 1, "output": 2}]}),
            "models (nobody m)",
            "providerName",
        ),
        (
            json!({"models": [good], "lists": [{"kind": "acme", "model": "m", "input": 1, "output": 2}]}),
            "lists (acme m)",
            "kind",
        ),
        (json!({"models": [good, {"providerName": "main", "model": "n"}]}), "models[1] (main n)", "input"),
    ] {
        let refused = import(&fixture, &file, Rehearsal::No).await.unwrap_err();
        let PriceError::File(InvalidPriceFile::Rows(rows)) = refused else { panic!("{refused}") };
        assert_eq!((rows[0].row.as_str(), rows[0].field.as_str()), (row, field));
        assert_eq!(all(&fixture).await, before);
    }
}

/// A list that says what it is told to.
struct Scripted(Mutex<Vec<Result<FetchedPrices, String>>>, Mutex<Vec<Option<String>>>);

#[async_trait]
impl PriceSource for Scripted {
    fn name(&self) -> &'static str {
        "https://lists.example/prices.json"
    }

    async fn fetch(&self, etag: Option<&str>) -> Result<FetchedPrices, String> {
        self.1.lock().unwrap().push(etag.map(str::to_owned));
        self.0.lock().unwrap().remove(0)
    }
}

fn keeper(fixture: &Fixture, source: Option<Arc<dyn PriceSource>>) -> PriceKeeper {
    let control = &fixture.control;
    PriceKeeper {
        store: Arc::clone(&control.store),
        bus: Arc::clone(&control.bus),
        clock: Arc::clone(&control.clock),
        entropy: Arc::clone(&control.entropy),
        source: ListInUse::new(source),
    }
}

#[tokio::test]
async fn a_refresh_brings_what_is_new_and_leaves_what_somebody_set() {
    let fixture = fixture().await;
    let mine = json!({"lists": [{"kind": "openai", "model": "gpt-4o", "input": 77, "output": 77}]});
    import(&fixture, &mine, Rehearsal::No).await.unwrap();
    let store = &*fixture.control.store;
    let loaded = load_built_in(store, &*fixture.clock, &*fixture.control.entropy).await.unwrap().unwrap();
    let rows = PriceTable::bundled().rows().len() as u64;
    assert_eq!((loaded.seen, loaded.added, loaded.updated, loaded.skipped), (rows, rows - 1, 0, 1));
    assert_eq!(load_built_in(store, &*fixture.clock, &*fixture.control.entropy).await.unwrap(), None);

    let row = |dollars: f64| {
        json!({"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": dollars,
            "output_cost_per_token": dollars})
    };
    let list =
        json!({"gpt-4o": row(1e-6), "gpt-4.1": row(2e-6), "gpt-new": row(3e-6), "x": {"mode": "chat"}});
    let list = |etag: &str| {
        Ok(FetchedPrices::List { json: list.to_string().into_bytes(), etag: Some(etag.to_owned()) })
    };
    let broken = Ok(FetchedPrices::List { json: b"<html>".to_vec(), etag: None });
    let answers =
        vec![Err("it is away".to_owned()), list("one"), Ok(FetchedPrices::Unchanged), broken, list("two")];
    let source = Arc::new(Scripted(Mutex::new(answers), Mutex::default()));
    let keeper = keeper(&fixture, Some(source.clone()));
    let mut seen = Vec::new();
    for _ in 0..5 {
        fixture.clock.advance(Duration::from_secs(1));
        let done = keeper.refresh().await.unwrap();
        let [refresh] = &done[..] else { panic!("{done:?}") };
        seen.push((refresh.status, refresh.added, refresh.updated, refresh.skipped));
    }
    assert_eq!(
        seen,
        [
            (RefreshStatus::Failed, 0, 0, 0),
            (RefreshStatus::Succeeded, 1, 1, 2),
            (RefreshStatus::Unchanged, 0, 0, 0),
            (RefreshStatus::Failed, 0, 0, 0),
            (RefreshStatus::Succeeded, 0, 0, 2),
        ]
    );
    let one = Some("one".to_owned());
    assert_eq!(*source.1.lock().unwrap(), [None, None, one.clone(), one.clone(), one]);
    let kept = prices::refreshes(&fixture.control, ADMIN).await.unwrap();
    let errors: Vec<_> = kept.iter().map(|refresh| refresh.error.is_some()).collect();
    assert_eq!(errors, [false, true, false, false, true, false]);

    let lists = all(&fixture).await.lists;
    let found = |model: &str| {
        let price = lists.iter().find(|price| price.kind == "openai" && price.model == model).unwrap();
        (price.origin, price.rates.input.as_dollars())
    };
    assert_eq!(found("gpt-4o"), (PriceOrigin::Manual, 77.0));
    assert_eq!(found("gpt-4.1"), (PriceOrigin::Fetched, 2.0));
    assert_eq!(found("gpt-new"), (PriceOrigin::Fetched, 3.0));
    let actions = fixture.actions().await;
    assert_eq!(actions.iter().filter(|action| *action == "price.refreshed").count(), 2);
}

fn call(fixture: &Fixture, model: &str, cost: f64) -> UsageEvent {
    let entropy = &*fixture.control.entropy;
    let clock = &*fixture.clock;
    UsageEvent {
        provider: Some("main".into()),
        // As calls of a time have it when kinds were not written down.
        provider_kind: None,
        model: Some(model.into()),
        tokens: TokenCounts { input: 1_000_000, ..TokenCounts::default() },
        cost: Money::from_dollars(cost).unwrap(),
        price_basis: "fallback".into(),
        ..UsageEvent::of_call(
            CallId::mint(clock, entropy),
            fixture.control.clock.now(),
            id::<ProjectId>(1),
            id::<TokenId>(2),
            "chat_completions",
            Outcome::Completed,
            200,
        )
    }
}

fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(number: u8) -> T {
    format!("018f4e6e-0000-7000-8000-00000000000{number}").parse().unwrap()
}

async fn record(fixture: &Fixture, calls: &[UsageEvent]) {
    let mut work = fixture.control.store.begin(Access::Write).await.unwrap();
    work.usage().record(&calls.iter().collect::<Vec<_>>()).await.unwrap();
    work.commit().await.unwrap();
}

async fn find(fixture: &Fixture, call: &UsageEvent) -> UsageEvent {
    let mut work = fixture.control.store.begin(Access::Read).await.unwrap();
    work.usage().find(call.id).await.unwrap().unwrap()
}

fn wanted(fixture: &Fixture) -> WantedRepricing {
    let now = fixture.control.clock.now();
    let hour = Duration::from_hours(1);
    let (from, to) = (now.minus(hour), now.plus(hour));
    WantedRepricing { from, to, provider: None, model: None, price: None, dry_run: false }
}

/// What the day's budget of the project says is used, as somebody finds who takes of it.
async fn used(fixture: &Fixture, holder: u128) -> Money {
    let subject = Subject::Project(id::<ProjectId>(1));
    let counter = Counter { subject, model: None, measure: Measure::Cost, window: Window::Day };
    let now = fixture.control.clock.now();
    let span = counter.window.span(now, Tz::UTC);
    let limit = Limit { counter, cap: 100_000_000_000_000 };
    let demand = Demand { limit, span, least: 0, most: 0 };
    let counters = &fixture.control.limits.ledger;
    let until = now.plus(Duration::from_mins(15));
    let taken = counters.take(Holder(holder), &[demand], now, until).await.unwrap();
    let Taken::All(grants) = taken else { panic!("{taken:?}") };
    Money::from_nanos(i64::try_from(grants[0].standing.used).unwrap())
}

#[tokio::test]
async fn calls_get_the_price_of_today_with_everything_they_were_added_up_to() {
    let fixture = fixture().await;
    let control = &fixture.control;
    let [dear, other, hit] = [call(&fixture, "m", 5.0), call(&fixture, "n", 5.0), call(&fixture, "m", 0.0)];
    let hit = UsageEvent { cache_hit: true, ..hit };
    record(&fixture, &[dear.clone(), other.clone(), hit.clone()]).await;
    assert_eq!(used(&fixture, 1).await.to_string(), "10.00");
    let target = PriceTarget::new("main", "m").unwrap();
    let price = NewPrice { target, rates: rates(2.0, 2.0) };
    let price = prices::create(control, ADMIN, price).await.unwrap();

    let before = fixture.actions().await;
    let dry = WantedRepricing { dry_run: true, model: Some("m".into()), ..wanted(&fixture) };
    let looked = prices::begin_repricing(control, ADMIN, dry).await.unwrap();
    let counts = (looked.state, looked.examined, looked.changed);
    assert_eq!(counts, (RepricingState::Done, 2, 1));
    assert_eq!((looked.before.to_string(), looked.after.to_string()), ("5.00".into(), "2.00".into()));
    assert_eq!((find(&fixture, &dear).await, fixture.actions().await), (dear.clone(), before));

    let real = WantedRepricing { model: Some("m".into()), ..wanted(&fixture) };
    let done = prices::begin_repricing(control, ADMIN, real.clone()).await.unwrap();
    assert_eq!((done.examined, done.changed, done.after.to_string()), (2, 1, "2.00".into()));
    let now = find(&fixture, &dear).await;
    assert_eq!(now.price_version, price.version_id().to_string());
    assert_eq!((now.cost.to_string(), now.price_basis.as_str()), ("2.00".into(), "exact"));
    assert_eq!((find(&fixture, &other).await, find(&fixture, &hit).await), (other.clone(), hit));
    assert_eq!(used(&fixture, 2).await.to_string(), "7.00", "the budget follows");
    let unpriced = prices::unpriced(control, ADMIN, Timestamp::default()).await.unwrap();
    let models: Vec<_> = unpriced.iter().map(|model| (model.model.as_str(), model.estimated_calls)).collect();
    assert_eq!(models, [("n", 1)]);
    let audit = fixture.audit().await;
    let event = &audit.last().unwrap().event;
    let details =
        ["calls", "changed", "costBefore", "costAfter", "model"].map(|name| event.details[name].as_str());
    assert_eq!((event.action.as_str(), details), ("price.repriced", ["2", "1", "5.00", "2.00", "m"]));

    let again = prices::begin_repricing(control, ADMIN, real).await.unwrap();
    assert_eq!((again.examined, again.changed), (2, 0), "it is done already");
    assert_eq!(used(&fixture, 3).await.to_string(), "7.00");
    // One price is for the calls of its model, and no others.
    let target = PriceTarget::new("main", "n").unwrap();
    let price = prices::create(control, ADMIN, NewPrice { target, rates: rates(3.0, 3.0) }).await.unwrap();
    let by_version = WantedRepricing { price: Some(price.version_id()), ..wanted(&fixture) };
    let done = prices::begin_repricing(control, ADMIN, by_version).await.unwrap();
    assert_eq!((done.examined, done.changed, done.wanted.model.as_deref()), (1, 1, Some("n")));
    assert_eq!(find(&fixture, &other).await.cost.to_string(), "3.00");
    assert_eq!(find(&fixture, &dear).await, now);
    assert_eq!(prices::repricings(control, ADMIN).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_repricing_that_ends_in_the_middle_is_gone_on_with_by_whoever_finds_it() {
    let fixture = fixture().await;
    let control = &fixture.control;
    let calls: Vec<UsageEvent> = (0..1_200).map(|_| call(&fixture, "m", 9.0)).collect();
    for calls in calls.chunks(100) {
        record(&fixture, calls).await;
    }
    // It was begun, and its process ended.
    let id = promptgate_kernel::RepricingId::mint(&*fixture.clock, &*control.entropy);
    let begun = promptgate_usage::Repricing::begin(id, wanted(&fixture), control.clock.now());
    let mut work = control.store.begin(Access::Write).await.unwrap();
    work.repricings().insert(&begun).await.unwrap();
    work.commit().await.unwrap();
    // Without time nobody does anything; with time all of it is done, once.
    let keeper = keeper(&fixture, None);
    assert_eq!(keeper.resume_repricings(Duration::ZERO).await.unwrap(), 0);
    let patience = Duration::from_secs(1);
    let (one, two) = (keeper.resume_repricings(patience).await, keeper.resume_repricings(patience).await);
    assert_eq!((one.unwrap(), two.unwrap()), (1_200, 0));
    let done = prices::repricing(control, ADMIN, id).await.unwrap();
    assert_eq!((done.examined, done.changed), (1_200, 1_200));
    assert_eq!((done.before.to_string(), done.after.to_string()), ("10800.00".into(), "6000.00".into()));
    assert_eq!(used(&fixture, 1).await.to_string(), "6000.00");
    let resumed = prices::resume_repricing(control, ADMIN, id).await.unwrap();
    assert_eq!(resumed, done);
}

#[tokio::test]
async fn one_version_reprices_the_calls_that_are_priced_by_it_alone() {
    let fixture = fixture().await;
    let control = &fixture.control;
    let row =
        |model: &str, input: u32| json!({"kind": "openai", "model": model, "input": input, "output": 0});
    let lists = json!({"lists": [row("big", 4), row("big-2024-05-13", 9), row("*", 7)],
        "models": [{"providerName": "main", "model": "big-2024-01-01", "input": 3, "output": 0}]});
    import(&fixture, &lists, Rehearsal::No).await.unwrap();
    let stored = all(&fixture).await.lists;
    let of = |model: &str| stored.iter().find(|price| price.model == model).unwrap().version_id();
    let models = ["big", "big-2024-08-06", "big-2024-05-13", "big-2024-01-01", "small"];
    let calls = models.map(|model| call(&fixture, model, 1.0));
    record(&fixture, &calls).await;
    let costs = async || {
        let mut found = Vec::new();
        for call in &calls {
            let call = find(&fixture, call).await;
            found.push((call.cost.to_string(), call.price_basis));
        }
        found
    };
    let before = costs().await;
    let by = |version| WantedRepricing { price: Some(version), ..wanted(&fixture) };
    let done = prices::begin_repricing(control, ADMIN, by(of("big"))).await.unwrap();
    assert_eq!((done.examined, done.changed), (5, 2));
    let after = costs().await;
    assert_eq!(after[0], ("4.00".into(), "exact".into()));
    assert_eq!(after[1], ("4.00".into(), "prefix".into()), "it was found by the name without its date");
    assert_eq!(after[2..], before[2..], "others have prices of their own");
    let done = prices::begin_repricing(control, ADMIN, by(of("*"))).await.unwrap();
    assert_eq!((done.changed, costs().await[4].clone()), (1, ("7.00".into(), "prefix".into())));
}

#[tokio::test]
async fn a_repricing_can_be_ended_and_one_that_fails_holds_up_no_other() {
    let fixture = fixture().await;
    let control = &fixture.control;
    record(&fixture, &[call(&fixture, "m", 9.0)]).await;
    let begin = async |price| {
        let id = promptgate_kernel::RepricingId::mint(&*fixture.clock, &*control.entropy);
        let wanted = WantedRepricing { price, ..wanted(&fixture) };
        let begun = promptgate_usage::Repricing::begin(id, wanted, control.clock.now());
        let mut work = control.store.begin(Access::Write).await.unwrap();
        work.repricings().insert(&begun).await.unwrap();
        work.commit().await.unwrap();
        id
    };
    let nothing = "018f4e6e-0000-7000-8000-000000000001@7".parse().unwrap();
    let broken = begin(Some(nothing)).await;
    let good = begin(None).await;
    let keeper = keeper(&fixture, None);
    let failed = keeper.resume_repricings(Duration::from_secs(1)).await.unwrap_err();
    assert!(matches!(failed, PriceError::UnknownVersion(_)), "{failed}");
    let done = prices::repricing(control, ADMIN, good).await.unwrap();
    assert_eq!((done.state, done.examined), (RepricingState::Done, 1));

    let ended = prices::cancel_repricing(control, ADMIN, broken).await.unwrap();
    assert_eq!((ended.state, ended.examined), (RepricingState::Cancelled, 0));
    assert_eq!(fixture.actions().await.last().unwrap(), "price.repricing_cancelled");
    let actions = fixture.actions().await.len();
    assert_eq!(keeper.resume_repricings(Duration::from_secs(1)).await.unwrap(), 0, "nothing is left");
    assert_eq!(prices::resume_repricing(control, ADMIN, broken).await.unwrap(), ended);
    // Once more changes nothing, and what is done stays done.
    assert_eq!(prices::cancel_repricing(control, ADMIN, broken).await.unwrap(), ended);
    assert_eq!(prices::cancel_repricing(control, ADMIN, good).await.unwrap(), done);
    assert_eq!(fixture.actions().await.len(), actions);
    let unknown = prices::cancel_repricing(control, ADMIN, id(9)).await.unwrap_err();
    assert!(matches!(unknown, PriceError::UnknownRepricing(_)), "{unknown}");
}

#[tokio::test]
async fn only_what_may_have_changed_something_is_written_down_when_it_is_ended() {
    let fixture = fixture().await;
    let control = &fixture.control;
    for (dry_run, entries) in [(true, 0), (false, 1)] {
        let id = promptgate_kernel::RepricingId::mint(&*fixture.clock, &*control.entropy);
        let wanted = WantedRepricing { dry_run, ..wanted(&fixture) };
        let begun = promptgate_usage::Repricing::begin(id, wanted, control.clock.now());
        let mut work = control.store.begin(Access::Write).await.unwrap();
        work.repricings().insert(&begun).await.unwrap();
        work.commit().await.unwrap();
        let before = fixture.actions().await.len();
        let ended = prices::cancel_repricing(control, ADMIN, id).await.unwrap();
        assert_eq!(ended.state, RepricingState::Cancelled);
        assert_eq!(prices::repricing(control, ADMIN, id).await.unwrap(), ended);
        assert_eq!(fixture.actions().await.len() - before, entries, "dry_run: {dry_run}");
    }
}

#[tokio::test]
async fn what_cannot_be_repriced_is_refused() {
    let fixture = fixture().await;
    let control = &fixture.control;
    let whole = wanted(&fixture);
    let backwards = WantedRepricing { from: whole.to, to: whole.from, ..whole.clone() };
    let refused = prices::begin_repricing(control, ADMIN, backwards).await.unwrap_err();
    assert!(matches!(refused, PriceError::Range), "{refused}");
    let target = PriceTarget::new("main", "m").unwrap();
    let price = NewPrice { target, rates: rates(2.0, 2.0) };
    let price = prices::create(control, ADMIN, price).await.unwrap();
    prices::delete(control, ADMIN, price.id).await.unwrap();
    for version in [2, 3] {
        let gone = promptgate_usage::PriceVersionId { version, ..price.version_id() };
        let wanted = WantedRepricing { price: Some(gone), ..whole.clone() };
        let refused = prices::begin_repricing(control, ADMIN, wanted).await.unwrap_err();
        assert!(matches!(refused, PriceError::UnknownVersion(_)), "{refused}");
    }
    // None is for calls of another model, and that of all models says nothing of whose it is.
    let fallback = promptgate_usage::PriceVersionId { price: promptgate_usage::FALLBACK_PRICE, version: 1 };
    let named = |provider: &str, model: &str, version| WantedRepricing {
        provider: Some(provider.into()),
        model: Some(model.into()),
        price: Some(version),
        ..whole.clone()
    };
    for (wanted, expected) in [
        (named("main", "n", price.version_id()), "`model`"),
        (named("other", "m", price.version_id()), "`providerName`"),
        (WantedRepricing { price: Some(fallback), ..whole.clone() }, "`model`"),
    ] {
        let refused = prices::begin_repricing(control, ADMIN, wanted).await.unwrap_err().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
    // The price that is gone is still the one that calls had.
    let wanted = WantedRepricing { price: Some(price.version_id()), ..whole };
    prices::begin_repricing(control, ADMIN, wanted).await.unwrap();
    assert_eq!(prices::repricings(control, ADMIN).await.unwrap().len(), 1);
}
