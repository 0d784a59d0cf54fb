//! Tests with shell scripts in the place of a child.
use super::*;

const LONG: Duration = Duration::from_secs(60);

/// A shell that runs `script`; what a child is told are its words `$1` and so on.
fn shell(script: &str) -> Command {
    let mut command = clean(Path::new("sh"));
    command.args(["-c", script, "child"]);
    command
}

fn run_script(script: &str, limit: Duration) -> Result<Sample, String> {
    sample(with_arguments(shell(script), "parse", 0.5, 100), limit)
}

#[test]
fn the_line_of_a_good_run_is_read() {
    let line = r#"echo "some other line"
echo '{"allocator":"x","workload":"'$2'","ok":true,"check":"","wall_ns":7,"cpu_ns":8,"peak_rss_kib":9,'\
'"rss_after_free_kib":3,"start_rss_kib":2,"minor_faults":5,"major_faults":1,"ops":'$6'}'"#;
    let sample = run_script(line, LONG).unwrap();
    assert_eq!((sample.wall_ns, sample.cpu_ns, sample.peak_rss_kib, sample.minor_faults), (7, 8, 9, 5));
    assert_eq!(sample.ops, 100, "the idle time was not passed as the sixth word");
}

#[test]
fn a_failed_check_is_told_with_its_words() {
    let line =
        r#"echo '{"ok":false,"check":"7 keys, not 8","wall_ns":1,"cpu_ns":1,"peak_rss_kib":1}'; exit 1"#;
    assert_eq!(run_script(line, LONG), Err("check failed: 7 keys, not 8".to_owned()));
}

#[test]
fn a_crash_is_told_with_its_last_line() {
    let failure = run_script("echo 'free(): invalid pointer' >&2; kill -ABRT $$", LONG).unwrap_err();
    assert!(failure.contains("signal: 6") && failure.ends_with("free(): invalid pointer"), "{failure}");
}

#[test]
fn a_bad_exit_code_is_a_failure_even_after_a_good_line() {
    let line = r#"echo '{"ok":true,"wall_ns":1,"cpu_ns":1,"peak_rss_kib":1}'; exit 3"#;
    assert_eq!(run_script(line, LONG), Err("exit status: 3: it said nothing".to_owned()));
}

#[test]
fn silence_is_a_failure() {
    assert_eq!(run_script("true", LONG), Err("no line of results".to_owned()));
}

#[test]
fn a_child_that_never_ends_is_ended() {
    assert_eq!(run_script("exec sleep 600", Duration::ZERO), Err("not done after 0 s".to_owned()));
}

#[test]
fn the_environment_of_the_user_does_not_reach_the_child() {
    let seen = finish(clean(Path::new("env")), LONG).unwrap().stdout;
    assert!(seen.contains("PATH=") && !seen.contains("CARGO"), "{seen}");
}

#[test]
fn the_list_of_workloads_is_read() {
    let script = r#"echo '[{"name":"parse","suite":"real","threads":2,"what":"parses"}]'"#;
    let workloads = workloads(shell(script)).unwrap();
    assert_eq!((workloads[0].name.as_str(), workloads[0].threads), ("parse", 2));
}
