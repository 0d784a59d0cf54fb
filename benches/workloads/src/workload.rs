//! What a workload is: a name, a way to prepare it, and an outcome that it judges itself.

/// A factor on the amount of work: 1 is a full run, 0.001 a smoke test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale(f64);

impl Scale {
    /// A factor; what is not a positive number counts as 1.
    #[must_use]
    pub fn new(factor: f64) -> Self {
        if factor.is_finite() && factor > 0.0 { Self(factor) } else { Self(1.0) }
    }

    /// `full` scaled, at least 1.
    pub(crate) fn of(self, full: usize) -> usize {
        self.at_least(full, 1)
    }

    /// `full` scaled, at least `floor`.
    pub(crate) fn at_least(self, full: usize, floor: usize) -> usize {
        // Counts are far below 2^52, where an f64 is exact.
        ((full as f64 * self.0).round() as usize).max(floor)
    }
}

/// Which list a workload belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// Code from crates.io doing what its users do with it.
    Real,
    /// One pattern of calls, repeated.
    Micro,
    /// The same work shared by a number of threads.
    Scale,
}

impl Suite {
    /// The name in listings: `real`, `micro` or `scale`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Real => "real",
            Self::Micro => "micro",
            Self::Scale => "scale",
        }
    }
}

/// What a run did and whether its result was right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the workload's own check of its result passed.
    pub ok: bool,
    /// Counts and checksums of the result. The same for every allocator at one scale.
    pub check: String,
    /// Units of work done: what a unit is differs between workloads.
    pub ops: u64,
}

/// How a run is made ready.
#[derive(Clone, Copy, Debug)]
enum Prepare {
    /// The number of threads is its own affair.
    Of(fn(Scale) -> Job),
    /// It is told the number of threads.
    Shared(fn(Scale, usize) -> Job),
}

/// A prepared run. The caller times this call; its input is dropped when it returns.
pub type Job = Box<dyn FnOnce() -> Outcome>;

/// One program to run on an allocator.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Short name, unique, of lower-case letters, digits and dashes.
    pub name: &'static str,
    /// The list it belongs to.
    pub suite: Suite,
    /// Threads that work at the same time, at most.
    pub threads: usize,
    /// One line: what it does.
    pub what: &'static str,
    prepare: Prepare,
}

impl Workload {
    #[cfg(feature = "some-real")]
    pub(crate) fn real(name: &'static str, prepare: fn(Scale) -> Job, what: &'static str) -> Self {
        Self { name, suite: Suite::Real, threads: 1, what, prepare: Prepare::Of(prepare) }
    }

    pub(crate) fn micro(name: &'static str, prepare: fn(Scale) -> Job, what: &'static str) -> Self {
        Self { name, suite: Suite::Micro, threads: 1, what, prepare: Prepare::Of(prepare) }
    }

    pub(crate) fn scale(
        name: &'static str,
        prepare: fn(Scale, usize) -> Job,
        threads: usize,
        what: &'static str,
    ) -> Self {
        Self { name, suite: Suite::Scale, threads, what, prepare: Prepare::Shared(prepare) }
    }

    pub(crate) fn threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Makes the input and returns the run. Not part of the measured time.
    #[must_use]
    pub fn prepare(&self, scale: Scale) -> Job {
        match self.prepare {
            Prepare::Of(prepare) => prepare(scale),
            Prepare::Shared(prepare) => prepare(scale, self.threads),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_is_a_factor_with_a_floor() {
        assert_eq!(Scale::new(0.5).of(100), 50);
        assert_eq!(Scale::new(0.001).of(100), 1);
        assert_eq!(Scale::new(0.001).at_least(100, 7), 7);
        for nonsense in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Scale::new(nonsense), Scale::new(1.0));
        }
    }
}
