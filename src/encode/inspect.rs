//! Reading segments and renditions back: what playlists declare comes from these bytes, and what the validator refuses
//! is not published.

use std::io;
use std::path::Path;

use clipper_domain::ladder::Codec;
use clipper_domain::plan::{Plan, PlannedRung};
use clipper_domain::{Segment, Variant};

use super::container;
use super::finish::first_pts;
use crate::hls::{
    self, Container, Expected, Finding, MediaPlaylist, PlaylistKind, RenditionFacts, SegmentFacts,
    SegmentNames, Severity,
};
use crate::mux;

/// A rendition that may be published.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// What was measured.
    pub facts: RenditionFacts,
    /// What is recorded of its segments.
    pub segments: Vec<Segment>,
    /// What the validator would rather have otherwise.
    pub advice: Vec<Finding>,
}

/// Why a rendition may not be published.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A segment cannot be read from disk.
    #[error("a segment cannot be read")]
    Disk(#[from] io::Error),
    /// A segment is not what a player needs.
    #[error("segment {number} is not valid")]
    Segment {
        /// Counted from 0.
        number: u32,
        /// What is wrong.
        #[source]
        source: hls::InspectError,
    },
    /// The pictures do not say how they are coded.
    #[error(transparent)]
    Format(#[from] mux::UnknownFormat),
    /// The segments do not make a rendition.
    #[error("the segments do not fit together")]
    Measure(#[from] hls::MeasureError),
    /// The validator refuses it.
    #[error("{rule}: {message}")]
    Refused {
        /// The first rule that it breaks.
        rule: &'static str,
        /// What is wrong.
        message: String,
    },
}

/// The highest levels that HLS allows (Apple authoring specification 1.3 and 1.6): H.264 5.2, HEVC 5.1.
fn max_level(rung: &PlannedRung) -> u8 {
    match rung.codec {
        Codec::H264Main | Codec::H264High => 52,
        Codec::HevcMain => 153,
    }
}

fn expected(plan: &Plan, rung: &PlannedRung, ticks: u64) -> Expected {
    Expected {
        width: rung.width,
        height: rung.height,
        frame_rate: plan.rate_of(rung),
        max_level: max_level(rung),
        duration_90k: ticks,
    }
}

fn refused(findings: Vec<Finding>) -> Result<Vec<Finding>, InspectError> {
    let (refused, advice): (Vec<_>, Vec<_>) = findings
        .into_iter()
        .partition(|finding| finding.severity == Severity::Must);
    match refused.into_iter().next() {
        Some(Finding { rule, message, .. }) => Err(InspectError::Refused { rule, message }),
        None => Ok(advice),
    }
}

/// Reads a segment of either kind.
pub(super) fn read_segment(
    init: Option<&[u8]>,
    bytes: &[u8],
    number: u32,
) -> Result<SegmentFacts, InspectError> {
    let read = match init {
        None => hls::inspect_segment(bytes),
        Some(init) => hls::inspect_init(init).and_then(|init| hls::inspect_fmp4(&init, bytes)),
    };
    read.map_err(|source| InspectError::Segment { number, source })
}

/// Checks a segment by itself, and that it begins when the plan says; gives its `CODECS`.
pub(super) fn check_segment(
    plan: &Plan,
    rung: &PlannedRung,
    number: u32,
    facts: &SegmentFacts,
) -> Result<String, InspectError> {
    let begins = u64::try_from(facts.first_pts).unwrap_or_default();
    if begins != first_pts(plan, number) {
        let message = format!("begins at {begins} instead of {}", first_pts(plan, number));
        return Err(InspectError::Refused {
            rule: "RFC 6.2.4",
            message,
        });
    }
    let alone = std::slice::from_ref(facts);
    let measured = hls::measure(alone, plan.rate_of(rung))?;
    let ticks = first_pts(plan, number + 1) - first_pts(plan, number);
    refused(hls::validate_rendition(
        &measured,
        alone,
        &expected(plan, rung, ticks),
    ))?;
    if rung.copied {
        reaches_everybody(plan, measured.level_idc)?;
    }
    Ok(measured.codecs)
}

/// An encoder may have declared a level far above what its pictures need. A copy that says so keeps old devices out,
/// unless another rung takes them in.
fn reaches_everybody(plan: &Plan, level: u8) -> Result<(), InspectError> {
    const EVERYBODY: u8 = 41;
    let others = plan.rungs.iter().filter(|rung| !rung.copied);
    if level <= EVERYBODY || others.map(|rung| rung.level).any(|level| level <= EVERYBODY) {
        return Ok(());
    }
    Err(InspectError::Refused {
        rule: "APL 1.11 reach",
        message: format!("the copy is at level_idc {level}, and no rung at {EVERYBODY} or below"),
    })
}

/// Reads every stored segment of a rung back and checks the whole.
pub fn inspect(plan: &Plan, rung: &PlannedRung, folder: &Path) -> Result<Inspected, InspectError> {
    let init = match container(rung) {
        Container::Ts => None,
        Container::Fmp4 => Some(std::fs::read(folder.join("init.mp4"))?),
    };
    let mut facts = vec![];
    for number in 0..plan.segment_count() {
        let bytes = std::fs::read(folder.join(SegmentNames::Tree.segment(number as usize, container(rung))))?;
        facts.push(read_segment(init.as_deref(), &bytes, number)?);
    }
    let mut measured = hls::measure(&facts, plan.rate_of(rung))?;
    let findings = hls::validate_rendition(&measured, &facts, &expected(plan, rung, plan.ticks(plan.frames)));
    let advice = refused(findings)?;
    // Nothing in the bytes says for how long the last picture is shown. Every rung ends when the source does, also one
    // at half the rate, and the last line of a playlist stays what it was while the playlist grew.
    let last = plan.segment_count().saturating_sub(1);
    if let Some(entry) = measured.segments.last_mut() {
        let ticks = plan.ticks(plan.frames) - plan.ticks(plan.start_of(last));
        entry.duration_90k = u32::try_from(ticks).unwrap_or(u32::MAX);
    }
    let segments = facts
        .iter()
        .zip(&measured.segments)
        .map(|(facts, entry)| Segment {
            duration_90k: entry.duration_90k,
            bytes: entry.bytes,
            key_frames: facts.recorded_key_frames(),
        })
        .collect();
    Ok(Inspected {
        facts: measured,
        segments,
        advice,
    })
}

impl Inspected {
    /// The rendition as it is recorded.
    pub fn variant(&self, plan: &Plan, rung: &PlannedRung, storage_path: String) -> Variant {
        let facts = &self.facts;
        Variant {
            quality: rung.quality,
            width: facts.width,
            height: facts.height,
            bitrate: facts.peak_bandwidth,
            average_bitrate: facts.average_bandwidth,
            codec: facts.codecs.clone(),
            frame_rate: plan.rate_of(rung),
            target_duration: facts.target_duration,
            segments: self.segments.clone(),
            copied: rung.copied,
            storage_path,
        }
    }

    /// The playlist that lies beside the segments, for any static server.
    pub fn tree_playlist(&self, rung: &PlannedRung) -> String {
        MediaPlaylist {
            target_duration: self.facts.target_duration,
            kind: PlaylistKind::Vod,
            container: container(rung),
            names: SegmentNames::Tree,
            segments: &self.facts.segments,
        }
        .render()
    }
}
