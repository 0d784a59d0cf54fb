//! Tests of the summary on a session with known figures.
use super::super::fixture;
use super::super::record::Sample;
use super::*;

fn near(left: Option<f64>, right: f64) {
    let left = left.unwrap();
    assert!((left - right).abs() < 1e-9, "{left} is not {right}");
}

#[test]
fn medians_are_taken_over_the_rounds() {
    let record = fixture::record();
    let summary = Summary::of(&record);
    let spread = summary.spread(Metric::Wall, "system", "parse").unwrap();
    assert_eq!((spread.min, spread.median, spread.max, spread.runs), (398e6, 400e6, 402e6, 3));
    assert_eq!(summary.median(Metric::Cpu, "jemalloc", "serve"), Some(100e6));
    assert_eq!(summary.median(Metric::Faults, "jemalloc", "serve"), Some(1600.0));
    assert_eq!(summary.per_op("mimalloc-v3", "pairs"), Some(30.0));
}

#[test]
fn memory_after_freeing_counts_only_the_runs_that_waited() {
    let record = fixture::record();
    let spread = Summary::of(&record).spread(Metric::Idle, "system", "parse").unwrap();
    assert_eq!((spread.median, spread.runs), (50.0 * 256.0, 1));
    near(Summary::of(&record).kept("system"), 0.25);
}

#[test]
fn ours_comes_first_and_mimalloc_is_the_reference() {
    let record = fixture::record();
    let summary = Summary::of(&record);
    assert_eq!(summary.allocators, ["heap-smp", "system", "mimalloc-v3", "jemalloc"]);
    assert_eq!(summary.reference, "mimalloc-v3");
}

#[test]
fn geometric_means_are_apart_for_real_and_micro() {
    let record = fixture::record();
    let summary = Summary::of(&record);
    let mean = summary.mean(Metric::Wall, "system", Kind::Real).unwrap();
    assert_eq!((mean.over, mean.of), (2, 2));
    near(Some(mean.ratio), (2.0_f64 * 3.0).sqrt());
    near(summary.mean(Metric::Wall, "system", Kind::Micro).map(|mean| mean.ratio), 3.0);
    near(summary.mean(Metric::Peak, "heap-smp", Kind::Real).map(|mean| mean.ratio), 0.5_f64.sqrt());
    near(summary.mean(Metric::Wall, "mimalloc-v3", Kind::Real).map(|mean| mean.ratio), 1.0);
}

#[test]
fn the_best_other_is_never_oneself() {
    let record = fixture::record();
    let summary = Summary::of(&record);
    assert_eq!(summary.best_other(Metric::Wall, "heap-smp", "parse"), Some(("mimalloc-v3", 200e6)));
    assert_eq!(summary.best_other(Metric::Wall, "jemalloc", "parse"), Some(("heap-smp", 100e6)));
    near(summary.to_best_other(Metric::Wall, "heap-smp", "parse"), 0.5);
    near(summary.to_best_other(Metric::Wall, "heap-smp", "serve"), 2.0);
    near(summary.mean_to_best_other(Metric::Wall, "heap-smp", Kind::Real).map(|mean| mean.ratio), 1.0);
}

#[test]
fn a_missing_reference_is_replaced_by_the_system() {
    let record = fixture::without("mimalloc-v3");
    let summary = Summary::of(&record);
    assert_eq!(summary.reference, "system");
    near(summary.mean(Metric::Wall, "system", Kind::Real).map(|mean| mean.ratio), 1.0);
    assert_eq!(summary.mean(Metric::Wall, "mimalloc-v3", Kind::Real), None);
}

#[test]
fn a_failed_check_takes_all_figures_of_the_pair_away() {
    let record = fixture::with_failure("system", "parse");
    let summary = Summary::of(&record);
    assert!(summary.failed("system", "parse"));
    assert!(!summary.failed("system", "serve"));
    assert_eq!(summary.spread(Metric::Wall, "system", "parse"), None);
    let mean = summary.mean(Metric::Wall, "system", Kind::Real).unwrap();
    assert_eq!((mean.over, mean.of, mean.complete()), (1, 2, false));
    near(Some(mean.ratio), 3.0);
}

#[test]
fn a_workload_that_the_reference_failed_has_no_ratios() {
    let record = fixture::with_failure("mimalloc-v3", "parse");
    let summary = Summary::of(&record);
    assert_eq!(summary.ratio(Metric::Wall, "heap-smp", "parse"), None);
    assert_eq!(summary.mean(Metric::Wall, "heap-smp", Kind::Real).map(|mean| mean.over), Some(1));
}

#[test]
fn noise_is_the_distance_between_equal_subjects() {
    let record = fixture::record();
    let noise = Summary::of(&record).noise(Metric::Wall, Kind::Real).unwrap();
    assert_eq!((noise.allocator.as_str(), noise.worst_workload.as_str()), ("heap-smp", "parse"));
    near(Some(noise.worst), 1.1);
    near(Some(noise.typical), 1.1_f64.sqrt());
    near(Some(noise.of_mean), 1.1_f64.sqrt());
}

#[test]
fn without_a_second_subject_there_is_no_noise() {
    let mut record = fixture::record();
    record.runs.retain(|run| !run.again);
    assert_eq!(Summary::of(&record).noise(Metric::Wall, Kind::Real), None);
}

#[test]
fn an_empty_session_has_no_figures_and_does_not_fail() {
    let mut record = fixture::record();
    record.runs.clear();
    let summary = Summary::of(&record);
    assert!(summary.allocators.is_empty());
    assert!(summary.workloads(Kind::Real).is_empty());
    assert_eq!(summary.mean(Metric::Wall, "heap-smp", Kind::Real), None);
}

#[test]
fn another_clock_ranks_by_its_own_figures() {
    let mut record = fixture::record();
    for run in record.runs.iter_mut().filter(|run| run.allocator == "jemalloc") {
        run.sample = run.sample.map(|sample| Sample { cpu_ns: sample.cpu_ns / 100, ..sample });
    }
    let summary = Summary::of(&record).by(Metric::Cpu);
    assert_eq!(summary.time_word(), "CPU time");
    assert_eq!(summary.best_other(summary.time, "heap-smp", "parse").unwrap().0, "jemalloc");
    assert_eq!(summary.per_op("mimalloc-v3", "pairs"), Some(60.0));
}

#[test]
fn waiting_for_a_core_is_the_time_without_cpu() {
    let mut record = fixture::record();
    assert_eq!(Summary::of(&record).waiting(), Some(0.0));
    for run in &mut record.runs {
        run.sample = run.sample.map(|sample| Sample { cpu_ns: sample.wall_ns / 4 * 3, ..sample });
    }
    near(Summary::of(&record).waiting(), 0.25);
    record.workloads.iter_mut().for_each(|workload| workload.threads = 4);
    assert_eq!(Summary::of(&record).waiting(), None);
}
