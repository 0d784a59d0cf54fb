//! The real programs: crates that people use, doing what people use them for. With the feature `some-real` alone, those
//! that build within a minute.

mod json;
#[cfg(feature = "real")]
mod table;
#[cfg(feature = "real")]
mod syn_parse;
#[cfg(feature = "real")]
mod template;
mod script;
#[cfg(feature = "real")]
mod patterns;
#[cfg(feature = "real")]
mod markdown;
mod rpc;
#[cfg(feature = "real")]
mod editor;
#[cfg(feature = "real")]
mod search;
#[cfg(feature = "real")]
mod store;
#[cfg(feature = "real")]
mod history;
#[cfg(feature = "real")]
mod spatial;
mod graph;
#[cfg(feature = "real")]
mod datalog;
#[cfg(feature = "real")]
mod egraph;
#[cfg(feature = "real")]
mod solver;
#[cfg(feature = "real")]
mod cache;
mod server;
#[cfg(feature = "real")]
mod tasks;
mod channel;
#[cfg(feature = "real")]
mod trees;
mod buffers;
mod frames;
mod matrix;
#[cfg(feature = "real")]
mod image;
#[cfg(feature = "real")]
mod compress;

use crate::workload::Workload;

/// All real workloads, in the order of the report.
pub(crate) fn list() -> Vec<Workload> {
    let real = Workload::real;
    [
        real("json", json::prepare, "serde_json: parse a large document, change it, write it"),
        #[cfg(feature = "real")]
        real("table", table::prepare, "csv and indexmap: parse a table, group, join, sort and write it"),
        #[cfg(feature = "real")]
        real("syn", syn_parse::prepare, "syn: parse Rust sources, walk the trees, print them as tokens"),
        #[cfg(feature = "real")]
        real(
            "template",
            template::prepare,
            "minijinja: pages rendered from templates, each with its own context",
        ),
        real("script", script::prepare, "rhai: a script's strings, arrays, maps and closures"),
        #[cfg(feature = "real")]
        real(
            "markdown",
            markdown::prepare,
            "pulldown-cmark and scraper: documents rendered, parsed and searched",
        ),
        real("rpc", rpc::prepare, "prost: nested messages encoded and decoded"),
        #[cfg(feature = "real")]
        real("editor", editor::prepare, "ropey: edits with snapshots, then all of them undone"),
        #[cfg(feature = "real")]
        real("patterns", patterns::prepare, "regex and aho-corasick: patterns compiled, used and dropped"),
        #[cfg(feature = "real")]
        real("search", search::prepare, "fst and roaring: a full-text index built and queried"),
        #[cfg(feature = "real")]
        real("store", store::prepare, "redb: a transactional key-value store in memory"),
        #[cfg(feature = "real")]
        real("history", history::prepare, "rpds: persistent maps, the last 6,000 versions kept"),
        #[cfg(feature = "real")]
        real("spatial", spatial::prepare, "rstar: an R*-tree loaded, changed and searched"),
        real("graph", graph::prepare, "petgraph: shortest ways, components, a spanning tree"),
        #[cfg(feature = "real")]
        real("datalog", datalog::prepare, "datafrog: a pointer analysis by Datalog rules"),
        #[cfg(feature = "real")]
        real("egraph", egraph::prepare, "egg: equality saturation of a sum"),
        #[cfg(feature = "real")]
        real("solver", solver::prepare, "batsat: satisfiability problems"),
        #[cfg(feature = "real")]
        real("cache", cache::prepare, "moka: a bounded cache shared by four threads").threads(4),
        real("server", server::prepare, "httparse and dashmap: one short-lived thread per connection")
            .threads(5),
        #[cfg(feature = "real")]
        real("tasks", tasks::prepare, "tokio: actors and very many short tasks on four workers").threads(4),
        real("channel", channel::prepare, "crossbeam: messages made in two threads, freed in two others")
            .threads(4),
        #[cfg(feature = "real")]
        real("trees", trees::prepare, "rayon: trees built, searched and freed by four threads").threads(4),
    ]
    .into_iter()
    .chain(of_large_blocks())
    .collect()
}

/// The last of them.
fn of_large_blocks() -> Vec<Workload> {
    let real = Workload::real;
    [
        real("buffers", buffers::prepare, "many Vec, String and BytesMut that grow at the same time"),
        real("frames", frames::prepare, "buffers of 64 KiB to 8 MiB that come and go"),
        real("matrix", matrix::prepare, "ndarray: formulas with temporaries of 64 KiB to 4 MiB"),
        #[cfg(feature = "real")]
        real("image", image::prepare, "png: pictures encoded, decoded, scaled"),
        #[cfg(feature = "real")]
        real("compress", compress::prepare, "flate2 and lz4_flex: a fresh codec for each message"),
    ]
    .to_vec()
}
