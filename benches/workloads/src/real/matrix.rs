//! ndarray: formulas over arrays, where each operation makes a temporary of 32 KiB to 4 MiB.
//!
//! A few large blocks at a time, freed in the order of the expression.

use ndarray::{Array1, Array2, Axis};

use crate::rng::Rng;
use crate::workload::{Job, Outcome, Scale};

pub(crate) fn prepare(scale: Scale) -> Job {
    let rounds = scale.of(120);
    Box::new(move || {
        let mut rng = Rng::new(110);
        let (mut total, mut ok) = (0.0, true);
        for round in 0..rounds {
            let rows = 1 << rng.range(6, 11);
            let columns = 128 + rng.below(128);
            let start = Array2::from_shape_fn((rows, columns), |(row, column)| {
                ((row * 31 + column * 17 + round) % 101) as f64 / 101.0
            });
            let last = relax(&start, 4);
            let probe = (rng.below(rows), rng.below(columns));
            ok &= (last[probe] - by_hand(start[probe], 4)).abs() < 1e-9;
            total += summary(&last);
        }
        Outcome { ok, check: format!("rounds={rounds} total={total:.6}"), ops: rounds as u64 }
    })
}

/// `steps` steps of a formula, element by element, written as one writes formulas.
fn relax(start: &Array2<f64>, steps: usize) -> Array2<f64> {
    let mut value = start.clone();
    for _ in 0..steps {
        let square = &value * &value;
        let push = (&square - 0.25) * 0.5 + &value.mapv(|x| x / (1.0 + x.abs()));
        value = (&value * 0.75 + &push * &(1.0 - &square)) / 2.0;
    }
    value
}

/// The same formula for one element.
fn by_hand(start: f64, steps: usize) -> f64 {
    (0..steps).fold(start, |x, _| {
        let square = x * x;
        let push = (square - 0.25) * 0.5 + x / (1.0 + x.abs());
        (x * 0.75 + push * (1.0 - square)) / 2.0
    })
}

/// A number that depends on all elements: column means, centred, and one product.
fn summary(values: &Array2<f64>) -> f64 {
    let means: Array1<f64> = values.mean_axis(Axis(0)).unwrap_or_default();
    let centred = values - &means;
    let turned = centred.t().to_owned();
    let weights = Array1::linspace(0.0, 1.0, turned.ncols());
    turned.dot(&weights).iter().map(|x| x.abs()).sum()
}
