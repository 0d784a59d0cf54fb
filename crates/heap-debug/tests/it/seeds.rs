//! The kept inputs of the fuzz target `debug`, once more.

use std::path::Path;

use crate::client::replay;

/// A minimised corpus: each input reaches code, or reaches it so often, as no smaller one does.
#[test]
fn kept_inputs_of_the_fuzzer_have_no_finding() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/debug");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("it is part of the repository") {
        replay(&std::fs::read(entry.expect("readable").path()).expect("readable"));
        count += 1;
    }
    assert!(count >= 100, "{count} inputs");
}
