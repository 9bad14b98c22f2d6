//! What the fuzzers check, over their committed corpora and what they once found.

use std::fs;
use std::path::Path;

#[path = "../../fuzz/src/checks.rs"]
mod checks;

#[test]
fn the_corpora_hold() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut inputs = 0;
    for corpus in fs::read_dir(corpora).expect("corpora") {
        let corpus = corpus.expect("a corpus");
        let target = corpus.file_name().into_string().expect("a name");
        for input in fs::read_dir(corpus.path()).expect("inputs") {
            let input = input.expect("an input").path();
            checks::run(&target, &fs::read(&input).expect("bytes"));
            inputs += 1;
        }
    }
    assert!(inputs >= 40, "the corpora are gone");
}
