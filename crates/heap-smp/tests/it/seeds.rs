//! The kept inputs of the fuzz target `smp`, once more.

use std::path::Path;

use crate::fuzzed::replay;

#[test]
fn kept_inputs_of_the_fuzzer_have_no_finding() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/smp");
    let inputs = std::fs::read_dir(folder).expect("it is part of the repository");
    let bytes = inputs.map(|entry| std::fs::read(entry.expect("readable").path()).expect("readable"));
    let (count, steps) = bytes.fold((0, 0), |(count, steps), bytes| (count + 1, steps + replay(&bytes)));
    assert!(count >= 100 && steps >= 10_000, "{count} inputs of {steps} steps");
}
