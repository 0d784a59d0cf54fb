//! Misuse ends a process, so each case runs in one of its own: this test binary again, asked for one case by name.

use std::process::Output;

use heap_test::itself;

/// Set to the name of a case in the child.
const CASE: &str = "HEAP_DEBUG_CASE";
/// Set by hand to write the messages anew, to be read before they are committed.
const BLESS: &str = "HEAP_DEBUG_BLESS";

/// Whether this process is the child that runs `name`.
pub(crate) fn is_child(name: &str) -> bool {
    std::env::var(CASE).is_ok_and(|case| case == name)
}

/// Runs the test that is called `test` in a child that knows it is to do `name`.
pub(crate) fn run(test: &str, name: &str) -> Output {
    let mut command = itself();
    command.args([test, "--exact", "--nocapture", "--test-threads=1", "--quiet"]);
    command.env(CASE, name).env("NO_COLOR", "1").env_remove(BLESS);
    command.output().expect("the test binary runs again")
}

/// What the child wrote to its standard error stream, with what differs from run to run left out: addresses are `ADDR`,
/// places in files are `FILE:LINE` with the file's name alone. Functions are as the older of the compiler's two ways to name
/// them in a program has them.
pub(crate) fn message(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    text.lines().map(|line| normalise(line) + "\n").collect()
}

fn normalise(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        if let Some(rest) = word.strip_prefix("0x") {
            let digits = rest.chars().take_while(char::is_ascii_hexdigit).count();
            return format!("ADDR{}", &rest[digits..]);
        }
        match word.split_once(".rs:") {
            Some((path, _)) => format!("{}.rs:LINE", path.rsplit('/').next().unwrap_or(path)),
            None => word.to_owned(),
        }
    });
    let line = words.collect::<Vec<_>>().join(" ");
    if let Some((place, function)) = line.split_once(".rs:LINE in ") {
        return format!("{place}.rs:LINE in {}", older_name(function));
    }
    // Source lines begin with their number.
    match line.split_once(" | ") {
        Some((number, source)) if number.trim().parse::<u32>().is_ok() => format!("LINE | {source}"),
        _ => line,
    }
}

/// A function's name as the older way has it: it numbers no closures, and says nothing of what a function is generic over.
pub(crate) fn older_name(name: &str) -> String {
    let parts = name.split("::").map(|part| match part.strip_prefix("{closure#") {
        Some(number) if number.trim_end_matches('}').bytes().all(|digit| digit.is_ascii_digit()) => {
            "{{closure}}"
        }
        _ => part,
    });
    let name = parts.collect::<Vec<_>>().join("::");
    let generic = name.ends_with('>').then(|| name.find("::<")).flatten();
    generic.map_or(name.clone(), |at| name[..at].to_owned())
}

/// Compares a message with the file of its name.
pub(crate) fn assert_message(name: &str, message: &str) {
    let path = format!("{}/tests/it/violations/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, message).expect("the message can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(message, expected, "\n{name} says:\n{message}\nand should say:\n{expected}");
}
