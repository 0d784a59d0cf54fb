//! The heap map as a picture: nothing but text, written piece by piece, without a buffer.

use core::fmt;

use crate::config::{UNIT, UNITS};
use crate::size::{CLASS, CLASSES};
use crate::stats::{ClassStats, Stats};
use crate::stats_text::Bytes;
use crate::stretch::{Stretch, What, look};

/// Segments that are drawn: a GiB and a half, where a segment is 32 MiB.
pub(crate) const SHOWN: usize = 48;

const ROWS: usize = 8;
const UNITS_OF_ROW: usize = UNITS / ROWS;
/// Pixels.
const WIDTH: usize = 1072;
const MARGIN: usize = 24;
const STRIP: usize = WIDTH - 2 * MARGIN;
const ROW: usize = 18;
const ROW_STEP: usize = ROW + 3;
const TITLE: usize = 22;
const SEGMENT_GAP: usize = 10;
const HEAD: usize = 158;
const BAR_STEP: usize = 18;
/// Where bars begin, and how long a full one is.
const BAR_LEFT: usize = MARGIN + 84;
const BAR: usize = 520;

/// Colours of the smallest to the largest class, between which the others lie.
const SCALE: [[u8; 3]; 6] = [
    [0x35, 0x5c, 0xb8],
    [0x1f, 0x9d, 0xa8],
    [0x57, 0xa7, 0x5b],
    [0xd9, 0xb3, 0x3d],
    [0xe8, 0x85, 0x3d],
    [0xcf, 0x47, 0x4e],
];

const STYLE: &str = "text{font:12px ui-sans-serif,system-ui,Helvetica,Arial,sans-serif;fill:#374151}\
    .t{font-size:18px;font-weight:600;fill:#111827}.m{fill:#6b7280;font-size:11px}.n{text-anchor:end}\
    .r{fill:#6d5a8c}.k{fill:#eef0f3}.d{fill:url(#d)}.b{fill-opacity:.22}.p{fill:#111827}";

const PATTERN: &str = "<defs><pattern id=\"d\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
    patternTransform=\"rotate(45)\"><rect width=\"5\" height=\"5\" fill=\"#dfe3e8\"/>\
    <rect width=\"1.6\" height=\"5\" fill=\"#a9b1bc\"/></pattern></defs>";

/// A class's colour.
fn colour(class: usize) -> [u8; 3] {
    let last = SCALE.len() - 1;
    let at = class * last * 256 / (CLASSES - 1);
    let (from, part) = ((at / 256).min(last - 1), at - (at / 256).min(last - 1) * 256);
    core::array::from_fn(|i| {
        let (a, b) = (usize::from(SCALE[from][i]), usize::from(SCALE[from + 1][i]));
        ((a * (256 - part) + b * part) / 256) as u8
    })
}

/// Writes the whole document.
pub(crate) fn write(stats: &Stats, out: &mut impl fmt::Write) -> fmt::Result {
    let mut stretches = [Stretch::NONE; UNITS];
    let mut rows = [0u8; SHOWN];
    let (mut segments, mut height) = (0, HEAD);
    while let Some((_, stretches)) = look(segments, &mut stretches) {
        if let Some(rows) = rows.get_mut(segments) {
            *rows = rows_of(stretches) as u8;
            height += TITLE + usize::from(*rows) * ROW_STEP + SEGMENT_GAP;
        }
        segments += 1;
    }
    let bars = stats.classes.iter().filter(|class| class.slabs > 0).count();
    let classes_top = height + if segments > SHOWN { TITLE } else { 0 };
    let total = classes_top + 40 + bars * BAR_STEP + MARGIN;
    write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {total}\" width=\"{WIDTH}\" \
         height=\"{total}\" role=\"img\" aria-label=\"Heap map\"><style>{STYLE}"
    )?;
    for class in 0..CLASSES {
        let [r, g, b] = colour(class);
        write!(out, ".c{class}{{fill:#{r:02x}{g:02x}{b:02x}}}")?;
    }
    write!(out, "</style>{PATTERN}<rect width=\"{WIDTH}\" height=\"{total}\" rx=\"8\" fill=\"#fff\"/>")?;
    head(stats, segments, out)?;
    let mut top = HEAD;
    for (index, &rows) in rows.iter().enumerate().take(segments) {
        let Some((base, stretches)) = look(index, &mut stretches) else { break };
        strip(base, stretches, top, rows.into(), out)?;
        top += TITLE + usize::from(rows) * ROW_STEP + SEGMENT_GAP;
    }
    if segments > SHOWN {
        write!(out, "<text x=\"{MARGIN}\" y=\"{}\">and {} more segments</text>", top + 12, segments - SHOWN)?;
    }
    bars_of(stats, classes_top, out)?;
    out.write_str("</svg>\n")
}

