//! A heat map: a table whose cells are coloured by their ratio to the reference.

use super::canvas::{Canvas, Side, width_of};

const COLUMN: f64 = 84.0;
const ROW: f64 = 25.0;
const HEAD: f64 = 28.0;

/// One cell.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Tile {
    pub(crate) text: String,
    /// Below 1 is better than the reference; `None` leaves the cell without colour.
    pub(crate) ratio: Option<f64>,
    /// The best of its row.
    pub(crate) best: bool,
    pub(crate) bad: bool,
    pub(crate) tip: String,
}

/// The whole map: `rows` have a name and as many cells as there are `columns`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Heat {
    pub(crate) columns: Vec<String>,
    pub(crate) ours: Option<usize>,
    pub(crate) rows: Vec<(String, Vec<Tile>)>,
}

/// Draws it. Full colour is reached at four times or a quarter of the reference.
pub(crate) fn heat(map: &Heat, label: &str) -> String {
    let names = map.rows.iter().map(|(name, _)| width_of(name)).fold(60.0, f64::max) + 12.0;
    let width = names + COLUMN * map.columns.len() as f64;
    let mut canvas = Canvas::new(width, HEAD + ROW * map.rows.len() as f64 + 2.0);
    for (place, column) in map.columns.iter().enumerate() {
        let class = if map.ours == Some(place) { "small our" } else { "small soft" };
        canvas.text(names + COLUMN * (place as f64 + 0.5), 17.0, Side::Middle, class, column);
    }
    for (line, (name, tiles)) in map.rows.iter().enumerate() {
        let top = HEAD + ROW * line as f64;
        canvas.text(names - 10.0, top + 16.0, Side::Left, "small", name);
        for (place, tile) in tiles.iter().enumerate() {
            let left = names + COLUMN * place as f64;
            let (class, strength) = colour(tile.ratio);
            canvas.tip(&tile.tip);
            canvas.tile(left + 1.0, top + 1.0, COLUMN - 2.0, ROW - 2.0, class, strength);
            let class = match (tile.bad, tile.best) {
                (true, _) => "small bad",
                (_, true) => "small strong",
                _ => "small",
            };
            canvas.text(left + COLUMN / 2.0, top + 16.5, Side::Middle, class, &tile.text);
            canvas.end();
        }
    }
    canvas.inline(label)
}

/// Blue for less, orange for more, the stronger the further from 1; within 3 % no colour.
fn colour(ratio: Option<f64>) -> (&'static str, f64) {
    let Some(ratio) = ratio.filter(|ratio| *ratio > 0.0) else { return ("even", 0.25) };
    let strength = (ratio.log2().abs() / 2.0).min(1.0).sqrt() * 0.75;
    match ratio {
        r if r < 0.97 => ("faster", strength),
        r if r > 1.03 => ("slower", strength),
        _ => ("even", 0.5),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_and_worse_have_their_colours_and_noise_has_none() {
        assert_eq!(
            [colour(Some(0.5)).0, colour(Some(2.0)).0, colour(Some(1.01)).0, colour(None).0],
            ["faster", "slower", "even", "even"]
        );
        assert!(colour(Some(4.0)).1 > colour(Some(1.5)).1);
        assert_eq!(colour(Some(400.0)).1, colour(Some(4.0)).1);
    }

    #[test]
    fn every_cell_is_drawn_with_its_word() {
        let tile = |text: &str, ratio| Tile { text: text.to_owned(), ratio, ..Tile::default() };
        let failed = Tile { bad: true, ..tile("failed", None) };
        let map = Heat {
            columns: vec!["heap-smp".to_owned(), "system".to_owned()],
            ours: Some(0),
            rows: vec![("pairs".to_owned(), vec![tile("5.2 ns", Some(0.5)), failed])],
        };
        let svg = heat(&map, "");
        assert!(svg.contains(">5.2 ns</text>") && svg.contains("class=\"small bad\">failed</text>"), "{svg}");
        assert!(svg.contains("class=\"small our\">heap-smp</text>"), "{svg}");
    }
}
