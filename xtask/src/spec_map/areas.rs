//! The numbered behaviours that tests refer to, by area.

/// One area of the specification and how many numbered behaviours it has.
#[derive(Debug)]
pub(crate) struct Area {
    pub(crate) code: &'static str,
    pub(crate) title: &'static str,
    /// How many `U-` numbers: behaviours that Zig's own tests check.
    pub(crate) upstream: u32,
    /// How many `D-` numbers: behaviours derived from its text and its bugs.
    pub(crate) derived: u32,
}

const fn area(code: &'static str, title: &'static str, upstream: u32, derived: u32) -> Area {
    Area { code, title, upstream, derived }
}

/// In the order of the floors.
pub(crate) const AREAS: [Area; 22] = [
    area("AL", "The interface and its typed helpers", 8, 15),
    area("AM", "Alignment arithmetic", 3, 2),
    area("PS", "Page size", 2, 4),
    area("PA", "Page allocator", 1, 11),
    area("CA", "C allocator", 1, 4),
    area("RC", "Raw C allocator", 1, 2),
    area("SB", "Break allocator", 1, 9),
    area("WA", "Break allocator on wasm", 12, 0),
    area("BR", "Break allocator on brk", 12, 0),
    area("FB", "Fixed buffer", 4, 11),
    area("SF", "Stack fallback", 1, 5),
    area("BF", "Buffer first", 1, 0),
    area("AR", "Arena", 4, 15),
    area("MP", "Pool", 6, 8),
    area("TS", "Thread-safe wrapper", 0, 1),
    area("FA", "Failing allocator", 1, 3),
    area("CK", "Exhaustive failure check", 2, 4),
    area("VA", "Validating allocator", 0, 2),
    area("TA", "Test allocator", 0, 1),
    area("SM", "Global allocator", 1, 12),
    area("DB", "Debug allocator", 19, 22),
    area("SA", "Debug allocator, safe mode", 3, 4),
];

/// The exercises of the tutorial chapter on page allocators: `E-12-5` to `E-12-8`.
pub(crate) const EXERCISES: std::ops::RangeInclusive<u32> = 5..=8;

/// A number such as `D-PA-05`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Number {
    /// Two letters, or `12` for the exercises.
    pub(crate) area: String,
    /// `U`, `D` or `E`.
    pub(crate) kind: char,
    pub(crate) index: u32,
}

impl std::fmt::Display for Number {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let width = if self.kind == 'E' { 1 } else { 2 };
        write!(f, "{}-{}-{:0width$}", self.kind, self.area, self.index)
    }
}

impl Area {
    /// All its numbers, upstream's first.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = Number> {
        let of = |kind, count| (1..=count).map(move |index| Number { area: self.code.into(), kind, index });
        of('U', self.upstream).chain(of('D', self.derived))
    }
}

/// The numbers of the exercises.
pub(crate) fn exercises() -> impl Iterator<Item = Number> {
    EXERCISES.map(|index| Number { area: "12".into(), kind: 'E', index })
}

/// Whether there is such a number.
pub(crate) fn exists(number: &Number) -> bool {
    exercises().any(|known| known == *number)
        || AREAS.iter().flat_map(Area::numbers).any(|known| known == *number)
}

/// Every number in a text; `D-SM-01..12` is twelve of them.
pub(crate) fn numbers(text: &str) -> Vec<Number> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices('-') {
        let Some(first) = at.checked_sub(1).and_then(|start| number(&text[start..])) else { continue };
        let before = text[..at - 1].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '-') {
            continue;
        }
        let (number, rest) = first;
        let last = range_end(rest).unwrap_or(number.index);
        found.extend((number.index..=last.max(number.index)).map(|index| Number { index, ..number.clone() }));
    }
    found
}

/// A number at the start of `text`, and what follows it.
fn number(text: &str) -> Option<(Number, &str)> {
    let (kind, rest) = (text.chars().next()?, text.get(2..)?);
    let (area, rest) = rest.split_once('-')?;
    let letters = area.len() == 2 && area.chars().all(|c| c.is_ascii_uppercase());
    let known = (kind == 'E' && area == "12") || (matches!(kind, 'U' | 'D') && letters);
    let (index, rest) = digits(rest)?;
    known.then(|| (Number { area: area.into(), kind, index }, rest))
}

/// The digits at the start of `text` as a number, and what follows them.
fn digits(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// The end of a range whose start was just read: `..12`, `..=12`, ` to 12`.
fn range_end(text: &str) -> Option<u32> {
    let rest = ["..=", "..", " to "].iter().find_map(|dots| text.strip_prefix(dots))?;
    digits(rest).map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        numbers(text).iter().map(Number::to_string).collect()
    }

    #[test]
    fn numbers_are_found_in_prose() {
        assert_eq!(shown("/// D-PA-05, U-AL-01; see (E-12-6)."), ["D-PA-05", "U-AL-01", "E-12-6"]);
        assert_eq!(
            shown("D-SM-01..03 and U-WA-11 to 12"),
            ["D-SM-01", "D-SM-02", "D-SM-03", "U-WA-11", "U-WA-12"]
        );
        assert_eq!(shown("X-PA-01, D-pa-01, D-PA-, GD-PA-01, UTF-8, a-b"), [""; 0]);
    }

    #[test]
    fn only_numbers_of_the_specification_exist() {
        let all = |text: &str| numbers(text).iter().all(exists);
        assert!(all("D-PA-11, U-BR-12, E-12-8"));
        assert!(!all("D-PA-12") && !all("U-TS-01") && !all("E-12-9") && !all("D-QQ-01"));
    }
}
