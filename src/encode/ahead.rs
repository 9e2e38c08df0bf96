//! Encoding what has arrived of an upload while the rest is on its way.
//!
//! A file whose index comes first says where every picture will lie. As soon as the bytes of some segments are there,
//! their pictures are encoded and left in a folder, with the plan that they belong to; an attempt that makes the same
//! plan of the whole file takes them from there instead of encoding them again.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use clipper_domain::Quality;
use clipper_domain::plan::{Plan, PlannedRung};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::{mpsc, watch};

use super::lane::{Cut, Lane, Tail};
use super::pass::{Pass, PassError};
use super::probe::{self, ProbeError};
use super::{Job, Tools, arguments, ffmpeg};

/// Segments that one run of ffmpeg makes at most, so that little is lost when the upload is complete.
const MOST_SEGMENTS: u32 = 8;
/// Seconds behind a segment that must be there too: decoders read ahead.
const MARGIN: u32 = 2;
const MANIFEST: &str = "ahead.json";

/// What was made ahead.
#[derive(Debug, Serialize, Deserialize)]
pub struct Ahead {
    plan: Plan,
    pieces: Vec<Piece>,
}

/// Pictures of some segments of a rung. The last of them may be missing.
#[derive(Debug, Serialize, Deserialize)]
struct Piece {
    quality: Quality,
    first: u32,
    end: u32,
    file: PathBuf,
}

