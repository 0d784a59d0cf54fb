//! A violation as text: what, which block, what was damaged, and up to three traces.
#![forbid(unsafe_code)]

use std::fmt::{self, Write};

use super::style::Style;
use super::{dump, trace};
use crate::violation::{BlockFacts, Operation, Violation, ViolationKind};

use ViolationKind as Kind;

/// Writes the whole report.
pub(crate) fn write_violation(violation: &Violation, style: Style, w: &mut dyn Write) -> fmt::Result {
    let (error, strong, end) = (style.error, style.strong, style.end);
    write!(w, "{error}error[{}]{end}{strong}: ", violation.kind.name())?;
    write_headline(violation, w)?;
    writeln!(w, "{end}")?;
    write_facts(violation, w)?;
    dump::write(&violation.window, style, w)?;
    write_help(violation, w)?;
    if let Some(block) = &violation.block {
        trace::write("allocated at", block.allocated, style, w)?;
        if !block.live {
            trace::write("freed at", block.freed, style, w)?;
        }
    }
    trace::write(found_title(violation), violation.found, style, w)?;
    writeln!(w)
}

fn found_title(violation: &Violation) -> &'static str {
    let found_later =
        matches!(violation.kind, Kind::WritePastEnd | Kind::WriteBeforeStart | Kind::WriteAfterFree);
    let is_free = violation.block.is_some_and(|block| !block.live);
    match (violation.kind, violation.operation) {
        (_, Operation::Free) if found_later && is_free => "found by a later free at",
        (Kind::DoubleFree, _) => "freed again at",
        (_, Operation::Alloc) if found_later => "found when allocated again at",
        (_, Operation::Free) if found_later => "found when freed at",
        (_, Operation::Check) => "found by a check at",
        (_, _) if found_later => "found when resized at",
        (_, Operation::Alloc) => "allocated at",
        (_, Operation::Free) => "freed at",
        (_, Operation::Resize) => "resized at",
        (_, Operation::Remap) => "remapped at",
        (_, Operation::Realloc) => "reallocated at",
        (_, Operation::Access) => "touched at",
    }
}

