//! What the fuzzers check, over their committed corpora and what they once found.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/checks.rs"]
mod checks;

#[test]
fn the_corpora_hold() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for target in ["texts", "stream_texts"] {
        let mut inputs = 0;
        for input in fs::read_dir(corpora.join(target)).expect("a corpus of every target") {
            checks::run(target, &fs::read(input.expect("an input").path()).expect("bytes"));
            inputs += 1;
        }
        assert!(inputs >= 3, "the corpus of {target} is gone");
    }
}
