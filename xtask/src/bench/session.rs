//! Runs the children of a session in their order and writes every run down.
#![forbid(unsafe_code)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::child;
use super::plan::{self, Pilot, Plan};
use super::progress::Progress;
use super::record::{Run, Workload};
use super::words;

/// What is run on each workload: an allocator's child.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Subject {
    pub(crate) name: String,
    /// The second of two equal subjects.
    pub(crate) again: bool,
    pub(crate) exe: PathBuf,
}

/// The children that were built, and the first of them again: how far the two lie apart is the noise.
pub(crate) fn subjects(built: &[(String, PathBuf)]) -> Vec<Subject> {
    let subject =
        |(name, exe): &(String, PathBuf), again| Subject { name: name.clone(), again, exe: exe.clone() };
    let mut subjects: Vec<Subject> = built.iter().map(|pair| subject(pair, false)).collect();
    if let Some(first) = built.first() {
        // In the middle, so that equal ones are no neighbours in most rounds.
        subjects.insert(subjects.len().div_ceil(2), subject(first, true));
    }
    subjects
}

/// A session about to run.
pub(crate) struct Session<'s> {
    pub(crate) plan: &'s mut Plan,
    pub(crate) subjects: &'s [Subject],
    pub(crate) workloads: &'s [Workload],
    /// A child that runs longer is ended.
    pub(crate) limit: Duration,
}

/// What is known of a session while it runs.
struct Log<'s> {
    progress: Progress,
    runs: Vec<Run>,
    /// Subjects and workloads that failed together: not tried again.
    bad: BTreeSet<(&'s str, &'s str)>,
}