/// Why nothing more is made ahead.
#[derive(Debug, thiserror::Error)]
pub enum AheadError {
    /// The source is not understood yet, or never.
    #[error("the source is not understood yet")]
    Probe(#[from] ProbeError),
    /// There is no plan for it.
    #[error("there is no plan for the source")]
    NoPlan(#[from] clipper_domain::plan::NoPlan),
    /// ffmpeg failed.
    #[error("the pictures could not be made")]
    Pass(#[from] PassError),
    /// The disk failed.
    #[error("the disk failed")]
    Disk(#[from] io::Error),
}

/// Whether the index of an MP4 file lies before its media; nothing, while too little is there to know.
pub async fn index_comes_first(source: &Path, available: u64) -> io::Result<Option<bool>> {
    let mut file = tokio::fs::File::open(source).await?;
    let mut at = 0_u64;
    while at + 16 <= available {
        file.seek(io::SeekFrom::Start(at)).await?;
        let (short, kind) = (file.read_u32().await?, file.read_u32().await?.to_be_bytes());
        let size = match short {
            1 => file.read_u64().await?,
            short => u64::from(short),
        };
        match &kind {
            b"moov" if at + size <= available => return Ok(Some(true)),
            b"moov" => return Ok(None),
            b"mdat" => return Ok(Some(false)),
            b"ftyp" | b"free" | b"skip" | b"wide" | b"uuid" | b"pdin" | b"sidx" | b"styp" if size >= 8 => {
                at += size;
            }
            _ => return Ok(Some(false)),
        }
    }
    Ok(None)
}

/// Encodes segments as their bytes arrive, until nothing is left or the future is dropped. `available` counts the bytes
/// from the beginning that are there.
pub async fn encode(
    tools: &Tools,
    source: &Path,
    folder: &Path,
    plan_of: impl Fn(&clipper_domain::source::SourceFacts) -> Result<Plan, clipper_domain::plan::NoPlan>,
    mut available: watch::Receiver<u64>,
) -> Result<(), AheadError> {
    let facts = probe::probe(tools, source).await?;
    let plan = plan_of(&facts)?;
    let reach = probe::reach(tools, source, &facts).await?;
    tokio::fs::create_dir_all(folder).await?;
    let job = Job {
        source,
        facts: &facts,
        plan: &plan,
        work: folder,
        // Files with an index of their own begin at zero.
        begins: 0.0,
        small: false,
    };
    let margin = u64::from(MARGIN * plan.frame_rate.num().div_ceil(plan.frame_rate.den()));
    let mut made = Ahead {
        plan: plan.clone(),
        pieces: vec![],
    };
    let mut first = 0;
    while first < plan.segment_count() {
        let there = *available.borrow_and_update();
        let arrived = |segment: &u32| reach.bytes_for(plan.start_of(*segment) + margin) <= there;
        let end = (first + 1..=(first + MOST_SEGMENTS).min(plan.segment_count()))
            .take_while(arrived)
            .last();
        let Some(end) = end else {
            if available.changed().await.is_err() {
                return Ok(());
            }
            continue;
        };
        make(tools, job, &mut made, first, end).await?;
        first = end;
    }
    Ok(())
}

/// Encodes some segments of every rung that is not a copy.
async fn make(tools: &Tools, job: Job<'_>, made: &mut Ahead, first: u32, end: u32) -> Result<(), AheadError> {
    let lane = |rung: &PlannedRung| Lane {
        rung: *rung,
        first,
        end,
    };
    let rungs = job.plan.rungs.iter().filter(|rung| !rung.copied);
    let pass = Pass {
        lanes: rungs.map(lane).collect(),
        name: format!("ahead-{first}"),
    };
    if pass.lanes.is_empty() {
        return Ok(());
    }
    made.pieces.extend(pass.lanes.iter().map(|lane| Piece {
        quality: lane.rung.quality,
        first,
        end,
        file: pass.file(lane),
    }));
    // Told before it is done: whatever is whole of it when the upload is complete can be used.
    tokio::fs::write(
        job.work.join(MANIFEST),
        serde_json::to_vec(made).map_err(io::Error::other)?,
    )
    .await?;
    let arguments = arguments::pictures(tools, job, &pass);
    ffmpeg::transcode(tools, &job.sandbox(tools), &arguments, |_| {})
        .await
        .map_err(PassError::from)?;
    Ok(())
}

impl Ahead {
    /// What lies in a folder and belongs to this plan.
    pub async fn open(folder: &Path, plan: &Plan) -> Option<Self> {
        let manifest = tokio::fs::read(folder.join(MANIFEST)).await.ok()?;
        let ahead: Self = serde_json::from_slice(&manifest).ok()?;
        (ahead.plan == *plan).then_some(ahead)
    }

    /// Sends the first segments of a rung that are wanted, as far as they are whole, and tells which they were.
    pub async fn replay(
        &self,
        folder: &Path,
        rung: &PlannedRung,
        wanted: &BTreeSet<u32>,
        cuts: &mpsc::Sender<Cut>,
    ) -> BTreeSet<u32> {
        let mut sent = BTreeSet::new();
        let Some(mut next) = wanted.first().copied() else {
            return sent;
        };
        for piece in self.pieces.iter().filter(|piece| piece.quality == rung.quality) {
            if piece.first > next {
                break;
            }
            for cut in self.read(folder, rung, piece) {
                // What is left must have no holes, so that it is one more run of ffmpeg.
                if cut.segment != next || !wanted.contains(&next) {
                    continue;
                }
                if cuts.send(cut).await.is_err() {
                    return sent;
                }
                sent.insert(next);
                next += 1;
            }
        }
        sent
    }

    /// The whole segments of a piece. The file of the last one may end anywhere.
    fn read(&self, folder: &Path, rung: &PlannedRung, piece: &Piece) -> impl Iterator<Item = Cut> {
        let lane = Lane {
            rung: *rung,
            first: piece.first,
            end: piece.end,
        };
        let mut tail = Some(Tail::new(&self.plan, &lane, folder.join(&piece.file)));
        std::iter::from_fn(move || {
            let (cuts, more) = tail.as_mut()?.look().unwrap_or_default();
            if more {
                return Some(cuts);
            }
            // The very last picture is known to be whole only when nothing follows.
            let last = tail
                .take()
                .and_then(|mut tail| tail.finish().ok())
                .unwrap_or_default();
            Some(cuts.into_iter().chain(last).collect())
        })
        .flatten()
    }
}
