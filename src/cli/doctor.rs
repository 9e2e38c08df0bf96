//! `clipper doctor`: what is there, what is missing, and the command that brings it.

use std::path::Path;
use std::time::SystemTime;

use super::output::Output;
use crate::config::Config;
use crate::encode::{self, FfmpegError, Tools};
use crate::identity::Identity;
use crate::media::MediaStore;
use crate::sandbox::{Layer, LayerName, Mode, Report};
use crate::startup::{redacted, tools};
use crate::storage::{Db, Log, Logs};

/// A check: its name, and what was found or what is wrong.
struct Check {
    name: &'static str,
    result: Result<String, String>,
}

pub(super) async fn run(config: &Config, output: Output) -> anyhow::Result<bool> {
    let tools = tools(config);
    let mut checks = vec![
        Check {
            name: "ffmpeg",
            result: program(&tools, &tools.ffmpeg).await,
        },
        Check {
            name: "ffprobe",
            result: program(&tools, &tools.ffprobe).await,
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
    checks.extend(identity(config).await);
    checks.extend(sandbox(&tools).await);
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

/// It starts, and it does so inside of the sandbox.
async fn program(tools: &Tools, program: &Path) -> Result<String, String> {
    let explain = |error: FfmpegError| error.to_string();
    encode::version(tools, program).await.map_err(explain)
}

/// Whether the keys of the identity provider can be had, if there is one.
async fn identity(config: &Config) -> Option<Check> {
    let result = match Identity::of(&config.auth) {
        Ok(None) => return None,
        Ok(Some(identity)) => identity.examine().await,
        Err(error) => Err(error.to_string()),
    };
    Some(Check {
        name: "identity keys",
        result: result
            .map(|keys| format!("{keys} of {}", config.auth.issuer))
            .map_err(|problem| format!("{}: {problem}", config.auth.issuer)),
    })
}

/// A line for each layer of the sandbox around ffmpeg.
async fn sandbox(tools: &Tools) -> Vec<Check> {
    let report = match encode::examine(tools).await {
        _ if tools.sandbox == Mode::Off => Report::nothing("`encode.sandbox` is `off`"),
        Ok(report) => report,
        Err(error) => Report::nothing(&error.to_string()),
    };
    report.layers.into_iter().map(layer).collect()
}

fn layer(layer: Layer) -> Check {
    let (name, holds, remedy) = match layer.name {
        LayerName::Files => (
            "sandbox files",
            "ffmpeg opens no file but its own",
            "use Linux 5.13 or newer with `landlock` in its `lsm=`",
        ),
        LayerName::Calls => (
            "sandbox calls",
            "ffmpeg has no sockets and starts nothing",
            "use a kernel with CONFIG_SECCOMP_FILTER",
        ),
        LayerName::Namespaces => (
            "sandbox spaces",
            "ffmpeg has a network of its own, with nothing in it",
            "not needed while calls are refused",
        ),
    };
    let result = match layer.problem {
        None => Ok(holds.to_owned()),
        Some(problem) if layer.name.is_essential() => Err(format!("{problem}: {remedy}")),
        Some(problem) => Ok(format!("missing, {remedy} ({problem})")),
    };
    Check { name, result }
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
    let place = config.media_place();
    let explain = |error: std::io::Error| format!("cannot use `{place}`: {error}");
    let store = MediaStore::open(place.clone()).await.map_err(explain)?;
    store.check().await.map_err(explain)?;
    Ok(place.to_string())
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
