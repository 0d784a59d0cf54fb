//! Made-up words and prose, shaped like a real language: few words are frequent, most are rare.

use crate::rng::Rng;

const SYLLABLES: [&str; 32] = [
    "ba", "co", "den", "er", "fi", "gra", "hu", "in", "ja", "kel", "lo", "ma", "ner", "or", "pi", "qua",
    "ra", "sen", "ti", "un", "vo", "wel", "xi", "yo", "zu", "ast", "ble", "chi", "dro", "est", "fla", "ght",
];

/// A fixed vocabulary from which prose is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Vocabulary {
    words: Vec<String>,
}

impl Vocabulary {
    /// `count` words of one to five syllables; a number keeps the later ones apart.
    pub(crate) fn new(rng: &mut Rng, count: usize) -> Self {
        let words = (0..count).map(|index| word(rng, 1 + (index.max(1).ilog2() / 4) as usize)).collect();
        Self { words }
    }

    /// A word; the chance falls roughly with the square of its rank.
    pub(crate) fn pick(&self, rng: &mut Rng) -> &str {
        let bound = rng.range(1, self.words.len());
        &self.words[rng.below(bound)]
    }

    /// `count` words with a space between them.
    pub(crate) fn sentence(&self, rng: &mut Rng, count: usize) -> String {
        let mut text = String::new();
        for index in 0..count {
            if index > 0 {
                text.push(' ');
            }
            text.push_str(self.pick(rng));
        }
        text
    }
}

/// A word of `least` to `least + 2` syllables.
pub(crate) fn word(rng: &mut Rng, least: usize) -> String {
    (0..rng.range(least, least + 2)).map(|_| SYLLABLES[rng.below(SYLLABLES.len())]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_words_are_frequent_and_most_are_rare() {
        let mut rng = Rng::new(1);
        let words = Vocabulary::new(&mut rng, 1_000);
        let first =
            (0..10_000).filter(|_| words.words[..10].iter().any(|word| word == words.pick(&mut rng))).count();
        let last = (0..10_000)
            .filter(|_| words.words[990..].iter().any(|word| word == words.pick(&mut rng)))
            .count();
        assert!(first > 10 * last.max(1), "{first} {last}");
    }

    #[test]
    fn a_sentence_has_as_many_words_as_asked() {
        let mut rng = Rng::new(2);
        let words = Vocabulary::new(&mut rng, 50);
        assert_eq!(words.sentence(&mut rng, 12).split(' ').filter(|word| !word.is_empty()).count(), 12);
        assert_eq!(words.sentence(&mut rng, 0), "");
    }
}
