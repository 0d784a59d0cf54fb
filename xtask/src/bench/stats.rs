//! The few statistics of the report: median, spread, geometric mean.
//!
//! Knows numbers only, no allocators and no workloads.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

/// What repeated measurements of one thing came to, in the unit that was measured.
///
/// # Invariants
/// - **S1** `min <= q1 <= median <= q3 <= max`, all finite.
/// - **S2** `runs >= 1`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) q1: f64,
    pub(crate) q3: f64,
    pub(crate) max: f64,
    pub(crate) runs: usize,
}

impl Spread {
    /// The spread of `values`; `None` when there are none, or one of them is not finite.
    pub(crate) fn of(values: &[f64]) -> Option<Self> {
        if values.is_empty() || values.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        Some(Self {
            median: quantile(&sorted, 0.5),
            min: sorted[0],
            q1: quantile(&sorted, 0.25),
            q3: quantile(&sorted, 0.75),
            max: sorted[sorted.len() - 1],
            runs: sorted.len(),
        })
    }

    /// The middle half of the runs, as a share of the median: 0.03 is 3 %. 0 for a median of 0.
    pub(crate) fn relative(&self) -> f64 {
        if self.median > 0.0 { (self.q3 - self.q1) / self.median } else { 0.0 }
    }
}

/// The value below which the share `at` of the sorted values lies, interpolated between the two nearest.
///
/// The rule is number 7 of Hyndman and Fan, "Sample quantiles in statistical packages" (1996).
fn quantile(sorted: &[f64], at: f64) -> f64 {
    let place = at * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = place.ceil() as usize;
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

/// The geometric mean; `None` for no values, or where one is not a positive finite number.
pub(crate) fn geometric_mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (mut sum, mut count) = (0.0, 0_usize);
    for value in values {
        if !value.is_finite() || value <= 0.0 {
            return None;
        }
        sum += value.ln();
        count += 1;
    }
    (count > 0).then(|| (sum / count as f64).exp())
}

/// How far a ratio is from 1, whichever way: 0.8 and 1.25 are both 1.25.
pub(crate) fn distance(ratio: f64) -> f64 {
    ratio.max(ratio.recip())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(left: f64, right: f64) -> bool {
        (left - right).abs() < 1e-12 * right.abs().max(1.0)
    }

    #[test]
    fn the_median_of_an_odd_count_is_the_middle_one() {
        let spread = Spread::of(&[9.0, 1.0, 4.0]).unwrap();
        assert_eq!((spread.min, spread.median, spread.max, spread.runs), (1.0, 4.0, 9.0, 3));
        assert_eq!((spread.q1, spread.q3), (2.5, 6.5));
    }

    #[test]
    fn the_median_of_an_even_count_lies_between_the_middle_two() {
        assert_eq!(Spread::of(&[8.0, 2.0, 4.0, 100.0]).unwrap().median, 6.0);
    }

    #[test]
    fn one_run_is_its_own_spread() {
        let spread = Spread::of(&[7.0]).unwrap();
        assert_eq!((spread.min, spread.q1, spread.median, spread.q3, spread.max), (7.0, 7.0, 7.0, 7.0, 7.0));
        assert_eq!(spread.relative(), 0.0);
    }

    #[test]
    fn no_runs_and_broken_numbers_have_no_spread() {
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(Spread::of(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn the_geometric_mean_of_a_ratio_and_its_inverse_is_one() {
        assert!(near(geometric_mean([4.0, 0.25]).unwrap(), 1.0));
        assert!(near(geometric_mean([1.0, 10.0, 100.0]).unwrap(), 10.0));
    }

    #[test]
    fn the_geometric_mean_refuses_what_has_no_logarithm() {
        assert_eq!(geometric_mean([]), None);
        assert_eq!(geometric_mean([1.0, 0.0]), None);
        assert_eq!(geometric_mean([1.0, -2.0]), None);
        assert_eq!(geometric_mean([f64::INFINITY]), None);
    }

    #[test]
    fn distance_is_the_same_both_ways() {
        assert_eq!(distance(0.8), 1.25);
        assert_eq!(distance(1.25), 1.25);
    }
}
