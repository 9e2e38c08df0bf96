//! A text that is sent often: compressed once, when it is first asked for in that form.

use std::io::Write;
use std::sync::OnceLock;

use actix_web::http::header::EntityTag;
use actix_web::web::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

const GZIP_LEVEL: u32 = 6;
const BROTLI_BUFFER: usize = 4_096;
const BROTLI_QUALITY: u32 = 9;
/// A window of 64 KiB, more than a playlist has.
const BROTLI_WINDOW: u32 = 16;

/// How a text is coded on its way (RFC 9110 §8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As it is.
    Identity,
    /// RFC 1952.
    Gzip,
    /// RFC 7932.
    Brotli,
}

/// A text in every coding.
#[derive(Debug)]
pub struct Text {
    plain: Bytes,
    etag: EntityTag,
    gzip: OnceLock<Bytes>,
    brotli: OnceLock<Bytes>,
}

impl Text {
    /// A text that nobody has asked for yet.
    pub fn new(text: String) -> Self {
        Self {
            // Weak: the compressed forms share it.
            etag: EntityTag::new_weak(format!("{:016x}", fingerprint(text.as_bytes()))),
            plain: text.into(),
            gzip: OnceLock::new(),
            brotli: OnceLock::new(),
        }
    }

    /// The validator of the text, whatever its coding.
    pub fn etag(&self) -> &EntityTag {
        &self.etag
    }

    /// The text in a coding.
    pub fn coded(&self, coding: Coding) -> Bytes {
        match coding {
            Coding::Identity => self.plain.clone(),
            Coding::Gzip => self.gzip.get_or_init(|| gzip(&self.plain)).clone(),
            Coding::Brotli => self.brotli.get_or_init(|| brotli(&self.plain)).clone(),
        }
    }
}

/// Memory takes every byte, so that nothing can fail here; were it otherwise, the text would not decode.
fn gzip(plain: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    let written = encoder.write_all(plain).and_then(|()| encoder.finish());
    written.unwrap_or_default().into()
}

fn brotli(plain: &[u8]) -> Bytes {
    let mut compressed = Vec::new();
    let mut encoder =
        brotli::CompressorWriter::new(&mut compressed, BROTLI_BUFFER, BROTLI_QUALITY, BROTLI_WINDOW);
    let written = encoder.write_all(plain);
    drop(encoder);
    written.map_or_else(|_| Bytes::new(), |()| compressed.into())
}

/// FNV-1a: tells texts apart, nothing more.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
