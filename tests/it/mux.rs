//! Segments that we write, as others read them.

use std::path::Path;

use clipper::mux::{
    AdtsReader, AudioConfig, Chunk, Picture, PictureFormat, PictureSample, SoundFrame, SoundSample, TsReader,
    VideoConfig, download_head, init_segment, media_segment, picture_sample, sound_sample, ts_segment,
};

use crate::support::footage::{decoded, ffmpeg, ffprobe, full_hd};

const SOUND_RATE: u64 = 48_000;

const HEVC: &[&str] = &["-c:v", "libx265", "-x265-params", "log-level=error:open-gop=0"];

/// Real footage as an encoder leaves it: pictures with a key picture at least each second, and sound.
struct Footage {
    pictures: Vec<Picture>,
    sound: Vec<Vec<u8>>,
}

impl Footage {
    /// Encodes six seconds with `codec`, and keeps the streams as `video.ts` and `sound.mp4` in `folder`.
    fn encode(folder: &Path, codec: &[&str]) -> Self {
        let (video, sound) = (folder.join("video.ts"), folder.join("sound.aac"));
        let source = full_hd();
        let mut arguments = vec!["-ss", "8", "-t", "6", "-i", source.to_str().unwrap()];
        arguments.extend([
            "-map",
            "0:v",
            "-vf",
            "scale=640:-2",
            "-g",
            "24",
            "-preset",
            "veryfast",
        ]);
        arguments.extend(codec);
        arguments.extend(["-f", "mpegts", video.to_str().unwrap()]);
        arguments.extend([
            "-map",
            "0:a",
            "-c:a",
            "aac",
            "-ac",
            "2",
            "-f",
            "adts",
            sound.to_str().unwrap(),
        ]);
        ffmpeg(&arguments);

        // In a container, so that a reader has nothing to guess.
        let contained = folder.join("sound.mp4");
        ffmpeg(&[
            "-i",
            sound.to_str().unwrap(),
            "-c",
            "copy",
            contained.to_str().unwrap(),
        ]);

        let mut reader = TsReader::default();
        let mut pictures = Vec::new();
        for bytes in std::fs::read(video).unwrap().chunks(10_000) {
            pictures.extend(reader.push(bytes).unwrap());
        }
        pictures.extend(reader.finish().unwrap());
        let mut reader = AdtsReader::default();
        let sound = reader.push(&std::fs::read(sound).unwrap()).unwrap();
        reader.finish().unwrap();
        assert_eq!((pictures.len(), sound.len()), (6 * 24, 283));
        Self { pictures, sound }
    }

    /// When the picture after these is decoded, or would be.
    fn end_of(&self, pictures: &[Picture]) -> u64 {
        let last = pictures.last().unwrap().dts;
        let next = self
            .pictures
            .iter()
            .map(|picture| picture.dts)
            .find(|dts| *dts > last);
        next.unwrap_or(last + 3750)
    }

    /// The pictures from each key picture to the next, with their sound: a segment each.
    fn groups(&self) -> Vec<(&[Picture], Vec<SoundFrame<'_>>)> {
        let start = self.pictures[0].pts;
        let mut sound = (0..)
            .zip(&self.sound)
            .map(|(index, adts)| SoundFrame {
                pts: start + index * 1024 * 90_000 / SOUND_RATE,
                adts,
            })
            .peekable();
        let groups: Vec<_> = self.pictures.chunk_by(|_, next| !next.key).collect();
        assert!(groups.len() >= 6, "{} key pictures", groups.len());
        let starts = groups.iter().skip(1).map(|group| group[0].pts);
        let ends: Vec<_> = starts.chain([u64::MAX]).collect();
        let until = |end| std::iter::from_fn(|| sound.next_if(|frame| frame.pts < end)).collect();
        groups.into_iter().zip(ends.into_iter().map(until)).collect()
    }
}

#[test]
fn transport_segments_join_without_a_seam() {
    let folder = tempfile::tempdir().unwrap();
    let footage = Footage::encode(folder.path(), &["-c:v", "libx264"]);
    let segments = footage
        .groups()
        .into_iter()
        .map(|(pictures, sound)| ts_segment(pictures, &sound).bytes);
    let joined = folder.path().join("joined.ts");
    std::fs::write(&joined, segments.collect::<Vec<_>>().concat()).unwrap();

    assert_eq!(
        decoded(&joined, "v"),
        decoded(&folder.path().join("video.ts"), "v")
    );
    assert_eq!(
        decoded(&joined, "a"),
        decoded(&folder.path().join("sound.mp4"), "a")
    );
}

