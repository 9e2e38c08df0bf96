//! The only place that starts a process.
//!
//! Each runs under limits of memory and output, with a low priority, an empty environment and no standard input, is
//! killed when its future is dropped, and its last words are kept.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::progress;

/// The programs and their limits.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The program that encodes.
    pub ffmpeg: PathBuf,
    /// The program that probes.
    pub ffprobe: PathBuf,
    /// The most pixels of a picture.
    pub max_pixels: u64,
    /// The longest source in seconds.
    pub max_seconds: u64,
    /// Memory that a process may address, in MiB.
    pub memory_mib: u64,
    /// How long the frame counter may stand still.
    pub stall: Duration,
}

/// Why a process did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum FfmpegError {
    /// The program cannot be started.
    #[error("cannot start `{}`: is it installed? (apt-get install ffmpeg)", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// It was not done in time, or its frame counter stood still.
    #[error("ffmpeg made no progress for {} s", after.as_secs())]
    Stalled {
        /// How long.
        after: Duration,
    },
    /// It ended with an error.
    #[error("ffmpeg failed: {}", last_line(stderr))]
    Failed {
        /// Its exit code; absent when a signal ended it.
        code: Option<i32>,
        /// Its last words.
        stderr: String,
    },
    /// Reading from it, or the disk, failed.
    #[error("talking to ffmpeg failed")]
    Io(#[from] std::io::Error),
}

/// Demuxers that may open an upload. Not among them: playlists, scripts, images and whatever else reads other files.
pub(super) const FORMATS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,gif";

/// Runs under `sh` for the limits of `ulimit`, which no safe call of ours can set for a child alone.
const LIMITED: &str = r#"ulimit -v "$1" && ulimit -f "$2" && shift 2 && exec nice -n 5 "$@""#;

/// The largest single file that a process may write, in blocks of 512 bytes: 16 GiB.
const FILE_BLOCKS: &str = "33554432";

const STDERR_KEPT: usize = 8 * 1_024;
const PROBE_TIME: Duration = Duration::from_mins(1);

/// Runs ffprobe and returns what it prints.
pub(super) async fn ffprobe(tools: &Tools, arguments: &[String]) -> Result<Vec<u8>, FfmpegError> {
    let run = async {
        let mut child = spawn(tools, &tools.ffprobe, arguments, None)?;
        let stderr = child.stderr.take();
        let mut output = vec![];
        let mut stdout = child.stdout.take();
        let read = async {
            match &mut stdout {
                Some(stdout) => stdout.read_to_end(&mut output).await,
                None => Ok(0),
            }
        };
        let (read, stderr) = tokio::join!(read, last_words(stderr));
        read?;
        finish(child, &tools.ffprobe, stderr).await?;
        Ok(output)
    };
    timeout(PROBE_TIME, run)
        .await
        .unwrap_or(Err(FfmpegError::Stalled { after: PROBE_TIME }))
}

/// Runs ffprobe and hands over its lines one by one, so that a long listing is never held whole.
pub(super) async fn ffprobe_lines(
    tools: &Tools,
    arguments: &[String],
    mut on_line: impl FnMut(&str),
) -> Result<(), FfmpegError> {
    let child = spawn(tools, &tools.ffprobe, arguments, None)?;
    follow(child, &tools.ffprobe, tools.stall, |line| {
        on_line(line);
        true
    })
    .await
}

/// Runs ffmpeg; a frame counter that stands still, not a wall clock, is what ends it.
pub(super) async fn transcode(
    tools: &Tools,
    arguments: &[String],
    work: &Path,
    on_time: impl Fn(u64),
) -> Result<(), FfmpegError> {
    let child = spawn(tools, &tools.ffmpeg, arguments, Some(work))?;
    let mut counter = progress::Counter::default();
    follow(child, &tools.ffmpeg, tools.stall, |line| {
        let moved = counter.take(line);
        if moved {
            on_time(counter.out_ms());
        }
        moved
    })
    .await
}

/// Runs ffmpeg and returns the last that it says.
pub(super) async fn last_words_of(
    tools: &Tools,
    arguments: &[String],
    work: &Path,
) -> Result<String, FfmpegError> {
    let mut child = spawn(tools, &tools.ffmpeg, arguments, Some(work))?;
    drop(child.stdout.take());
    let stderr = last_words(child.stderr.take()).await;
    finish(child, &tools.ffmpeg, stderr.clone()).await?;
    Ok(stderr)
}

/// Reads a process's lines until it ends; one that makes no progress, as `on_line` judges it, is killed.
async fn follow(
    mut child: Child,
    program: &Path,
    stall: Duration,
    on_line: impl FnMut(&str) -> bool,
) -> Result<(), FfmpegError> {
    let stderr = child.stderr.take();
    let stdout = child.stdout.take();
    // Both ends are read at once: a full pipe would stop the process. Standard error ends with the process, so that a
    // stalled one must be killed while both are being read.
    let (watched, stderr) = tokio::join!(watch(&mut child, stdout, stall, on_line), last_words(stderr));
    watched?;
    finish(child, program, stderr).await
}

