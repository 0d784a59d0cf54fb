//! The kept inputs of the fuzz target `debug`, once more.

use std::path::Path;

use crate::client::replay;

/// Programs for each of the client's settings.
#[test]
fn kept_inputs_of_the_fuzzer_have_no_finding() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/debug");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("it is part of the repository") {
        replay(&std::fs::read(entry.expect("readable").path()).expect("readable"));
        count += 1;
    }
    assert!(count >= 10, "{count} inputs");
}
