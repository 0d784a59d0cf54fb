//! Scales: from values to places, with round numbers for the ticks.

/// Values along a line, in proportion (linear) or by their logarithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Scale {
    /// From zero to `high`, in proportion. `high` is positive.
    pub(super) fn linear(high: f64, from: f64, to: f64) -> Self {
        Self { low: 0.0, high, from, to, logarithmic: false }
    }

    /// Ratios from `low` to `high`, both positive: 0.5 is as far from 1 as 2.
    pub(super) fn ratio(low: f64, high: f64, from: f64, to: f64) -> Self {
        Self { low, high, from, to, logarithmic: true }
    }

    /// Where a value stands.
    pub(super) fn at(&self, value: f64) -> f64 {
        let share = if self.logarithmic {
            (value / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        self.from + share * (self.to - self.from)
    }

    /// Round numbers on a scale of ratios, at least `apart` from each other, 1 among them.
    pub(super) fn ratio_ticks(&self, apart: f64) -> Vec<f64> {
        const ROUND: [f64; 33] = [
            1.0, 2.0, 0.5, 5.0, 0.2, 10.0, 0.1, 0.8, 1.5, 1.2, 3.0, 0.7, 0.6, 0.9, 0.3, 0.4, 1.1, 1.3, 1.4,
            4.0, 20.0, 50.0, 100.0, 2.5, 7.0, 30.0, 15.0, 1.8, 1.6, 0.05, 0.02, 200.0, 0.01,
        ];
        let mut ticks: Vec<f64> = Vec::new();
        for value in ROUND.into_iter().filter(|value| *value >= self.low && *value <= self.high) {
            if ticks.iter().all(|tick| (self.at(*tick) - self.at(value)).abs() >= apart) {
                ticks.push(value);
            }
        }
        ticks.sort_by(f64::total_cmp);
        ticks
    }
}

/// Round numbers from zero to `high`, five at the most.
pub(super) fn ticks(high: f64) -> impl Iterator<Item = f64> {
    let step = step(high, 4);
    (0..).map(move |at| f64::from(at) * step).take_while(move |tick| *tick <= high * 1.000_001)
}

/// A tick's number, without idle zeros. Steps are 1, 2 or 5 times a power of ten: two places are enough down to steps of 0.01.
pub(super) fn tick_text(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The step of 1, 2 or 5 times a power of ten that divides `high` into at most `parts`.
fn step(high: f64, parts: usize) -> f64 {
    let least = high / parts as f64;
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|step| *step >= least * 0.999_999)
        .unwrap_or(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_and_their_inverses_are_equally_far_from_one() {
        let scale = Scale::ratio(0.25, 4.0, 0.0, 100.0);
        assert!((scale.at(1.0) - 50.0).abs() < 1e-9);
        assert!((scale.at(2.0) + scale.at(0.5) - 100.0).abs() < 1e-9);
    }

    #[test]
    fn ticks_keep_their_distance_and_have_one_among_them() {
        let scale = Scale::ratio(0.55, 1.6, 0.0, 400.0);
        let ticks = scale.ratio_ticks(40.0);
        assert!(ticks.contains(&1.0) && ticks.len() >= 5, "{ticks:?}");
        assert!(ticks.windows(2).all(|pair| scale.at(pair[1]) - scale.at(pair[0]) >= 40.0), "{ticks:?}");
    }

    #[test]
    fn steps_are_round() {
        assert_eq!([step(10.0, 3), step(0.9, 3), step(70.0, 2), step(6.0, 3)], [5.0, 0.5, 50.0, 2.0]);
        assert_eq!(Scale::linear(10.0, 5.0, 25.0).at(5.0), 15.0);
    }

    #[test]
    fn ticks_go_from_zero_to_the_end() {
        assert_eq!(ticks(4.0).collect::<Vec<_>>(), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert_eq!(ticks(0.7).map(tick_text).collect::<Vec<_>>(), ["0", "0.2", "0.4", "0.6"]);
    }

    #[test]
    fn ticks_have_no_idle_zeros() {
        assert_eq!([0.0, 0.5, 200.0, 0.05, 1.25].map(tick_text), ["0", "0.5", "200", "0.05", "1.25"]);
    }
}
