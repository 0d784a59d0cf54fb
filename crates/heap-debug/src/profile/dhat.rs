//! DHAT's JSON, version 2, for the viewer that comes with valgrind (`dh_view.html`).
//!
//! Time is counted in bytes allocated. Lifetimes are not kept: the viewer shows 0 for them.

use std::collections::HashMap;
use std::io::{self, Write};

use super::HeapProfile;
use super::frames::Frames;
use crate::report::write_json_string;
use crate::thread;

impl HeapProfile {
    /// Writes DHAT's JSON. Finds names of functions: slow.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write_dhat(&self, out: &mut dyn Write) -> io::Result<()> {
        thread::reporting(|| {
            let command = std::env::args_os().map(|arg| arg.to_string_lossy().into_owned());
            let command = json(&command.collect::<Vec<_>>().join(" "));
            write!(
                out,
                r#"{{"dhatFileVersion":2,"mode":"rust-heap","verb":"Allocated","bklt":true,"bkacc":false"#
            )?;
            write!(
                out,
                r#","tu":"bytes","Mtu":"MB","tuth":10,"cmd":{command},"pid":{}"#,
                std::process::id()
            )?;
            write!(out, r#","tg":{},"te":{},"pps":["#, self.high_water_time, self.total_bytes)?;
            let mut table = Table::default();
            for (i, site) in self.sites.iter().enumerate() {
                let stack = table.stack(site.allocated.frames());
                let comma = if i == 0 { "" } else { "," };
                let c = &site.counts;
                write!(out, r#"{comma}{{"tb":{},"tbk":{},"tl":0"#, c.total_bytes, c.total_blocks)?;
                write!(out, r#","mb":{},"mbk":{}"#, c.high_water_bytes, c.high_water_blocks)?;
                write!(out, r#","gb":{},"gbk":{}"#, c.at_high_water_bytes, c.at_high_water_blocks)?;
                write!(out, r#","eb":{},"ebk":{},"fs":{stack:?}}}"#, c.live_bytes, c.live_blocks)?;
            }
            writeln!(out, r#"],"ftbl":[{}]}}"#, table.names.join(","))
        })
    }
}

/// DHAT's table of frames: stacks refer to it by number.
struct Table {
    frames: Frames,
    names: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Default for Table {
    fn default() -> Self {
        Self { frames: Frames::default(), names: vec![json("[root]")], numbers: HashMap::new() }
    }
}

impl Table {
    fn stack(&mut self, addresses: &[usize]) -> Vec<usize> {
        let mut stack = Vec::new();
        for &addr in addresses {
            for frame in self.frames.at(addr) {
                let place = format!("{}:{}:{}", frame.file, frame.line, frame.column);
                let name = json(&format!("{addr:#x}: {} ({place})", frame.function));
                let number = *self.numbers.entry(name).or_insert_with_key(|name| {
                    self.names.push(name.clone());
                    self.names.len() - 1
                });
                stack.push(number);
            }
        }
        stack
    }
}

/// Text as a JSON string.
fn json(text: &str) -> String {
    let mut out = String::new();
    // Writing to a `String` does not fail.
    let _ = write_json_string(text, &mut out);
    out
}
