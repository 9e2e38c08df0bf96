//! The only place that starts a process.
//!
//! Each runs in a sandbox of its own ([`Sandbox`]), with an empty environment and no standard input, is killed when its
//! future is dropped, and its last words are kept.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{Instant, timeout, timeout_at};

use super::progress;
use super::tools::Tools;
use crate::sandbox::{self, Report, Sandbox, SandboxError};

/// What one process may use no more of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Memory.
    Memory,
    /// Processor time, or the machine's memory: the kernel kills for either without saying for which.
    Cpu,
    /// What it writes.
    Output,
}

impl Limit {
    /// The code of an encoding that failed at it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Memory => "memory_exceeded",
            Self::Cpu => "cpu_exceeded",
            Self::Output => "output_exceeded",
        }
    }
}

impl std::fmt::Display for Limit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Memory => "more memory than it may",
            Self::Cpu => "more processor time than it may, or more memory than the machine has",
            Self::Output => "more space on disk than it may",
        })
    }
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
    /// It was ended because it used too much.
    #[error("ffmpeg used {0}")]
    Exceeded(Limit),
    /// The sandbox around it failed.
    #[error("the sandbox around ffmpeg failed: {0}")]
    Sandbox(String),
    /// The sandbox around it cannot be described.
    #[error(transparent)]
    Undescribed(#[from] SandboxError),
    /// Reading from it, or the disk, failed.
    #[error("talking to ffmpeg failed")]
    Io(#[from] std::io::Error),
}

/// Demuxers that may open an upload. Not among them: playlists, scripts, images and whatever else reads other files.
pub(super) const FORMATS: &str = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,gif";

const STDERR_KEPT: usize = 8 * 1_024;
const PROBE_TIME: Duration = Duration::from_mins(1);
/// How often the work folder is measured.
const MEASURED_EVERY: Duration = Duration::from_secs(2);

/// Runs ffprobe and returns what it prints.
pub(super) async fn ffprobe(
    tools: &Tools,
    source: &Path,
    arguments: &[String],
) -> Result<Vec<u8>, FfmpegError> {
    let child = spawn(tools, &tools.ffprobe, &tools.reading(source), arguments)?;
    output(child, &tools.ffprobe).await
}

/// Runs ffmpeg for what it prints; nothing is written.
pub(super) async fn printed(
    tools: &Tools,
    source: &Path,
    arguments: &[String],
) -> Result<Vec<u8>, FfmpegError> {
    let child = spawn(tools, &tools.ffmpeg, &tools.reading(source), arguments)?;
    output(child, &tools.ffmpeg).await
}

/// What a process prints that is soon done.
async fn output(mut child: Child, program: &Path) -> Result<Vec<u8>, FfmpegError> {
    let run = async {
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
        finish(child, program, stderr).await?;
        Ok(output)
    };
    timeout(PROBE_TIME, run)
        .await
        .unwrap_or(Err(FfmpegError::Stalled { after: PROBE_TIME }))
}

/// Runs ffprobe and hands over its lines one by one, so that a long listing is never held whole.
pub(super) async fn ffprobe_lines(
    tools: &Tools,
    source: &Path,
    arguments: &[String],
    mut on_line: impl FnMut(&str),
) -> Result<(), FfmpegError> {
    let child = spawn(tools, &tools.ffprobe, &tools.reading(source), arguments)?;
    follow(child, &tools.ffprobe, tools.stall, &AtomicU64::new(0), |line| {
        on_line(line);
        true
    })
    .await
}

/// Runs ffmpeg; a frame counter and files that stand still, not a wall clock, are what ends it.
pub(super) async fn transcode(
    tools: &Tools,
    sandbox: &Sandbox,
    arguments: &[String],
    on_time: impl Fn(u64),
) -> Result<(), FfmpegError> {
    let child = spawn(tools, &tools.ffmpeg, sandbox, arguments)?;
    let mut counter = progress::Counter::default();
    let written = AtomicU64::new(0);
    let followed = follow(child, &tools.ffmpeg, tools.stall, &written, |line| {
        let moved = counter.take(line);
        if moved {
            on_time(counter.out_ms());
        }
        moved
    });
    tokio::select! {
        ended = followed => ended.map_err(FfmpegError::by_its_last_words),
        // The process dies with the future that is dropped here.
        outgrown = outgrow(sandbox, MEASURED_EVERY.min(tools.stall / 2), &written) => Err(outgrown),
    }
}

/// Ends when what was written is more than may be. The kernel bounds each file, and nobody else their sum.
async fn outgrow(sandbox: &Sandbox, every: Duration, written: &AtomicU64) -> FfmpegError {
    let Some(work) = sandbox.writes.clone() else {
        return std::future::pending().await;
    };
    loop {
        tokio::time::sleep(every).await;
        let folder = work.clone();
        // A file that vanishes under the measure is counted the next time.
        let measured = tokio::task::spawn_blocking(move || size(&folder).unwrap_or_default());
        let size = measured.await.unwrap_or_default();
        written.fetch_max(size, Ordering::Relaxed);
        if size >> 20 >= sandbox.output_mib {
            return FfmpegError::Exceeded(Limit::Output);
        }
    }
}

/// Bytes of the files in a folder and in those below.
fn size(folder: &Path) -> std::io::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let found = entry.metadata()?;
        sum += if found.is_dir() {
            size(&entry.path())?
        } else {
            found.len()
        };
    }
    Ok(sum)
}

