//! The real programs: crates that people use, doing what people use them for.

mod json;
mod syn_parse;
mod buffers;
mod channel;

use crate::workload::Workload;

/// All real workloads, in the order of the report.
pub(crate) fn list() -> Vec<Workload> {
    vec![
        Workload::real("json", json::prepare, "serde_json: parse a large document, change it, write it"),
        Workload::real(
            "syn",
            syn_parse::prepare,
            "syn: parse Rust sources, walk the trees, print them as tokens",
        ),
        Workload::real(
            "buffers",
            buffers::prepare,
            "many Vec, String and BytesMut that grow at the same time",
        ),
        Workload::real(
            "channel",
            channel::prepare,
            "crossbeam: messages made in two threads, freed in two others",
        )
        .threads(4),
    ]
}
