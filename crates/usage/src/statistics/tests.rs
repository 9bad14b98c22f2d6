use super::*;
use crate::{FallbackPrice, PriceRates, PriceTarget, RateChanges, StoredPrice, StoredPrices, Window};
use promptgate_kernel::Timestamp;

const ID: &str = "018f4e6e-0000-7000-8000-000000000001";

fn rates(input: f64, output: f64, embedding: Option<f64>) -> PriceRates {
    let changes = RateChanges {
        input: Some(input),
        output: Some(output),
        embedding: Some(embedding),
        ..RateChanges::default()
    };
    changes.into_rates().unwrap()
}

fn book(fallback: PriceRates, models: &[(&str, &str, PriceRates)]) -> PriceBook {
    let at = Timestamp::default();
    let models = models.iter().map(|(provider, model, rates)| {
        StoredPrice::create(ID.parse().unwrap(), PriceTarget::new(provider, model).unwrap(), *rates, at)
    });
    let fallback = FallbackPrice { rates: fallback, updated_at: at, version: 1 };
    PriceBook::new(StoredPrices { fallback: Some(fallback), models: models.collect(), lists: vec![] })
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn group(day: &str, model: &str, kind: UsageKind, sums: UseSums) -> UseGroup {
    UseGroup {
        day: Some(Day::of(at(&format!("{day}T00:00:00Z")))),
        provider: "main".into(),
        provider_kind: "openai".into(),
        model: model.into(),
        kind,
        sums,
    }
}

/// One completion of 5 in, 6 out, 1 read from and 2 written to a cache, and 17 embedded.
fn widget() -> Vec<UseGroup> {
    let completion = UseSums {
        requests: 1,
        prompts: 1,
        tool_calls: 2,
        input: 5,
        output: 6,
        cache_read: 1,
        cache_write: 2,
        cost: Money::from_nanos(220_000),
        duration_ms: 1_500,
    };
    let embedded = UseSums {
        requests: 1,
        input: 17,
        cost: Money::from_nanos(340),
        duration_ms: 500,
        ..UseSums::default()
    };
    vec![
        group("2026-01-30", "m", UsageKind::Completion, completion),
        group("2026-01-30", "e", UsageKind::Embedding, embedded),
    ]
}

fn statistics(window: Window, groups: Vec<UseGroup>, book: Option<PriceBook>) -> Statistics {
    let earliest = groups.iter().filter_map(|group| group.day).min();
    Statistics::new(window.resolve(earliest, at("2026-01-30T12:00:00Z")), groups, book)
}

fn shown(cost: &EstimatedCost) -> [String; 4] {
    [cost.input, cost.output, cost.embedding, cost.total].map(|money| money.to_string())
}

#[test]
fn the_token_widget_adds_up_and_costs_what_was_booked() {
    let statistics = statistics(Window::Week, widget(), Some(book(rates(5.0, 30.0, Some(0.02)), &[])));
    let totals = statistics.totals();
    assert_eq!((totals.completion, totals.completion_input, totals.completion_output), (14, 8, 6));
    assert_eq!((totals.embedding, totals.total, totals.input, totals.output), (17, 31, 22, 6));
    assert_eq!((totals.requests, totals.prompts, totals.tool_calls), (2, 1, 2));
    assert_eq!(statistics.duration_ms(), 2_000);
    let cost = statistics.cost().unwrap();
    assert_eq!(shown(&cost), ["0.00004", "0.00018", "0.00000034", "0.00022034"]);
    assert_eq!(cost.rates, rates(5.0, 30.0, Some(0.02)));
}

#[test]
fn every_day_of_a_week_is_there() {
    let mut groups = widget();
    groups.push(group(
        "2026-01-28",
        "m",
        UsageKind::Completion,
        UseSums { requests: 3, ..UseSums::default() },
    ));
    let statistics = statistics(Window::Week, groups, Some(book(rates(5.0, 30.0, None), &[])));
    let daily = statistics.daily();
    let days: Vec<String> = daily.iter().map(|daily| daily.day.to_string()).collect();
    assert_eq!((days.len(), &*days[0], &*days[6]), (7, "2026-01-24", "2026-01-30"));
    assert_eq!(
        (daily[4].totals.requests, daily[6].totals.total, daily[5].totals),
        (3, 31, UsageTotals::default())
    );
    let costly: Vec<bool> = daily.iter().map(|daily| daily.cost.is_some()).collect();
    assert_eq!(costly, [false, false, false, false, true, false, true], "where there were calls");
}

#[test]
fn all_time_counts_from_the_first_call() {
    let first =
        group("2026-01-02", "m", UsageKind::Completion, UseSums { requests: 1, ..UseSums::default() });
    let with_one = statistics(Window::All, vec![first], None);
    assert_eq!((with_one.daily().len(), with_one.cost()), (29, None));

    let nothing = statistics(Window::All, vec![], Some(book(rates(5.0, 30.0, None), &[])));
    assert_eq!((nothing.daily(), nothing.period.starts_at), (vec![], nothing.period.ends_at));
    assert_eq!((nothing.cost_of_totals(), nothing.cost().map(|cost| cost.total)), (None, Some(Money::ZERO)));
    let quiet = statistics(Window::Week, vec![], Some(book(rates(5.0, 30.0, None), &[])));
    assert_eq!((quiet.cost_of_totals().map(|cost| cost.total), quiet.daily().len()), (Some(Money::ZERO), 7));
}

#[test]
fn breakdowns_are_sorted_named_and_short() {
    let sums = |requests, input| UseSums { requests, input, ..UseSums::default() };
    let groups = [
        ("b", sums(1, 10)),
        ("a", sums(1, 10)),
        ("c", sums(2, 10)),
        (" ", sums(1, 50)),
        ("", sums(1, 50)),
        ("nothing", sums(0, 0)),
        ("calls", sums(9, 0)),
        ("last", sums(1, 0)),
    ];
    let groups = groups.map(|(model, sums)| group("2026-01-30", model, UsageKind::Completion, sums)).to_vec();
    let statistics = statistics(Window::Week, groups, None);
    let top = statistics.top(Dimension::Model);
    let names: Vec<&str> = top.iter().map(|entry| &*entry.name).collect();
    assert_eq!(names, ["unknown", "c", "a", "b", "calls"]);
    assert_eq!((top[0].requests, top[0].total, top[0].cost), (2, 100, None));
    assert_eq!(statistics.top(Dimension::Provider).len(), 1);
    assert_eq!(statistics.top(Dimension::ProviderKind)[0].name, "openai");
}

#[test]
fn an_entry_shows_the_rates_of_its_first_model() {
    let own = rates(1.0, 2.0, None);
    let book = book(rates(5.0, 30.0, None), &[("main", "m", own)]);
    let statistics = statistics(Window::Week, widget(), Some(book));
    let top = statistics.top(Dimension::Provider);
    let cost = top[0].cost.unwrap();
    assert_eq!((cost.rates, cost.total.to_string()), (own, "0.00022034".to_owned()));
    // What was booked stays, split as today's price of the model would have it; without a price of its
    // own, what is embedded is input.
    assert_eq!((cost.embedding, cost.input.plus(cost.output)), (Money::ZERO, cost.total));
    assert_eq!(cost.output.as_nanos(), 220_000 - 220_000 * 8 / 20);
}

#[test]
fn people_of_one_name_stay_apart_and_those_without_are_their_id() {
    let owner = |last: u8| format!("018f4e6e-0000-7000-8000-00000000000{last}").parse::<AccountId>().unwrap();
    let of = |last, names: [&str; 3], input| IdentityUse {
        owner: owner(last),
        name: names[0].into(),
        username: names[1].into(),
        email: names[2].into(),
        group: group(
            "2026-01-30",
            "m",
            UsageKind::Completion,
            UseSums { requests: 1, input, ..UseSums::default() },
        ),
    };
    let uses = [
        of(1, ["Ada", "a", "a@x"], 1),
        of(2, ["Ada", "b", "b@x"], 5),
        of(1, ["Ada", "a", "a@x"], 1),
        of(3, ["", "carl", "c@x"], 4),
        of(4, [" ", "", "d@x"], 3),
        of(5, ["", "", ""], 1),
        of(6, ["Zoe", "", ""], 0),
    ];
    let named: Vec<(String, u64)> =
        top_identities(&uses, None).into_iter().map(|entry| (entry.name, entry.total)).collect();
    let expected = [("Ada", 5), ("carl", 4), ("d@x", 3), ("Ada", 2), (&*owner(5).to_string(), 1)];
    assert_eq!(named, expected.map(|(name, total)| (name.to_owned(), total)));
}
