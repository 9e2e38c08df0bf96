//! The command lines: pictures for several rungs from one decode, a copy of the source's pictures, sound. Pure.

use std::collections::BTreeSet;
use std::path::Path;

use clipper_domain::ladder::Codec;
use clipper_domain::plan::{KeyFrames, Plan, PlannedRung};
use clipper_domain::source::Hdr;

use super::ffmpeg::FORMATS;
use super::lane::Lane;
use super::pass::Pass;
use super::sound::Sound;
use super::thumbnails::Layout;
use super::{Job, Tools};

/// Preset and constant quality of each codec and size under the rung's ceiling: measured in
/// `docs/decisions/0002-quality.md`. Small pictures are cheap, so that they get the better of both.
const TUNING: [(u32, &str, &str); 3] = [
    (480, "veryfast", "19"),
    (720, "veryfast", "18.5"),
    (u32::MAX, "veryfast", "19"),
];
const HEVC_PRESET: &str = "superfast";
const HEVC_QUALITY: &str = "22";

/// Seconds that decoding begins before a range, so that the picture that is shown at its beginning is there.
const LEAD_IN: f64 = 1.0;
/// The longest that the last picture is held where decoding ends before the plan does, in seconds.
const HELD: u32 = 2;
/// Colours as JPEG has them (JFIF 1.02), at the end of a `scale`.
const JPEG: &str = "out_color_matrix=bt601:out_range=pc,format=yuvj420p";
/// Pictures without a word about who made them.
const PICTURES: &str =
    "-fps_mode passthrough -map_metadata -1 -fflags +bitexact -flags:v +bitexact -c:v mjpeg -f image2";

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

/// All arguments of the one ffmpeg that makes the pictures of a pass.
pub(super) fn pictures(tools: &Tools, job: Job<'_>, pass: &Pass) -> Vec<String> {
    let mut arguments = preamble();
    if pass.lanes.iter().any(|lane| lane.rung.copied) {
        arguments.extend(input(tools, job));
        arguments.extend(words(&format!("-map 0:{} -c:v copy", job.facts.video_stream)));
        arguments.extend(pass.lanes.iter().flat_map(|lane| stream(pass, lane)));
        return arguments;
    }
    let first = job.plan.start_of(pass.first());
    if job.small {
        arguments.extend(words("-threads 1"));
    }
    if first > 0 && job.facts.seekable() {
        let seconds = (after_beginning(job) + job.plan.frame_rate.seconds(first) - LEAD_IN).max(0.0);
        arguments.extend(words(&format!("-noaccurate_seek -ss {seconds:.6}")));
    }
    arguments.extend(clock(job));
    arguments.extend(input(tools, job));
    arguments.extend(["-filter_complex".to_owned(), filters(job, pass)]);
    for (index, lane) in pass.lanes.iter().enumerate() {
        arguments.extend(words(&format!("-map [v{index}] -fps_mode passthrough")));
        arguments.extend(encoder(job, lane));
        arguments.extend(stream(pass, lane));
    }
    arguments
}

/// The arguments of the ffmpeg that encodes the sound, every bit rate from one decode.
pub(super) fn sound(
    tools: &Tools,
    job: Job<'_>,
    bit_rates: &BTreeSet<u32>,
    gain: Option<f64>,
) -> Vec<String> {
    let mut arguments = preamble();
    arguments.extend(clock(job));
    arguments.extend(input(tools, job));
    let stream = job.facts.audio.as_ref().map_or(0, |audio| audio.stream);
    let volume = gain
        .map(|decibels| format!("volume={decibels:.2}dB,"))
        .unwrap_or_default();
    // Sound starts at zero, has no holes, and ends with the picture: a track that is longer or shorter would make the
    // last segment's duration a lie.
    let graph = format!(
        "[0:{stream}]asetpts=PTS-({:.6})/TB,aresample=48000:async=1:first_pts=0,aformat=channel_layouts=stereo,{volume}apad,\
         atrim=end={:.6},asplit={}{}",
        origin(job),
        job.plan.frame_rate.seconds(job.plan.frames),
        bit_rates.len(),
        labels('a', bit_rates.len()),
    );
    arguments.extend(["-filter_complex".to_owned(), graph]);
    for (index, kbps) in bit_rates.iter().enumerate() {
        arguments.extend(words(&format!(
            "-map [a{index}] -c:a aac -b:a {kbps}k -ac 2 -ar 48000 -f adts -flush_packets 1 {}",
            Sound::file_name(*kbps)
        )));
    }
    arguments
}

