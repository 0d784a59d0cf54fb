//! Small pictures side by side, each with a line for every allocator: how something changes from column to column.

use super::canvas::{Canvas, Side, width_of};
use super::scale::{Scale, tick_text, ticks};

const WIDTH: f64 = 860.0;
const MARGIN: f64 = 24.0;
const HEADER: f64 = 84.0;
const FOOTER: f64 = 26.0;
/// Panels in a row, and the height of one with its title and axis.
const ACROSS: usize = 3;
const PANEL: f64 = 208.0;
/// In a panel: what the title takes above the field, and the axis below.
const TITLE: f64 = 26.0;
const AXIS: f64 = 34.0;
/// In a panel: what the ticks' numbers take on the left, and the names on the right.
const NUMBERS: f64 = 26.0;
const NAMES: f64 = 84.0;
/// Base lines of two names are at least so far apart.
const LETTER: f64 = 12.0;
/// The text of a name is smaller than that which [`width_of`] measures.
const SMALLER: f64 = 11.0 / 13.0;

/// A line of one panel. A column without a value is a gap.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Line {
    pub(crate) name: String,
    pub(crate) ours: bool,
    pub(crate) values: Vec<Option<f64>>,
}

/// One small picture.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) lines: Vec<Line>,
}

/// All of them, with what they have in common.
#[derive(Clone, Debug)]
pub(crate) struct Panels {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// Below: where and when it was measured.
    pub(crate) footnote: String,
    /// The columns' names, and what they are.
    pub(crate) columns: Vec<String>,
    pub(crate) axis: String,
    pub(crate) panels: Vec<Panel>,
}

impl Panels {
    /// The picture as a file of its own.
    pub(crate) fn standalone(&self) -> String {
        let rows = self.panels.len().div_ceil(ACROSS);
        let height = HEADER + PANEL * rows as f64 + FOOTER;
        let mut canvas = Canvas::new(WIDTH, height);
        canvas.text(MARGIN, 38.0, Side::Right, "title", &self.title);
        canvas.text(MARGIN, 62.0, Side::Right, "soft", &self.subtitle);
        let width = (WIDTH - 2.0 * MARGIN) / ACROSS as f64;
        for (at, panel) in self.panels.iter().enumerate() {
            let left = MARGIN + width * (at % ACROSS) as f64;
            let top = HEADER + PANEL * (at / ACROSS) as f64;
            self.draw(&mut canvas, panel, left, top, width);
        }
        canvas.text(MARGIN, height - 14.0, Side::Right, "tiny soft", &self.footnote);
        canvas.standalone(&self.label())
    }

    fn label(&self) -> String {
        let titles: Vec<&str> = self.panels.iter().map(|panel| panel.title.as_str()).collect();
        format!("{}. {}. Panels: {}.", self.title, self.subtitle, titles.join(", "))
    }

    fn draw(&self, canvas: &mut Canvas, panel: &Panel, left: f64, top: f64, width: f64) {
        let (field_left, right) = (left + NUMBERS, left + width - NAMES);
        let (field_top, bottom) = (top + TITLE, top + PANEL - AXIS);
        canvas.text(left, top + 14.0, Side::Right, "strong", &panel.title);
        let high =
            panel.lines.iter().flat_map(|line| line.values.iter().flatten()).fold(0.0, |a: f64, &b| a.max(b));
        let high = if high > 0.0 { high } else { 1.0 };
        let y = Scale::linear(high, bottom, field_top);
        for tick in ticks(high) {
            let class = if tick == 0.0 { "axis" } else { "grid" };
            canvas.line((field_left, y.at(tick)), (right, y.at(tick)), class);
            canvas.text(field_left - 5.0, y.at(tick) + 4.0, Side::Left, "tiny soft", &tick_text(tick));
        }
        let last = self.columns.len().saturating_sub(1).max(1);
        let x = |at: usize| field_left + 6.0 + (right - field_left - 12.0) * at as f64 / last as f64;
        for (at, column) in self.columns.iter().enumerate() {
            canvas.text(x(at), bottom + 14.0, Side::Middle, "tiny soft", column);
        }
        canvas.text((field_left + right) / 2.0, bottom + 28.0, Side::Middle, "tiny soft", &self.axis);
        // Ours last, so that it lies on top.
        let mut lines: Vec<&Line> = panel.lines.iter().collect();
        lines.sort_by_key(|line| line.ours);
        for line in &lines {
            let points: Vec<_> =
                line.values.iter().enumerate().map(|(at, value)| value.map(|v| (x(at), y.at(v)))).collect();
            draw_line(canvas, line, &points);
        }
        let ends = lines.iter().filter_map(|line| Some((*line, y.at((*line.values.last()?)?)))).collect();
        for (line, place) in spread_out(ends, field_top, bottom) {
            let class = if line.ours { "tiny our" } else { "tiny soft" };
            let room = NAMES - 8.0;
            canvas.text(right + 4.0, place + 4.0, Side::Right, class, fitting(&line.name, room));
        }
    }
}

