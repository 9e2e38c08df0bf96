//! `clipper validate` on presentations that ffmpeg makes: good ones, and the same ones broken.

use std::path::{Path, PathBuf};

use clipper::hls;
use serde_json::Value;

use crate::support::footage::{bars, ffprobe};
use crate::support::process::clipper;

const GRID: [&str; 4] = ["-g", "50", "-force_key_frames", "expr:gte(t,n_forced*2)"];

/// Six seconds in three segments of MPEG-TS.
fn ts(folder: &Path) -> PathBuf {
    let segments = folder.join("ts-%d.ts");
    let list = [
        "-f",
        "hls",
        "-hls_time",
        "2",
        "-hls_playlist_type",
        "vod",
        "-bf",
        "2",
    ];
    let names = ["-hls_segment_filename", segments.to_str().unwrap()];
    bars(
        folder,
        "ts.m3u8",
        "320x180",
        "25",
        6,
        &[&GRID[..], &list, &names].concat(),
    )
}

/// The same in fragments, as HEVC.
fn hevc(folder: &Path) -> PathBuf {
    let segments = folder.join("hevc-%d.m4s");
    let codec = [
        "-c:v",
        "libx265",
        "-tag:v",
        "hvc1",
        "-x265-params",
        "scenecut=0:open-gop=0:keyint=50:min-keyint=50:log-level=error",
    ];
    let list = [
        "-f",
        "hls",
        "-hls_time",
        "2",
        "-hls_playlist_type",
        "vod",
        "-hls_segment_type",
        "fmp4",
    ];
    let names = ["-hls_segment_filename", segments.to_str().unwrap()];
    bars(
        folder,
        "hevc.m3u8",
        "320x180",
        "25",
        6,
        &[&codec[..], &list, &names].concat(),
    )
}

/// The exit code and the binding rules that are broken.
fn validate(folder: &Path, playlist: &Path) -> (Option<i32>, Vec<String>) {
    let data = folder.join("data");
    let output = clipper(&data, "sqlite:data/clipper.db")
        .args(["validate", "--json", playlist.to_str().unwrap()])
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let playlists = report["playlists"].as_array().cloned().unwrap_or_default();
    let findings = playlists
        .iter()
        .flat_map(|list| list["findings"].as_array().unwrap());
    let rules = findings
        .filter(|finding| finding["severity"] == "must")
        .map(|finding| finding["rule"].as_str().unwrap().to_owned());
    (output.status.code(), rules.collect())
}

