//! Reconciling the media store with the log: what no event names any more is removed.
//!
//! Promises: what plays stays, and so does what an open encoding works on. The store is looked at before the log, so
//! that what is stored meanwhile was not seen; what the log does not know yet is left alone until it is old; and what
//! does not look like this program's is never touched. A generation's number is never given twice.

mod life;
mod purge;

use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};
use clipper_domain::ClipId;
use serde::Serialize;

use self::life::Life;
pub use self::purge::{Purge, PurgeError};
use crate::media::{Footprint, MediaStore, Stray, UPLOAD_KEPT};
use crate::storage::{Log, Logs, StorageError};

/// What is not known to the log is left alone for so long, whatever the grace: it may be on its way.
const UNDER_WAY: TimeDelta = TimeDelta::hours(1);
/// Resumable uploads wait as long as they were told that they would.
const RESUMABLE: TimeDelta = UPLOAD_KEPT;

/// What is left over, by kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Generations that played until a later one was whole.
    Replaced,
    /// Generations that were cancelled, failed, or are not known.
    Unfinished,
    /// Sound that was kept while pictures were encoded.
    Sound,
    /// Sources that no clip has.
    Source,
    /// Objects that were never written to their end.
    Partial,
    /// Uploads and attempts that nobody goes on with.
    Abandoned,
    /// What belongs to a deleted clip whose media is gone otherwise.
    Deleted,
}

impl Kind {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replaced => "replaced",
            Self::Unfinished => "unfinished",
            Self::Sound => "sound",
            Self::Source => "source",
            Self::Partial => "partial",
            Self::Abandoned => "abandoned",
            Self::Deleted => "deleted",
        }
    }
}

/// Objects and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Amount {
    /// How many.
    pub objects: u64,
    /// How large.
    pub bytes: u64,
}

impl Amount {
    fn add(&mut self, footprint: &Footprint) {
        self.objects += footprint.objects;
        self.bytes += footprint.bytes;
    }
}

/// What was found left over, and what is there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was removed, or would be.
    pub removed: BTreeMap<Kind, Amount>,
    /// What stays for now: it is not old enough.
    pub waiting: Amount,
    /// What is in use.
    pub kept: Amount,
    /// Names at the top of the store that are not this program's.
    pub unknown: Vec<String>,
}

impl Report {
    /// Everything that was removed, or would be.
    pub fn total(&self) -> Amount {
        let mut total = Amount::default();
        for amount in self.removed.values() {
            total.objects += amount.objects;
            total.bytes += amount.bytes;
        }
        total
    }
}

/// Whether what is left over is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is removed.
    Remove,
    /// It is removed, but for clips that the log does not know at all: should the log be an older one that was put back,
    /// somebody may still want them.
    Tidy,
    /// It is only counted.
    Count,
}

/// Why the store could not be reconciled.
#[derive(Debug, thiserror::Error)]
pub enum GcError {
    /// The media store failed.
    #[error("the media store failed")]
    Media(#[from] io::Error),
    /// The log cannot be read.
    #[error("the log cannot be read")]
    Storage(#[from] StorageError),
    /// There are clips, and no event of any.
    #[error("the log is empty and the media store is not: is this the right database?")]
    EmptyLog,
}

/// What there is to go by.
#[derive(Clone, Copy)]
pub struct Gc<'a> {
    /// The store.
    pub media: &'a MediaStore,
    /// The truth.
    pub logs: &'a Logs,
    /// The time.
    pub now: DateTime<Utc>,
    /// For how long a generation stays that plays no more: viewers may be in the middle of it.
    pub grace: TimeDelta,
    /// What to do.
    pub action: Action,
}

impl Gc<'_> {
    /// Goes through the store once.
    pub async fn run(self) -> Result<Report, GcError> {
        let mut report = Report::default();
        for name in self.media.names("").await? {
            match name.parse::<ClipId>() {
                Ok(clip) if clip.to_string() == name => self.clip(clip, &mut report).await?,
                Ok(_) | Err(_) if MediaStore::OWN_FOLDERS.contains(&name.as_str()) => {}
                Ok(_) | Err(_) => report.unknown.push(name),
            }
        }
        self.under_way(&mut report).await?;
        Ok(report)
    }

    /// Goes through what lies on this machine alone: uploads and encodings under way.
    pub async fn run_here(self) -> Result<Report, GcError> {
        let mut report = Report::default();
        self.under_way(&mut report).await?;
        Ok(report)
    }

    async fn under_way(self, report: &mut Report) -> Result<(), GcError> {
        for stray in self.media.strays().await? {
            self.stray(&stray, report).await?;
        }
        Ok(())
    }

