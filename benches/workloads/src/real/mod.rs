//! The real programs: crates that people use, doing what people use them for.

mod json;
mod table;
mod syn_parse;
mod template;
mod script;
mod patterns;
mod markdown;
mod rpc;
mod editor;
mod search;
mod store;
mod history;
mod spatial;
mod graph;
mod datalog;
mod egraph;
mod solver;
mod cache;
mod server;
mod tasks;
mod channel;
mod trees;
mod buffers;
mod frames;
mod matrix;
mod image;
mod compress;

use crate::workload::Workload;

/// All real workloads, in the order of the report.
pub(crate) fn list() -> Vec<Workload> {
    let real = Workload::real;
    vec![
        real("json", json::prepare, "serde_json: parse a large document, change it, write it"),
        real("table", table::prepare, "csv and indexmap: parse a table, group, join, sort and write it"),
        real("syn", syn_parse::prepare, "syn: parse Rust sources, walk the trees, print them as tokens"),
        real(
            "template",
            template::prepare,
            "minijinja: pages rendered from templates, each with its own context",
        ),
        real("script", script::prepare, "rhai: a script's strings, arrays, maps and closures"),
        real(
            "markdown",
            markdown::prepare,
            "pulldown-cmark and scraper: documents rendered, parsed and searched",
        ),
        real("rpc", rpc::prepare, "prost: nested messages encoded and decoded"),
        real("editor", editor::prepare, "ropey: edits with snapshots, then all of them undone"),
        real("patterns", patterns::prepare, "regex and aho-corasick: patterns compiled, used and dropped"),
        real("search", search::prepare, "fst and roaring: a full-text index built and queried"),
        real("store", store::prepare, "redb: a transactional key-value store in memory"),
        real("history", history::prepare, "rpds: persistent maps, the last 6,000 versions kept"),
        real("spatial", spatial::prepare, "rstar: an R*-tree loaded, changed and searched"),
        real("graph", graph::prepare, "petgraph: shortest ways, components, a spanning tree"),
        real("datalog", datalog::prepare, "datafrog: a pointer analysis by Datalog rules"),
        real("egraph", egraph::prepare, "egg: equality saturation of a sum"),
        real("solver", solver::prepare, "batsat: satisfiability problems"),
        real("cache", cache::prepare, "moka: a bounded cache shared by four threads").threads(4),
        real("server", server::prepare, "httparse and dashmap: one short-lived thread per connection")
            .threads(5),
        real("tasks", tasks::prepare, "tokio: actors and very many short tasks on four workers").threads(4),
        real("channel", channel::prepare, "crossbeam: messages made in two threads, freed in two others")
            .threads(4),
        real("trees", trees::prepare, "rayon: trees built, searched and freed by four threads").threads(4),
        real("buffers", buffers::prepare, "many Vec, String and BytesMut that grow at the same time"),
        real("frames", frames::prepare, "buffers of 64 KiB to 8 MiB that come and go"),
        real("matrix", matrix::prepare, "ndarray: formulas with temporaries of 64 KiB to 4 MiB"),
        real("image", image::prepare, "png: pictures encoded, decoded, scaled"),
        real("compress", compress::prepare, "flate2 and lz4_flex: a fresh codec for each message"),
    ]
}