fn rules(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// The list with a change in its text, beside the original.
fn edited(list: &Path, change: impl Fn(&str) -> String) -> PathBuf {
    let target = list.with_extension("edited.m3u8");
    std::fs::write(&target, change(&std::fs::read_to_string(list).unwrap())).unwrap();
    target
}

type Change = fn(&str) -> String;

#[test]
fn good_lists_break_no_binding_rule_and_edited_ones_break_theirs() {
    let folder = tempfile::tempdir().unwrap();
    for list in [ts(folder.path()), hevc(folder.path())] {
        assert_eq!(
            validate(folder.path(), &list),
            (Some(0), vec![]),
            "{}",
            list.display()
        );
        let cases: [(&str, Change); 4] = [
            ("APL 8.1 EXTINF", |text| {
                text.replacen("2.000000", "1.900000", 1)
                    .replacen("2.000000", "2.100000", 1)
            }),
            ("BIS 4.4.3.1", |text| {
                text.replace("TARGETDURATION:2", "TARGETDURATION:1")
            }),
            ("APL 8.6", |text| text.replace("#EXT-X-ENDLIST", "")),
            ("RFC 6.2.1", |text| text.replacen("-1.", "-9.", 1)),
        ];
        for (rule, change) in cases {
            let broken = validate(folder.path(), &edited(&list, change));
            assert_eq!(broken, (Some(1), rules(&[rule])), "{}", list.display());
        }
    }
}

#[test]
fn fragments_need_their_map_and_hevc_its_fragments() {
    let folder = tempfile::tempdir().unwrap();
    let list = hevc(folder.path());
    let without = edited(&list, |text| {
        let kept = text.lines().filter(|line| !line.starts_with("#EXT-X-MAP"));
        kept.collect::<Vec<_>>().join("\n")
    });
    assert_eq!(validate(folder.path(), &without), (Some(1), rules(&["APL 8.20"])));
    let segments = folder.path().join("wrong-%d.ts");
    let wrong = folder.path().join("wrong.m3u8");
    crate::support::footage::ffmpeg(&[
        "-i",
        list.to_str().unwrap(),
        "-c",
        "copy",
        "-f",
        "hls",
        "-hls_time",
        "2",
        "-hls_playlist_type",
        "vod",
        "-hls_segment_filename",
        segments.to_str().unwrap(),
        wrong.to_str().unwrap(),
    ]);
    assert_eq!(validate(folder.path(), &wrong), (Some(1), rules(&["APL 1.5"])));
}

#[test]
fn what_is_no_playlist_is_said_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let said = |argument: &str| {
        let output = clipper(&data, "sqlite:data/clipper.db")
            .args(["validate", argument])
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    std::fs::write(folder.path().join("page.m3u8"), "<html>").unwrap();
    let (code, text) = said("none.m3u8");
    assert_eq!(
        (code, text.contains("there is no such file")),
        (Some(1), true),
        "{text}"
    );
    let (code, text) = said("page.m3u8");
    assert_eq!(
        (code, text.contains("is not an HLS playlist")),
        (Some(1), true),
        "{text}"
    );
    assert_eq!(said("ftp://example.test/a.m3u8").0, Some(2));
}

/// Time stamps of all pictures in seconds as ffprobe prints them, the key frames among them marked.
fn probed(list: &Path) -> Vec<(f64, bool)> {
    let arguments = [
        "-select_streams",
        "v",
        "-show_entries",
        "packet=pts_time,flags",
        "-of",
        "csv=p=0",
    ];
    let printed = ffprobe(&[&arguments[..], &[list.to_str().unwrap()]].concat());
    let line = |line: &str| {
        let (pts, flags) = line.split_once(',').unwrap();
        (pts.parse().unwrap(), flags.starts_with('K'))
    };
    let mut packets: Vec<(f64, bool)> = printed
        .lines()
        .filter(|text| text.contains(','))
        .map(line)
        .collect();
    packets.sort_by(|one, other| one.0.total_cmp(&other.0));
    packets
}

#[test]
#[expect(clippy::cast_precision_loss, reason = "ticks of a few seconds")]
fn both_containers_are_read_as_ffprobe_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    for list in [ts(folder.path()), hevc(folder.path())] {
        let fragmented = list.ends_with("hevc.m3u8");
        let init = fragmented
            .then(|| hls::inspect_init(&std::fs::read(folder.path().join("init.mp4")).unwrap()).unwrap());
        let name = |number: usize| {
            if fragmented {
                format!("hevc-{number}.m4s")
            } else {
                format!("ts-{number}.ts")
            }
        };
        let facts: Vec<_> = (0..3)
            .map(|number| {
                let bytes = std::fs::read(folder.path().join(name(number))).unwrap();
                hls::inspect_media(init.as_ref(), &bytes).unwrap().video.unwrap()
            })
            .collect();
        let packets = probed(&list);
        let near = |ticks: i64, seconds: f64| (ticks as f64 / 90_000.0 - seconds).abs() < 0.000_02;
        assert_eq!(facts.iter().map(|segment| segment.frames).sum::<u32>(), 150);
        assert_eq!(packets.len(), 150);
        assert!(
            near(facts[0].first_pts, packets[0].0),
            "{:?} {:?}",
            facts[0].first_pts,
            packets[0]
        );
        assert!(
            near(facts[2].last_pts, packets[149].0),
            "{:?} {:?}",
            facts[2].last_pts,
            packets[149]
        );
        let keys = facts.iter().flat_map(|segment| &segment.key_frames);
        let marked: Vec<f64> = packets
            .iter()
            .filter(|packet| packet.1)
            .map(|packet| packet.0)
            .collect();
        assert_eq!(keys.clone().count(), marked.len());
        assert!(keys.zip(&marked).all(|(key, seconds)| near(key.pts, *seconds)));
        assert_eq!((facts[0].picture.width, facts[0].picture.height), (320, 180));
    }
}
