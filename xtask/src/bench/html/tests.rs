//! Tests of the page.
use super::super::fixture;
use super::*;

/// Every opening tag of these kinds is closed.
fn assert_balanced(page: &str) {
    for tag in ["section", "figure", "table", "tr", "div", "svg", "g", "ul", "details", "main", "text"] {
        let opened = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "<{tag}> is not balanced");
    }
}

#[test]
fn the_page_stands_alone() {
    let record = fixture::record();
    let page = page(&Summary::of(&record));
    assert_balanced(&page);
    for loaded in ["<script", "<link", "src=", "url(", "@import", "href="] {
        assert!(!page.contains(loaded), "the page has {loaded}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf "));
}

#[test]
fn the_page_says_the_finding_and_shows_every_section() {
    let record = fixture::record();
    let page = page(&Summary::of(&record));
    assert!(page.contains(
        "Over 2 real programs, heap-smp takes 0.71 of the time and 0.71 of the peak memory of mimalloc v3"
    ));
    for title in ["At a glance", "Time", "Memory", "Page faults", "Micro workloads", "How it was measured"] {
        assert!(page.contains(&format!("<h2>{title}</h2>")), "{title} is missing");
    }
    assert!(page.contains("<b>Memory given back</b>") && page.contains("<b>parse</b>"));
    assert!(page.contains("Test CPU &amp; Co") && page.contains("no C++ compiler &lt;c++&gt;"));
    assert!(!page.contains("<h2>Failed</h2>"));
}

#[test]
fn failures_come_before_all_figures() {
    let record = fixture::with_failure("jemalloc", "parse");
    let page = page(&Summary::of(&record));
    assert_balanced(&page);
    let (alert, first) = (page.find("<h2>Failed</h2>").unwrap(), page.find("<svg").unwrap());
    assert!(alert < first);
    assert!(page.contains("<b>parse on jemalloc</b>: check failed: 7 values instead of &lt;8&gt;"));
}

#[test]
fn a_session_without_real_programs_or_without_runs_has_a_page() {
    let mut record = fixture::record();
    record.runs.retain(|run| run.workload == "pairs");
    let micro = page(&Summary::of(&record));
    assert_balanced(&micro);
    assert!(micro.contains("<h2>Micro workloads</h2>") && !micro.contains("<h2>Page faults</h2>"));
    record.runs.clear();
    assert_balanced(&page(&Summary::of(&record)));
}
