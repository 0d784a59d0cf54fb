//! flate2 and lz4_flex: messages compressed and unpacked, each by a fresh codec.
//!
//! A codec's state is some hundred KiB, zeroed, and lives for one message: the pattern of web servers and archives.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use lz4_flex::frame::{FrameDecoder, FrameEncoder};

use crate::rng::Rng;
use crate::text::Vocabulary;
use crate::workload::{Job, Outcome, Scale};

pub(crate) fn prepare(scale: Scale) -> Job {
    let messages = scale.at_least(2_500, 5);
    let mut rng = Rng::new(130);
    let words = Vocabulary::new(&mut rng, 2_000);
    let texts: Vec<String> = (0..64)
        .map(|_| {
            let length = rng.range(20, 4_000);
            words.sentence(&mut rng, length)
        })
        .collect();
    Box::new(move || {
        let mut rng = Rng::new(131);
        let mut archive: Vec<Vec<u8>> = Vec::new();
        let (mut good, mut bytes) = (0, 0);
        for message in 0..messages {
            let text = texts[rng.below(texts.len())].as_bytes();
            let packed = if message % 2 == 0 { deflate(text) } else { lz4(text) };
            let (packed, unpacked) = packed.unwrap_or_default();
            good += usize::from(unpacked == text);
            bytes += packed.len();
            archive.push(packed);
            if archive.len() > 300 {
                archive.drain(..150);
            }
        }
        Outcome {
            ok: good == messages,
            check: format!("messages={good} bytes={bytes}"),
            ops: messages as u64,
        }
    })
}

/// The packed message, and what it unpacks to.
fn deflate(text: &[u8]) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text)?;
    let packed = encoder.finish()?;
    let mut unpacked = Vec::new();
    ZlibDecoder::new(&packed[..]).read_to_end(&mut unpacked)?;
    Ok((packed, unpacked))
}

fn lz4(text: &[u8]) -> std::io::Result<(Vec<u8>, Vec<u8>)> {
    let mut encoder = FrameEncoder::new(Vec::new());
    encoder.write_all(text)?;
    let packed = encoder.finish()?;
    let mut unpacked = Vec::new();
    FrameDecoder::new(&packed[..]).read_to_end(&mut unpacked)?;
    Ok((packed, unpacked))
}
