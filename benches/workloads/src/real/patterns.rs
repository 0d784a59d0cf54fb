//! regex and aho-corasick: many patterns compiled, used on some text, and dropped.
//!
//! Compilers in small: syntax trees, programs and automata whose tables grow by doubling, with lazily built caches.

use aho_corasick::{AhoCorasick, MatchKind};
use regex::{Regex, RegexSet};

use crate::rng::Rng;
use crate::text::{self, Vocabulary};
use crate::workload::{Job, Outcome, Scale};

pub(crate) fn prepare(scale: Scale) -> Job {
    let patterns = scale.of(400);
    let mut rng = Rng::new(40);
    let words = Vocabulary::new(&mut rng, 3_000);
    let text = words.sentence(&mut rng, 4_000);
    let needles: Vec<String> = (0..scale.at_least(60_000, 50)).map(|_| text::word(&mut rng, 3)).collect();
    Box::new(move || {
        let mut rng = Rng::new(41);
        let (mut found, mut ok) = (0, true);
        let mut kept = Vec::new();
        for index in 0..patterns {
            let word = text::word(&mut rng, 1);
            let Ok(regex) = Regex::new(&pattern(index, &word)) else { return broken(&word) };
            let count = regex.captures_iter(&text).map(|found| found.len()).sum::<usize>();
            found += count;
            // The first kind is a plain word: it must be found as often as a plain search finds it.
            ok &= index % 5 != 0 || count == text.matches(&word).count();
            kept.push(regex);
            if kept.len() > 50 {
                kept.clear();
            }
        }
        let (all, literal) = automaton(&needles, &text);
        ok &= all == literal;
        let set =
            RegexSet::new((0..patterns.min(40)).map(|index| pattern(1 + index % 4, words.pick(&mut rng))));
        let hits = set.map_or(0, |set| set.matches(&text).iter().count());
        Outcome { ok, check: format!("found={found} needles={all} set={hits}"), ops: patterns as u64 }
    })
}

fn pattern(index: usize, word: &str) -> String {
    match index % 5 {
        0 => word.to_owned(),
        1 => format!(r"(?i)\b({word}|{word}s?|un{word})\w*\b"),
        2 => format!(r"(?P<first>\w+)\s+(?P<second>{word}\p{{L}}{{0,8}})\s"),
        3 => format!(r"[[:alpha:]]{{2,12}}{word}(?:[aeiou][^aeiou\s]){{1,4}}"),
        _ => format!(r"({word}.{{0,30}})+(er|est|ner)?\s(\p{{Greek}}|\p{{Lowercase}}+)"),
    }
}

/// Occurrences that one automaton of all needles finds, and how many of them really are a needle.
fn automaton(needles: &[String], text: &str) -> (usize, usize) {
    let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(needles);
    let Ok(automaton) = built else { return (0, 1) };
    let found: Vec<_> = automaton.find_iter(text).collect();
    let literal = found.iter().filter(|m| text[m.range()] == needles[m.pattern().as_usize()]).count();
    (found.len(), literal)
}

fn broken(word: &str) -> Outcome {
    Outcome { ok: false, check: format!("pattern with {word} does not compile"), ops: 0 }
}
