//! egg: equality saturation of a sum under commutativity and associativity.
//!
//! Millions of small vectors and sets that merge into each other, hash tables of hundreds of thousands of entries.

use std::time::Duration;

use egg::{RecExpr, Rewrite, Runner, SimpleScheduler, SymbolLang, rewrite};

use crate::workload::{Job, Outcome, Scale};

/// Terms of the sum at scale 1. One more is three times the work.
const TERMS: i32 = 10;

pub(crate) fn prepare(scale: Scale) -> Job {
    // The work is about 3^terms.
    let terms = (scale.at_least(3_usize.pow(TERMS as u32), 81) as f64).log(3.0).round() as u32;
    Box::new(move || {
        let Ok(start) = sum(0, terms).parse::<RecExpr<SymbolLang>>() else {
            return Outcome { ok: false, check: "not an expression".to_owned(), ops: 0 };
        };
        let rules: [Rewrite<SymbolLang, ()>; 2] = [
            rewrite!("commute"; "(+ ?a ?b)" => "(+ ?b ?a)"),
            rewrite!("associate"; "(+ ?a (+ ?b ?c))" => "(+ (+ ?a ?b) ?c)"),
        ];
        let runner = Runner::default()
            .with_expr(&start)
            .with_scheduler(SimpleScheduler)
            .with_iter_limit(100)
            .with_node_limit(10_000_000)
            .with_time_limit(Duration::from_secs(3_600))
            .run(&rules);
        let (classes, nodes) = (runner.egraph.number_of_classes(), runner.egraph.total_number_of_nodes());
        // A class for each non-empty set of terms, a node for each way to split a set in two, left and right.
        let sets = 2_usize.pow(terms) - 1;
        let splits = 3_usize.pow(terms) - 2_usize.pow(terms + 1) + 1;
        let ok = classes == sets && nodes == splits + terms as usize;
        Outcome { ok, check: format!("classes={classes} nodes={nodes}"), ops: nodes as u64 }
    })
}

/// The sum of the terms from `first` to `last - 1`, nested to the right.
fn sum(first: u32, last: u32) -> String {
    if first + 1 == last { format!("x{first}") } else { format!("(+ x{first} {})", sum(first + 1, last)) }
}
