//! [`Stats`] for people and for programs: a table, and JSON. Written piece by piece, without a buffer.

use core::fmt;

use crate::stats::Stats;

/// Bytes in the largest unit that leaves a number before the point, with one decimal: `1.5 MiB`.
#[derive(Clone, Copy)]
pub(crate) struct Bytes(pub(crate) usize);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
        let unit = (self.0.max(1).ilog2() as usize / 10).min(UNITS.len() - 1);
        let tenths = ((self.0 as u128 * 10) >> (10 * unit)) as usize;
        match tenths % 10 {
            0 => write!(f, "{} {}", tenths / 10, UNITS[unit]),
            rest => write!(f, "{}.{rest} {}", tenths / 10, UNITS[unit]),
        }
    }
}

/// Width of a number in the table.
const WIDE: usize = 11;

/// `Bytes`, right-aligned.
struct Right(usize);

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut count = Count(0);
        fmt::write(&mut count, format_args!("{}", Bytes(self.0)))?;
        write!(f, "{:1$}{2}", "", WIDE.saturating_sub(count.0), Bytes(self.0))
    }
}

/// Counts letters.
struct Count(usize);

impl fmt::Write for Count {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 += text.chars().count();
        Ok(())
    }
}

/// A table: totals, then a line for each size class that has slabs.
impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, bytes) in [
            ("slots in use", self.slot_bytes),
            ("  of which in depots", self.depot_bytes),
            ("slabs", self.slab_bytes),
            ("large blocks", self.run_bytes),
            ("huge blocks", self.huge_bytes),
            ("private heaps", self.private_bytes),
            ("free, resident", self.free_resident_bytes),
            ("address space", self.reserved_bytes),
            ("given back so far", self.returned_bytes),
        ] {
            writeln!(f, "{name:<24}{}", Right(bytes))?;
        }
        writeln!(f, "{:>11}{:>9}{:>12}{:>12}{:>7}", "slot", "slabs", "used", "slots", "full")?;
        for class in self.classes.iter().filter(|class| class.slabs > 0) {
            let used = class.slots - class.free;
            let percent = used * 100 / class.slots.max(1);
            writeln!(
                f,
                "{}{:>9}{used:>12}{:>12}{percent:>5} %",
                Right(class.slot),
                class.slabs,
                class.slots
            )?;
        }
        Ok(())
    }
}

impl Stats {
    /// Writes all of it as one JSON object; `classes` has those that have slabs.
    ///
    /// ```
    /// let mut json = String::new();
    /// heap_smp::SmpAllocator::new().stats().write_json(&mut json)?;
    /// assert!(json.starts_with("{\"slab_bytes\":") && json.ends_with("]}"));
    /// # Ok::<(), std::fmt::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write_json(&self, out: &mut impl fmt::Write) -> fmt::Result {
        write!(
            out,
            "{{\"slab_bytes\":{},\"slot_bytes\":{},\"depot_bytes\":{},\"run_bytes\":{},\"huge_bytes\":{},\"huge_blocks\":{},\
             \"private_bytes\":{},\"free_resident_bytes\":{},\"reserved_bytes\":{},\"returned_bytes\":{},\"helper_ticks\":{},\
             \"helper_running\":{},\"classes\":[",
            self.slab_bytes,
            self.slot_bytes,
            self.depot_bytes,
            self.run_bytes,
            self.huge_bytes,
            self.huge_blocks,
            self.private_bytes,
            self.free_resident_bytes,
            self.reserved_bytes,
            self.returned_bytes,
            self.helper_ticks,
            self.helper_running,
        )?;
        let used = self.classes.iter().filter(|class| class.slabs > 0);
        for (index, class) in used.enumerate() {
            let comma = if index > 0 { "," } else { "" };
            write!(
                out,
                "{comma}{{\"slot\":{},\"slabs\":{},\"slots\":{},\"free\":{},\"in_depot\":{}}}",
                class.slot, class.slabs, class.slots, class.free, class.in_depot
            )?;
        }
        out.write_str("]}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_the_largest_unit_that_fits() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (32 << 20, "32 MiB"),
            (usize::MAX, if usize::BITS == 64 { "16777215.9 TiB" } else { "3.9 GiB" }),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text);
        }
        assert_eq!(Right(1536).to_string(), "    1.5 KiB");
    }
}
