//! Tests of the headline chart.
use super::*;

fn chart(dots: &[(&str, f64, f64)]) -> Scatter {
    let dot =
        |&(name, x, y): &(&str, f64, f64)| Dot { name: name.to_owned(), x, y, ours: name == "heap-smp" };
    Scatter {
        title: "Time & memory".to_owned(),
        subtitle: "of programs".to_owned(),
        footnote: "measured here".to_owned(),
        x_label: "Time".to_owned(),
        y_label: "Memory".to_owned(),
        dots: dots.iter().map(dot).collect(),
        corner: Some(Corner { x: 0.95, y: 0.65, name: "fast and lean".to_owned() }),
    }
}

/// Ratios of fourteen allocators on real programs, measured once: crowded between 0.99 and 1.09.
const CROWD: [(&str, f64, f64); 14] = [
    ("mimalloc v2", 0.99, 0.85),
    ("mimalloc v3", 1.00, 1.00),
    ("snmalloc", 1.03, 0.76),
    ("rusty_alloc", 1.05, 0.75),
    ("jemalloc", 1.08, 0.71),
    ("rpmalloc", 1.08, 0.83),
    ("tcmalloc", 1.09, 0.92),
    ("ferroc", 1.13, 0.79),
    ("system", 1.23, 0.61),
    ("rlsf", 1.33, 0.64),
    ("talc", 1.38, 0.61),
    ("dlmalloc", 1.40, 0.61),
    ("Zig 0.17", 1.45, 0.68),
    ("heap-smp", 0.93, 0.64),
];

#[test]
fn no_name_covers_a_dot_or_another_name() {
    let chart = chart(&CROWD);
    let (x, y) = (Scale::ratio(0.9, 1.5, 74.0, 832.0), Scale::ratio(0.58, 1.04, 458.0, 22.0));
    let points: Vec<(f64, f64)> = chart.dots.iter().map(|dot| (x.at(dot.x), y.at(dot.y))).collect();
    let field = Area { left: 74.0, top: 22.0, right: 850.0, bottom: 458.0 };
    let places = place_labels(&chart.dots, &points, Vec::new(), &field);
    assert_eq!(places.len(), CROWD.len());
    for (index, place) in places.iter().enumerate() {
        assert_eq!(place.area.shared(&field), place.area.size(), "{} leaves the field", CROWD[index].0);
        for (other, point) in points.iter().enumerate() {
            assert_eq!(
                place.area.shared(&Area::around(*point, 5.0)),
                0.0,
                "{} on {}",
                CROWD[index].0,
                CROWD[other].0
            );
        }
        for (other, area) in places.iter().enumerate().filter(|(other, _)| *other != index) {
            assert_eq!(place.area.shared(&area.area), 0.0, "{} and {}", CROWD[index].0, CROWD[other].0);
        }
    }
}

#[test]
fn both_forms_name_every_allocator_and_the_corner() {
    let chart = chart(&CROWD);
    for svg in [chart.inline(), chart.standalone()] {
        for (name, ..) in CROWD {
            assert!(svg.contains(&format!(">{name}</text>")), "{name} is missing");
        }
        assert!(svg.contains(">fast and lean</text>") && !svg.contains("NaN"));
    }
    assert!(chart.standalone().contains(">Time &amp; memory</text>"));
    assert!(
        chart.standalone().contains(">measured here</text>") && !chart.inline().contains("measured here")
    );
}

#[test]
fn a_chart_without_dots_or_with_equal_ones_can_be_drawn() {
    assert!(!chart(&[]).inline().contains("NaN"));
    let same = chart(&[("heap-smp", 1.0, 1.0), ("system", 1.0, 1.0)]).inline();
    assert!(same.contains(">system</text>") && !same.contains("NaN"));
}