/// Rows up to the last one with anything but fresh memory: at least one.
fn rows_of(stretches: &[Stretch]) -> usize {
    let used = stretches.iter().rfind(|stretch| !matches!(stretch.what, What::Clean | What::Hole));
    used.map_or(1, |last| usize::from(last.unit + last.units).div_ceil(UNITS_OF_ROW))
}

/// Title, totals and legend.
fn head(stats: &Stats, segments: usize, out: &mut impl fmt::Write) -> fmt::Result {
    write!(
        out,
        "<text class=\"t\" x=\"{MARGIN}\" y=\"36\">Heap map</text><text x=\"{MARGIN}\" y=\"60\">{} in {} slots of slabs \
         of {}</text><text x=\"{MARGIN}\" y=\"78\">{} in large blocks, {} in {} huge ones, {} in private heaps</text>\
         <text x=\"{MARGIN}\" y=\"96\">{} free and resident; address space {}, segments: {segments}</text>",
        Bytes(stats.slot_bytes),
        stats.classes.iter().map(|class| class.slots - class.free).sum::<usize>(),
        Bytes(stats.slab_bytes),
        Bytes(stats.run_bytes),
        Bytes(stats.huge_bytes),
        stats.huge_blocks,
        Bytes(stats.private_bytes),
        Bytes(stats.free_resident_bytes),
        Bytes(stats.reserved_bytes),
    )?;
    legend(out)
}

fn legend(out: &mut impl fmt::Write) -> fmt::Result {
    const TOP: usize = 112;
    write!(out, "<text x=\"{MARGIN}\" y=\"{}\">slots of 8 B</text>", TOP + 12)?;
    for class in 0..CLASSES {
        write!(
            out,
            "<rect class=\"c{class}\" x=\"{}\" y=\"{TOP}\" width=\"4\" height=\"14\"/>",
            MARGIN + 76 + class * 4
        )?;
    }
    let mut x = MARGIN + 76 + CLASSES * 4 + 6;
    write!(out, "<text x=\"{x}\" y=\"{}\">{}</text>", TOP + 12, Bytes(CLASS[CLASSES - 1].slot as usize))?;
    x += 64;
    for (style, text, width) in [
        ("r", "a large block", 92),
        ("d", "free, resident", 100),
        ("k", "free, not resident", 122),
        ("p", "dark edge: a private heap's", 160),
    ] {
        let (y, high) = if style == "p" { (TOP, 3) } else { (TOP, 14) };
        write!(
            out,
            "<rect class=\"{style}\" x=\"{x}\" y=\"{y}\" width=\"18\" height=\"{high}\"/><text x=\"{}\" y=\"{}\">{text}</text>",
            x + 24,
            TOP + 12
        )?;
        x += 24 + width;
    }
    write!(
        out,
        "<text class=\"m\" x=\"{MARGIN}\" y=\"{}\">Height of the colour: the part of a slab's slots that is used. A row is {}, a \
         segment {}.</text>",
        TOP + 32,
        Bytes(UNITS_OF_ROW * UNIT),
        Bytes(UNITS * UNIT)
    )
}

/// One segment.
fn strip(
    base: usize,
    stretches: &[Stretch],
    top: usize,
    rows: usize,
    out: &mut impl fmt::Write,
) -> fmt::Result {
    let count = |f: fn(&What) -> bool| {
        stretches
            .iter()
            .filter(|stretch| f(&stretch.what))
            .map(|stretch| usize::from(stretch.units))
            .sum::<usize>()
    };
    write!(
        out,
        "<text class=\"m\" x=\"{MARGIN}\" y=\"{}\">{base:#x}</text><text class=\"m n\" x=\"{}\" y=\"{}\">slabs {} · large {} · \
         free, resident {} · free {}</text>",
        top + 14,
        MARGIN + STRIP,
        top + 14,
        Bytes(count(|what| matches!(what, What::Slab { .. })) * UNIT),
        Bytes(count(|what| *what == What::Run) * UNIT),
        Bytes(count(|what| *what == What::Dirty) * UNIT),
        Bytes(count(|what| *what == What::Clean) * UNIT),
    )?;
    let top = top + TITLE;
    let mut previous = None;
    for stretch in stretches {
        // Neighbours of one colour are one path: a third of the text.
        let colour = Colour::of(stretch.what);
        if colour != previous {
            if previous.is_some() {
                out.write_str("\"/>")?;
            }
            if let Some(colour) = colour {
                colour.open(out)?;
            }
        }
        previous = colour;
        if colour.is_some() {
            pieces(stretch, top, rows, 0, ROW, out)?;
        }
    }
    if previous.is_some() {
        out.write_str("\"/>")?;
    }
    fills(stretches, top, rows, out)?;
    edges(stretches, top, rows, out)
}

