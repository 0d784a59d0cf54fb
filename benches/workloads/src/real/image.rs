//! png: pictures drawn, encoded, decoded, scaled to thumbnails and encoded again.
//!
//! Rows and whole pictures of some hundred KiB to some MiB beside the small state of the codec.

use std::io::Cursor;

use png::{BitDepth, ColorType, Compression, Decoder, Encoder};

use crate::rng::Rng;
use crate::sum::Sum;
use crate::workload::{Job, Outcome, Scale};

struct Picture {
    width: usize,
    height: usize,
    /// Red, green, blue; row by row.
    pixels: Vec<u8>,
}

pub(crate) fn prepare(scale: Scale) -> Job {
    let pictures = scale.of(80);
    Box::new(move || match album(pictures) {
        Ok((bytes, sum, ok)) => {
            Outcome { ok, check: format!("bytes={bytes} sum={sum:x}"), ops: pictures as u64 }
        }
        Err(message) => Outcome { ok: false, check: message, ops: 0 },
    })
}

/// Bytes of all files, a checksum of all thumbnails, and whether every picture came back as it was.
fn album(pictures: usize) -> Result<(usize, u64, bool), String> {
    let mut rng = Rng::new(120);
    let (mut bytes, mut sum, mut ok) = (0, Sum::new(), true);
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for _ in 0..pictures {
        let picture = draw(&mut rng);
        let file = encode(&picture)?;
        let back = decode(&file)?;
        ok &= back.pixels == picture.pixels;
        let mut small = back;
        while small.width > 100 {
            small = halve(&small);
        }
        sum.add(small.pixels.iter().map(|&byte| u64::from(byte)).sum());
        let thumbnail = encode(&small)?;
        bytes += file.len() + thumbnail.len();
        kept.extend([file, thumbnail]);
        if kept.len() > 16 {
            kept.drain(..8);
        }
    }
    Ok((bytes, sum.get(), ok))
}

/// Discs on a gradient with a little noise.
fn draw(rng: &mut Rng) -> Picture {
    let (width, height) = (rng.range(300, 1_100), rng.range(200, 750));
    let discs: Vec<(usize, usize, usize)> =
        (0..12).map(|_| (rng.below(width), rng.below(height), rng.range(10, 200))).collect();
    let mut pixels = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        let row: Vec<&(usize, usize, usize)> =
            discs.iter().filter(|disc| y.abs_diff(disc.1) < disc.2).collect();
        for x in 0..width {
            let inside = row.iter().any(|d| x.abs_diff(d.0).pow(2) + y.abs_diff(d.1).pow(2) < d.2 * d.2);
            let noise = (rng.next() >> 62) as usize;
            pixels.extend(
                [x * 255 / width, y * 255 / height, if inside { 200 + noise } else { 30 }].map(|c| c as u8),
            );
        }
    }
    Picture { width, height, pixels }
}

fn encode(picture: &Picture) -> Result<Vec<u8>, String> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, picture.width as u32, picture.height as u32);
    encoder.set_color(ColorType::Rgb);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header().map_err(|error| error.to_string())?;
    writer.write_image_data(&picture.pixels).map_err(|error| error.to_string())?;
    writer.finish().map_err(|error| error.to_string())?;
    Ok(file)
}

fn decode(file: &[u8]) -> Result<Picture, String> {
    let mut reader = Decoder::new(Cursor::new(file)).read_info().map_err(|error| error.to_string())?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let mut pixels = Vec::with_capacity(3 * width * height);
    // Row by row, as a viewer that shows progress does it.
    while let Some(row) = reader.next_row().map_err(|error| error.to_string())? {
        pixels.extend_from_slice(row.data());
    }
    Ok(Picture { width, height, pixels })
}

/// Half the width and height; each pixel is the mean of four.
fn halve(picture: &Picture) -> Picture {
    let (width, height) = (picture.width / 2, picture.height / 2);
    let mut pixels = Vec::with_capacity(3 * width * height);
    for y in 0..height {
        let row: Vec<u8> = (0..3 * width)
            .map(|index| {
                let at =
                    |x: usize, y: usize| u32::from(picture.pixels[(y * picture.width + x) * 3 + index % 3]);
                let x = 2 * (index / 3);
                ((at(x, 2 * y) + at(x + 1, 2 * y) + at(x, 2 * y + 1) + at(x + 1, 2 * y + 1)) / 4) as u8
            })
            .collect();
        pixels.extend(row);
    }
    Picture { width, height, pixels }
}