/// Runs ffmpeg and returns the last that it says.
pub(super) async fn last_words_of(
    tools: &Tools,
    source: &Path,
    arguments: &[String],
) -> Result<String, FfmpegError> {
    let mut child = spawn(tools, &tools.ffmpeg, &tools.reading(source), arguments)?;
    drop(child.stdout.take());
    let stderr = last_words(child.stderr.take()).await;
    finish(child, &tools.ffmpeg, stderr.clone()).await?;
    Ok(stderr)
}

/// Reads a process's lines until it ends; one that makes no progress, as `on_line` and what it has written tell, is
/// killed.
async fn follow(
    mut child: Child,
    program: &Path,
    stall: Duration,
    written: &AtomicU64,
    on_line: impl FnMut(&str) -> bool,
) -> Result<(), FfmpegError> {
    let stderr = child.stderr.take();
    let stdout = child.stdout.take();
    // Both ends are read at once: a full pipe would stop the process. Standard error ends with the process, so that a
    // stalled one must be killed while both are being read.
    let (watched, stderr) = tokio::join!(
        watch(&mut child, stdout, stall, written, on_line),
        last_words(stderr)
    );
    watched?;
    finish(child, program, stderr).await
}

async fn watch(
    child: &mut Child,
    stdout: Option<ChildStdout>,
    stall: Duration,
    written: &AtomicU64,
    mut on_line: impl FnMut(&str) -> bool,
) -> Result<(), FfmpegError> {
    let Some(stdout) = stdout else { return Ok(()) };
    let mut lines = BufReader::new(stdout).lines();
    let mut moved = Instant::now();
    let mut grown = 0;
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
            // It reports nothing before the last of its outputs has begun, which may take long where one begins later.
            Err(_elapsed) if written.load(Ordering::Relaxed) > grown => {
                grown = written.load(Ordering::Relaxed);
                moved = Instant::now();
            }
            Err(_elapsed) => {
                child.start_kill()?;
                return Err(FfmpegError::Stalled { after: stall });
            }
        }
    }
}

fn spawn(
    tools: &Tools,
    program: &Path,
    sandbox: &Sandbox,
    arguments: &[String],
) -> Result<Child, FfmpegError> {
    let mut all: Vec<OsString> = sandbox.arguments()?.map(OsString::from).into();
    all.push(program.into());
    all.extend(arguments.iter().map(OsString::from));
    launch(tools, &all, sandbox.writes.as_deref())
}

#[expect(clippy::disallowed_methods, reason = "the one place that starts processes")]
fn launch(tools: &Tools, arguments: &[OsString], folder: Option<&Path>) -> Result<Child, FfmpegError> {
    let mut command = Command::new(&tools.launcher);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", sandbox::PATH)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    if let Some(folder) = folder {
        command.current_dir(folder);
    }
    command.spawn().map_err(|source| FfmpegError::Start {
        program: tools.launcher.clone(),
        source,
    })
}

async fn finish(mut child: Child, program: &Path, stderr: String) -> Result<(), FfmpegError> {
    // `asm-generic/signal.h`, the same on every machine that we run on.
    const SIGKILL: i32 = 9;
    const SIGXCPU: i32 = 24;
    const SIGXFSZ: i32 = 25;
    let status = child.wait().await?;
    let exit_code = status.code().map(u8::try_from);
    match (exit_code, status.signal()) {
        (Some(Ok(0)), _) => Ok(()),
        (Some(Ok(sandbox::FAILED)), _) => Err(FfmpegError::Sandbox(last_line(&stderr))),
        (Some(Ok(sandbox::NOT_EXECUTABLE | sandbox::NOT_FOUND)), _) => Err(FfmpegError::Start {
            program: program.to_owned(),
            source: std::io::Error::other(last_line(&stderr)),
        }),
        (_, Some(SIGKILL | SIGXCPU)) => Err(FfmpegError::Exceeded(Limit::Cpu)),
        (_, Some(SIGXFSZ)) => Err(FfmpegError::Exceeded(Limit::Output)),
        _ => Err(FfmpegError::Failed {
            code: status.code(),
            stderr,
        }),
    }
}

