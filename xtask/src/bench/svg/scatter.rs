//! Dots between two ratios, each with its name: the headline chart.

use super::canvas::{Canvas, Side, width_of};
use super::scale::{Scale, tick_text};
use crate::bench::words;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 520.0;
/// Left, top, right and bottom edge of the field.
const FIELD: (f64, f64, f64, f64) = (74.0, 22.0, WIDTH - 28.0, HEIGHT - 62.0);
/// What the standalone picture has above the field.
const HEADER: f64 = 64.0;
/// What it has below.
const FOOTER: f64 = 22.0;
const LETTER: f64 = 13.0;

/// One named dot.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Dot {
    pub(crate) name: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) ours: bool,
}

/// The part of the field that is worth reaching: at most so much of both.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Corner {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) name: String,
}

/// The chart. Both axes are ratios, so 1 is the reference.
#[derive(Clone, Debug)]
pub(crate) struct Scatter {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    /// Below the picture that stands alone: where and when it was measured.
    pub(crate) footnote: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
    pub(crate) dots: Vec<Dot>,
    pub(crate) corner: Option<Corner>,
}

impl Scatter {
    /// For a page that gives the title itself.
    pub(crate) fn inline(&self) -> String {
        let mut canvas = Canvas::new(WIDTH, HEIGHT);
        self.draw(&mut canvas, 0.0);
        canvas.inline(&self.label())
    }

    /// As a file of its own, with title.
    pub(crate) fn standalone(&self) -> String {
        let mut canvas = Canvas::new(WIDTH, HEIGHT + HEADER + FOOTER);
        canvas.text(28.0, 38.0, Side::Right, "title", &self.title);
        canvas.text(28.0, 62.0, Side::Right, "soft", &self.subtitle);
        canvas.text(28.0, HEIGHT + HEADER + 8.0, Side::Right, "tiny soft", &self.footnote);
        self.draw(&mut canvas, HEADER);
        canvas.standalone(&self.label())
    }

    fn label(&self) -> String {
        let dots = self
            .dots
            .iter()
            .map(|dot| format!("{} {} and {}", dot.name, words::ratio(dot.x), words::ratio(dot.y)));
        format!(
            "{}. {}. {}: {}.",
            self.title,
            self.x_label,
            self.y_label,
            dots.collect::<Vec<_>>().join(", ")
        )
    }

    fn draw(&self, canvas: &mut Canvas, down: f64) {
        let (left, top, right, bottom) = (FIELD.0, FIELD.1 + down, FIELD.2, FIELD.3 + down);
        let corner = self.corner.as_ref();
        let (low, high) = bounds(self.dots.iter().map(|dot| dot.x), corner.map(|corner| corner.x));
        let x = Scale::ratio(low, high, left, right);
        let (low, high) = bounds(self.dots.iter().map(|dot| dot.y), corner.map(|corner| corner.y));
        let y = Scale::ratio(low, high, bottom, top);
        for tick in x.ratio_ticks(46.0) {
            let class = if tick == 1.0 { "one" } else { "grid" };
            canvas.line((x.at(tick), top), (x.at(tick), bottom), class);
            canvas.text(x.at(tick), bottom + 20.0, Side::Middle, "small soft", &tick_text(tick));
        }
        for tick in y.ratio_ticks(30.0) {
            let class = if tick == 1.0 { "one" } else { "grid" };
            canvas.line((left, y.at(tick)), (right, y.at(tick)), class);
            canvas.text(left - 9.0, y.at(tick) + 4.0, Side::Left, "small soft", &tick_text(tick));
        }
        canvas.line((left, bottom), (right, bottom), "axis");
        canvas.line((left, top), (left, bottom), "axis");
        canvas.text((left + right) / 2.0, bottom + 46.0, Side::Middle, "", &self.x_label);
        canvas.upward(22.0, (top + bottom) / 2.0, "", &self.y_label);
        let mut taken = Vec::new();
        if let Some(corner) = corner {
            canvas.rect(left, y.at(corner.y), x.at(corner.x) - left, bottom - y.at(corner.y), "corner");
            let place = (left + 10.0, bottom - 42.0);
            canvas.text(place.0, place.1, Side::Right, "corner-text", &corner.name);
            let limits = [format!("time up to {}", corner.x), format!("memory up to {}", corner.y)];
            for (line, limit) in limits.iter().enumerate() {
                canvas.text(place.0, place.1 + 16.0 * (line + 1) as f64, Side::Right, "small soft", limit);
            }
            let right = place.0 + width_of(&limits[1]);
            taken.push(Area { left: place.0, top: place.1 - LETTER, right, bottom: bottom - 4.0 });
        }
        let points: Vec<(f64, f64)> = self.dots.iter().map(|dot| (x.at(dot.x), y.at(dot.y))).collect();
        let field = Area { left: left + 2.0, top: top + 2.0, right: right + 18.0, bottom: bottom - 2.0 };
        let places = place_labels(&self.dots, &points, taken, &field);
        for ((dot, point), place) in self.dots.iter().zip(&points).zip(&places) {
            canvas.tip(&format!(
                "{}: {} x {}, {} x {}",
                dot.name,
                self.x_label,
                words::ratio(dot.x),
                self.y_label,
                words::ratio(dot.y)
            ));
            if let Some(end) = place.lead {
                canvas.line(*point, end, "lead");
            }
            canvas.circle(*point, if dot.ours { 8.0 } else { 5.5 }, if dot.ours { "ours" } else { "deep" });
            canvas.text(
                place.area.left,
                place.area.bottom - 4.0,
                Side::Right,
                if dot.ours { "halo our" } else { "halo" },
                &dot.name,
            );
            canvas.end();
        }
    }
}