/// The colour of a whole stretch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Colour {
    Clean,
    Dirty,
    Run,
    Class(u8),
}

impl Colour {
    fn of(what: What) -> Option<Self> {
        match what {
            What::Hole => None,
            What::Clean => Some(Self::Clean),
            What::Dirty => Some(Self::Dirty),
            What::Run => Some(Self::Run),
            What::Slab { class, .. } => Some(Self::Class(class)),
        }
    }

    fn open(self, out: &mut impl fmt::Write) -> fmt::Result {
        match self {
            Self::Clean => out.write_str("<path class=\"k\" d=\""),
            Self::Dirty => out.write_str("<path class=\"d\" d=\""),
            Self::Run => out.write_str("<path class=\"r\" d=\""),
            Self::Class(class) => write!(out, "<path class=\"b c{class}\" d=\""),
        }
    }
}

/// The used part of slabs, from below.
fn fills(stretches: &[Stretch], top: usize, rows: usize, out: &mut impl fmt::Write) -> fmt::Result {
    let mut open = None;
    for stretch in stretches {
        let What::Slab { class, fill } = stretch.what else { continue };
        if fill == 0 {
            continue;
        }
        if open != Some(class) {
            out.write_str(if open.is_some() { "\"/>" } else { "" })?;
            write!(out, "<path class=\"c{class}\" d=\"")?;
            open = Some(class);
        }
        let high = (usize::from(fill) * ROW).div_ceil(255);
        pieces(stretch, top, rows, ROW - high, high, out)?;
    }
    out.write_str(if open.is_some() { "\"/>" } else { "" })
}

/// A dark edge above what private heaps own.
fn edges(stretches: &[Stretch], top: usize, rows: usize, out: &mut impl fmt::Write) -> fmt::Result {
    if stretches.iter().any(|stretch| stretch.private) {
        out.write_str("<path class=\"p\" d=\"")?;
        for stretch in stretches.iter().filter(|stretch| stretch.private) {
            pieces(stretch, top, rows, 0, 3, out)?;
        }
        out.write_str("\"/>")?;
    }
    Ok(())
}

/// A stretch as pieces of path, one in each row that it reaches into, `high` pixels from `from` below the row's top.
fn pieces(
    stretch: &Stretch,
    top: usize,
    rows: usize,
    from: usize,
    high: usize,
    out: &mut impl fmt::Write,
) -> fmt::Result {
    const PER_UNIT: usize = STRIP / UNITS_OF_ROW;
    let (mut unit, end) = (usize::from(stretch.unit), usize::from(stretch.unit + stretch.units));
    while unit < end {
        let (row, column) = (unit / UNITS_OF_ROW, unit % UNITS_OF_ROW);
        let here = (UNITS_OF_ROW - column).min(end - unit);
        // A gap of a pixel at the end tells neighbours apart.
        let gap = usize::from(unit + here == end);
        if row < rows {
            let (x, y) = (MARGIN + column * PER_UNIT, top + row * ROW_STEP + from);
            let wide = (here * PER_UNIT).saturating_sub(gap).max(1);
            write!(out, "M{x} {y}h{wide}v{high}h-{wide}z")?;
        }
        unit += here;
    }
    Ok(())
}

/// A bar for each class that has slabs.
fn bars_of(stats: &Stats, top: usize, out: &mut impl fmt::Write) -> fmt::Result {
    write!(out, "<text class=\"t\" x=\"{MARGIN}\" y=\"{}\">Slots by size</text>", top + 24)?;
    let used = stats.classes.iter().enumerate().filter(|(_, class)| class.slabs > 0);
    used.enumerate().try_for_each(|(row, (index, class))| bar(index, class, top + 40 + row * BAR_STEP, out))
}

fn bar(index: usize, class: &ClassStats, y: usize, out: &mut impl fmt::Write) -> fmt::Result {
    let used = class.slots - class.free;
    let wide = (used * BAR).div_ceil(class.slots.max(1));
    write!(
        out,
        "<text class=\"n\" x=\"{}\" y=\"{}\">{}</text><rect class=\"b c{index}\" x=\"{BAR_LEFT}\" y=\"{y}\" width=\"{BAR}\" \
         height=\"13\"/><rect class=\"c{index}\" x=\"{BAR_LEFT}\" y=\"{y}\" width=\"{wide}\" height=\"13\"/><text x=\"{}\" \
         y=\"{}\">{used} of {} slots ({} %), slabs: {}</text>",
        BAR_LEFT - 10,
        y + 11,
        Bytes(class.slot),
        BAR_LEFT + BAR + 12,
        y + 11,
        class.slots,
        used * 100 / class.slots.max(1),
        class.slabs,
    )
}
