//! ropey: a session in a text editor, with undo.
//!
//! Leaves of about 1 KiB that snapshots share; each edit copies the path to a leaf and frees what no snapshot needs.

use std::collections::VecDeque;

use ropey::Rope;

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

/// Snapshots that undo can go back to.
const SNAPSHOTS: usize = 200;

/// An edit that can be taken back: where, what was there, what came in its place.
struct Edit {
    at: usize,
    removed: String,
    inserted: usize,
}

/// The text as it was, and what a place in it said.
struct Snapshot {
    rope: Rope,
    length: usize,
    at: usize,
    line: String,
}

impl Snapshot {
    fn new(rope: &Rope, rng: &mut Rng) -> Self {
        let at = rng.below(rope.len_lines());
        Self { rope: rope.clone(), length: rope.len_chars(), at, line: rope.line(at).to_string() }
    }

    fn intact(&self) -> bool {
        self.rope.len_chars() == self.length && self.rope.line(self.at) == self.line.as_str()
    }
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let edits = scale.at_least(250_000, 400);
    let mut rng = Rng::new(160);
    let words = Vocabulary::new(&mut rng, 3_000);
    let mut text = String::new();
    for _ in 0..scale.at_least(60_000, 100) {
        let length = rng.range(1, 16);
        text.push_str(&words.sentence(&mut rng, length));
        text.push('\n');
    }
    Box::new(move || {
        let mut rope = Rope::from_str(&text);
        let mut rng = Rng::new(161);
        let mut done: Vec<Edit> = Vec::new();
        let mut snapshots: VecDeque<Snapshot> = VecDeque::new();
        let mut ok = true;
        for number in 0..edits {
            done.push(edit(&mut rope, &mut rng, &words));
            if number % 20 == 0 {
                snapshots.push_back(Snapshot::new(&rope, &mut rng));
            }
            if snapshots.len() > SNAPSHOTS {
                ok &= snapshots.pop_front().is_some_and(|old| old.intact());
            }
        }
        let (length, lines) = (rope.len_chars(), rope.len_lines());
        ok &= snapshots.into_iter().all(|old| old.intact());
        // Taking everything back must give the text that it began with.
        for Edit { at, removed, inserted } in done.into_iter().rev() {
            rope.remove(at..at + inserted);
            rope.insert(at, &removed);
        }
        ok &= rope == text.as_str();
        Outcome { ok, check: format!("length={length} lines={lines}"), ops: 2 * edits as u64 }
    })
}

/// One keystroke, paste or cut somewhere in the text.
fn edit(rope: &mut Rope, rng: &mut Rng, words: &Vocabulary) -> Edit {
    let at = rng.below(rope.len_chars());
    let cut = if rng.chance(40) { rng.size(256).min(rope.len_chars() - at) } else { 0 };
    let new = match rng.below(10) {
        0 => {
            let length = rng.range(5, 60);
            words.sentence(rng, length)
        }
        1..7 => words.pick(rng).to_owned(),
        _ => "\n".to_owned(),
    };
    let removed = rope.slice(at..at + cut).to_string();
    rope.remove(at..at + cut);
    rope.insert(at, &new);
    Edit { at, removed, inserted: new.chars().count() }
}
