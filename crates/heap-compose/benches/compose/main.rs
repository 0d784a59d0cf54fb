//! What composition costs: `cargo bench -p heap-compose --bench compose`.
//!
//! Prints one line of JSON for each case and subject: nanoseconds and instructions per operation, where an operation is
//! one alloc and one free. The instructions are counted by valgrind's callgrind, where there is one; they do not depend
//! on the load of the machine. With the name of a case as an argument, that case only.
//!
//! Ends with an error if `Zeroize` leaves a byte behind: here the compiler optimises, and knows what freeing is.

mod by_hand;
mod cases;
mod cleared;
mod measure;

use std::process::ExitCode;

use cases::SUBJECTS;

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if let [count, case, name, ops] = &words[..]
        && count == "count"
    {
        let subject = SUBJECTS.iter().find(|subject| subject.case == case && subject.name == name);
        let Some((subject, ops)) = subject.zip(ops.parse().ok()) else { return ExitCode::FAILURE };
        (subject.run)(ops);
        return ExitCode::SUCCESS;
    }
    let dirty = cleared::dirty_bytes();
    if dirty != 0 {
        eprintln!("Zeroize left {dirty} bytes behind");
        return ExitCode::FAILURE;
    }
    // Cargo says `--bench` where it is to be measured; as a test, each subject shows that it runs.
    let Some(bench) = words.iter().position(|word| word == "--bench") else {
        SUBJECTS.iter().for_each(|subject| (subject.run)(1000));
        return ExitCode::SUCCESS;
    };
    words.remove(bench);
    let wanted = |case: &str| words.is_empty() || words.iter().any(|word| word == case);
    let subjects: Vec<_> = SUBJECTS.iter().filter(|subject| wanted(subject.case)).collect();
    for (subject, ns) in subjects.iter().zip(measure::nanoseconds(&subjects)) {
        let (case, name) = (subject.case, subject.name);
        let instructions = measure::instructions(subject);
        let instructions =
            instructions.map(|count| format!(",\"instructions\":{count:.2}")).unwrap_or_default();
        println!(r#"{{"suite":"compose","case":"{case}","subject":"{name}","ns":{ns:.3}{instructions}}}"#);
    }
    ExitCode::SUCCESS
}