/// The arguments of the ffmpeg that makes sheets of small pictures out of key frames, and the same pictures in grey.
pub(super) fn storyboard(tools: &Tools, input: &Path, layout: &Layout, grey: &str) -> Vec<String> {
    let Layout {
        columns,
        rows,
        tile_width,
        tile_height,
        ..
    } = layout;
    let graph = format!(
        "[0:v:0]scale={tile_width}:{tile_height}:flags=area:{JPEG},split[a][b];[a]tile={columns}x{rows}[sheets];\
         [b]format=gray[grey]"
    );
    let mut arguments = key_frames_of(tools, input);
    arguments.extend(["-filter_complex".to_owned(), graph]);
    arguments.extend(words(&format!(
        "-map [sheets] {PICTURES} -q:v 5 -start_number 0 storyboard-%d.jpg -map [grey] -fps_mode passthrough -f rawvideo {grey}"
    )));
    arguments
}

/// The arguments of the ffmpeg that makes a picture of a key frame in its own size.
pub(super) fn poster(tools: &Tools, input: &Path, target: &str) -> Vec<String> {
    let mut arguments = key_frames_of(tools, input);
    arguments.extend(words(&format!(
        "-map 0:v:0 -vf scale={JPEG} {PICTURES} -q:v 3 -frames:v 1 -update 1 {target}"
    )));
    arguments
}

/// The most that pages show of a poster.
const POSTER_BOX: &str =
    "scale='min(1920,iw)':'min(1080,ih)':force_original_aspect_ratio=decrease:force_divisible_by=2";

/// The arguments of the ffmpeg that makes a poster of a picture, which only this demuxer may open.
pub(super) fn poster_of_picture(tools: &Tools, demuxer: &str, input: &Path, target: &str) -> Vec<String> {
    let max_pixels = tools.max_pixels.to_string();
    let mut arguments = preamble();
    arguments.extend(words(&format!(
        "-protocol_whitelist file -format_whitelist {demuxer} -max_pixels {max_pixels} -f {demuxer}"
    )));
    arguments.extend(["-i".to_owned(), input.display().to_string()]);
    arguments.extend(words(&format!(
        "-map 0:v:0 -vf {POSTER_BOX}:{JPEG} {PICTURES} -q:v 3 -frames:v 1 -update 1 {target}"
    )));
    arguments
}

/// The arguments of the ffmpeg that makes a poster of the picture so many ticks after the beginning of a segment.
pub(super) fn poster_of_moment(tools: &Tools, input: &Path, offset_90k: u64, target: &str) -> Vec<String> {
    let mut arguments = preamble();
    let offset = std::time::Duration::from_micros(offset_90k.saturating_mul(100) / 9).as_secs_f64();
    arguments.extend(input_limits(tools));
    arguments.extend(["-i".to_owned(), input.display().to_string()]);
    // Decoded from the beginning: within a segment a demuxer may find no place to begin at.
    arguments.extend(words(&format!(
        "-ss {offset:.6} -map 0:v:0 -vf {POSTER_BOX}:{JPEG} {PICTURES} -q:v 3 -frames:v 1 -update 1 {target}"
    )));
    arguments
}

fn key_frames_of(tools: &Tools, input: &Path) -> Vec<String> {
    let mut arguments = preamble();
    arguments.extend(words("-skip_frame nokey"));
    arguments.extend(input_limits(tools));
    arguments.extend(["-i".to_owned(), input.display().to_string()]);
    arguments
}

/// The arguments of the ffmpeg that measures how loud the sound is (EBU R 128).
pub(super) fn loudness(tools: &Tools, job: Job<'_>) -> Vec<String> {
    let mut arguments = words("-nostdin -hide_banner -nostats -loglevel info");
    arguments.extend(input(tools, job));
    let stream = job.facts.audio.as_ref().map_or(0, |audio| audio.stream);
    arguments.extend(words(&format!(
        "-map 0:{stream} -af loudnorm=print_format=json -f null -"
    )));
    arguments
}

/// Time stamps as they stand in the file. Those of a file that can be entered anywhere count from its beginning.
fn clock(job: Job<'_>) -> Vec<String> {
    if job.facts.seekable() {
        words("-copyts -start_at_zero")
    } else {
        words("-copyts")
    }
}

/// When the clip begins by that clock, in seconds.
fn origin(job: Job<'_>) -> f64 {
    job.begins + after_beginning(job)
}

fn after_beginning(job: Job<'_>) -> f64 {
    std::time::Duration::from_millis(job.facts.origin_ms()).as_secs_f64()
}

fn preamble() -> Vec<String> {
    words("-nostdin -hide_banner -loglevel error -progress pipe:1 -stats_period 0.5 -y")
}

fn input(tools: &Tools, job: Job<'_>) -> Vec<String> {
    let mut arguments = input_limits(tools);
    arguments.extend(["-i".to_owned(), job.source.display().to_string()]);
    arguments
}

