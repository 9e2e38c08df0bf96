use super::boxes::words;
use super::*;
use crate::hls::synthetic::SPS;
use crate::mux::{Picture, SoundFrame};

fn key_picture(dts: u64) -> Picture {
    let sets = [
        &[0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1],
        SPS,
        &[0, 0, 0, 1, 0x68, 0xeb, 0xe3, 0xcb],
    ]
    .concat();
    Picture {
        pts: dts + 3000,
        dts,
        key: true,
        data: [&sets[..], &[0, 0, 1, 0x65, 0x88, 0x84]].concat(),
    }
}

/// 44.1 kHz mono, with a checksum behind its header or without.
fn frame(checksum: bool) -> Vec<u8> {
    let (flags, length) = if checksum { (0xf0, 11) } else { (0xf1, 9) };
    let mut frame = vec![0xff, flags, 0x50, 0x40, length >> 3, length << 5 | 0x1f, 0xfc];
    frame.extend(vec![0xcc; usize::from(length) - 9]);
    frame.extend([0x21, 0x10]);
    frame
}

fn video() -> VideoConfig {
    VideoConfig::of_picture(PictureFormat::H264, &key_picture(0)).unwrap()
}

/// What is in the first box of this kind, wherever it lies.
fn content(bytes: &[u8], kind: [u8; 4]) -> Vec<u8> {
    let place = bytes.windows(4).position(|window| window == kind).unwrap();
    let length = u32::from_be_bytes(bytes[place - 4..place].try_into().unwrap());
    bytes[place + 4..place - 4 + length as usize].to_vec()
}

#[test]
fn a_sample_has_neither_delimiter_nor_parameter_sets() {
    let sample = picture_sample(PictureFormat::H264, &key_picture(0));
    assert_eq!(sample, [0, 0, 0, 3, 0x65, 0x88, 0x84]);
    assert_eq!(sound_sample(&frame(false)), [0x21, 0x10]);
    assert_eq!(sound_sample(&frame(true)), [0x21, 0x10]);
}

#[test]
fn what_describes_nothing_is_refused() {
    let mut picture = key_picture(0);
    picture.data.truncate(12);
    assert_eq!(
        VideoConfig::of_picture(PictureFormat::H264, &picture),
        Err(UnknownFormat)
    );
    assert_eq!(
        VideoConfig::of_picture(PictureFormat::Hevc, &key_picture(0)),
        Err(UnknownFormat)
    );
    assert_eq!(AudioConfig::of_frame(&[0; 9]), Err(UnknownFormat));
}

#[test]
fn segments_say_when_they_are_on_the_clock_of_each_track() {
    let audio = AudioConfig::of_frame(&frame(false)).unwrap();
    let adts = frame(false);
    let sound = [SoundFrame {
        pts: 900_002,
        adts: &adts,
    }];
    let segment = media_segment(&video(), Some(audio), 3, &[key_picture(900_000)], 903_600, &sound);
    assert_eq!(content(&segment, *b"mfhd"), words([0, 3]));
    let time = content(&segment, *b"tfdt");
    assert_eq!(time, [&[1, 0, 0, 0][..], &900_000_u64.to_be_bytes()].concat());
    let (_, after) = segment.split_at(segment.windows(4).position(|window| window == b"tfdt").unwrap() + 4);
    let time = content(after, *b"tfdt");
    assert_eq!(time[4..], 441_001_u64.to_be_bytes());
    let run = content(&segment, *b"trun");
    let offset = u32::from_be_bytes(run[8..12].try_into().unwrap()) as usize;
    assert_eq!(run[12..], words([3600, 7, 0x0200_0000, 3000]));
    assert_eq!(segment[offset..], [0, 0, 0, 3, 0x65, 0x88, 0x84, 0x21, 0x10]);
}

#[test]
fn sound_is_cut_or_delayed_to_begin_with_the_picture() {
    let audio = AudioConfig::of_frame(&frame(false)).unwrap();
    let edits = |sound_pts: u64| {
        let chunk = Chunk {
            pictures: vec![PictureSample {
                pts: 93_000,
                dts: 90_000,
                key: true,
                size: 7,
            }],
            sound: vec![SoundSample {
                pts: sound_pts,
                size: 2,
            }],
        };
        let head = download_head(&video(), Some(audio), &[chunk], 93_600);
        let sound = head.windows(4).rposition(|window| window == b"edts").unwrap();
        content(&head[sound - 4..], *b"elst")
    };
    let entry = |duration: u64, start: i64| {
        [&duration.to_be_bytes()[..], &start.to_be_bytes(), &[0, 1, 0, 0]].concat()
    };
    // 1024 samples are 2089 ticks, and 1000 ticks are 490 samples.
    assert_eq!(edits(93_000)[8..], entry(2089, 0));
    assert_eq!(edits(92_000)[8..], entry(1089, 490));
    assert_eq!(edits(94_000)[8..], [entry(1000, -1), entry(2089, 0)].concat());
}

#[test]
fn places_in_a_long_file_have_64_bits() {
    let sample = PictureSample {
        pts: 0,
        dts: 0,
        key: true,
        size: 1 << 31,
    };
    let chunk = Chunk {
        pictures: vec![sample; 2],
        sound: vec![],
    };
    let head = download_head(&video(), None, &[chunk.clone(), chunk], 0);
    let start = head.len() as u64;
    let places = content(&head, *b"co64");
    let expected = [start.to_be_bytes(), (start + (1 << 32)).to_be_bytes()].concat();
    assert_eq!(places[8..], expected);
    assert!(
        head.ends_with(
            &[
                &1_u32.to_be_bytes()[..],
                b"mdat",
                &((1_u64 << 33) + 16).to_be_bytes()
            ]
            .concat()
        )
    );
}
