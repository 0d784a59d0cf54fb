//! pprof's `profile.proto`, uncompressed: what `pprof -http :8080 FILE` opens.
//!
//! The few messages are written by hand: a field is its number and kind in one byte, then a number (in groups of seven bits, lowest
//! first) or a length and so many bytes.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::{self, Write};

use super::HeapProfile;
use super::frames::{Frame, Frames};
use crate::thread;

impl HeapProfile {
    /// Writes a profile with four values a stack: blocks and bytes, allocated in all and live. Finds names of functions:
    /// slow.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn write_pprof(&self, out: &mut dyn Write) -> io::Result<()> {
        thread::reporting(|| out.write_all(&Builder::default().build(self)))
    }
}

/// A message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn number(&mut self, field: u32, value: u64) -> &mut Self {
        self.varint(u64::from(field << 3));
        self.varint(value);
        self
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) -> &mut Self {
        self.varint(u64::from(field << 3 | 2));
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn numbers(&mut self, field: u32, values: impl IntoIterator<Item = u64>) -> &mut Self {
        let mut packed = Self::default();
        values.into_iter().for_each(|value| packed.varint(value));
        self.bytes(field, &packed.0)
    }
}

/// Things and their numbers, in the order they came.
struct Numbered<T>(HashMap<T, u64>);

impl<T: Hash + Eq> Numbered<T> {
    /// The number of a thing, and whether it is new.
    fn of(&mut self, thing: T) -> (u64, bool) {
        let next = self.0.len() as u64;
        let number = *self.0.entry(thing).or_insert(next);
        (number, number == next)
    }
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// Tables of the profile message. Numbers of functions and locations count from 1 there.
#[derive(Default)]
struct Builder {
    out: Message,
    frames: Frames,
    strings: Numbered<String>,
    functions: Numbered<(String, String)>,
    locations: Numbered<usize>,
}

impl Builder {
    fn build(mut self, profile: &HeapProfile) -> Vec<u8> {
        // String 0 is the empty one.
        self.string("");
        for (kind, unit) in [
            ("alloc_objects", "count"),
            ("alloc_space", "bytes"),
            ("inuse_objects", "count"),
            ("inuse_space", "bytes"),
        ] {
            let mut message = Message::default();
            message.number(1, self.string(kind)).number(2, self.string(unit));
            self.out.bytes(1, &message.0);
        }
        for site in &profile.sites {
            let locations: Vec<u64> =
                site.allocated.frames().iter().map(|&addr| self.location(addr)).collect();
            let c = &site.counts;
            let values = [c.total_blocks, c.total_bytes, c.live_blocks, c.live_bytes];
            let mut sample = Message::default();
            sample.numbers(1, locations).numbers(2, values.map(|value| value as u64));
            self.out.bytes(2, &sample.0);
        }
        self.out.0
    }

    fn string(&mut self, text: &str) -> u64 {
        let (number, new) = self.strings.of(text.to_owned());
        if new {
            self.out.bytes(6, text.as_bytes());
        }
        number
    }

    fn location(&mut self, addr: usize) -> u64 {
        let (number, new) = self.locations.of(addr);
        if new {
            let frames = self.frames.at(addr).to_vec();
            let mut message = Message::default();
            message.number(1, number + 1).number(3, addr as u64);
            for frame in &frames {
                let mut line = Message::default();
                line.number(1, self.function(frame)).number(2, u64::from(frame.line));
                message.bytes(4, &line.0);
            }
            self.out.bytes(4, &message.0);
        }
        number + 1
    }

    fn function(&mut self, frame: &Frame) -> u64 {
        let (number, new) = self.functions.of((frame.function.clone(), frame.file.clone()));
        if new {
            let (name, file) = (self.string(&frame.function), self.string(&frame.file));
            let mut message = Message::default();
            message.number(1, number + 1).number(2, name).number(3, name).number(4, file);
            self.out.bytes(5, &message.0);
        }
        number + 1
    }
}