/// One decode, brought onto the common grid once, split and scaled per rung.
fn filters(job: Job<'_>, pass: &Pass) -> String {
    let plan = job.plan;
    let first = plan.start_of(pass.first());
    let deinterlace = if plan.deinterlace {
        "bwdif=mode=send_frame,"
    } else {
        ""
    };
    let mut graph = format!(
        "[0:{}]setpts=PTS-({:.6})/TB,{deinterlace}{}fps={}:start_time={:.6},tpad=stop_mode=clone:stop_duration={HELD},split={}{}",
        job.facts.video_stream,
        origin(job),
        plan.tone_map.map(tone_map).unwrap_or_default(),
        plan.frame_rate,
        plan.frame_rate.seconds(first),
        pass.lanes.len(),
        labels('s', pass.lanes.len()),
    );
    for (index, lane) in pass.lanes.iter().enumerate() {
        let rung = lane.rung;
        let skipped = plan.start_of(lane.first) - first;
        let trim = if skipped > 0 {
            format!("trim=start_frame={skipped},")
        } else {
            String::new()
        };
        let step = if rung.frame_step > 1 {
            format!("framestep={},", rung.frame_step)
        } else {
            String::new()
        };
        graph += &format!(
            ";[s{index}]{trim}{step}scale={}:{}:flags=lanczos:out_range=tv,setsar=1,format=yuv420p[v{index}]",
            rung.width, rung.height
        );
    }
    graph
}

/// PQ or HLG to BT.709 through linear light. What the source does not say of itself is what such a source always is.
fn tone_map(hdr: Hdr) -> String {
    let transfer = match hdr {
        Hdr::Pq => "smpte2084",
        Hdr::Hlg => "arib-std-b67",
    };
    format!(
        "zscale=tin={transfer}:pin=bt2020:min=bt2020nc:t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,\
         tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p,"
    )
}

fn labels(letter: char, count: usize) -> String {
    (0..count).map(|index| format!("[{letter}{index}]")).collect()
}

/// The pictures of a lane by themselves, flushed as they come, since they are read while they are written.
fn stream(pass: &Pass, lane: &Lane) -> Vec<String> {
    let mut arguments = words("-map_metadata -1 -map_chapters -1 -f mpegts -flush_packets 1");
    arguments.push(pass.file(lane).display().to_string());
    arguments
}

fn encoder(job: Job<'_>, lane: &Lane) -> Vec<String> {
    let (plan, rung) = (job.plan, &lane.rung);
    let frames = (plan.start_of(lane.end) - plan.start_of(lane.first)).div_ceil(u64::from(rung.frame_step));
    let mut arguments = match rung.codec {
        Codec::H264Main => x264(job, rung, "main"),
        Codec::H264High => x264(job, rung, "high"),
        Codec::HevcMain => x265(job, rung),
    };
    arguments.extend(key_frames(plan, lane));
    arguments.extend(["-frames:v".to_owned(), frames.to_string()]);
    arguments
}

fn x264(job: Job<'_>, rung: &PlannedRung, profile: &str) -> Vec<String> {
    let short_side = rung.width.min(rung.height);
    let (preset, quality) = TUNING
        .iter()
        .find(|(up_to, ..)| short_side <= *up_to)
        .map_or(("veryfast", "19"), |(_, preset, quality)| (*preset, *quality));
    words(&format!(
        "-c:v libx264 -profile:v {profile} -level:v {}.{} -preset {preset} -crf {quality} -maxrate {}k -bufsize {}k \
         -sc_threshold 0 -forced-idr 1{}",
        rung.level / 10,
        rung.level % 10,
        rung.max_kbps,
        rung.buffer_kbit,
        if job.small { " -threads 1" } else { "" },
    ))
}

fn x265(job: Job<'_>, rung: &PlannedRung) -> Vec<String> {
    let pools = if job.small {
        ":pools=none:frame-threads=1"
    } else {
        ""
    };
    words(&format!(
        "-c:v libx265 -profile:v main -preset {HEVC_PRESET} -crf {HEVC_QUALITY} -forced-idr 1 -x265-params \
         log-level=error:level-idc={}:high-tier=0:vbv-maxrate={}:vbv-bufsize={}:scenecut=0:open-gop=0:\
         repeat-headers=1:aud=1{pools}",
        rung.level / 3,
        rung.max_kbps,
        rung.buffer_kbit,
    ))
}

/// Key frames come from counting pictures, never from scene cuts, so that they coincide in all rungs.
fn key_frames(plan: &Plan, lane: &Lane) -> Vec<String> {
    match &plan.key_frames {
        KeyFrames::Every(interval) => {
            let interval = interval / lane.rung.frame_step;
            words(&format!("-g {interval} -keyint_min {interval}"))
        }
        KeyFrames::At(frames) => {
            let range = plan.start_of(lane.first)..plan.start_of(lane.end);
            // A little before the picture that is meant, so that rounding cannot push the mark behind it.
            #[expect(clippy::cast_precision_loss, reason = "frame counts stay far below 2^52")]
            let mark = |frame: &u64| ((*frame as f64 - 0.25) / plan.frame_rate.as_f64()).max(0.0);
            let marks: Vec<String> = frames
                .iter()
                .filter(|frame| range.contains(frame))
                .map(|frame| format!("{:.6}", mark(frame)))
                .collect();
            words(&format!(
                "-g 100000 -keyint_min 1 -force_key_frames {}",
                marks.join(",")
            ))
        }
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}