/// `1 byte`, `2 bytes`.
struct Bytes(usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} byte{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

fn write_headline(violation: &Violation, w: &mut dyn Write) -> fmt::Result {
    let size = Bytes(violation.block.map_or(0, |block| block.size));
    let align = violation.block.map_or(0, |block| block.align);
    let (given_size, given_align) = violation.given.unwrap_or((0, 0));
    let damaged = Bytes(violation.damaged);
    match violation.kind {
        Kind::DoubleFree => write!(w, "a block of {size} was freed twice"),
        Kind::UseAfterFree => write!(w, "{} of a freed block of {size}", violation.operation.name()),
        Kind::WrongSize => {
            write!(w, "a block of {size} was given back as one of {}", Bytes(given_size))
        }
        Kind::WrongAlignment => {
            write!(w, "a block with alignment {align} was given back with alignment {given_align}")
        }
        Kind::ForeignPointer => write!(w, "the pointer is not to memory of this allocator"),
        Kind::InteriorPointer => write!(w, "the pointer is not to the start of a block"),
        Kind::WrongAllocator => write!(w, "the block belongs to another allocator"),
        Kind::WritePastEnd => write!(w, "{damaged} changed past the end of a block of {size}"),
        Kind::WriteBeforeStart => write!(w, "{damaged} changed before the start of a block of {size}"),
        Kind::WriteAfterFree => write!(w, "{damaged} changed in a freed block of {size}"),
        Kind::AccessPastEnd => write!(w, "memory past the end of a block of {size} was touched"),
        Kind::AccessBeforeStart => write!(w, "memory before the start of a block of {size} was touched"),
        Kind::AccessAfterFree => write!(w, "a freed block of {size} was touched"),
        Kind::ZeroSize => write!(w, "a layout of zero bytes was passed to GlobalAlloc"),
        Kind::NullPointer => write!(w, "a null pointer was passed to {}", violation.operation.name()),
        Kind::Reentered => {
            write!(w, "{} was called while inside of the allocator", violation.operation.name())
        }
    }
}

fn write_facts(violation: &Violation, w: &mut dyn Write) -> fmt::Result {
    if let Some(block) = &violation.block {
        let state = if block.live { "live" } else { "freed" };
        let BlockFacts { addr, size, align, .. } = *block;
        writeln!(w, "  block    {addr:#x}, {}, align {align}, {state}", Bytes(size))?;
    }
    if violation.block.is_none_or(|block| block.addr != violation.addr) && violation.addr != 0 {
        writeln!(w, "  pointer  {:#x}", violation.addr)?;
    }
    match (violation.kind, violation.given) {
        (
            Kind::WrongSize | Kind::WrongAlignment | Kind::ForeignPointer | Kind::WrongAllocator,
            Some(given),
        )
        | (Kind::InteriorPointer | Kind::ZeroSize | Kind::NullPointer, Some(given)) => {
            writeln!(w, "  given    {}, align {}", Bytes(given.0), given.1)?;
        }
        _ => {}
    }
    if let Some((called, owner)) = violation.instances {
        writeln!(w, "  called   the instance with canary {called:#x}, owner is the one with {owner:#x}")?;
    }
    write_place(violation, w)
}

/// Where exactly the damage is.
fn write_place(violation: &Violation, w: &mut dyn Write) -> fmt::Result {
    let distance = violation.distance;
    match (violation.kind, &violation.block) {
        (Kind::WritePastEnd, _) if distance == 0 => {
            writeln!(w, "  damage   from the first byte past the end")
        }
        (Kind::WritePastEnd, _) => {
            writeln!(w, "  damage   from {} past the end", Bytes(distance))
        }
        (Kind::WriteBeforeStart, _) => writeln!(w, "  damage   up to {} before the start", Bytes(distance)),
        (Kind::AccessPastEnd, _) if distance == 0 => writeln!(w, "  place    the first byte past the end"),
        (Kind::AccessPastEnd, _) => writeln!(w, "  place    {} past the end", Bytes(distance)),
        (Kind::AccessBeforeStart, _) => writeln!(w, "  place    {} before the start", Bytes(distance)),
        (Kind::AccessAfterFree, _) => writeln!(w, "  place    byte {} of the block", distance.cast_signed()),
        (Kind::WriteAfterFree, _) => writeln!(w, "  damage   from byte {distance} of the block"),
        (Kind::InteriorPointer, Some(block)) => {
            // Before the start, the distance is negative.
            let before = distance.wrapping_neg();
            if before < distance {
                writeln!(w, "  place    {} before the block", Bytes(before))
            } else if distance < block.size {
                writeln!(w, "  place    {} inside of the block", Bytes(distance))
            } else {
                writeln!(w, "  place    {} past its end", Bytes(distance - block.size))
            }
        }
        (Kind::InteriorPointer, None) => writeln!(w, "  place    where no block has been yet"),
        _ => Ok(()),
    }
}

fn write_help(violation: &Violation, w: &mut dyn Write) -> fmt::Result {
    let help = match violation.kind {
        Kind::WrongSize => "pass the layout of the allocation, as changed by the last successful resize",
        Kind::WrongAlignment => "an alignment cannot change but by realloc; look for a cast to another type",
        Kind::ForeignPointer => {
            "it is of the stack, a static, another allocator (malloc, mmap), or was never valid"
        }
        Kind::InteriorPointer => "only the pointer that alloc returned can be given back",
        Kind::ZeroSize => "GlobalAlloc demands a size; a type without one needs no memory",
        Kind::Reentered => "a signal handler must not allocate, nor free",
        _ => return Ok(()),
    };
    writeln!(w, "  help     {help}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_in_colour_is_the_plain_one_with_its_parts_marked() {
        let given = Some((40, 8));
        let violation = Violation { given, ..Violation::new(Kind::WrongAllocator, Operation::Free, 0x1230) };
        let told = |style| {
            let mut text = String::new();
            write_violation(&violation, style, &mut text).unwrap();
            text
        };
        let (plain, coloured) = (told(Style::PLAIN), told(Style::COLOUR));
        let Style { error, strong, faint, end } = Style::COLOUR;
        assert!(
            coloured.starts_with(&format!("{error}error[wrong-allocator]{end}{strong}: the block")),
            "{coloured:?}"
        );
        let bare = [error, strong, faint, end].iter().fold(coloured, |text, mark| text.replace(mark, ""));
        assert_eq!(bare, plain);
        assert!(!plain.contains('\x1b') && plain.contains("pointer  0x1230"), "{plain}");
    }
}