async fn watch(
    child: &mut Child,
    stdout: Option<ChildStdout>,
    stall: Duration,
    mut on_line: impl FnMut(&str) -> bool,
) -> Result<(), FfmpegError> {
    let Some(stdout) = stdout else { return Ok(()) };
    let mut lines = BufReader::new(stdout).lines();
    let mut moved = Instant::now();
    loop {
        match timeout_at(moved + stall, lines.next_line()).await {
            Ok(Ok(Some(line))) => {
                if on_line(&line) {
                    moved = Instant::now();
                }
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => {
                child.start_kill()?;
                return Err(FfmpegError::Io(error));
            }
            Err(_elapsed) => {
                child.start_kill()?;
                return Err(FfmpegError::Stalled { after: stall });
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that starts processes")]
fn spawn(
    tools: &Tools,
    program: &Path,
    arguments: &[String],
    work: Option<&Path>,
) -> Result<Child, FfmpegError> {
    let start = |source| FfmpegError::Start {
        program: program.to_owned(),
        source,
    };
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            LIMITED,
            "sh",
            &(tools.memory_mib * 1_024).to_string(),
            FILE_BLOCKS,
        ])
        .arg(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(work) = work {
        command.current_dir(work);
    }
    command.spawn().map_err(start)
}

async fn finish(mut child: Child, program: &Path, stderr: String) -> Result<(), FfmpegError> {
    match child.wait().await?.code() {
        Some(0) => Ok(()),
        // What a shell says when it cannot execute a program (POSIX, 2.8.2).
        Some(126 | 127) => Err(FfmpegError::Start {
            program: program.to_owned(),
            source: std::io::Error::other(last_line(&stderr)),
        }),
        code => Err(FfmpegError::Failed { code, stderr }),
    }
}

/// Reads a stream to its end and keeps the last of it.
async fn last_words(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else {
        return String::new();
    };
    let mut kept = Vec::with_capacity(2 * STDERR_KEPT);
    let mut part = [0_u8; 4_096];
    while let Ok(count @ 1..) = stream.read(&mut part).await {
        kept.extend_from_slice(part.get(..count).unwrap_or_default());
        if kept.len() > STDERR_KEPT {
            kept.drain(..kept.len() - STDERR_KEPT);
        }
    }
    String::from_utf8_lossy(&kept).into_owned()
}

/// The last thing that it said. Paths of this machine are nobody's business.
fn last_line(stderr: &str) -> String {
    let line = stderr
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("no reason given");
    let word = |word: &str| {
        if word.starts_with('/') {
            "(file)".to_owned()
        } else {
            word.to_owned()
        }
    };
    line.split_whitespace().map(word).collect::<Vec<_>>().join(" ")
}

/// The first line that a program prints about itself, for `doctor`.
pub(crate) async fn version(program: &Path) -> Result<String, FfmpegError> {
    let tools = Tools {
        ffmpeg: program.to_owned(),
        ffprobe: program.to_owned(),
        max_pixels: 0,
        max_seconds: 0,
        memory_mib: 8_192,
        stall: PROBE_TIME,
    };
    let output = ffprobe(&tools, &["-version".to_owned()]).await?;
    Ok(String::from_utf8_lossy(&output)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(script: &str, folder: &Path) -> Tools {
        use std::os::unix::fs::PermissionsExt;
        let program = folder.join("program");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Tools {
            ffmpeg: program.clone(),
            ffprobe: program,
            max_pixels: 0,
            max_seconds: 0,
            memory_mib: 1_024,
            stall: Duration::from_millis(300),
        }
    }

    #[tokio::test]
    async fn a_process_that_stands_still_is_killed_whoever_runs_it() {
        let folder = tempfile::tempdir().unwrap();
        // It goes on talking, but its frame counter does not move.
        let tools = tools(
            "echo frame=1; for i in 1 2 3 4 5 6 7 8 9; do sleep 0.1; echo speed=0x; done; exec sleep 600",
            folder.path(),
        );
        let began = Instant::now();
        let stalled = transcode(&tools, &[], folder.path(), |_| {}).await;
        assert!(matches!(stalled, Err(FfmpegError::Stalled { .. })), "{stalled:?}");
        let stalled = ffprobe_lines(&tools, &[], |_| {}).await;
        assert!(matches!(stalled, Err(FfmpegError::Stalled { .. })), "{stalled:?}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn the_last_words_are_kept_without_paths() {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools("echo '/var/secret/x: Invalid data' >&2; exit 3", folder.path());
        let failed = ffprobe(&tools, &[]).await.unwrap_err();
        assert_eq!(failed.to_string(), "ffmpeg failed: (file) Invalid data");
        assert!(matches!(failed, FfmpegError::Failed { code: Some(3), .. }));
    }
}