impl FfmpegError {
    /// Memory that is refused, and a disk that is full, end no process by themselves: it says so and gives up.
    fn by_its_last_words(self) -> Self {
        const MEMORY: [&str; 4] = [
            "Cannot allocate memory",
            "malloc of size",
            "Out of memory",
            "bad_alloc",
        ];
        match &self {
            Self::Failed { stderr, .. } if MEMORY.iter().any(|words| stderr.contains(words)) => {
                Self::Exceeded(Limit::Memory)
            }
            Self::Failed { stderr, .. } if stderr.contains("File too large") => Self::Exceeded(Limit::Output),
            Self::Start { .. }
            | Self::Stalled { .. }
            | Self::Failed { .. }
            | Self::Exceeded(_)
            | Self::Sandbox(_)
            | Self::Undescribed(_)
            | Self::Io(_) => self,
        }
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
pub(crate) async fn version(tools: &Tools, program: &Path) -> Result<String, FfmpegError> {
    let child = spawn(tools, program, &tools.closed(), &["-version".to_owned()])?;
    let output = output(child, program).await?;
    Ok(String::from_utf8_lossy(&output)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned())
}

/// Which layers of the sandbox this machine offers: found out by a process that shuts itself in.
pub(crate) async fn examine(tools: &Tools) -> Result<Report, FfmpegError> {
    let child = launch(tools, &Sandbox::EXAMINATION.map(OsString::from), None)?;
    let output = output(child, &tools.launcher).await?;
    Ok(serde_json::from_slice(&output).map_err(SandboxError::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Mode;

    fn tools(script: &str, folder: &Path) -> Tools {
        use std::os::unix::fs::PermissionsExt;
        let executable = |name: &str, script: &str| {
            let program = folder.join(name);
            std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            program
        };
        let program = executable("program", script);
        Tools {
            // Starts what it is told to, without a sandbox: scripts start other programs.
            launcher: executable("launcher", "shift 2; exec \"$@\""),
            ffmpeg: program.clone(),
            ffprobe: program,
            max_pixels: 0,
            max_seconds: 0,
            memory_mib: 1_024,
            cpu_per_second: 1,
            max_output_mib: 1,
            sandbox: Mode::Off,
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
        let sandbox = tools.writing(Path::new("source"), folder.path(), 1_000);
        let stalled = transcode(&tools, &sandbox, &[], |_| {}).await;
        assert!(matches!(stalled, Err(FfmpegError::Stalled { .. })), "{stalled:?}");
        let stalled = ffprobe_lines(&tools, Path::new("source"), &[], |_| {}).await;
        assert!(matches!(stalled, Err(FfmpegError::Stalled { .. })), "{stalled:?}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn a_process_that_only_writes_is_not_standing_still() {
        let folder = tempfile::tempdir().unwrap();
        let script = "for n in 1 2 3 4 5 6 7 8; do sleep 0.15; echo more >> pictures; done";
        let tools = Tools {
            max_output_mib: 100,
            ..tools(script, folder.path())
        };
        let sandbox = tools.writing(Path::new("source"), folder.path(), 1_000);
        assert!(transcode(&tools, &sandbox, &[], |_| {}).await.is_ok());
    }

    #[tokio::test]
    async fn what_was_exceeded_is_told_by_the_signal_the_last_words_and_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        for (script, limit) in [
            ("kill -KILL $$", Limit::Cpu),
            ("kill -XFSZ $$", Limit::Output),
            ("echo 'x: Cannot allocate memory' >&2; exit 1", Limit::Memory),
            // Each file is small; together they are more than a mebibyte.
            (
                "for n in 1 2 3; do head -c 400000 /dev/zero > $n; done; exec sleep 600",
                Limit::Output,
            ),
        ] {
            let tools = Tools {
                stall: Duration::from_mins(1),
                ..tools(script, folder.path())
            };
            let sandbox = tools.writing(Path::new("source"), folder.path(), 1_000);
            let exceeded = transcode(&tools, &sandbox, &[], |_| {}).await.unwrap_err();
            assert!(
                matches!(&exceeded, FfmpegError::Exceeded(found) if *found == limit),
                "{script}: {exceeded:?}"
            );
        }
    }

    #[tokio::test]
    async fn the_last_words_are_kept_without_paths() {
        let folder = tempfile::tempdir().unwrap();
        let tools = tools("echo '/var/secret/x: Invalid data' >&2; exit 3", folder.path());
        let failed = ffprobe(&tools, Path::new("source"), &[]).await.unwrap_err();
        assert_eq!(failed.to_string(), "ffmpeg failed: (file) Invalid data");
        assert!(matches!(failed, FfmpegError::Failed { code: Some(3), .. }));
    }
}
