//! What the user sees while it works: a bar with the time left, or plain lines where nobody watches a terminal.
//!
//! All of it goes to standard error; standard output is for results.
#![forbid(unsafe_code)]

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::words;

/// The bar's places: weights are seconds, shown in hundredths.
const PLACES: f64 = 100.0;

/// Progress through work whose parts have known weights.
pub(crate) struct Progress {
    bar: ProgressBar,
    total: f64,
    done: f64,
    start: Instant,
    plain: bool,
}

impl Progress {
    /// Begins; `total` is the weight of all parts together.
    pub(crate) fn new(total: f64) -> Self {
        let plain = !console::Term::stderr().is_term();
        let target = if plain { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(Some(places(total)), target);
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {elapsed:>4} {bar:30.cyan/dim} {prefix:>14}  {wide_msg}")
        {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, total, done: 0.0, start: Instant::now(), plain }
    }

    /// Says what is being done, in a bar only.
    pub(crate) fn now(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Says what is being done, also where there is no bar: for parts of some seconds.
    pub(crate) fn step(&self, what: &str) {
        self.now(what);
        if self.plain {
            let left = self.left().map(|left| format!("  ({left})")).unwrap_or_default();
            eprintln!("{what}{left}");
        }
    }

    /// Leaves a line behind, above the bar.
    pub(crate) fn line(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    /// A part of this weight is done.
    pub(crate) fn advance(&mut self, weight: f64) {
        self.done += weight;
        self.bar.set_position(places(self.done));
        self.bar.set_prefix(self.left().unwrap_or_default());
    }

    /// The time left, if what is done says enough about it.
    fn left(&self) -> Option<String> {
        time_left(self.start.elapsed().as_secs_f64(), self.done, self.total)
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        self.bar.finish_and_clear();
    }
}

fn places(weight: f64) -> u64 {
    (weight * PLACES) as u64
}

/// What is left takes as long per weight as what is done.
fn time_left(elapsed: f64, done: f64, total: f64) -> Option<String> {
    if done <= 0.0 || total <= 0.0 || done < total * 0.02 {
        return None;
    }
    let seconds = elapsed / done * (total - done).max(0.0);
    Some(format!("{} left", words::wait(seconds.ceil() as u64)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_from_the_pace_so_far() {
        assert_eq!(time_left(30.0, 1.0, 4.0).as_deref(), Some("1 min 30 s left"));
        assert_eq!(time_left(30.0, 5.0, 4.0).as_deref(), Some("0 s left"));
    }

    #[test]
    fn nothing_is_foretold_from_nothing() {
        assert_eq!(time_left(1.0, 0.0, 4.0), None);
        assert_eq!(time_left(1.0, 0.01, 4.0), None);
    }
}
