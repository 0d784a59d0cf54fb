//! The heap map of heap-smp at the height of a workload, as the last picture of the report.
#![forbid(unsafe_code)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::time::Duration;

use super::child;
use super::record::{Kind, Workload};
use super::session::Subject;
use super::summary::OURS;

/// The picture's file, beside the page.
pub(crate) const FILE: &str = "heap-map.svg";

/// Where heap-smp's child writes the picture: see `benches/runner/src/bin/heap_smp.rs`.
const VARIABLE: &str = "HEAP_BENCH_MAP";

/// Runs the first real program once more on our allocator, drawing into `out`. Without a picture the page lacks a section.
pub(crate) fn draw(subjects: &[Subject], workloads: &[Workload], scale: f64, limit: Duration, out: &Path) {
    let path = out.join(FILE);
    // What another session left would be another program's.
    let _ = fs::remove_file(&path);
    let workload = workloads.iter().find(|known| known.suite == Kind::Real).or(workloads.first());
    let ours = subjects.iter().find(|subject| subject.name == OURS);
    if let (Some(workload), Some(ours)) = (workload, ours) {
        let mut command = child::clean(&ours.exe);
        command.env(VARIABLE, &path);
        if child::finish(child::with_arguments(command, &workload.name, scale, 0), limit).is_err() {
            eprintln!("the heap map was not drawn: the child could not be started");
        }
    }
}

/// The page with the picture at its end, if there is one.
pub(crate) fn beside(page: &str, picture: Option<&str>) -> String {
    let Some(picture) = picture else { return page.to_owned() };
    // An image of its own: its style is not the page's.
    let section = format!(
        "<section>\n<h2>Heap map</h2>\n<p class=\"soft\">heap-smp while the first program held most.</p>\n\
         <div class=\"wide\">\n<img alt=\"Heap map\" style=\"max-width:100%\" src=\"data:image/svg+xml,{}\">\n</div>\n\
         </section>\n</main>",
        escaped(picture)
    );
    page.replacen("</main>", &section, 1)
}

/// A document as part of an address.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for byte in text.bytes() {
        match byte {
            b'%' | b'#' | b'<' | b'>' | b'"' | b'&' | b'\n' | 0x80.. => {
                let _ = write!(out, "%{byte:02x}");
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_stands_at_the_end_of_the_page() {
        let page = "<main>\n<p>text</p>\n</main>\n</body>";
        assert_eq!(beside(page, None), page);
        let with = beside(page, Some("<svg fill=\"#fff\">·</svg>\n"));
        assert!(with.contains("svg+xml,%3csvg fill=%22%23fff%22%3e%c2%b7%3c/svg%3e%0a\""), "{with}");
        assert!(
            with.ends_with("</section>\n</main>\n</body>")
                && with.starts_with("<main>\n<p>text</p>\n<section>")
        );
    }
}
