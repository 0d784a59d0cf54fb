//! [`HeapMap`]: what lies where in the heap's segments, for people.

use core::fmt;

use crate::config::{UNIT, UNITS};
use crate::core_heap::CORE;
use crate::map_svg;
use crate::stats::Stats;
use crate::stretch::{Stretch, What, look};

/// A picture of where the heap's blocks lie: which units of its segments belong to slabs of which size class, and how full those
/// are; which to large blocks; which are free, resident or not.
///
/// Made by [`SmpAllocator::map`](crate::SmpAllocator::map). It looks when it is asked: each segment is told of as it was at one
/// moment, one after the other. A slot counts as used while a client or a thread's cache has it. [`Display`](fmt::Display)
/// draws it with letters for a terminal, a segment a line; [`write_svg`](Self::write_svg) as a picture.
///
/// ```
/// use heap_smp::SmpAllocator;
/// #[global_allocator]
/// static GLOBAL: SmpAllocator = SmpAllocator::new();
///
/// let words: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
/// let mut picture = String::new();
/// GLOBAL.map().write_svg(&mut picture)?;
/// assert!(picture.starts_with("<svg") && picture.ends_with("</svg>\n"));
/// println!("{}", GLOBAL.map());
/// # drop(words);
/// # Ok::<(), std::fmt::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct HeapMap {
    _made_here: (),
}

impl HeapMap {
    pub(crate) const fn new() -> Self {
        Self { _made_here: () }
    }

    /// Writes the picture as an SVG document of its own: a strip for each segment, coloured by size class and filled by occupancy, a
    /// legend, totals, and a bar for each class. At most 48 segments; how many are left out is said.
    ///
    /// Allocates nothing but what `out` does. O(memory of the heap).
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_svg(&self, out: &mut impl fmt::Write) -> fmt::Result {
        map_svg::write(&Stats::of(&CORE), out)
    }
}

/// Units that one letter stands for.
const UNITS_OF_LETTER: usize = UNITS / 64;

impl fmt::Display for HeapMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FILLS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let mut stretches = [Stretch::NONE; UNITS];
        let mut index = 0;
        while let Some((base, stretches)) = look(index, &mut stretches) {
            write!(f, "{base:#014x} ")?;
            // Of each letter's units: how many are owned, in parts of 255, and how many are free and resident.
            let mut letters = [(0, 0, 0); 64];
            for stretch in stretches {
                for unit in stretch.unit..stretch.unit + stretch.units {
                    let (used, dirty, holes) = &mut letters[unit as usize / UNITS_OF_LETTER];
                    match stretch.what {
                        What::Slab { fill, .. } => *used += usize::from(fill.max(1)),
                        What::Run => *used += 255,
                        What::Dirty => *dirty += 1,
                        What::Hole => *holes += 1,
                        What::Clean => {}
                    }
                }
            }
            for (used, dirty, holes) in letters {
                let letter = match (used * 8).div_ceil(UNITS_OF_LETTER * 255) {
                    0 if dirty > 0 => '░',
                    0 if holes == UNITS_OF_LETTER => ' ',
                    0 => '·',
                    fill => FILLS[fill.min(8)],
                };
                write!(f, "{letter}")?;
            }
            writeln!(f)?;
            index += 1;
        }
        writeln!(
            f,
            "▁▃▅▇█ used   ░ free, resident   · free   (one letter: {} KiB)",
            (UNITS_OF_LETTER * UNIT) >> 10
        )
    }
}
