//! One attempt at fetching a source, and what follows from it.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use futures_util::StreamExt;
use reqwest::{Response, Url};
use uuid::Uuid;

use super::{Claimed, ImportSettings, LEASE};
use crate::actors::intake::IntakeError;
use crate::commands::{CommandContext, CommandError};
use crate::media::{IncomingError, Received};
use crate::outbound::{FetchError, Refused};
use crate::storage::imports::{self, Ended, Failure};
use crate::storage::{StorageError, leases};

/// Attempts before an import is given up.
const MOST_ATTEMPTS: i64 = 6;
/// Doubled with each attempt.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(2);
/// How long a server may say nothing.
const STALL: Duration = Duration::from_secs(30);
/// How often the lease is renewed.
const RENEW: Duration = Duration::from_secs(3);
/// How often it is written down how far a fetch has come.
const PROGRESS: Duration = Duration::from_secs(1);

/// Why a source was not taken in.
#[derive(Debug, thiserror::Error)]
enum ImportError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the file is larger than {max_bytes} bytes")]
    TooLarge { max_bytes: u64 },
    #[error("the file holds no bytes")]
    Empty,
    #[error("the file did not arrive within {seconds} seconds")]
    TooSlow { seconds: u64 },
    #[error(transparent)]
    Intake(#[from] IntakeError),
    #[error("the file could not be written")]
    Disk(#[from] std::io::Error),
    #[error("the database failed")]
    Storage(#[from] StorageError),
    /// Another process is at it: nothing is written down.
    #[error("the lease was lost")]
    LeaseLost,
}

/// Fetches a source and takes it in.
pub(super) async fn import(settings: &ImportSettings, claimed: &Claimed) {
    let result = tokio::select! {
        result = Box::pin(attempt(settings, claimed)) => result,
        lost = keep_lease(settings, claimed) => Err(lost),
    };
    let concluded = match result {
        Ok(()) => conclude(settings, claimed, Ended::Stored).await,
        Err(ImportError::LeaseLost) => Ok(()),
        Err(error) => {
            tracing::warn!(
                clip = claimed.import.clip_id,
                error = &error as &dyn std::error::Error,
                "the source of clip {} could not be imported",
                claimed.import.clip_id
            );
            conclude_failure(settings, claimed, &error).await
        }
    };
    if let Err(error) = concluded {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the outcome of an import is not written down; it is tried again"
        );
    }
}

async fn conclude(settings: &ImportSettings, claimed: &Claimed, ended: Ended) -> Result<(), StorageError> {
    let outcome = match &ended {
        Ended::Stored => "stored",
        Ended::Failed(_) => "failed",
        Ended::Again(..) => "broken",
    };
    metrics::counter!("clipper_imports_total", "outcome" => outcome).increment(1);
    imports::end(&settings.db, claimed.clip, &ended, settings.now().await?).await
}

async fn conclude_failure(
    settings: &ImportSettings,
    claimed: &Claimed,
    error: &ImportError,
) -> Result<(), StorageError> {
    let failure = Failure {
        code: code_of(error),
        detail: error.to_string(),
    };
    let attempts = claimed.import.attempts;
    let ended = if is_passing(error) && attempts + 1 < MOST_ATTEMPTS {
        let pause = FIRST_PAUSE * (1_i32 << attempts.clamp(0, 10));
        Ended::Again(failure, settings.now().await? + pause)
    } else {
        Ended::Failed(failure)
    };
    conclude(settings, claimed, ended).await
}

async fn attempt(settings: &ImportSettings, claimed: &Claimed) -> Result<(), ImportError> {
    let url = Url::parse(&claimed.import.url)
        .map_err(|_invalid| FetchError::Refused(Refused::NotWeb(claimed.import.url.clone())))?;
    let response = settings.outbound.fetch(&url, settings.patience).await?;
    let filename = name_of(response.url());
    let receiving = tokio::time::timeout(settings.patience, receive(settings, claimed, response)).await;
    let received = receiving.unwrap_or(Err(ImportError::TooSlow {
        seconds: settings.patience.as_secs(),
    }))?;
    let context = CommandContext {
        // A repeated attempt after a crash is recognised.
        command_id: format!("import:{}:{}", claimed.import.clip_id, received.sha256),
        actor: claimed.import.actor.clone(),
        correlation_id: claimed.import.correlation_id.clone(),
        causation_id: None,
    };
    settings
        .entrance
        .take_in(claimed.clip, received, filename, None, context)
        .await?;
    Ok(())
}

/// Writes what comes, and now and then how much that is.
async fn receive(
    settings: &ImportSettings,
    claimed: &Claimed,
    response: Response,
) -> Result<Received, ImportError> {
    let max_bytes = settings.max_bytes;
    let total = response.content_length();
    if total.is_some_and(|total| total > max_bytes) {
        return Err(ImportError::TooLarge { max_bytes });
    }
    let mut incoming = settings.entrance.media.receive(Uuid::now_v7()).await?;
    let (mut stream, mut bytes, mut told) = (response.bytes_stream(), 0_u64, None::<Instant>);
    loop {
        if told.is_none_or(|told| told.elapsed() >= PROGRESS) {
            imports::progress(&settings.db, claimed.clip, bytes, total, settings.now().await?).await?;
            told = Some(Instant::now());
        }
        let part = tokio::time::timeout(STALL, stream.next()).await;
        let part = part.map_err(|_elapsed| FetchError::Broken("no bytes for half a minute".to_owned()))?;
        let Some(part) = part else { break };
        let part = part.map_err(|error| FetchError::from(&error))?;
        bytes += part.len() as u64;
        incoming
            .write(&part, max_bytes)
            .await
            .map_err(|error| match error {
                IncomingError::TooLarge { max_bytes } => ImportError::TooLarge { max_bytes },
                IncomingError::Disk(error) => error.into(),
            })?;
    }
    if bytes == 0 {
        return Err(ImportError::Empty);
    }
    imports::progress(&settings.db, claimed.clip, bytes, total, settings.now().await?).await?;
    Ok(incoming.finish().await?)
}

/// Ends when the lease is lost.
async fn keep_lease(settings: &ImportSettings, claimed: &Claimed) -> ImportError {
    loop {
        tokio::time::sleep(RENEW).await;
        let renewed = async {
            let until = settings.now().await? + LEASE;
            leases::renew(&settings.db, &claimed.lease, 0.0, until).await
        };
        match renewed.await {
            Ok(true) => {}
            Ok(false) => return ImportError::LeaseLost,
            Err(error) => return error.into(),
        }
    }
}

/// What the last part of the path calls it.
fn name_of(url: &Url) -> Option<String> {
    let name = url.path_segments()?.next_back()?;
    let printable: String = name.chars().filter(|c| !c.is_control()).take(255).collect();
    Some(printable).filter(|name| !name.is_empty())
}

fn is_passing(error: &ImportError) -> bool {
    match error {
        ImportError::Fetch(error) => error.is_passing(),
        ImportError::TooLarge { .. } | ImportError::Empty | ImportError::TooSlow { .. } => false,
        ImportError::Intake(IntakeError::Rejected(_)) => false,
        ImportError::Intake(IntakeError::Command(CommandError::Refused(_))) => false,
        ImportError::Intake(IntakeError::Command(_) | IntakeError::Store(_)) => true,
        ImportError::Disk(_) | ImportError::Storage(_) | ImportError::LeaseLost => true,
    }
}

fn code_of(error: &ImportError) -> &'static str {
    match error {
        ImportError::Fetch(FetchError::Refused(Refused::Private { .. })) => "private_address",
        ImportError::Fetch(FetchError::Refused(Refused::NotWeb(_) | Refused::Credentials)) => {
            "invalid_address"
        }
        ImportError::Fetch(FetchError::TooManyHops | FetchError::LeadsNowhere) => "too_many_redirects",
        ImportError::Fetch(FetchError::Status(_)) => "not_given",
        ImportError::Fetch(FetchError::Broken(_)) => "unreachable",
        ImportError::TooLarge { .. } => "too_large",
        ImportError::Empty => "empty_source",
        ImportError::TooSlow { .. } => "too_slow",
        ImportError::Intake(IntakeError::Rejected(rejection)) => rejection.code.as_str(),
        ImportError::Intake(IntakeError::Command(CommandError::Refused(_))) => "source_refused",
        ImportError::Intake(_) | ImportError::Disk(_) | ImportError::Storage(_) | ImportError::LeaseLost => {
            "internal"
        }
    }
}
