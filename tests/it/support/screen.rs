//! What independent programs make of a published clip: ffprobe counts its pictures, ffmpeg decodes them and compares them
//! with the source, and the validator reads the whole. A finding is a sentence; none means that the clip plays.

#![expect(clippy::disallowed_methods, reason = "tests start processes")]

use std::path::{Path, PathBuf};
use std::process::Command;

use clipper::hls::Severity;
use clipper::presentation::{Place, Presentation};
use clipper_domain::plan::{Plan, PlannedRung};
use clipper_domain::source::SourceFacts;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::app::{KEY, TestApp, files_below};
use super::footage::{ffprobe, try_ffmpeg};

/// What the validator would rather have otherwise, and why it stays so.
const ADVICE: [(&str, &str); 9] = [
    (
        "APL 9.13",
        "a picture that hardly moves costs the same in two sizes",
    ),
    (
        "APL 8.22 key frames",
        "a copy has more of them than the other rungs",
    ),
    ("APL 1.34", "there is one 4K rung, with a ceiling above that"),
    ("APL 9.9 small", "a small source has one rung"),
    ("APL 9.10", "each size is made once"),
    ("APL 9.21", "the ladder begins at 480p"),
    ("APL 1.11 level", "a copy says what its encoder said"),
    ("APL 1.30", "a clip of a few seconds has no mean to speak of"),
    ("APL 1.13", "a copy has its key frames where its encoder put them"),
];

/// A published clip beside its source.
#[derive(Clone)]
pub(crate) struct Screening {
    address: String,
    /// The media store.
    root: PathBuf,
    clip: Value,
    source: PathBuf,
    pub(crate) plan: Plan,
    pub(crate) facts: SourceFacts,
}

/// The payloads of a clip's events of one type, in order.
pub(crate) async fn events(app: &TestApp, slug: &str, event_type: &str) -> Vec<Value> {
    let path = app.url(&format!("/api/clips/{slug}/history?limit=1000"));
    let answer = app.client.get(path).bearer_auth(KEY).send().await.unwrap();
    let history: Value = answer.json().await.unwrap();
    let events = history["events"].as_array().unwrap().iter();
    events
        .filter(|event| event["event_type"] == event_type)
        .map(|event| event["payload"].clone())
        .collect()
}

fn read<T: DeserializeOwned>(value: &Value) -> T {
    serde_json::from_value(value.clone()).unwrap()
}

impl Screening {
    pub(crate) async fn of(app: &TestApp, slug: &str, source: &Path) -> Self {
        let planned = events(app, slug, "EncodingPlanned").await;
        let probed = events(app, slug, "SourceProbed").await;
        Self {
            address: app.address.clone(),
            root: app.folder.path().join("data/video"),
            clip: app.json(&format!("/api/clips/{slug}")).await,
            source: source.to_owned(),
            plan: read(&planned.last().unwrap()["plan"]),
            facts: read(probed.last().unwrap()),
        }
    }

    /// The address of a rung's playlist.
    pub(crate) fn url(&self, rung: &PlannedRung) -> String {
        let slug = self.clip["slug"].as_str().unwrap();
        format!("{}/api/video/{slug}/{}.m3u8", self.address, rung.quality.path())
    }

    /// Everything that is wrong.
    pub(crate) async fn complaints(&self) -> Vec<String> {
        let mut found = vec![];
        for rung in &self.plan.rungs {
            let (screening, looked_at) = (self.clone(), *rung);
            // The server, and what is connected to it, live in this thread.
            let looks = tokio::task::spawn_blocking(move || screening.looks(&looked_at));
            let said = [looks.await.unwrap(), self.declared(rung).await].concat();
            found.extend(said.into_iter().map(|what| format!("{}: {what}", rung.quality)));
        }
        found.extend(self.judged().await);
        let screening = self.clone();
        let secrets = tokio::task::spawn_blocking(move || screening.secrets());
        found.extend(secrets.await.unwrap());
        found.extend(self.leftovers());
        found
    }

