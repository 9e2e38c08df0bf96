//! Why an attempt broke off, and whose fault that is.

use clipper_domain::clip::{EncodingFailure, FailureClass, Refusal};

use clipper_domain::Quality;

use crate::commands::CommandError;
use crate::encode::{FfmpegError, FinishError, PassError, SoundError};
use crate::storage::StorageError;

/// Why an attempt broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("the clip did not take the command")]
    Command(#[from] CommandError),
    #[error(transparent)]
    Ffmpeg(#[from] FfmpegError),
    #[error("the media store failed")]
    Disk(#[from] std::io::Error),
    #[error("the renditions do not fit together: {0}")]
    Disagreement(String),
    #[error("the pictures could not be made")]
    Pass(#[from] PassError),
    #[error("the sound could not be made")]
    Sound(#[from] SoundError),
    #[error("a segment could not be finished")]
    Finish(#[from] FinishError),
    #[error("the copy of the source in {quality} is not valid: {reason}")]
    CopyInvalid { quality: Quality, reason: String },
    #[error("the database cannot be asked")]
    Storage(#[from] StorageError),
    /// Whoever made the sound has gone; somebody else takes that unit first.
    #[error("nobody makes the sound any more")]
    SoundGone,
    #[error("the lease was lost")]
    LeaseLost,
}

/// Whose fault it is; nothing, when the clip or the log ended the attempt and there is nobody to tell.
pub(super) fn classify(broken: &Broken) -> Option<EncodingFailure> {
    Some(match broken {
        Broken::Command(CommandError::Refused(Refusal::Unfinished { .. })) => failure(
            FailureClass::Ours,
            "unfinished",
            "The encoding ended before every rendition was made.".to_owned(),
        ),
        Broken::Command(_)
        | Broken::Storage(_)
        | Broken::SoundGone
        | Broken::LeaseLost
        | Broken::CopyInvalid { .. }
        | Broken::Pass(PassError::Abandoned)
        | Broken::Sound(SoundError::Abandoned)
        | Broken::Finish(FinishError::Abandoned | FinishError::Sound(SoundError::Abandoned)) => return None,
        Broken::Disk(error)
        | Broken::Pass(PassError::Disk(error))
        | Broken::Sound(SoundError::Disk(error))
        | Broken::Finish(FinishError::Sound(SoundError::Disk(error))) => {
            failure(FailureClass::Resource, "storage_failed", error.to_string())
        }
        Broken::Disagreement(detail) => failure(FailureClass::Content, "renditions_disagree", detail.clone()),
        Broken::Ffmpeg(error)
        | Broken::Pass(PassError::Ffmpeg(error))
        | Broken::Sound(SoundError::Ffmpeg(error))
        | Broken::Finish(FinishError::Sound(SoundError::Ffmpeg(error))) => of_ffmpeg(error),
        Broken::Pass(PassError::Cut(error)) => failure(
            FailureClass::Content,
            "undecodable",
            format!("The video cannot be decoded to its end: {error}."),
        ),
        Broken::Pass(error @ PassError::Stream(_)) => {
            failure(FailureClass::Ours, "encoder_unreadable", error.to_string())
        }
        Broken::Sound(error @ SoundError::Damaged(_)) | Broken::Finish(FinishError::Sound(error)) => {
            failure(FailureClass::Ours, "encoder_unreadable", error.to_string())
        }
    })
}

fn failure(class: FailureClass, code: &str, detail: String) -> EncodingFailure {
    EncodingFailure {
        class,
        code: code.to_owned(),
        detail,
    }
}

fn of_ffmpeg(error: &FfmpegError) -> EncodingFailure {
    match error {
        FfmpegError::Failed { code, stderr } => {
            let class = match code {
                _ if stderr.contains("No space left") => FailureClass::Resource,
                // Ended by a signal: the machine's doing, not the source's.
                None | Some(128..) => FailureClass::Ours,
                Some(_) => FailureClass::Content,
            };
            failure(class, "ffmpeg_failed", format!("{error}."))
        }
        FfmpegError::Stalled { .. } => failure(FailureClass::Ours, "encoder_stalled", error.to_string()),
        FfmpegError::Exceeded(limit) => failure(FailureClass::Resource, limit.code(), format!("{error}.")),
        FfmpegError::Start { .. }
        | FfmpegError::Sandbox(_)
        | FfmpegError::Undescribed(_)
        | FfmpegError::Io(_) => failure(FailureClass::Ours, "encoder_unavailable", error.to_string()),
    }
}