fn draw_line(canvas: &mut Canvas, line: &Line, points: &[Option<(f64, f64)>]) {
    let (stroke, dot, radius) =
        if line.ours { ("our-line", "ours", 3.0) } else { ("peer-line", "peer", 2.0) };
    canvas.tip(&line.name);
    for pair in points.windows(2) {
        if let [Some(from), Some(to)] = *pair {
            canvas.line(from, to, stroke);
        }
    }
    for &point in points.iter().flatten() {
        canvas.circle(point, radius, dot);
    }
    canvas.end();
}

/// Places for names beside their lines' ends, moved so that none lies on another, from `top` to `bottom`.
fn spread_out(mut ends: Vec<(&Line, f64)>, top: f64, bottom: f64) -> Vec<(&Line, f64)> {
    ends.sort_by(|a, b| a.1.total_cmp(&b.1));
    let mut least = top - LETTER;
    for end in &mut ends {
        end.1 = end.1.max(least + LETTER);
        least = end.1;
    }
    let mut most = bottom + LETTER;
    for end in ends.iter_mut().rev() {
        end.1 = end.1.min(most - LETTER);
        most = end.1;
    }
    ends
}

/// As much of a name as fits into `room`.
fn fitting(name: &str, room: f64) -> &str {
    let fits = |end: &usize| width_of(&name[..*end]) * SMALLER <= room;
    let ends = (0..=name.len()).rev().filter(|&end| name.is_char_boundary(end));
    ends.clone().find(fits).map_or("", |end| &name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(name: &str, values: &[Option<f64>]) -> Line {
        Line { name: name.into(), ours: name == "ours", values: values.to_vec() }
    }

    fn panels(lines: Vec<Line>) -> Panels {
        let panel = Panel { title: "small".into(), lines };
        Panels {
            title: "t".into(),
            subtitle: "s".into(),
            footnote: "f".into(),
            columns: ["1", "2", "8"].map(String::from).to_vec(),
            axis: "threads".into(),
            panels: vec![panel],
        }
    }

    #[test]
    fn each_value_is_a_dot_and_a_gap_breaks_the_line() {
        let svg = panels(vec![
            line("ours", &[Some(1.0), Some(2.0), Some(3.0)]),
            line("peer", &[Some(1.0), None, Some(2.0)]),
        ])
        .standalone();
        assert_eq!((svg.matches("<circle").count(), svg.matches("class=\"our-line\"").count()), (5, 2));
        assert_eq!(
            svg.matches("class=\"peer-line\"").count(),
            0,
            "both neighbours of the gap are without a line"
        );
    }

    #[test]
    fn names_do_not_lie_on_each_other() {
        let lines: Vec<Line> = (0..6).map(|_| line("x", &[Some(1.0)])).collect();
        for height in [10.0, 60.0, 100.0] {
            let ends = lines.iter().map(|line| (line, height)).collect();
            let places: Vec<f64> = spread_out(ends, 0.0, 100.0).into_iter().map(|end| end.1).collect();
            assert!(places.windows(2).all(|pair| pair[1] - pair[0] >= LETTER - 1e-9), "{places:?}");
            assert!(places.iter().all(|place| (-1e-9..=100.0).contains(place)), "{places:?}");
        }
    }

    #[test]
    fn nothing_can_be_drawn() {
        for lines in [vec![], vec![line("ours", &[None, None, None])], vec![line("ours", &[Some(0.0); 3])]] {
            let svg = panels(lines).standalone();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(fitting("heap-smp", 1_000.0), "heap-smp");
        assert!(fitting("a name that does not fit", 40.0).len() < 12);
    }
}
