//! A sheet to draw on, and the colours.

use std::fmt::Write as _;

/// The colours and letters of all pictures, for light and dark. The same names are used by the page around them.
pub(crate) const STYLE: &str = "\
:root{--sheet:#ffffff;--ink:#1d2126;--soft:#5c6670;--line:#e1e5e8;--ours:#d9480f;--peer:#9db0c3;--deep:#5d7a96;\
--fast:#1971c2;--slow:#e8890c;--corner:#2f9e44;--bad:#c92a2a}\
@media (prefers-color-scheme:dark){:root{--sheet:#1b1f24;--ink:#e8eaed;--soft:#9aa5af;--line:#30363d;--ours:#ff8a4c;\
--peer:#51677d;--deep:#8fa9c2;--fast:#4dabf7;--slow:#f0a030;--corner:#51cf66;--bad:#ff8787}}\
svg text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif;font-size:13px;fill:var(--ink)}\
svg .small{font-size:12px}svg .tiny{font-size:11px}svg .halo{paint-order:stroke;stroke:var(--sheet);stroke-width:4px;stroke-linejoin:round}svg .soft{fill:var(--soft)}svg .strong{font-weight:700}\
svg .title{font-size:20px;font-weight:700}svg .our{fill:var(--ours);font-weight:700}svg .bad{fill:var(--bad)}\
svg .sheet{fill:var(--sheet)}svg .grid{stroke:var(--line);stroke-width:1}svg .axis{stroke:var(--soft);stroke-width:1}\
svg .one{stroke:var(--soft);stroke-width:1;stroke-dasharray:4 4}svg .lead{stroke:var(--soft);stroke-width:.8}\
svg .peer{fill:var(--peer)}svg .deep{fill:var(--deep)}svg .ours{fill:var(--ours)}svg .ours-soft{fill:var(--ours);fill-opacity:.4}\
svg .our-line{stroke:var(--ours);stroke-width:2.6;stroke-linecap:round}svg .peer-line{stroke:var(--peer);stroke-width:1.4}\
svg .whisker{stroke:var(--ink);stroke-width:1.2;stroke-opacity:.7}svg .cut{stroke:var(--sheet);stroke-width:3}\
svg .corner{fill:var(--corner);fill-opacity:.13;stroke:var(--corner);stroke-opacity:.55;stroke-dasharray:5 4}svg .corner-text{fill:var(--corner);font-weight:600}\
svg .faster{fill:var(--fast)}svg .slower{fill:var(--slow)}svg .even{fill:var(--line);fill-opacity:.5}";

/// To which side of its place a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Right,
    Middle,
    Left,
}

/// An SVG picture being drawn. Lengths are in its own units, one of which is a pixel at full size.
#[derive(Debug)]
pub(super) struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

impl Canvas {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, body: String::new() }
    }

    pub(super) fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, class: &str) {
        self.tile(x, y, width, height, class, 1.0);
    }

    /// A rectangle with rounded corners, `strength` opaque.
    pub(super) fn tile(&mut self, x: f64, y: f64, width: f64, height: f64, class: &str, strength: f64) {
        let _ = write!(
            self.body,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" rx=\"2\" class=\"{class}\"",
            width.max(0.0)
        );
        if strength < 1.0 {
            let _ = write!(self.body, " style=\"fill-opacity:{strength:.2}\"");
        }
        self.body += "/>\n";
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        let _ = writeln!(
            self.body,
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" class=\"{class}\"/>"
        );
    }

    pub(super) fn circle(&mut self, at: (f64, f64), radius: f64, class: &str) {
        let _ = writeln!(
            self.body,
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"{radius:.1}\" class=\"{class}\"/>",
            at.0, at.1
        );
    }

    /// A text with its base line at `y`.
    pub(super) fn text(&mut self, x: f64, y: f64, side: Side, class: &str, text: &str) {
        let anchor = anchor(side);
        let _ = writeln!(
            self.body,
            "<text x=\"{x:.1}\" y=\"{y:.1}\"{anchor} class=\"{class}\">{}</text>",
            escape(text)
        );
    }

    /// A text that reads upwards, its middle at the place.
    pub(super) fn upward(&mut self, x: f64, y: f64, class: &str, text: &str) {
        let (anchor, text) = (anchor(Side::Middle), escape(text));
        let _ = writeln!(
            self.body,
            "<text transform=\"translate({x:.1} {y:.1}) rotate(-90)\"{anchor} class=\"{class}\">{text}</text>"
        );
    }

    /// Begins a group that shows `tip` when pointed at; [`end`](Self::end) ends it.
    pub(super) fn tip(&mut self, tip: &str) {
        let _ = writeln!(self.body, "<g><title>{}</title>", escape(tip));
    }

    pub(super) fn end(&mut self) {
        self.body += "</g>\n";
    }

    /// The picture for use inside a page that has [`STYLE`]; `label` says what is seen to those who cannot.
    pub(super) fn inline(self, label: &str) -> String {
        let (width, height) = (self.width, self.height);
        format!(
            "<svg viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{}\">\n{}</svg>\n",
            escape(label),
            self.body
        )
    }

    /// The picture as a file of its own.
    pub(super) fn standalone(self, label: &str) -> String {
        let (width, height, label) = (self.width, self.height, escape(label));
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" role=\"img\" aria-label=\"{label}\">\n\
             <style>{STYLE}</style>\n<rect width=\"{width}\" height=\"{height}\" rx=\"10\" class=\"sheet\"/>\n{}</svg>\n",
            self.body
        )
    }
}

fn anchor(side: Side) -> &'static str {
    match side {
        Side::Right => "",
        Side::Middle => " text-anchor=\"middle\"",
        Side::Left => " text-anchor=\"end\"",
    }
}

/// How wide a text of 13 units is, about: letters of usual sans-serif fonts, the wide ones measured.
pub(super) fn width_of(text: &str) -> f64 {
    let wide = |letter: char| match letter {
        'm' | 'M' | 'W' | 'w' => 0.88,
        'i' | 'l' | 'j' | 'I' | '.' | ',' | ' ' | '\'' | '|' => 0.32,
        'f' | 't' | 'r' | '-' | '(' | ')' => 0.42,
        'A'..='Z' => 0.70,
        _ => 0.61,
    };
    text.chars().map(wide).sum::<f64>() * 13.0
}

/// Text as SVG and HTML want it.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cannot_break_out() {
        let mut canvas = Canvas::new(10.0, 10.0);
        canvas.tip("a \"b\" & <c>");
        canvas.text(0.0, 0.0, Side::Left, "small", "<script>");
        canvas.end();
        let svg = canvas.inline("x");
        assert!(svg.contains("a &quot;b&quot; &amp; &lt;c&gt;") && svg.contains("&lt;script&gt;"), "{svg}");
        assert_eq!((svg.matches("<g>").count(), svg.matches("</g>").count()), (1, 1));
    }

    #[test]
    fn a_file_of_its_own_brings_its_colours() {
        let svg = Canvas::new(4.0, 3.0).standalone("a & b");
        assert!(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 4 3\""), "{svg}");
        assert!(svg.contains("prefers-color-scheme:dark") && svg.contains("aria-label=\"a &amp; b\""));
        assert!(!Canvas::new(4.0, 3.0).inline("").contains("<style>"));
    }
}
