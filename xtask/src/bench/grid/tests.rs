//! Tests of what the tables say.
use super::super::fixture;
use super::super::record::InstructionCount;
use super::*;

fn texts(row: &[Entry]) -> Vec<&str> {
    row.iter().map(|entry| entry.text.as_str()).collect()
}

#[test]
fn the_overview_has_the_fastest_first() {
    let record = fixture::record();
    let grid = overview(&Summary::of(&record));
    assert!(
        grid.title.contains("2 real programs") && grid.title.contains("mimalloc v3 = 1"),
        "{}",
        grid.title
    );
    let names: Vec<&str> = grid.rows.iter().map(|row| row[0].text.as_str()).collect();
    assert_eq!(names, ["heap-smp", "jemalloc", "mimalloc v3", "system"]);
    // time and CPU sqrt(1/2 * 1), peak sqrt(1/2 * 1), a quarter kept, to best sqrt(1/2 * 2), micro 15/30.
    assert_eq!(
        texts(&grid.rows[0]),
        ["heap-smp", "0.71", "2.0 %", "0.71", "0.71", "0.71", "0.71", "25.0 %", "1.00", "0.50"]
    );
    assert_eq!((grid.rows[0][0].tone, grid.rows[0][1].tone), (Tone::Ours, Tone::Best));
    assert_eq!(grid.rows[3][1], Entry::new("2.45", Tone::Plain));
}

#[test]
fn each_workload_shows_ratios_and_what_the_reference_took() {
    let record = fixture::record();
    let grid = per_workload(&Summary::of(&record), Metric::Wall, Kind::Real);
    assert_eq!(grid.head, ["", "heap-smp", "to best", "system", "mimalloc v3", "jemalloc"]);
    assert_eq!(texts(&grid.rows[0]), ["parse", "0.50", "0.50", "2.00", "200 ms", "1.25"]);
    assert_eq!(grid.rows[0][1].tone, Tone::Best);
    assert_eq!(texts(&grid.rows[1]), ["serve", "1.00", "2.00", "3.00", "100 ms", "0.50"]);
    assert_eq!(texts(&grid.rows[2]), ["geometric mean", "0.71", "1.00", "2.45", "1.00", "0.79"]);
}

#[test]
fn a_failed_check_is_seen_and_marks_the_mean() {
    let record = fixture::with_failure("jemalloc", "parse");
    let grid = per_workload(&Summary::of(&record), Metric::Peak, Kind::Real);
    assert_eq!(grid.rows[0][5], Entry::new("failed", Tone::Bad));
    assert_eq!(grid.rows[2][5].text, "2.00*");
}

#[test]
fn without_the_reference_the_measured_value_stands() {
    let record = fixture::with_failure("mimalloc-v3", "parse");
    let grid = per_workload(&Summary::of(&record), Metric::Wall, Kind::Real);
    assert_eq!(texts(&grid.rows[0]), ["parse", "100 ms", "0.40", "400 ms", "failed", "250 ms"]);
}

#[test]
fn a_session_of_micro_workloads_alone_has_an_overview_too() {
    let mut record = fixture::record();
    record.runs.retain(|run| run.workload == "pairs");
    let grid = overview(&Summary::of(&record));
    assert!(grid.title.contains("1 micro workload,"), "{}", grid.title);
    assert_eq!(texts(&grid.rows[0])[..2], ["heap-smp", "0.50"]);
    assert_eq!(grid.head.len(), grid.rows[0].len());
}

#[test]
fn instructions_are_a_table_of_their_own() {
    let mut record = fixture::record();
    assert_eq!(instructions(&Summary::of(&record)), None);
    let count = |allocator: &str, per_op| InstructionCount {
        allocator: allocator.to_owned(),
        workload: "pairs".to_owned(),
        per_op,
        failure: None,
    };
    record.instructions =
        vec![count("system", Some(101.0)), count("heap-smp", Some(24.5)), count("jemalloc", None)];
    let grid = instructions(&Summary::of(&record)).unwrap();
    assert_eq!(texts(&grid.rows[0]), ["pairs", "24.5", "101", "–"]);
}

#[test]
fn suites_of_crates_are_tables_of_cases() {
    let case = |suite: &str, case: &str, subject: &str, ns| Case {
        suite: suite.to_owned(),
        case: case.to_owned(),
        subject: subject.to_owned(),
        ns,
        ratio: ns.filter(|&ns| ns == 2.5),
        instructions: Some(16.0),
        mib: ns.filter(|&ns| ns == 1.0),
        mib_ratio: None,
    };
    let cases = [
        case("arena", "8 B", "Arena", Some(1.5)),
        case("arena", "8 B", "bumpalo", Some(2.5)),
        case("arena", "64 B", "Arena", None),
        case("pool", "create", "Pool", Some(1.0)),
    ];
    let grids = crate_suites(&cases);
    assert_eq!(grids.iter().map(|grid| grid.rows.len()).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(texts(&grids[0].rows[0]), ["8 B", "1.50 ns, 16.0 instr", "2.50 ns ×2.50, 16.0 instr"]);
    assert_eq!(texts(&grids[1].rows[0]), ["create", "1.00 ns, 16.0 instr, 1.00 MiB"]);
    assert_eq!(texts(&grids[0].rows[1]), ["64 B", "16.0 instr", "–"]);
}

#[test]
fn a_mean_of_a_crates_suite_has_ratios_only() {
    let (suite, case, subject) = ("debug".to_owned(), "mean".to_owned(), "ASan".to_owned());
    let (ns, instructions, mib) = (None, None, None);
    let mean = Case { suite, case, subject, ns, ratio: Some(5.0), instructions, mib, mib_ratio: Some(8.125) };
    assert_eq!(texts(&crate_suites(&[mean])[0].rows[0]), ["mean", "time ×5.00, memory ×8.12"]);
}
