//! A clip as viewers need it: who may watch it, its playlists, and where its segments lie.

use std::sync::Arc;

use clipper_domain::{ClipId, InvalidQuality, Quality};
use clipper_projections::clip_captions;
use clipper_projections::clips::{self, ClipRow};
use clipper_projections::video_variants::{self, VariantRow};
use thiserror::Error;

use super::render;
use super::text::Text;
use super::traffic::{Portion, Tally, Traffic};
use crate::hls::{Container, IFrameVariant, MasterPlaylist};
use crate::storage::{Db, StorageError};

/// A clip, ready to be played.
#[derive(Debug)]
pub struct Playable {
    /// The clip.
    pub id: ClipId,
    /// What is known of it.
    pub row: ClipRow,
    /// The master playlist, as soon as there is a rung to play.
    pub master: Option<Text>,
    /// Counts its download.
    pub download: Arc<Tally>,
    /// Counts what belongs to no rung.
    pub other: Arc<Tally>,
    rungs: Vec<Rung>,
}

/// A rung, ready to be played.
#[derive(Debug)]
pub struct Rung {
    /// Which.
    pub quality: Quality,
    /// The playlist of its segments.
    pub playlist: Text,
    /// The playlist of its key frames, once it is finished.
    pub i_frames: Option<Text>,
    /// What its segments are made of.
    pub container: Container,
    /// How many segments can be played.
    pub segments: u32,
    /// The folder of its segments in the media store.
    pub folder: String,
    /// Counts what is sent of it.
    pub tally: Arc<Tally>,
    duration_90k: u64,
    growing: bool,
}

/// Why a clip cannot be made ready.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The database could not be asked.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A row is not what a projection writes.
    #[error("the segments in a row of `video_variants` cannot be read")]
    Segments(#[from] serde_json::Error),
    /// A row is not what a projection writes.
    #[error("a row of `video_variants` is of no rung")]
    Quality(#[from] InvalidQuality),
}

impl Playable {
    /// Reads the clip with this UUID or slug; nothing, when there is none.
    pub(super) async fn load(db: &Db, traffic: &Traffic, name: &str) -> Result<Option<Self>, LoadError> {
        let Some(row) = db.optional(clips::by_name(name)).await? else {
            return Ok(None);
        };
        let Ok(id) = row.id.parse() else {
            return Ok(None);
        };
        let variants = db.all(video_variants::of_clip(id)).await?;
        let tally = |portion| traffic.tally(id, portion, &row.owner_id);
        let (mut rungs, mut listed, mut i_frames) = (vec![], vec![], vec![]);
        for variant in &variants {
            listed.push(render::master_variant(variant)?);
            let (rung, key_frames) = Rung::of(variant, tally)?;
            rungs.push(rung);
            i_frames.extend(key_frames);
        }
        let captions = db.all(clip_captions::of_clip(id)).await?;
        let subtitles: Vec<_> = captions.into_iter().map(render::subtitles).collect();
        let master = MasterPlaylist {
            variants: &listed,
            i_frames: &i_frames,
            subtitles: &subtitles,
        };
        Ok(Some(Self {
            id,
            download: tally(Portion::Download),
            other: tally(Portion::Other),
            row,
            master: (!listed.is_empty()).then(|| Text::new(master.render())),
            rungs,
        }))
    }

    /// A rung, if it can be played.
    pub fn rung(&self, quality: Quality) -> Option<&Rung> {
        self.rungs.iter().find(|rung| rung.quality == quality)
    }

    /// How long the longest rung is so far, in ticks.
    pub fn longest_90k(&self) -> u64 {
        let durations = self.rungs.iter().map(|rung| rung.duration_90k);
        durations.max().unwrap_or_default()
    }

    /// Whether more segments will come.
    pub fn grows(&self) -> bool {
        self.rungs.iter().any(|rung| rung.growing)
    }

    /// Whether anybody may watch it.
    pub fn is_public(&self) -> bool {
        self.row.visibility == "public"
    }

    /// Whether nothing more comes, until it is encoded again.
    pub fn is_final(&self) -> bool {
        matches!(self.row.hls_processing_status.as_str(), "completed" | "partial")
    }
}

impl Rung {
    /// A rung, and what the master playlist says of its key frames.
    fn of(
        row: &VariantRow,
        tally: impl Fn(Portion) -> Arc<Tally>,
    ) -> Result<(Self, Option<IFrameVariant>), LoadError> {
        let quality: Quality = row.quality.parse()?;
        let segments = row.segments()?;
        let key_frames = render::key_frames(row, &segments);
        let i_frames = key_frames
            .as_ref()
            .map(|key_frames| render::i_frame_playlist(row, key_frames));
        let rung = Self {
            quality,
            playlist: Text::new(render::media_playlist(row, quality, &segments)),
            i_frames: i_frames.map(|list| Text::new(list.render())),
            container: render::container(row),
            segments: u32::try_from(row.segment_count).unwrap_or_default(),
            folder: row.storage_path.clone(),
            tally: tally(Portion::Rung(quality)),
            duration_90k: segments
                .iter()
                .map(|segment| u64::from(segment.duration_90k))
                .sum(),
            growing: row.growing,
        };
        let listed = i_frames.map(|list| render::i_frame_variant(row, quality, &list));
        Ok((rung, listed))
    }
}
