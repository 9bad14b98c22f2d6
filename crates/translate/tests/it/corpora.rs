//! What the fuzzers check, over their committed corpora and what they once found.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/checks.rs"]
mod checks;

#[test]
fn the_corpora_hold() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for target in fs::read_dir(fuzz.join("fuzz_targets")).expect("targets") {
        let target = target.expect("a target").path();
        let target = target.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let mut inputs = 0;
        for input in fs::read_dir(fuzz.join("corpus").join(target)).expect("a corpus of every target") {
            checks::run(target, &fs::read(input.expect("an input").path()).expect("bytes"));
            inputs += 1;
        }
        assert!(inputs >= 3, "the corpus of {target} is gone");
    }
}
