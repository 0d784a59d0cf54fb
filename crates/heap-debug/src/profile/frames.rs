//! The frames of a profile's stacks by name: each address is looked up once.

use std::collections::HashMap;

use crate::report::resolve;

/// A frame. Calls that were inlined are frames of their own, under one address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Frame {
    pub(super) function: String,
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) users: bool,
}

/// Names that were looked up.
#[derive(Debug, Default)]
pub(super) struct Frames {
    known: HashMap<usize, Vec<Frame>>,
}

impl Frames {
    /// The frames at a return address, innermost first; at least one.
    pub(super) fn at(&mut self, addr: usize) -> &[Frame] {
        self.known.entry(addr).or_insert_with(|| {
            let mut frames = Vec::new();
            resolve(&[addr], &mut |name| {
                frames.push(Frame {
                    function: if name.function.is_empty() {
                        format!("{addr:#x}")
                    } else {
                        name.function.to_owned()
                    },
                    file: name.file.map(|file| file.display().to_string()).unwrap_or_default(),
                    line: name.line,
                    column: name.column,
                    users: name.is_users(),
                });
                true
            });
            frames
        })
    }

    /// The frames of a stack, innermost first, without those between the user's code and the allocator, or below `main`.
    /// All, when none is the user's.
    pub(super) fn of(&mut self, addresses: &[usize]) -> Vec<Frame> {
        let all: Vec<Frame> = addresses.iter().flat_map(|&addr| self.at(addr).to_vec()).collect();
        let first = all.iter().position(|frame| frame.users);
        let last = all.iter().rposition(|frame| frame.users);
        match (first, last) {
            (Some(first), Some(last)) => all[first..=last].to_vec(),
            _ => all,
        }
    }
}
