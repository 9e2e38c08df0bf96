//! The command line that turns one source into several renditions. Pure.

use clipper_domain::ladder::Codec;
use clipper_domain::plan::{Plan, PlannedRung};

use super::ffmpeg::FORMATS;
use super::{Job, Tools};

/// Constant quality under the rung's ceiling: measured in `docs/decisions/0002-quality.md`.
const QUALITY: &str = "21";
const PRESET: &str = "veryfast";

/// PQ or HLG to BT.709 through linear light.
const TONE_MAP: &str = "zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,tonemap=hable:desat=0,\
                        zscale=t=bt709:m=bt709:r=tv,format=yuv420p,";

/// What comes before every input: no other file, no network, no giant picture.
pub(super) fn input_limits(tools: &Tools) -> Vec<String> {
    let max_pixels = tools.max_pixels.to_string();
    [
        "-protocol_whitelist",
        "file",
        "-format_whitelist",
        FORMATS,
        "-max_pixels",
        &max_pixels,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// All arguments of the one ffmpeg that encodes these rungs.
pub(super) fn transcode(tools: &Tools, job: Job<'_>, rungs: &[&PlannedRung]) -> Vec<String> {
    let mut arguments = words("-nostdin -hide_banner -loglevel error -progress pipe:1 -stats_period 0.5 -y");
    arguments.extend(input_limits(tools));
    arguments.extend(["-i".to_owned(), job.source.display().to_string()]);
    arguments.extend(["-filter_complex".to_owned(), filters(job, rungs)]);
    for (index, rung) in rungs.iter().enumerate() {
        arguments.extend(rendition(job.plan, rung, index));
    }
    arguments
}

/// One decode, brought onto the common grid once, split and scaled per rung.
fn filters(job: Job<'_>, rungs: &[&PlannedRung]) -> String {
    let plan = job.plan;
    let deinterlace = if plan.deinterlace {
        "bwdif=mode=send_frame,"
    } else {
        ""
    };
    let tone_map = if plan.tone_map { TONE_MAP } else { "" };
    let mut graph = format!(
        "[0:{}]{deinterlace}{tone_map}fps={}:start_time=0,split={}{}",
        job.facts.video_stream,
        plan.frame_rate,
        rungs.len(),
        labels('s', rungs.len()),
    );
    for (index, rung) in rungs.iter().enumerate() {
        let step = if rung.frame_step > 1 {
            format!("framestep={},", rung.frame_step)
        } else {
            String::new()
        };
        graph += &format!(
            ";[s{index}]{step}scale={}:{}:flags=bicubic,setsar=1,format=yuv420p[v{index}]",
            rung.width, rung.height
        );
    }
    if let Some(audio) = &job.facts.audio {
        // Sound starts at zero, has no holes, and ends with the picture: a track that is longer or shorter would make
        // the last segment's duration a lie.
        graph += &format!(
            ";[0:{}]aresample=48000:async=1:first_pts=0,aformat=channel_layouts=stereo,apad,atrim=end={}.{:03},asplit={}{}",
            audio.stream,
            job.facts.duration_ms / 1_000,
            job.facts.duration_ms % 1_000,
            rungs.len(),
            labels('a', rungs.len()),
        );
    }
    graph
}

fn labels(letter: char, count: usize) -> String {
    (0..count).map(|index| format!("[{letter}{index}]")).collect()
}

fn rendition(plan: &Plan, rung: &PlannedRung, index: usize) -> Vec<String> {
    let interval = plan.key_frame_interval / rung.frame_step;
    let folder = rung.quality.path();
    let profile = match rung.codec {
        Codec::H264Main => "main",
        Codec::H264High | Codec::HevcMain => "high",
    };
    let mut arguments = words(&format!("-map [v{index}]"));
    if plan.audio {
        arguments.extend(words(&format!(
            "-map [a{index}] -c:a aac -b:a {}k -ac 2 -ar 48000",
            rung.audio_kbps
        )));
    }
    // Key frames come from counting frames, never from scene cuts, so that they coincide in all rungs.
    arguments.extend(words(&format!(
        "-c:v libx264 -profile:v {profile} -level:v {}.{} -preset {PRESET} -crf {QUALITY} -maxrate {}k -bufsize {}k \
         -g {interval} -keyint_min {interval} -sc_threshold 0 -frames:v {} -map_metadata -1 -map_chapters -1",
        rung.level / 10,
        rung.level % 10,
        rung.max_kbps,
        rung.buffer_kbit,
        plan.frame_limit / u64::from(rung.frame_step),
    )));
    arguments.extend(words(&format!(
        "-f hls -hls_time {} -hls_playlist_type vod -hls_list_size 0 -hls_segment_type mpegts -hls_segment_filename \
         {folder}/segment-%03d.ts {folder}/ffmpeg.m3u8",
        segment_time(plan),
    )));
    arguments
}

/// The segment's length in seconds, cut to whole microseconds: ffmpeg splits at the first key frame at or after each
/// multiple of it, and a value above the true one would come to miss a key frame in the end.
fn segment_time(plan: &Plan) -> String {
    let frames = u64::from(plan.segment_frames) * u64::from(plan.frame_rate.den()) * 1_000_000;
    let micros = frames / u64::from(plan.frame_rate.num());
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