    fn looks(&self, rung: &PlannedRung) -> Vec<String> {
        [
            self.decoded(rung),
            self.counted(rung),
            self.stamped(rung),
            self.compared(rung),
        ]
        .concat()
    }

    /// ffmpeg decodes everything without a word.
    fn decoded(&self, rung: &PlannedRung) -> Vec<String> {
        let url = self.url(rung);
        let strictly = [
            "-v",
            "warning",
            "-xerror",
            "-err_detect",
            "explode",
            "-i",
            &url,
            "-f",
            "null",
            "-",
        ];
        try_ffmpeg(&strictly).err().into_iter().collect()
    }

    /// The pictures are as many, as large and as shaped as planned, and the sound is stereo.
    fn counted(&self, rung: &PlannedRung) -> Vec<String> {
        let entries = "stream=codec_type,width,height,sample_aspect_ratio,nb_read_frames,color_transfer,color_space,\
                       color_primaries,color_range,channels,sample_rate,side_data_list";
        let url = self.url(rung);
        let printed = ffprobe(&["-count_frames", "-of", "json", "-show_entries", entries, &url]);
        let probed: Value = serde_json::from_str(&printed).unwrap();
        let of_kind = |kind: &str| {
            let streams = probed["streams"].as_array().unwrap();
            let found = streams.iter().find(|stream| stream["codec_type"] == kind);
            found.cloned().unwrap_or_default()
        };
        let (video, audio) = (of_kind("video"), of_kind("audio"));
        let frames = self.plan.frames.div_ceil(u64::from(rung.frame_step));
        let mut expected = vec![
            (&video["nb_read_frames"], Value::from(frames.to_string())),
            (&video["width"], rung.width.into()),
            (&video["height"], rung.height.into()),
            (&video["side_data_list"], Value::Null),
        ];
        // A copy need not say that its pixels are square.
        if !(rung.copied && video["sample_aspect_ratio"].is_null()) {
            expected.push((&video["sample_aspect_ratio"], "1:1".into()));
        }
        if self.plan.tone_map.is_some() {
            for tag in ["color_transfer", "color_space", "color_primaries"] {
                expected.push((&video[tag], "bt709".into()));
            }
        }
        if self.plan.audio {
            expected.push((&audio["channels"], 2.into()));
            expected.push((&audio["sample_rate"], "48000".into()));
        }
        let differ =
            |(found, wanted): (&Value, Value)| (*found != wanted).then(|| format!("{found}, not {wanted}"));
        let mut found: Vec<String> = expected.into_iter().filter_map(differ).collect();
        if video["color_range"] == "pc" {
            found.push("the samples use the full range".to_owned());
        }
        found
    }

    /// Pictures lie on a constant grid; sound begins and ends with them and has no holes.
    fn stamped(&self, rung: &PlannedRung) -> Vec<String> {
        let url = self.url(rung);
        let printed = ffprobe(&[
            "-show_entries",
            "packet=codec_type,pts_time",
            "-of",
            "csv=p=0",
            &url,
        ]);
        let times = |kind: &str| {
            let of_kind = printed
                .lines()
                .filter_map(|line| line.strip_prefix(kind)?.strip_prefix(','));
            let parsed = of_kind.filter_map(|rest| rest.split(',').next()?.parse::<f64>().ok());
            let mut times: Vec<f64> = parsed.collect();
            times.sort_by(f64::total_cmp);
            times
        };
        let (video, audio) = (times("video"), times("audio"));
        let frame = self.plan.rate_of(rung).seconds(1);
        let mut found = uneven(&video, frame, 0.000_05, "pictures");
        if let (true, [first, .., last]) = (self.plan.audio, audio.as_slice()) {
            const AAC: f64 = 1_024.0 / 48_000.0;
            found.extend(uneven(&audio, AAC, 0.000_1, "sound"));
            let (starts, ends) = (first - video[0], last + AAC - (video[video.len() - 1] + frame));
            if starts.abs() > AAC || ends.abs() > AAC + frame {
                found.push(format!(
                    "sound begins {starts} s after the picture and ends {ends} s after it"
                ));
            }
        }
        found
    }