    async fn clip(self, clip: ClipId, report: &mut Report) -> Result<(), GcError> {
        let root = clip.to_string();
        let names = self.media.names(&root).await?;
        let life = Life::of(self.logs, clip).await?;
        if !life.is_known() && self.logs.head(Log::Clip).await? == 0 {
            return Err(GcError::EmptyLog);
        }
        if !life.is_known() && self.action == Action::Tidy {
            report.waiting.add(&self.media.footprint(&root).await?);
            return Ok(());
        }
        for name in names {
            let object = format!("{root}/{name}");
            if life.is_purged() {
                self.remnant(&object, report).await?;
            } else if name == "source" {
                self.sources(&object, &life, report).await?;
            } else if let Ok(generation) = name.parse() {
                self.generation(&object, &life, generation, report).await?;
            } else {
                report.kept.add(&self.media.footprint(&object).await?);
            }
        }
        self.clear(&root).await
    }

    /// Somebody was still storing it when its clip was purged.
    async fn remnant(self, object: &str, report: &mut Report) -> Result<(), GcError> {
        let footprint = self.media.footprint(object).await?;
        if self.is_old(&footprint, UNDER_WAY) {
            self.take(Kind::Deleted, object, &footprint, report).await
        } else {
            report.waiting.add(&footprint);
            Ok(())
        }
    }

    /// A folder that has been empty for a while goes, too; one that was just made is about to be filled.
    async fn clear(self, folder: &str) -> Result<(), GcError> {
        let footprint = self.media.footprint(folder).await?;
        if self.action != Action::Count && footprint.objects == 0 && self.is_old(&footprint, UNDER_WAY) {
            self.media.remove_if_empty(folder).await?;
        }
        Ok(())
    }

    async fn sources(self, folder: &str, life: &Life, report: &mut Report) -> Result<(), GcError> {
        for name in self.media.names(folder).await? {
            let object = format!("{folder}/{name}");
            let footprint = self.media.footprint(&object).await?;
            if life.has_source(&object) {
                report.kept.add(&footprint);
            } else if self.is_old(&footprint, self.grace.max(UNDER_WAY)) {
                self.take(Kind::Source, &object, &footprint, report).await?;
            } else {
                report.waiting.add(&footprint);
            }
        }
        self.clear(folder).await
    }

    async fn generation(
        self,
        object: &str,
        life: &Life,
        generation: u32,
        report: &mut Report,
    ) -> Result<(), GcError> {
        let footprint = self.media.footprint(object).await?;
        if life.is_alive(generation) {
            return self.within(object, life, generation, report).await;
        }
        let (kind, due) = match life.ended(generation) {
            Some((kind, at)) => (kind, self.now - at >= self.grace),
            None => (
                Kind::Unfinished,
                self.is_old(&footprint, self.grace.max(UNDER_WAY)),
            ),
        };
        if due {
            self.take(kind, object, &footprint, report).await
        } else {
            report.waiting.add(&footprint);
            Ok(())
        }
    }

    /// What is left over inside a generation that is in use.
    async fn within(
        self,
        object: &str,
        life: &Life,
        generation: u32,
        report: &mut Report,
    ) -> Result<(), GcError> {
        let mut left = Footprint::default();
        let sound = format!("{object}/sound");
        let footprint = self.media.footprint(&sound).await?;
        if !life.is_open(generation) && footprint.touched.is_some() {
            left.add(&footprint);
            self.take(Kind::Sound, &sound, &footprint, report).await?;
        }
        for partial in self.media.partials(object).await? {
            if self.is_old(&partial.footprint, UNDER_WAY) && !partial.object.starts_with(&sound) {
                left.add(&partial.footprint);
                self.take(Kind::Partial, &partial.object, &partial.footprint, report)
                    .await?;
            }
        }
        let whole = self.media.footprint(object).await?;
        let whole = match self.action {
            Action::Remove | Action::Tidy => whole,
            Action::Count => whole.without(&left),
        };
        report.kept.add(&whole);
        Ok(())
    }

    async fn stray(self, stray: &Stray, report: &mut Report) -> Result<(), GcError> {
        let resumable = self.media.exists(&format!("{}/facts.json", stray.object)).await?;
        let patience = if resumable { RESUMABLE } else { UNDER_WAY };
        if self.is_old(&stray.footprint, patience) {
            self.take(Kind::Abandoned, &stray.object, &stray.footprint, report)
                .await
        } else {
            report.waiting.add(&stray.footprint);
            Ok(())
        }
    }

    fn is_old(self, footprint: &Footprint, age: TimeDelta) -> bool {
        let touched = DateTime::<Utc>::from(footprint.touched.unwrap_or(SystemTime::UNIX_EPOCH));
        self.now - touched >= age
    }

    async fn take(
        self,
        kind: Kind,
        object: &str,
        footprint: &Footprint,
        report: &mut Report,
    ) -> Result<(), GcError> {
        if self.action != Action::Count {
            // Who stored it again since it was looked at wants it.
            if self.media.footprint(object).await? != *footprint {
                report.waiting.add(footprint);
                return Ok(());
            }
            self.media.remove(object).await?;
            tracing::info!(
                object,
                kind = kind.as_str(),
                bytes = footprint.bytes,
                "removed what is left over"
            );
        }
        report.removed.entry(kind).or_default().add(footprint);
        Ok(())
    }
}
