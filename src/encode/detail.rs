//! Whether a rung shows anything that the one below it does not: a picture that survives being scaled down and up again
//! has no detail that the larger rung could keep.

use clipper_domain::Quality;
use clipper_domain::plan::PlannedRung;

use super::arguments::input_limits;
use super::{FfmpegError, Job, Tools, ffmpeg};

/// Structural similarity of luma from which on nobody sees a difference; every sampled picture must reach it.
const ALIKE: f64 = 0.999_5;
/// Players need a choice (Apple authoring specification 9.9).
const FEWEST: usize = 2;
/// Pictures that are looked at in each place.
const PICTURES: u32 = 2;
/// Where pictures are looked at, in sixteenths of the clip. The first with detail ends the search, and the middle is
/// where it is found the soonest.
const PLACES: [u64; 8] = [8, 4, 12, 2, 6, 10, 14, 0];

/// The rungs that would gain nothing, from the largest down.
pub async fn useless(
    tools: &Tools,
    job: Job<'_>,
    rungs: &[PlannedRung],
) -> Result<Vec<Quality>, FfmpegError> {
    let mut found = vec![];
    for pair in rungs.windows(2).rev() {
        let [smaller, larger] = pair else { break };
        let left = rungs.len() - found.len();
        if left <= FEWEST || larger.copied || !alike(tools, job, smaller, larger).await? {
            break;
        }
        found.push(larger.quality);
    }
    Ok(found)
}

async fn alike(
    tools: &Tools,
    job: Job<'_>,
    smaller: &PlannedRung,
    larger: &PlannedRung,
) -> Result<bool, FfmpegError> {
    for sixteenth in PLACES {
        let milliseconds = job.facts.duration_ms * sixteenth / 16;
        let arguments = arguments(tools, job, (smaller, larger), milliseconds);
        let printed = ffmpeg::printed(tools, job.source, &arguments).await?;
        if !all_alike(&String::from_utf8_lossy(&printed)) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Compares the larger rung's pictures with themselves, scaled to the smaller rung and back.
fn arguments(
    tools: &Tools,
    job: Job<'_>,
    (smaller, larger): (&PlannedRung, &PlannedRung),
    milliseconds: u64,
) -> Vec<String> {
    let words = |text: String| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let mut arguments = words(format!(
        "-nostdin -hide_banner -loglevel error -ss {milliseconds}ms"
    ));
    arguments.extend(input_limits(tools));
    arguments.extend(["-i".to_owned(), job.source.display().to_string()]);
    let scale = |rung: &PlannedRung| format!("scale={}:{}:flags=lanczos", rung.width, rung.height);
    let graph = format!(
        "[0:{}]{},format=yuv420p,trim=end_frame={PICTURES},split[a][b];[a]{},{}[c];[b][c]ssim=stats_file=-",
        job.facts.video_stream,
        scale(larger),
        scale(smaller),
        scale(larger),
    );
    arguments.extend(["-filter_complex".to_owned(), graph]);
    arguments.extend(words("-f null /dev/null".to_owned()));
    arguments
}

/// Reads the lines of ffmpeg's `ssim` filter: `n:1 Y:0.999812 U:… All:… (…)`. Nothing seen means nothing known.
fn all_alike(printed: &str) -> bool {
    let luma = |line: &str| {
        let word = line.split_whitespace().find_map(|word| word.strip_prefix("Y:"))?;
        word.parse::<f64>().ok()
    };
    let scores: Vec<f64> = printed.lines().filter_map(luma).collect();
    !scores.is_empty() && scores.iter().all(|score| *score >= ALIKE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_picture_with_detail_is_enough_to_keep_a_rung() {
        let flat = "n:1 Y:0.999900 U:0.9 V:0.9 All:0.9 (30)\nn:2 Y:1.000000 U:1 V:1 All:1 (inf)\n";
        assert!(all_alike(flat));
        assert!(!all_alike(&format!("{flat}n:3 Y:0.981000 U:1 V:1 All:1 (20)\n")));
        assert!(!all_alike(""));
    }
}
