//! The pictures: drawn by hand as SVG, without scripts, in colours that the reader's light or dark mode sets.
#![forbid(unsafe_code)]

mod canvas;
mod scale;
mod scatter;
mod bars;
mod heat;
mod panels;

pub(crate) use bars::{Bar, bars};
pub(crate) use canvas::{STYLE, escape};
pub(crate) use heat::{Heat, Tile, heat};
pub(crate) use panels::{Line, Panel, Panels};
pub(crate) use scatter::{Corner, Dot, Scatter};
