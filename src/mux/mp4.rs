//! The same pictures and sound in ISO base media files (ISO/IEC 14496-12, -14 and -15): fragments for streaming, and one
//! file for downloading.

mod boxes;
mod config;
mod download;
mod fragment;
mod sample;
#[cfg(test)]
mod tests;
mod track;

pub use config::{AudioConfig, PictureFormat, UnknownFormat, VideoConfig};
pub use download::{Chunk, PictureSample, SoundSample, download_head};
pub use fragment::{init_segment, media_segment};
pub use sample::{picture_sample, sound_sample};
