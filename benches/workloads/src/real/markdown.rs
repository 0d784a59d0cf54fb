//! pulldown-cmark and scraper: documents rendered to HTML, parsed into a tree, and searched.
//!
//! A string that grows while it is written, then a tree of nodes with names, attributes and shared text.

use pulldown_cmark::{Options, Parser, html};
use scraper::{Html, Selector};

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

/// What is in a document: sections, links, table cells, list items.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    sections: usize,
    links: usize,
    cells: usize,
    items: usize,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let mut rng = Rng::new(140);
    let words = Vocabulary::new(&mut rng, 4_000);
    let documents: Vec<(String, Counts)> = (0..scale.of(90)).map(|_| document(&mut rng, &words)).collect();
    Box::new(move || {
        let (mut bytes, mut text, mut ok) = (0, 0, true);
        let mut previous = None;
        for (document, expected) in &documents {
            let mut page = String::new();
            html::push_html(&mut page, Parser::new_ext(document, Options::all()));
            bytes += page.len();
            let tree = Html::parse_document(&page);
            let found = count(&tree);
            ok &= found.as_ref() == Some(expected);
            text += tree.root_element().text().map(str::len).sum::<usize>();
            // The tree before stays until this one is complete, as in a site generator that links pages.
            previous = Some(tree);
        }
        drop(previous);
        let check = format!("documents={} bytes={bytes} text={text}", documents.len());
        Outcome { ok, check, ops: documents.len() as u64 }
    })
}

fn count(tree: &Html) -> Option<Counts> {
    let of = |selector: &str| Some(tree.select(&Selector::parse(selector).ok()?).count());
    Some(Counts {
        sections: of("h2")?,
        links: of("p > a[href]")?,
        cells: of("table tbody td")?,
        items: of("ul > li")?,
    })
}

fn document(rng: &mut Rng, words: &Vocabulary) -> (String, Counts) {
    let mut text = String::from("# Document\n\n");
    let mut counts = Counts::default();
    for section in 0..rng.range(250, 350) {
        counts.sections += 1;
        text.push_str(&format!("## {} {section}\n\n", words.sentence(rng, 4)));
        for _ in 0..rng.range(1, 4) {
            counts.links += 1;
            let (before, after) = (words.sentence(rng, 30), words.sentence(rng, 12));
            text.push_str(&format!(
                "{before} *and* [{}](/to/{section}) **{after}** `code`.\n\n",
                words.pick(rng)
            ));
        }
        for _ in 0..rng.below(8) {
            counts.items += 1;
            text.push_str(&format!("- {}\n", words.sentence(rng, 5)));
        }
        let rows = rng.below(6);
        text.push_str(if rows > 0 { "\n| a | b | c |\n|---|---|---|\n" } else { "\n" });
        for _ in 0..rows {
            counts.cells += 3;
            text.push_str(&format!("| {} | {} | {section} |\n", words.pick(rng), words.sentence(rng, 3)));
        }
        text.push('\n');
    }
    (text, counts)
}
