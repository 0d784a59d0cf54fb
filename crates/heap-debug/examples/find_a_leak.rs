//! A server that forgets one of its sessions. Run it: the report names the line that made what was never freed.
//!
//! `cargo run -p heap-debug --example find_a_leak [PICTURE]` writes the report as a picture (SVG) as well.

use std::collections::HashMap;
use std::fmt::Write;
use std::io;

use heap_debug::{DebugAllocator, DebugConfig, Format, LeakScope};

#[global_allocator]
static GLOBAL: DebugAllocator = DebugAllocator::with_config(DebugConfig::new().stack_trace_frames(24));

struct Session {
    name: String,
    history: Vec<u64>,
}

#[derive(Default)]
struct Server {
    sessions: HashMap<u32, *mut Session>,
}

impl Server {
    fn open(&mut self, id: u32) {
        let session = Box::new(Session { name: format!("session {id}"), history: vec![0; 100] });
        // The mistake: a session of the same number is replaced, and nobody frees the old one.
        self.sessions.insert(id, Box::into_raw(session));
    }

    fn close(&mut self, id: u32) -> Option<usize> {
        let session = self.sessions.remove(&id)?;
        // SAFETY: made by `open`, and removed just now.
        let session = unsafe { Box::from_raw(session) };
        Some(session.name.len() + session.history.len())
    }
}

fn main() -> io::Result<()> {
    let scope = LeakScope::enter(&GLOBAL);
    let mut server = Server::default();
    for id in [1, 2, 3, 2] {
        server.open(id);
    }
    let closed: usize = [1, 2, 3].into_iter().filter_map(|id| server.close(id)).sum();
    drop(server);
    let leaks = scope.finish();
    leaks.print(Format::Text);
    println!("closed sessions of {closed} entries");
    match std::env::args_os().nth(1) {
        Some(path) => std::fs::write(path, draw(&leaks.to_string())),
        None => Ok(()),
    }
}

const RED: &str = "#ff7b72";
const WHITE: &str = "#f0f6fc";
const GREY: &str = "#9da7b3";
const BLUE: &str = "#79c0ff";

/// The report with the colours of a terminal.
fn draw(report: &str) -> String {
    const LINE: usize = 20;
    // Of a usual font of 13 pixels.
    const LETTER: usize = 8;
    let lines: Vec<&str> = report.trim_end().lines().collect();
    let width = LETTER * lines.iter().map(|line| line.chars().count()).max().unwrap_or(0) + 32;
    let height = LINE * lines.len() + 32;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" \
         font-family=\"ui-monospace, Menlo, Consolas, monospace\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#0d1117\"/>\n"
    );
    for (n, line) in lines.into_iter().enumerate() {
        let _ = write!(svg, "<text x=\"16\" y=\"{}\" xml:space=\"preserve\">", 30 + LINE * n);
        for (text, colour) in colours(line).into_iter().filter(|(text, _)| !text.is_empty()) {
            let text = text.replace('&', "&amp;").replace('<', "&lt;");
            let _ = write!(svg, "<tspan fill=\"{colour}\">{text}</tspan>");
        }
        svg += "</text>\n";
    }
    svg + "</svg>\n"
}

/// A line in up to three parts.
fn colours(line: &str) -> [(&str, &str); 3] {
    let split = |at: usize| line.split_at(at);
    if let Some(at) = line.find("]: ").filter(|_| line.starts_with("error")) {
        let (kind, rest) = split(at + 1);
        return [(kind, RED), (rest, WHITE), ("", WHITE)];
    }
    if let Some(at) = line.find(" |") {
        let (gutter, source) = split(at + 2);
        return [(gutter, BLUE), (source, if source.trim() == "^" { RED } else { WHITE }), ("", WHITE)];
    }
    // A place in a file, between words.
    let place = line.split_whitespace().find(|word| word.contains(".rs:"));
    if let Some((word, at)) = place.and_then(|word| Some((word, line.find(word)?))) {
        return [(&line[..at], GREY), (word, WHITE), (&line[at + word.len()..], GREY)];
    }
    let colour = if line.starts_with(' ') { GREY } else { WHITE };
    [(line, colour), ("", colour), ("", colour)]
}