/// Writes the footage as an init segment and media segments, one file.
fn write_fragments(footage: &Footage, format: PictureFormat, target: &Path) {
    let video = VideoConfig::of_picture(format, &footage.pictures[0]).unwrap();
    let audio = AudioConfig::of_frame(&footage.sound[0]).unwrap();
    let mut file = init_segment(&video, Some(audio));
    let groups = footage.groups();
    for (index, (pictures, sound)) in groups.iter().enumerate() {
        let sequence = u32::try_from(index).unwrap() + 1;
        let end = footage.end_of(pictures);
        file.extend(media_segment(&video, Some(audio), sequence, pictures, end, sound));
    }
    std::fs::write(target, file).unwrap();
}

#[test]
fn fragments_of_h264_join_without_a_seam() {
    let folder = tempfile::tempdir().unwrap();
    let footage = Footage::encode(folder.path(), &["-c:v", "libx264"]);
    let joined = folder.path().join("joined.mp4");
    write_fragments(&footage, PictureFormat::H264, &joined);
    plays_like_the_source(folder.path(), &joined);
    assert_eq!(
        times(&joined, "v:0"),
        times(&folder.path().join("video.ts"), "v:0")
    );
}

#[test]
fn fragments_of_hevc_join_without_a_seam() {
    let folder = tempfile::tempdir().unwrap();
    let footage = Footage::encode(folder.path(), HEVC);
    let joined = folder.path().join("joined.mp4");
    write_fragments(&footage, PictureFormat::Hevc, &joined);
    plays_like_the_source(folder.path(), &joined);
    assert_eq!(
        times(&joined, "v:0"),
        times(&folder.path().join("video.ts"), "v:0")
    );
    let tag = ffprobe(&[
        "-select_streams",
        "v",
        "-show_entries",
        "stream=codec_tag_string,profile,level,width,height",
        "-of",
        "csv=p=0",
        joined.to_str().unwrap(),
    ]);
    assert_eq!(tag.trim(), "Main,hvc1,640,360,63");
}

#[test]
fn a_download_is_one_file_whose_start_says_everything() {
    let folder = tempfile::tempdir().unwrap();
    for (format, codec) in [
        (PictureFormat::H264, &["-c:v", "libx264"][..]),
        (PictureFormat::Hevc, HEVC),
    ] {
        let footage = Footage::encode(folder.path(), codec);
        let target = folder.path().join("download.mp4");
        write_download(&footage, format, &target);
        plays_like_the_source(folder.path(), &target);
        // It starts with its first picture, and the sound is where it was.
        let source = times(&folder.path().join("video.ts"), "v:0");
        let start = source[0].0;
        let shifted: Vec<_> = source
            .iter()
            .map(|(pts, dts)| (pts - start, dts - start))
            .collect();
        assert_eq!(times(&target, "v:0"), shifted);
    }
}

/// Writes the footage as one file.
fn write_download(footage: &Footage, format: PictureFormat, target: &Path) {
    let video = VideoConfig::of_picture(format, &footage.pictures[0]).unwrap();
    let audio = AudioConfig::of_frame(&footage.sound[0]).unwrap();
    let (mut chunks, mut media) = (vec![], vec![]);
    for (pictures, sound) in footage.groups() {
        let mut chunk = Chunk::default();
        for picture in pictures {
            let sample = picture_sample(format, picture);
            chunk.pictures.push(PictureSample {
                pts: picture.pts,
                dts: picture.dts,
                key: picture.key,
                size: u32::try_from(sample.len()).unwrap(),
            });
            media.extend(sample);
        }
        for frame in sound {
            let sample = sound_sample(frame.adts);
            chunk.sound.push(SoundSample {
                pts: frame.pts,
                size: u32::try_from(sample.len()).unwrap(),
            });
            media.extend(sample);
        }
        chunks.push(chunk);
    }
    let end = footage.end_of(&footage.pictures);
    let head = download_head(&video, Some(audio), &chunks, end);
    std::fs::write(target, [head, media].concat()).unwrap();
}

fn plays_like_the_source(folder: &Path, file: &Path) {
    assert_eq!(decoded(file, "v"), decoded(&folder.join("video.ts"), "v"));
    assert_eq!(decoded(file, "a"), decoded(&folder.join("sound.mp4"), "a"));
}

/// When the pictures of a file are shown and decoded, in 90 kHz ticks.
fn times(path: &Path, stream: &str) -> Vec<(i64, i64)> {
    let packets = ffprobe(&[
        "-select_streams",
        stream,
        "-show_entries",
        "packet=pts,dts",
        "-of",
        "csv=p=0",
        path.to_str().unwrap(),
    ]);
    let number = |text: &str| text.parse().unwrap();
    let time = |line: &str| {
        line.trim_end_matches(',')
            .split_once(',')
            .map(|(pts, dts)| (number(pts), number(dts)))
    };
    packets.lines().filter_map(time).collect()
}
