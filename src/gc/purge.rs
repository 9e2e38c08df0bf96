//! Letting the media of deleted clips go, for ever.
//!
//! The clip says first that it cannot be restored any more, then everything below its name is removed, then the clip hears of
//! it. Whoever dies in between has lost nothing: the next round does the same again.

use std::io;

use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use clipper_domain::clip::{ClipCommand, DeletedMedia};
use clipper_projections::clips;

use super::Amount;
use crate::commands::{ClipCommands, CommandContext, CommandError, LoadedClip};
use crate::media::MediaStore;
use crate::storage::{Db, StorageError};

/// Clips in one round.
const ROUND: i64 = 100;

/// Why media was not removed.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// The media store failed.
    #[error("the media store failed")]
    Media(#[from] io::Error),
    /// The database cannot be asked.
    #[error("the database cannot be asked")]
    Storage(#[from] StorageError),
    /// The clip does not let go of it.
    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Removes media of deleted clips.
#[derive(Clone, Copy)]
pub struct Purge<'a> {
    /// The store.
    pub media: &'a MediaStore,
    /// The way to the clips.
    pub clips: &'a ClipCommands,
    /// Who does it.
    pub actor: &'a str,
}

impl Purge<'_> {
    /// Removes the media of every deleted clip that cannot be restored any more. One that fails costs the others nothing.
    pub async fn due(self, db: &Db, now: DateTime<Utc>) -> Result<Vec<(ClipId, Amount)>, StorageError> {
        let mut purged = vec![];
        for row in db.all(clips::due_for_purge(now, ROUND)).await? {
            let Ok(id) = row.id.parse::<ClipId>() else {
                continue;
            };
            match self.one(id, Some(now)).await {
                Ok(amount) => purged.push((id, amount)),
                Err(error) => tracing::warn!(
                    clip = %id,
                    error = &error as &dyn std::error::Error,
                    "a deleted clip keeps its media for now"
                ),
            }
        }
        Ok(purged)
    }

    /// Removes the media of one deleted clip. Without a time, it need not be wanted back.
    pub async fn one(self, clip: ClipId, at: Option<DateTime<Utc>>) -> Result<Amount, PurgeError> {
        let mut held = self.clips.catch_up(clip, LoadedClip::default()).await?;
        let source = held.clip.source().map(|source| source.object.clone());
        let executed = self
            .execute(clip, &mut held, ClipCommand::StartPurge { at })
            .await?;
        let media = executed.clip.deletion().map(|deletion| deletion.media);
        let root = clip.to_string();
        let footprint = self.media.footprint(&root).await?;
        if let Some(source) = source {
            self.media.discard_ahead(&source).await?;
        }
        self.media.remove(&root).await?;
        let (objects, bytes) = (footprint.objects, footprint.bytes);
        if media != Some(DeletedMedia::Gone) {
            self.execute(clip, &mut held, ClipCommand::FinishPurge { objects, bytes })
                .await?;
            tracing::info!(%clip, objects, bytes, "removed the media of a deleted clip");
        }
        Ok(Amount { objects, bytes })
    }

    async fn execute(
        self,
        clip: ClipId,
        held: &mut LoadedClip,
        command: ClipCommand,
    ) -> Result<crate::commands::Executed, CommandError> {
        let context = CommandContext::once(self.actor);
        self.clips.execute(clip, held, command, &context).await
    }
}
