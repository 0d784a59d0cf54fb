//! A full-text index: unicode-segmentation splits documents into words, roaring keeps the documents of each word, fst
//! keeps the words.
//!
//! Hundreds of thousands of small containers that grow at different speeds, then one large sorted buffer.

use std::collections::HashMap;

use fst::automaton::{Automaton, Str};
use fst::{IntoStreamer, Map, MapBuilder, Streamer};
use roaring::RoaringBitmap;
use unicode_segmentation::UnicodeSegmentation;

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

/// A word's documents and, for each, the positions in it.
#[derive(Default)]
struct Posting {
    documents: RoaringBitmap,
    positions: Vec<Vec<u32>>,
}

struct Index {
    words: Map<Vec<u8>>,
    postings: Vec<Posting>,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let mut rng = Rng::new(50);
    let vocabulary = Vocabulary::new(&mut rng, 40_000);
    let documents: Vec<String> = (0..scale.at_least(20_000, 20))
        .map(|_| {
            let length = rng.range(20, 120);
            vocabulary.sentence(&mut rng, length)
        })
        .collect();
    let queries: Vec<(String, String)> = (0..scale.at_least(3_000, 10))
        .map(|_| {
            let document: Vec<&str> = documents[rng.below(documents.len())].split(' ').collect();
            let mut word = || document[rng.below(document.len())].to_owned();
            (word(), word())
        })
        .collect();
    let expected: Vec<u64> = queries.iter().take(8).map(|query| by_hand(&documents, query)).collect();
    Box::new(move || {
        let Ok(index) = build(&documents) else {
            return Outcome { ok: false, check: "words out of order".to_owned(), ops: 0 };
        };
        let counts: Vec<u64> = queries.iter().map(|(a, b)| index.both(a, b)).collect();
        let prefixed: usize = queries.iter().map(|(a, _)| index.prefix(&a[..2])).sum();
        let (words, hits) = (index.words.len(), counts.iter().sum::<u64>());
        let check = format!("words={words} hits={hits} prefixed={prefixed}");
        Outcome { ok: counts[..expected.len()] == expected[..], check, ops: documents.len() as u64 }
    })
}

fn build(documents: &[String]) -> Result<Index, fst::Error> {
    let mut words: HashMap<String, Posting> = HashMap::new();
    for (number, document) in documents.iter().enumerate() {
        let number = number as u32;
        for (position, word) in document.unicode_words().enumerate() {
            let posting = words.entry(word.to_lowercase()).or_default();
            if posting.documents.insert(number) {
                posting.positions.push(Vec::new());
            }
            if let Some(positions) = posting.positions.last_mut() {
                positions.push(position as u32);
            }
        }
    }
    let mut sorted: Vec<(String, Posting)> = words.into_iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut builder = MapBuilder::memory();
    for (number, (word, _)) in sorted.iter().enumerate() {
        builder.insert(word, number as u64)?;
    }
    let words = Map::new(builder.into_inner()?)?;
    Ok(Index { words, postings: sorted.into_iter().map(|(_, posting)| posting).collect() })
}

impl Index {
    /// Documents with both words.
    fn both(&self, a: &str, b: &str) -> u64 {
        let documents = |word| self.words.get(word).map(|number| &self.postings[number as usize].documents);
        match (documents(a), documents(b)) {
            (Some(a), Some(b)) => (a & b).len(),
            _ => 0,
        }
    }

    /// Positions of all words with a prefix.
    fn prefix(&self, prefix: &str) -> usize {
        let mut stream = self.words.search(Str::new(prefix).starts_with()).into_stream();
        let (mut documents, mut positions) = (RoaringBitmap::new(), 0);
        let mut left = 50;
        while let Some((_, number)) = stream.next() {
            let posting = &self.postings[number as usize];
            documents |= &posting.documents;
            positions += posting.positions.iter().map(Vec::len).sum::<usize>();
            left -= 1;
            if left == 0 {
                break;
            }
        }
        positions + documents.len() as usize
    }
}

fn by_hand(documents: &[String], (a, b): &(String, String)) -> u64 {
    let has = |document: &str, word: &str| document.split(' ').any(|other| other == word);
    documents.iter().filter(|document| has(document, a) && has(document, b)).count() as u64
}
