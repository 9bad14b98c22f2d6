//! Prices calls with the bundled table, and with one of your own.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use promptgate_usage::{PriceTable, TokenCounts};

fn main() {
    let table = PriceTable::bundled();
    println!("prices of {}, {} rows", table.version(), table.rows().len());
    // Disjoint classes: what was read from the cache is not counted as input again.
    let counts = TokenCounts { input: 1_200, cache_read: 8_000, output: 350, ..TokenCounts::default() };
    for (kind, model) in
        [("openai", "gpt-4o"), ("anthropic", "claude-sonnet-4-20250514"), ("ollama", "somebody-elses")]
    {
        let priced = table.price(kind, model, &counts);
        println!("{model}: ${} for {} tokens ({})", priced.cost, counts.total(), priced.basis.as_str());
    }
}