    /// The playlist lasts as long as the source.
    async fn declared(&self, rung: &PlannedRung) -> Vec<String> {
        let text = reqwest::get(self.url(rung)).await.unwrap().text().await.unwrap();
        let durations = text
            .lines()
            .filter_map(|line| line.strip_prefix("#EXTINF:")?.strip_suffix(','));
        let total: f64 = durations.map(|duration| duration.parse::<f64>().unwrap()).sum();
        let frame = self.plan.frame_rate.seconds(1);
        let planned = self.plan.frame_rate.seconds(self.plan.frames);
        let source = std::time::Duration::from_millis(self.facts.duration_ms).as_secs_f64();
        if (total - planned).abs() < 0.001 && (planned - source).abs() < frame + 0.002 {
            return vec![];
        }
        vec![format!(
            "lasts {total} s, planned were {planned} s, the source has {source} s"
        )]
    }

    /// Every picture looks like that of the source which ffmpeg shows at that time.
    fn compared(&self, rung: &PlannedRung) -> Vec<String> {
        // Where the colours are changed on purpose, the picture is neither black nor white.
        if self.plan.tone_map.is_some() {
            let mean = self.luma(rung);
            return (!(40.0..=200.0).contains(&mean))
                .then(|| format!("mean luma is {mean}"))
                .into_iter()
                .collect();
        }
        // Structure is compared in windows of eight pixels.
        if rung.width.min(rung.height) < 16 {
            return vec![];
        }
        let deinterlace = if self.plan.deinterlace { "yadif," } else { "" };
        let alike = self.similarity(rung, deinterlace);
        let mut found = vec![];
        if alike < 0.9 {
            found.push(format!("SSIM with the source is only {alike}"));
        }
        if self.plan.deinterlace && self.similarity(rung, "") >= alike {
            found.push("it looks more like the interlaced picture".to_owned());
        }
        found
    }

