//! Tests of the plan.
use super::*;

fn workload(name: String, suite: Kind) -> Workload {
    Workload { name, suite, threads: 1, what: String::new() }
}

fn listed() -> Vec<Workload> {
    let real = (0..4).map(|n| workload(format!("real-{n}"), Kind::Real));
    real.chain((0..20).map(|n| workload(format!("micro-{n}"), Kind::Micro))).collect()
}

fn names(chosen: &[Workload]) -> Vec<&str> {
    chosen.iter().map(|workload| workload.name.as_str()).collect()
}

#[test]
fn every_round_has_everyone_once_and_starts_elsewhere() {
    for count in 1..6 {
        for round in 0..12 {
            let mut order = order(round, count);
            order.sort_unstable();
            assert_eq!(order, (0..count).collect::<Vec<_>>());
        }
    }
    assert_eq!(order(0, 3), [0, 1, 2]);
    assert_eq!(order(1, 3), [0, 2, 1]);
    assert_eq!(order(2, 3), [2, 0, 1]);
    assert!(order(0, 0).is_empty());
}

#[test]
fn a_quick_session_keeps_all_real_programs_and_samples_the_rest() {
    let chosen = choose(listed(), &BenchArgs { quick: true, ..BenchArgs::default() }).unwrap();
    assert_eq!(chosen.iter().filter(|workload| workload.suite == Kind::Real).count(), 4);
    assert_eq!(chosen.iter().filter(|workload| workload.suite == Kind::Micro).count(), QUICK_MICRO);
    assert_eq!(chosen.last().unwrap().name, "micro-19");
}

#[test]
fn a_suite_or_a_name_narrows_the_choice() {
    let micro = BenchArgs { quick: true, suite: vec![Suite::Micro], ..BenchArgs::default() };
    assert_eq!(choose(listed(), &micro).unwrap().len(), 20);
    let only = BenchArgs { only: vec!["micro-7".to_owned(), "real-1".to_owned()], ..BenchArgs::default() };
    assert_eq!(names(&choose(listed(), &only).unwrap()), ["real-1", "micro-7"]);
}

#[test]
fn an_unknown_workload_is_refused_with_the_list() {
    let only = BenchArgs { only: vec!["nonsense".to_owned()], ..BenchArgs::default() };
    let error = choose(listed(), &only).unwrap_err().to_string();
    assert!(error.contains("nonsense") && error.contains("real-3"), "{error}");
}

#[test]
fn a_quick_session_fits_its_time() {
    let pilots = vec![Pilot { kind: Kind::Real, fixed: 0.02, work: 1.0 }; 20];
    for subjects in [2, 6, 12] {
        let mut plan = Plan::of(&BenchArgs { quick: true, ..BenchArgs::default() });
        plan.fit(&pilots, subjects, QUICK_SECONDS);
        let work: f64 = pilots.iter().map(|pilot| pilot.seconds(plan.scale)).sum();
        let idle = 20.0 * plan.idle_ms as f64 / 1e3;
        let seconds = (work * f64::from(plan.rounds) + idle) * subjects as f64;
        assert!(seconds <= QUICK_SECONDS, "{subjects} subjects: {plan:?} takes {seconds} s");
        assert!(plan.rounds >= 1 && plan.scale >= 0.2, "{subjects} subjects: {plan:?}");
    }
}

#[test]
fn a_quick_session_of_little_work_is_run_at_full_size() {
    let mut plan = Plan::of(&BenchArgs { quick: true, ..BenchArgs::default() });
    plan.fit(&[Pilot { kind: Kind::Micro, fixed: 0.01, work: 0.1 }], 3, QUICK_SECONDS);
    assert_eq!((plan.rounds, plan.scale), (3, 1.0));
}

#[test]
fn a_quick_session_gives_up_rounds_before_size() {
    let mut plan = Plan::of(&BenchArgs { quick: true, ..BenchArgs::default() });
    plan.fit(&vec![Pilot { kind: Kind::Real, fixed: 0.05, work: 1.2 }; 20], 12, QUICK_SECONDS);
    assert_eq!(plan.rounds, 1);
    assert!(plan.scale > QUICK_SCALE);
}

#[test]
fn only_real_programs_wait_and_only_in_the_first_rounds() {
    let plan = Plan::of(&BenchArgs { full: true, ..BenchArgs::default() });
    assert_eq!((plan.rounds, plan.scale), (10, 1.0));
    assert_eq!(
        [plan.idle(0, Kind::Real), plan.idle(2, Kind::Real), plan.idle(3, Kind::Real)],
        [1000, 1000, 0]
    );
    assert_eq!(plan.idle(0, Kind::Micro), 0);
}

#[test]
fn two_pilots_tell_what_depends_on_the_size() {
    let pilot = Pilot::of(Kind::Real, [0.4, 0.6], 0.1);
    assert!((pilot.work - 2.0).abs() < 1e-9 && (pilot.fixed - 0.3).abs() < 1e-9, "{pilot:?}");
    assert!((pilot.seconds(1.0) - 2.3).abs() < 1e-9);
}

#[test]
fn a_disturbed_pilot_still_counts_its_work() {
    let pilot = Pilot::of(Kind::Real, [2.0, 0.6], 0.3);
    assert!((pilot.work - 2.0).abs() < 1e-9 && (pilot.fixed - 0.3).abs() < 1e-9, "{pilot:?}");
}
