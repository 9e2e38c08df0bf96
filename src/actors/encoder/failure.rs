//! Why an attempt broke off, and whose fault that is.

use clipper_domain::clip::{EncodingFailure, FailureClass, Refusal};

use crate::commands::CommandError;
use crate::encode::FfmpegError;

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
}

/// Whose fault it is; nothing, when the clip or the log ended the attempt and there is nobody to tell.
pub(super) fn classify(broken: &Broken) -> Option<EncodingFailure> {
    let failure = |class, code: &str, detail: String| {
        Some(EncodingFailure {
            class,
            code: code.to_owned(),
            detail,
        })
    };
    match broken {
        Broken::Command(CommandError::Refused(Refusal::Unfinished { .. })) => failure(
            FailureClass::Ours,
            "unfinished",
            "The encoding ended before every rendition was made.".to_owned(),
        ),
        Broken::Command(_) => None,
        Broken::Disk(error) => failure(FailureClass::Resource, "storage_failed", error.to_string()),
        Broken::Disagreement(detail) => failure(FailureClass::Content, "renditions_disagree", detail.clone()),
        Broken::Ffmpeg(FfmpegError::Failed { code, stderr }) => {
            let class = match code {
                _ if stderr.contains("No space left") => FailureClass::Resource,
                // Ended by a signal: the machine's doing, not the source's.
                None | Some(128..) => FailureClass::Ours,
                Some(_) => FailureClass::Content,
            };
            failure(
                class,
                "ffmpeg_failed",
                format!(
                    "{}.",
                    FfmpegError::Failed {
                        code: *code,
                        stderr: stderr.clone()
                    }
                ),
            )
        }
        Broken::Ffmpeg(error @ FfmpegError::Stalled { .. }) => {
            failure(FailureClass::Ours, "encoder_stalled", error.to_string())
        }
        Broken::Ffmpeg(error @ FfmpegError::Exceeded(limit)) => {
            failure(FailureClass::Resource, limit.code(), format!("{error}."))
        }
        Broken::Ffmpeg(
            error @ (FfmpegError::Start { .. }
            | FfmpegError::Sandbox(_)
            | FfmpegError::Undescribed(_)
            | FfmpegError::Io(_)),
        ) => failure(FailureClass::Ours, "encoder_unavailable", error.to_string()),
    }
}
