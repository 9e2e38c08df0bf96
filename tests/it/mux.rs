//! Segments that we write, as others read them.

use std::path::Path;

use clipper::mux::{AdtsReader, Picture, SoundFrame, TsReader, ts_segment};

use crate::support::footage::{decoded, ffmpeg, full_hd};

const SOUND_RATE: u64 = 48_000;

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
