//! `clipper doctor`: what is there, what is missing, and the command that brings it.

use std::path::Path;
use std::time::SystemTime;

use super::output::Output;
use crate::config::Config;
use crate::encode;
use crate::media::MediaStore;
use crate::startup::redacted;
use crate::storage::{Db, Log, Logs};

/// A check: its name, and what was found or what is wrong.
struct Check {
    name: &'static str,
    result: Result<String, String>,
}

pub(super) async fn run(config: &Config, output: Output) -> anyhow::Result<bool> {
    let checks = [
        Check {
            name: "ffmpeg",
            result: program(&config.encode.ffmpeg).await,
        },
        Check {
            name: "ffprobe",
            result: program(&config.encode.ffprobe).await,
        },
        Check {
            name: "data directory",
            result: data_dir(config).await,
        },
        Check {
            name: "database",
            result: database(config).await,
        },
        Check {
            name: "media store",
            result: media(config).await,
        },
        Check {
            name: "clock",
            result: clock(),
        },
    ];
    let good = checks.iter().all(|check| check.result.is_ok());
    let data = checks.iter().map(|check| match &check.result {
        Ok(found) => serde_json::json!({ "check": check.name, "ok": true, "detail": found }),
        Err(problem) => serde_json::json!({ "check": check.name, "ok": false, "detail": problem }),
    });
    output.data(&data.collect::<Vec<_>>().into(), || {
        let line = |check: &Check| match &check.result {
            Ok(found) => format!("ok    {:15} {found}", check.name),
            Err(problem) => format!("FAIL  {:15} {problem}", check.name),
        };
        checks.iter().map(line).collect::<Vec<_>>().join("\n")
    })?;
    Ok(good)
}

async fn program(program: &Path) -> Result<String, String> {
    encode::version(program).await.map_err(|error| error.to_string())
}

async fn data_dir(config: &Config) -> Result<String, String> {
    let shown = config.data_dir.display();
    match tokio::fs::create_dir_all(&config.data_dir).await {
        Ok(()) => Ok(shown.to_string()),
        Err(error) => Err(format!("cannot create `{shown}`: {error}")),
    }
}

async fn database(config: &Config) -> Result<String, String> {
    let url = config.database_url();
    let explain = |error: crate::storage::StorageError| {
        let cause = std::error::Error::source(&error)
            .map(ToString::to_string)
            .unwrap_or_default();
        format!("{}: {error}: {cause}", redacted(&url))
    };
    let db = Db::open(&url).await.map_err(explain)?;
    let head = Logs::new(db.clone()).head(Log::Clip).await.map_err(explain)?;
    Ok(format!(
        "{} at {}, {head} clip events",
        db.product(),
        redacted(&url)
    ))
}

async fn media(config: &Config) -> Result<String, String> {
    let root = config.media_root().unwrap_or_default();
    let explain = |error: std::io::Error| format!("cannot write to `{}`: {error}", root.display());
    let store = MediaStore::open(root.clone()).await.map_err(explain)?;
    store.check().await.map_err(explain)?;
    Ok(root.display().to_string())
}

/// A clock in the past breaks leases, tokens and certificates.
#[expect(clippy::disallowed_methods, reason = "the clock itself is what is checked")]
fn clock() -> Result<String, String> {
    const BUILT_AFTER: u64 = 1_760_000_000;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    if now > BUILT_AFTER {
        Ok("plausible".to_owned())
    } else {
        Err("the machine's clock is in the past".to_owned())
    }
}