    fn similarity(&self, rung: &PlannedRung, prepared: &str) -> f64 {
        // Equal numbers meet, whatever the two clocks say.
        let numbered = "setsar=1,format=yuv420p,settb=1/1000,setpts=N*10";
        let graph = format!(
            "[1:{}]{prepared}setpts=PTS-STARTPTS,fps={},framestep={},scale={}:{}:flags=bicubic:out_range=tv,{numbered}[r];\
             [0:v]{numbered}[d];[d][r]ssim=shortest=1",
            self.facts.video_stream, self.plan.frame_rate, rung.frame_step, rung.width, rung.height,
        );
        let url = self.url(rung);
        let source = self.source.to_str().unwrap();
        let said = said(&[
            "-i",
            &url,
            "-i",
            source,
            "-filter_complex",
            &graph,
            "-f",
            "null",
            "-",
        ]);
        let all = said
            .rsplit_once(" All:")
            .and_then(|(_, rest)| rest.split(' ').next());
        all.and_then(|value| value.parse().ok())
            .unwrap_or_else(|| panic!("no SSIM: {said}"))
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred pictures")]
    fn luma(&self, rung: &PlannedRung) -> f64 {
        let url = self.url(rung);
        let filter = "signalstats,metadata=print:key=lavfi.signalstats.YAVG";
        let said = said(&["-i", &url, "-vf", filter, "-f", "null", "-"]);
        let means = said
            .lines()
            .filter_map(|line| line.split_once("YAVG=")?.1.trim().parse::<f64>().ok());
        let means: Vec<f64> = means.collect();
        means.iter().sum::<f64>() / means.len() as f64
    }

    /// No binding rule is broken, and what is advised against is known.
    async fn judged(&self) -> Vec<String> {
        let slug = self.clip["slug"].as_str().unwrap();
        let master = Place::parse(&format!("{}/api/video/{slug}/master.m3u8", self.address)).unwrap();
        let reports = Presentation::load(&master).await.unwrap().validate();
        let findings = reports.into_iter().flat_map(|report| report.findings);
        let known = |rule: &str| ADVICE.iter().any(|(known, _)| *known == rule);
        let unknown = findings.filter(|finding| match finding.severity {
            // Trick play has a walk of its own.
            Severity::Must => !finding.rule.starts_with("APL 6."),
            Severity::Should => !known(finding.rule) && !finding.rule.starts_with("APL 6."),
        });
        unknown
            .map(|finding| format!("{}: {}", finding.rule, finding.message))
            .collect()
    }

    /// Nothing that the source says about itself (titles, places, people) is in what is published.
    fn secrets(&self) -> Vec<String> {
        let source = self.source.to_str().unwrap();
        let entries = "format_tags:stream_tags";
        let printed = ffprobe(&["-of", "json", "-show_entries", entries, source]);
        let probed: Value = serde_json::from_str(&printed).unwrap();
        let mut said = vec![];
        collect(&probed, &mut said);
        let folder = self.folder();
        let holding = |text: &String| {
            let searched = Command::new("grep")
                .args(["-rlaF", "--exclude-dir=source", "-e", text])
                .arg(&folder)
                .output()
                .unwrap();
            String::from_utf8(searched.stdout).unwrap()
        };
        let found = said.iter().map(|text| (holding(text), text));
        let found = found.filter(|(files, _)| !files.is_empty());
        found
            .map(|(files, text)| format!("`{text}` is in {files}"))
            .collect()
    }

    fn folder(&self) -> PathBuf {
        self.root.join(self.clip["id"].as_str().unwrap())
    }

    /// Only the source and what is published is left in the media store.
    fn leftovers(&self) -> Vec<String> {
        let under_way = [".incoming", ".work"]
            .map(|name| files_below(&self.root.join(name)))
            .concat();
        let published = |name: &String| {
            let kinds = [".ts", ".m4s", "init.mp4", ".m3u8", "poster.jpg", "storyboard.vtt"];
            let sheet = name.contains("/storyboard-");
            name.starts_with("source/") || sheet || kinds.iter().any(|kind| name.ends_with(kind))
        };
        let other = files_below(&self.folder())
            .into_iter()
            .filter(|name| !published(name));
        under_way
            .into_iter()
            .chain(other)
            .map(|name| format!("{name} is left over"))
            .collect()
    }
}

/// The words of the tags, except those that a muxer makes up.
fn collect(value: &Value, into: &mut Vec<String>) {
    const OWN: [&str; 5] = [
        "encoder",
        "major_brand",
        "minor_version",
        "compatible_brands",
        "handler_name",
    ];
    match value {
        Value::Object(members) => {
            let told = members
                .iter()
                .filter(|(key, _)| !OWN.contains(&key.to_lowercase().as_str()));
            told.for_each(|(_, member)| collect(member, into));
        }
        Value::Array(members) => members.iter().for_each(|member| collect(member, into)),
        Value::String(text) if text.len() >= 6 => into.push(text.clone()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The first place where neighbours are not as far apart as they should be.
fn uneven(times: &[f64], apart: f64, slack: f64, what: &str) -> Vec<String> {
    let wrong = times
        .windows(2)
        .find(|pair| (pair[1] - pair[0] - apart).abs() > slack);
    let say = |pair: &[f64]| format!("{what} at {} and {} are not {apart} s apart", pair[0], pair[1]);
    wrong.map(say).into_iter().collect()
}

/// What ffmpeg reports.
fn said(arguments: &[&str]) -> String {
    let output = Command::new("ffmpeg")
        .args(["-v", "info", "-nostdin", "-y"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "ffmpeg {arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// When the first silence of a stream begins and ends, in seconds after its beginning.
pub(crate) fn first_silence(url: &str) -> Option<(f64, f64)> {
    let filter = "asetpts=PTS-STARTPTS,silencedetect=noise=-60dB:duration=0.3";
    let said = said(&["-i", url, "-af", filter, "-f", "null", "-"]);
    let after = |word: &str| {
        let (_, rest) = said.split_once(word)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    after("silence_start:").zip(after("silence_end:"))
}
