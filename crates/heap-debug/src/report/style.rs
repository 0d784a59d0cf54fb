//! Colour, where somebody sees it.
#![forbid(unsafe_code)]

use std::io::IsTerminal;

/// The escape sequences of a report, all empty where they would not be understood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// What went wrong.
    pub(crate) error: &'static str,
    /// What it is called, and where it is.
    pub(crate) strong: &'static str,
    /// What only frames the rest.
    pub(crate) faint: &'static str,
    /// Back to normal.
    pub(crate) end: &'static str,
}

impl Style {
    /// No colour.
    pub(crate) const PLAIN: Self = Self { error: "", strong: "", faint: "", end: "" };
    /// As on a terminal.
    pub(crate) const COLOUR: Self =
        Self { error: "\x1b[1;31m", strong: "\x1b[1m", faint: "\x1b[36m", end: "\x1b[0m" };

    /// Colour when the standard error stream is a terminal and `NO_COLOR` is not set.
    pub(crate) fn of_stderr() -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        if wanted && std::io::stderr().is_terminal() { Self::COLOUR } else { Self::PLAIN }
    }
}
