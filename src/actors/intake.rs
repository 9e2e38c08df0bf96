//! From received bytes to a clip's source: checked, kept under their hash, recorded.

use std::path::PathBuf;

use clipper_domain::ClipId;
use clipper_domain::clip::{ClipCommand, EncodingOrder};
use clipper_domain::source::{Rejection, SourceFacts, StoredSource};

use super::Clips;
use crate::commands::{CommandContext, CommandError, Executed};
use crate::encode::{self, ProbeError, Tools};
use crate::media::{MediaStore, Received};

/// What taking sources in touches.
#[derive(Clone)]
pub(crate) struct Entrance {
    pub(crate) clips: Clips,
    pub(crate) media: MediaStore,
    pub(crate) tools: Tools,
    /// What is made of a source.
    pub(crate) order: EncodingOrder,
}

/// Why a source is not taken in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IntakeError {
    /// No worker could encode it.
    #[error("{}", .0.detail)]
    Rejected(Rejection),
    /// The clip does not want it.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// The media store failed.
    #[error("the media store failed")]
    Store(#[from] std::io::Error),
}

impl Entrance {
    /// Checks what was received, keeps it with what was made of it ahead, and queues its encoding.
    pub(crate) async fn take_in(
        &self,
        id: ClipId,
        received: Received,
        filename: Option<String>,
        ahead: Option<PathBuf>,
        context: CommandContext,
    ) -> Result<Executed, IntakeError> {
        let facts = Box::pin(self.check_content(&received)).await?;
        let (bytes, sha256) = (received.bytes, received.sha256.clone());
        let object = self.media.keep_source(received, id).await?;
        if let Some(ahead) = ahead {
            self.media.keep_ahead(&ahead, &object).await?;
        }
        metrics::counter!("clipper_upload_bytes_total").increment(bytes);
        let source = StoredSource {
            object,
            bytes,
            sha256,
            filename,
        };
        Box::pin(self.store(id, source, facts, context)).await
    }

    /// Records the source; one that the clip refuses is removed, unless it is the very one that the clip has.
    async fn store(
        &self,
        id: ClipId,
        source: StoredSource,
        facts: Option<SourceFacts>,
        context: CommandContext,
    ) -> Result<Executed, IntakeError> {
        let object = source.object.clone();
        let command = ClipCommand::StoreSource {
            source,
            facts: facts.map(Box::new),
            order: self.order.clone(),
        };
        let stored = self.clips.execute(id, command, context).await;
        if let Err(CommandError::Refused(_)) = &stored {
            self.media.discard_source(&object).await?;
        }
        Ok(stored?)
    }

    /// What no worker could encode is refused now, while its maker is looking. Where the probe itself cannot run, the
    /// worker will find out.
    async fn check_content(&self, received: &Received) -> Result<Option<SourceFacts>, IntakeError> {
        match encode::probe(&self.tools, received.path()).await {
            Ok(facts) => Ok(Some(facts)),
            Err(ProbeError::Rejected(rejection)) => Err(IntakeError::Rejected(rejection)),
            Err(ProbeError::Failed(error)) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "an upload could not be probed here"
                );
                Ok(None)
            }
        }
    }
}
