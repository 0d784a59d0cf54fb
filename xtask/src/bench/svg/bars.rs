//! Horizontal bars with whiskers: one allocator a row.

use super::canvas::{Canvas, Side};
use super::scale::{Scale, tick_text, ticks};

const WIDTH: f64 = 350.0;
const NAMES: f64 = 88.0;
const VALUES: f64 = 78.0;
const ROW: f64 = 19.0;
const AXIS: f64 = 34.0;

/// A bar that is longer than so many times the middle one is cut off.
const CUT: f64 = 4.0;

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bar {
    pub(crate) name: String,
    pub(crate) ours: bool,
    /// The length; `None` for a row with a word in the place of a bar.
    pub(crate) value: Option<f64>,
    /// The ends of the whisker.
    pub(crate) whisker: Option<(f64, f64)>,
    /// A second, darker bar inside.
    pub(crate) inner: Option<f64>,
    /// What stands at the right end.
    pub(crate) text: String,
    /// What is shown when pointed at.
    pub(crate) tip: String,
}

/// Draws the rows in their order. `unit` is the length of one unit of the axis in the unit of the values, and
/// the axis is called `axis`.
pub(crate) fn bars(rows: &[Bar], unit: f64, axis: &str, label: &str) -> String {
    let (left, right) = (NAMES + 8.0, WIDTH - VALUES);
    let bottom = ROW * rows.len() as f64 + 4.0;
    let mut canvas = Canvas::new(WIDTH, bottom + AXIS);
    let high = longest(rows);
    let scale = Scale::linear(high, left, right);
    for tick in ticks(high / unit) {
        let class = if tick == 0.0 { "axis" } else { "grid" };
        let place = scale.at(tick * unit);
        canvas.line((place, 0.0), (place, bottom), class);
        canvas.text(place, bottom + 14.0, Side::Middle, "tiny soft", &tick_text(tick));
    }
    canvas.text((left + right) / 2.0, bottom + 29.0, Side::Middle, "tiny soft", axis);
    for (place, row) in rows.iter().enumerate() {
        let top = ROW * place as f64 + 2.0;
        canvas.tip(&row.tip);
        canvas.text(NAMES, top + 13.0, Side::Left, if row.ours { "small our" } else { "small" }, &row.name);
        if let Some(value) = row.value {
            draw_bar(&mut canvas, row, value, top, &scale, high);
        }
        let class = match (row.value, row.ours) {
            (None, _) => "small bad",
            (_, true) => "small strong",
            _ => "small",
        };
        canvas.text(WIDTH - 2.0, top + 13.0, Side::Left, class, &row.text);
        canvas.end();
    }
    canvas.inline(label)
}

fn draw_bar(canvas: &mut Canvas, row: &Bar, value: f64, top: f64, scale: &Scale, high: f64) {
    let end = |value: f64| scale.at(value.min(high));
    let (left, middle) = (scale.at(0.0), top + ROW / 2.0 - 1.0);
    let outer = match (row.ours, row.inner.is_some()) {
        (true, true) => "ours-soft",
        (true, false) => "ours",
        (false, _) => "peer",
    };
    canvas.rect(left, top + 2.0, end(value) - left, ROW - 6.0, outer);
    if let Some(inner) = row.inner {
        canvas.rect(left, top + 5.0, end(inner) - left, ROW - 12.0, if row.ours { "ours" } else { "deep" });
    }
    if value > high {
        // Two gaps say that the bar goes on.
        for gap in [9.0, 15.0] {
            canvas.line(
                (end(value) - gap - 2.0, top + ROW - 3.0),
                (end(value) - gap + 2.0, top + 1.0),
                "cut",
            );
        }
    } else if let Some((low, far)) = row.whisker.filter(|(low, far)| far > low) {
        canvas.line((end(low), middle), (end(far), middle), "whisker");
        for at in [low, far] {
            canvas.line((end(at), middle - 3.0), (end(at), middle + 3.0), "whisker");
        }
    }
}

/// The length of the axis: that of the longest bar, but not of one that dwarfs all others.
fn longest(rows: &[Bar]) -> f64 {
    let mut values: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
    values.sort_by(f64::total_cmp);
    let Some(&middle) = values.get(values.len() / 2) else { return 1.0 };
    let usual = values.iter().copied().filter(|value| *value <= middle * CUT).fold(0.0, f64::max);
    let longest = values.last().copied().unwrap_or(1.0);
    let high = if longest > usual { usual * 1.25 } else { longest };
    if high > 0.0 { high } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(name: &str, value: Option<f64>) -> Bar {
        let text = value.map_or_else(|| "failed".to_owned(), |value| format!("{value}"));
        Bar {
            name: name.to_owned(),
            value,
            whisker: value.map(|v| (v * 0.9, v * 1.1)),
            text,
            ..Bar::default()
        }
    }

    #[test]
    fn a_bar_that_dwarfs_the_others_is_cut_off() {
        let rows: Vec<Bar> = [10.0, 11.0, 12.0, 90.0].iter().map(|value| bar("x", Some(*value))).collect();
        assert_eq!(longest(&rows), 15.0);
        assert_eq!(bars(&rows, 1.0, "ms", "").matches("class=\"cut\"").count(), 2);
        assert_eq!(longest(&rows[..3]), 12.0);
    }

    #[test]
    fn a_row_without_a_value_keeps_its_place_and_word() {
        let svg = bars(&[bar("good", Some(2.0)), bar("broken", None)], 1.0, "ms", "");
        assert!(svg.contains(">broken</text>") && svg.contains("class=\"small bad\">failed</text>"), "{svg}");
        assert_eq!(svg.matches("<rect").count(), 1);
    }

    #[test]
    fn nothing_and_zero_can_be_drawn() {
        for rows in [vec![], vec![bar("none", None)], vec![bar("zero", Some(0.0))]] {
            let svg = bars(&rows, 1.0, "ms", "");
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }
}
