//! From a stored source to verified segments: probe → ffmpeg → cut → mux → inspect.
//!
//! ffmpeg writes pictures without sound, and sound by itself, as they come; what it writes is cut into segments and
//! muxed here, so that any worker can make any range and all of them join without a seam.
//!
//! Promises: ffmpeg opens local files of listed formats only and never the network; nothing leaves here unverified:
//! a segment, and a rendition, is handed out only after its bytes passed the validator.

pub mod ahead;
mod arguments;
mod cut;
mod detail;
mod ffmpeg;
mod finish;
mod inspect;
mod lane;
mod pass;
mod poster;
mod probe;
mod progress;
mod sound;
mod thumbnails;
mod tools;

use std::path::Path;

use clipper_domain::ladder::Codec;
use clipper_domain::plan::{Plan, PlannedRung};
use clipper_domain::source::SourceFacts;

use crate::hls::Container;
use crate::sandbox::Sandbox;

pub use cut::CutError;
pub use detail::useless;
pub use ffmpeg::{FfmpegError, Limit};
pub(crate) use ffmpeg::{examine, version};
pub use finish::{FinishError, FinishedSegment, Refused, finish};
pub use inspect::{InspectError, Inspected, inspect};
pub use lane::{Cut, Lane};
pub use pass::{Pass, PassError, run};
pub use poster::{MadePoster, PosterError, poster_of_moment, poster_of_picture};
pub use probe::{ProbeError, beginning, probe};
pub use sound::{Sound, SoundError, encode as encode_sound};
pub use thumbnails::{MadeThumbnails, POSTER, Rendition, STORYBOARD, ThumbnailError, thumbnails};
pub use tools::Tools;

/// When the first picture is shown, in ticks of 1/90000 s: room before it for pictures that are decoded earlier.
pub const ORIGIN: u64 = 900_000;

/// What the segments of a rung are made of: HLS allows HEVC in fragmented MP4 only.
pub fn container(rung: &PlannedRung) -> Container {
    match rung.codec {
        Codec::H264Main | Codec::H264High => Container::Ts,
        Codec::HevcMain => Container::Fmp4,
    }
}

/// What one attempt works on.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The source on disk.
    pub source: &'a Path,
    /// What the probe found.
    pub facts: &'a SourceFacts,
    /// What was decided.
    pub plan: &'a Plan,
    /// When the source begins by its own clock ([`beginning`]).
    pub begins: f64,
    /// The folder that everything is written to.
    pub work: &'a Path,
    /// Whether an earlier attempt ran out of memory or time, so that this one takes less.
    pub small: bool,
}

impl Job<'_> {
    /// What ffmpeg may touch and cost.
    fn sandbox(&self, tools: &Tools) -> Sandbox {
        tools.writing(self.source, self.work, self.facts.duration_ms)
    }
}