/// The share of the field's width and height that the corner has at least.
const CORNER_SHARE: f64 = 0.22;

/// Room for all values and 1, a little more on both sides, and enough below for a corner up to `corner`.
fn bounds(values: impl Iterator<Item = f64>, corner: Option<f64>) -> (f64, f64) {
    let (low, high) = values.fold((1.0_f64, 1.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let room = (high / low).powf(0.09).max(1.03);
    let (low, high) = (low / room, high * room);
    let Some(corner) = corner else { return (low, high) };
    // The end at which the corner has just its share of the logarithmic scale.
    let end = ((corner.ln() - CORNER_SHARE * high.ln()) / (1.0 - CORNER_SHARE)).exp();
    (low.min(end), high)
}

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Area {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
}

impl Area {
    fn around(point: (f64, f64), radius: f64) -> Self {
        Self {
            left: point.0 - radius,
            top: point.1 - radius,
            right: point.0 + radius,
            bottom: point.1 + radius,
        }
    }

    /// The size of the part that both cover.
    fn shared(&self, other: &Self) -> f64 {
        let width = self.right.min(other.right) - self.left.max(other.left);
        let height = self.bottom.min(other.bottom) - self.top.max(other.top);
        width.max(0.0) * height.max(0.0)
    }

    fn size(&self) -> f64 {
        (self.right - self.left) * (self.bottom - self.top)
    }
}

/// Where a name stands, and where the line to its dot ends, if it is so far that it needs one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Place {
    area: Area,
    lead: Option<(f64, f64)>,
}

/// Gives each name the nearest place where it covers no dot, no other name and stays in the field: those with
/// the nearest neighbours first, ours before all.
fn place_labels(dots: &[Dot], points: &[(f64, f64)], mut taken: Vec<Area>, field: &Area) -> Vec<Place> {
    taken.extend(
        points.iter().zip(dots).map(|(point, dot)| Area::around(*point, if dot.ours { 9.0 } else { 6.5 })),
    );
    let room = |place: usize| {
        let apart = |other: &(f64, f64)| (other.0 - points[place].0).hypot(other.1 - points[place].1);
        let others = points.iter().enumerate().filter(|(other, _)| *other != place);
        others.map(|(_, point)| apart(point)).fold(f64::INFINITY, f64::min)
    };
    let mut order: Vec<usize> = (0..dots.len()).collect();
    order.sort_by(|left, right| {
        dots[*right].ours.cmp(&dots[*left].ours).then(room(*left).total_cmp(&room(*right)))
    });
    let mut places: Vec<Option<Place>> = vec![None; dots.len()];
    for index in order {
        let cost = |place: &Place| {
            let covered: f64 = taken.iter().map(|area| area.shared(&place.area)).sum();
            covered + (place.area.size() - place.area.shared(field))
        };
        let candidates =
            candidates(points[index], width_of(&dots[index].name) * if dots[index].ours { 1.1 } else { 1.0 });
        // The first of the least: candidates come with the nearest first.
        let best = candidates.into_iter().min_by(|left, right| cost(left).total_cmp(&cost(right)));
        if let Some(place) = best {
            taken.push(place.area);
            places[index] = Some(place);
        }
    }
    places.into_iter().flatten().collect()
}

/// The places around a dot for a name, the usual ones first, then further out.
fn candidates(point: (f64, f64), width: f64) -> Vec<Place> {
    const AROUND: [(f64, f64); 8] = [
        (1.0, 0.0),
        (-1.0, 0.0),
        (0.0, -1.0),
        (0.0, 1.0),
        (0.8, -0.8),
        (0.8, 0.8),
        (-0.8, -0.8),
        (-0.8, 0.8),
    ];
    let mut places = Vec::new();
    for apart in [11.0, 16.0, 24.0, 34.0, 46.0] {
        for (right, down) in AROUND {
            let (x, y) = (point.0 + right * apart, point.1 + down * apart);
            let left = match right {
                r if r > 0.0 => x,
                r if r < 0.0 => x - width,
                _ => x - width / 2.0,
            };
            let top = y - LETTER / 2.0 - 2.0 + down * LETTER / 2.0;
            let area = Area { left, top, right: left + width, bottom: top + LETTER + 4.0 };
            places.push(Place { area, lead: (apart > 16.0).then_some((x, y)) });
        }
    }
    places
}

#[cfg(test)]
mod tests;