impl<'s> Session<'s> {
    /// Runs everything; `save` is given all runs so far after each round.
    ///
    /// # Errors
    ///
    /// Those of `save`. A failed run is none: it is written down.
    pub(crate) fn run(self, mut save: impl FnMut(&Plan, &[Run]) -> Result<()>) -> Result<Vec<Run>> {
        let begin = Instant::now();
        let pilots = self.pilots();
        if self.plan.mode == "quick" {
            self.plan.fit(&pilots, self.subjects.len(), plan::QUICK_SECONDS - begin.elapsed().as_secs_f64());
        }
        let rounds = self.plan.rounds;
        let weights =
            |round| (0..pilots.len()).map(|place| self.expected(&pilots, round, place)).sum::<f64>();
        let total = (0..rounds).map(weights).sum::<f64>() * self.subjects.len() as f64;
        let mut log = Log { progress: Progress::new(total), runs: Vec::new(), bad: BTreeSet::new() };
        log.progress.line(&format!(
            "{} on {}, {}, size x {}",
            words::plural(self.subjects.len(), "subject"),
            words::plural(self.workloads.len(), "workload"),
            words::plural(rounds as usize, "round"),
            self.plan.scale
        ));
        let late = |round| {
            self.plan.mode == "quick" && round > 0 && begin.elapsed().as_secs_f64() > plan::QUICK_LIMIT
        };
        'rounds: for round in 0..rounds {
            for place in 0..self.workloads.len() {
                if late(round) {
                    log.progress.line("out of time: the last round is not complete");
                    break 'rounds;
                }
                self.on_all(round, place, self.expected(&pilots, round, place), &mut log);
            }
            save(self.plan, &log.runs)?;
        }
        log.progress.finish();
        save(self.plan, &log.runs)?;
        Ok(log.runs)
    }

    /// Seconds that a run of the workload at `place` should take, with its wait.
    fn expected(&self, pilots: &[Pilot], round: u32, place: usize) -> f64 {
        let idle = self.plan.idle(round, self.workloads[place].suite) as f64 / 1e3;
        pilots[place].seconds(self.plan.scale) + idle
    }

    /// Runs one workload on all subjects in the order of the round.
    fn on_all(&self, round: u32, place: usize, expected: f64, log: &mut Log<'s>) {
        let workload = &self.workloads[place];
        let head = format!("round {}/{}  {}", round + 1, self.plan.rounds, workload.name);
        log.progress.step(&head);
        for turn in plan::order(round, self.subjects.len()) {
            let subject = &self.subjects[turn];
            let pair = (subject.name.as_str(), workload.name.as_str());
            if !log.bad.contains(&pair) {
                log.progress.now(&format!("{head} on {}", subject.name));
                let run = self.one(round, workload, subject);
                if let Some(failure) = &run.failure {
                    log.progress.line(&format!("FAILED  {} on {}: {failure}", workload.name, subject.name));
                    log.bad.insert(pair);
                }
                log.runs.push(run);
            }
            log.progress.advance(expected);
        }
    }

    fn one(&self, round: u32, workload: &Workload, subject: &Subject) -> Run {
        let idle_ms = self.plan.idle(round, workload.suite);
        let result = child::run(&subject.exe, &workload.name, self.plan.scale, idle_ms, self.limit);
        let (sample, failure) = match result {
            Ok(sample) => (Some(sample), None),
            Err(failure) => (None, Some(failure)),
        };
        Run {
            round,
            allocator: subject.name.clone(),
            again: subject.again,
            workload: workload.name.clone(),
            idle_ms,
            sample,
            failure,
        }
    }

    /// Runs each workload twice, small, on the first subject: fills the file cache and tells the times. The
    /// figures are not kept; a failure here shows again in the first round.
    fn pilots(&self) -> Vec<Pilot> {
        let mut progress = Progress::new(self.workloads.len() as f64);
        progress.step("trying each workload, small");
        let mut pilots = Vec::new();
        for workload in self.workloads {
            progress.now(&format!("trying {}, small", workload.name));
            let runs = plan::PILOT_SCALES.map(|scale| self.timed(workload, scale));
            pilots.push(Pilot::of(workload.suite, runs.map(|run| run.0), runs[1].1));
            progress.advance(1.0);
        }
        progress.finish();
        pilots
    }

    /// Seconds of a whole run on the first subject, and of the work in it.
    fn timed(&self, workload: &Workload, scale: f64) -> (f64, f64) {
        let start = Instant::now();
        let sample = self
            .subjects
            .first()
            .and_then(|subject| child::run(&subject.exe, &workload.name, scale, 0, self.limit).ok());
        (start.elapsed().as_secs_f64(), sample.map_or(0.0, |sample| sample.wall_ns as f64 / 1e9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::record::Kind;

    fn built(names: &[&str]) -> Vec<(String, PathBuf)> {
        names.iter().map(|name| ((*name).to_owned(), PathBuf::from(name))).collect()
    }

    #[test]
    fn the_first_subject_runs_twice_and_not_beside_itself() {
        let subjects = subjects(&built(&["heap-smp", "system", "jemalloc"]));
        let names: Vec<(&str, bool)> =
            subjects.iter().map(|subject| (subject.name.as_str(), subject.again)).collect();
        assert_eq!(names, [("heap-smp", false), ("system", false), ("heap-smp", true), ("jemalloc", false)]);
        assert_eq!(super::subjects(&[]), []);
    }

    #[test]
    fn a_pair_that_fails_is_written_down_once_and_not_run_again() {
        let workloads =
            [Workload { name: "parse".to_owned(), suite: Kind::Micro, threads: 1, what: String::new() }];
        let subjects = subjects(&built(&["/no/such/program"]));
        let mut plan = Plan { mode: "normal", rounds: 3, scale: 1.0, idle_ms: 0, idle_rounds: 0 };
        let mut saved = 0;
        let limit = Duration::from_secs(1);
        let session = Session { plan: &mut plan, subjects: &subjects, workloads: &workloads, limit };
        let runs = session
            .run(|_, _| {
                saved += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!((runs.len(), saved), (1, 4));
        assert!(runs[0].failure.as_ref().unwrap().starts_with("cannot be started"), "{:?}", runs[0].failure);
    }
}
