//! The way of one rung through a pass of ffmpeg: its growing file is read as it is written and cut into segments.

use std::io::{self, Read};
use std::path::PathBuf;

use clipper_domain::plan::{Plan, PlannedRung};

use super::cut::Cutter;
use super::pass::PassError;
use crate::mux::{Picture, TsReader};

/// The pictures of one segment, not yet muxed.
#[derive(Debug)]
pub struct Cut {
    /// The rung.
    pub rung: PlannedRung,
    /// Counted from 0.
    pub segment: u32,
    /// In the order of decoding, stamped on the presentation's clock.
    pub pictures: Vec<Picture>,
    /// When the first picture of the next segment is decoded.
    pub end: u64,
}

/// The segments of one rung that a pass makes.
#[derive(Clone, Copy, Debug)]
pub struct Lane {
    /// The rung.
    pub rung: PlannedRung,
    /// The first segment.
    pub first: u32,
    /// The segment that is not made any more.
    pub end: u32,
}

const CHUNK: usize = 1 << 20;

/// Reads what ffmpeg writes for a lane.
pub(super) struct Tail {
    rung: PlannedRung,
    path: PathBuf,
    file: Option<std::fs::File>,
    reader: TsReader,
    cutter: Cutter,
    chunk: Vec<u8>,
}

impl Tail {
    pub(super) fn new(plan: &Plan, lane: &Lane, path: PathBuf) -> Self {
        Self {
            rung: lane.rung,
            path,
            file: None,
            reader: TsReader::default(),
            cutter: Cutter::new(plan, &lane.rung, lane.first, lane.end),
            chunk: vec![],
        }
    }

    /// Whether every segment is cut.
    pub(super) fn is_done(&self) -> bool {
        self.cutter.is_done()
    }

    /// What was written since the last look, as far as it makes whole segments; at most a chunk of it. The flag tells
    /// whether there may be more.
    pub(super) fn look(&mut self) -> Result<(Vec<Cut>, bool), PassError> {
        if self.file.is_none() {
            match std::fs::File::open(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((vec![], false)),
                Err(error) => return Err(error.into()),
            }
        }
        self.chunk.resize(CHUNK, 0);
        let count = match &mut self.file {
            Some(file) => file.read(&mut self.chunk)?,
            None => 0,
        };
        let pictures = self.reader.push(self.chunk.get(..count).unwrap_or_default())?;
        Ok((self.cut(pictures)?, count == CHUNK))
    }

    /// What is left when ffmpeg has ended.
    pub(super) fn finish(&mut self) -> Result<Vec<Cut>, PassError> {
        let last = std::mem::take(&mut self.reader).finish()?;
        let cuts = self.cut(last)?;
        self.cutter.finish()?;
        Ok(cuts)
    }

    fn cut(&mut self, pictures: impl IntoIterator<Item = Picture>) -> Result<Vec<Cut>, PassError> {
        let mut cuts = vec![];
        for picture in pictures {
            // A copy that was cut off behind its last segment brings some pictures more.
            if self.cutter.is_done() {
                break;
            }
            if let Some(gathered) = self.cutter.take(picture)? {
                cuts.push(Cut {
                    rung: self.rung,
                    segment: gathered.segment,
                    pictures: gathered.pictures,
                    end: gathered.end,
                });
            }
        }
        Ok(cuts)
    }
}
