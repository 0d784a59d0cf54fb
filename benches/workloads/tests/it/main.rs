//! Every workload at a tiny scale.

use std::collections::HashSet;

use heap_workloads::{Scale, Suite, all, find};

const TINY: f64 = 0.001;

#[test]
fn every_workload_accepts_its_own_result() {
    for workload in all() {
        let outcome = workload.prepare(Scale::new(TINY))();
        assert!(outcome.ok, "{}: {}", workload.name, outcome.check);
        assert!(outcome.ops > 0, "{} did nothing", workload.name);
    }
}

#[test]
fn a_second_run_reports_the_same_check() {
    for workload in all() {
        let first = workload.prepare(Scale::new(TINY))();
        let second = workload.prepare(Scale::new(TINY))();
        assert_eq!(first, second, "{}", workload.name);
    }
}

#[test]
fn names_are_unique_and_fit_a_command_line() {
    let mut seen = HashSet::new();
    for workload in all() {
        assert!(seen.insert(workload.name), "{} twice", workload.name);
        assert!(workload.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        assert!(!workload.what.is_empty() && workload.threads >= 1, "{}", workload.name);
        assert_eq!(find(workload.name).map(|found| found.what), Some(workload.what));
    }
}

#[test]
fn more_scale_is_more_work() {
    for workload in all() {
        let less = workload.prepare(Scale::new(TINY))().ops;
        let more = workload.prepare(Scale::new(25.0 * TINY))().ops;
        assert!(more > less, "{}: {less} then {more}", workload.name);
    }
}

#[test]
fn all_suites_are_there() {
    for suite in
        [Suite::Real, Suite::Micro, Suite::Scale].into_iter().skip(usize::from(!cfg!(feature = "some-real")))
    {
        assert!(all().iter().any(|workload| workload.suite == suite), "no {}", suite.name());
    }
}
