use proptest::prelude::*;

use crate::hls::init::{InitFacts, inspect_init};
use crate::hls::playlist::Container;
use crate::hls::segment::{
    InspectError, SegmentFacts, inspect_fmp4, inspect_key_frame, inspect_media, inspect_segment,
};

/// 12 frames at 25 per second, key frames every 6, with 48 kHz stereo, as ffmpeg writes them.
const HEVC_INIT: &[u8] = include_bytes!("../../testdata/hevc-init.mp4");
const HEVC: &[u8] = include_bytes!("../../testdata/hevc.m4s");
const AVC_INIT: &[u8] = include_bytes!("../../testdata/avc-init.mp4");
const AVC: &[u8] = include_bytes!("../../testdata/avc.m4s");
/// The pictures and sound of the former in a transport stream.
const HEVC_TS: &[u8] = include_bytes!("../../testdata/hevc.ts");

fn inspect(init: &[u8], segment: &[u8]) -> SegmentFacts {
    inspect_fmp4(&inspect_init(init).unwrap(), segment).unwrap()
}

/// What ffprobe says of both.
fn is_as_it_was_made(facts: &SegmentFacts, bytes: &[u8]) {
    assert_eq!(
        (facts.container, facts.bytes),
        (Container::Fmp4, bytes.len() as u64)
    );
    assert_eq!((facts.first_pts, facts.first_dts), (7200, 0));
    assert_eq!((facts.frames, facts.last_pts), (12, 7200 + 11 * 3600));
    let key_frames: Vec<_> = facts.key_frames.iter().map(|key| key.pts).collect();
    assert_eq!(key_frames, [7200, 28_800]);
    assert!(facts.starts_with_idr && facts.tables_first && facts.picture.progressive);
    assert_eq!(
        (facts.leading_frames, facts.lost_packets, facts.distinct_sps),
        (0, 0, 1)
    );
    assert_eq!((facts.picture.width, facts.picture.height), (64, 36));
    assert_eq!((facts.picture.chroma_format_idc, facts.picture.bit_depth), (1, 8));
    assert_eq!(facts.picture.sample_aspect, Some((1, 1)));
    let audio = facts.audio.as_ref().unwrap();
    assert_eq!((audio.first_pts, audio.frames), (5220, 24));
    assert_eq!(
        (audio.object_type, audio.sample_rate, audio.channel_config),
        (2, 48_000, 2)
    );
}

#[test]
fn a_real_hevc_segment_is_read_as_it_was_made() {
    let facts = inspect(HEVC_INIT, HEVC);
    is_as_it_was_made(&facts, HEVC);
    assert_eq!(facts.picture.codec(), "hvc1.1.6.L30.90");
    assert_eq!((facts.picture.coded_width, facts.picture.coded_height), (64, 40));
    assert_eq!(facts.picture.level_idc, 30);
}

#[test]
fn a_real_h264_segment_is_read_as_it_was_made() {
    let facts = inspect(AVC_INIT, AVC);
    is_as_it_was_made(&facts, AVC);
    assert_eq!(facts.picture.codec(), "avc1.64000a");
}

#[test]
fn a_key_frame_range_starts_with_its_fragment_and_ends_with_its_sample() {
    let facts = inspect(AVC_INIT, AVC);
    let first = facts.key_frames[0];
    let range = &AVC[usize::try_from(first.offset).unwrap()..];
    assert_eq!(&range[4..8], b"moof");
    let cut = &AVC[..usize::try_from(first.offset + first.length).unwrap()];
    assert!(cut.len() < AVC.len() && first.length > 1000);
    let init = inspect_init(AVC_INIT).unwrap();
    let read = inspect_key_frame(Some(&init), &range[..usize::try_from(first.length).unwrap()]).unwrap();
    let picture = read.video.unwrap();
    assert!(picture.starts_with_idr);
    assert_eq!((picture.frames, picture.first_pts), (1, first.pts));
    let short = &range[..usize::try_from(first.length).unwrap() - 1];
    assert!(inspect_key_frame(Some(&init), short).is_err());
}

#[test]
fn hevc_in_a_transport_stream_is_read_for_the_validator_to_refuse() {
    let facts = inspect_segment(HEVC_TS).unwrap();
    assert!(facts.picture.is_hevc());
    assert_eq!(facts.container, Container::Ts);
    assert_eq!((facts.frames, facts.key_frames.len()), (12, 2));
    assert_eq!(facts.picture, inspect(HEVC_INIT, HEVC).picture);
    assert_eq!(facts.last_pts - facts.first_pts, 11 * 3600);
}

fn renamed(bytes: &[u8], from: [u8; 4], to: [u8; 4]) -> Vec<u8> {
    let place = bytes.windows(4).position(|window| window == from).unwrap();
    let mut renamed = bytes.to_vec();
    renamed[place..place + 4].copy_from_slice(&to);
    renamed
}

#[test]
fn the_name_of_the_sample_entry_is_part_of_the_codec() {
    let facts = inspect(&renamed(HEVC_INIT, *b"hvc1", *b"hev1"), HEVC);
    assert_eq!(facts.picture.codec(), "hev1.1.6.L30.90");
}

#[test]
fn what_is_no_init_segment_gets_its_reason() {
    let bad = |name| InspectError::BadBox { name };
    let cases = [
        (vec![], bad("moov")),
        (AVC.to_vec(), bad("moov")),
        (
            AVC_INIT[..AVC_INIT.len() - 1].to_vec(),
            InspectError::NoBox { offset: 28 },
        ),
        (renamed(AVC_INIT, *b"mvhd", *b"free"), bad("mvhd")),
        (renamed(AVC_INIT, *b"tkhd", *b"free"), bad("tkhd")),
        (renamed(AVC_INIT, *b"mdhd", *b"free"), bad("mdhd")),
        (renamed(AVC_INIT, *b"stsd", *b"free"), bad("stsd")),
        (renamed(AVC_INIT, *b"avcC", *b"free"), bad("avcC")),
        (renamed(HEVC_INIT, *b"hvcC", *b"free"), bad("hvcC")),
        (renamed(AVC_INIT, *b"esds", *b"free"), bad("esds")),
        (renamed(AVC_INIT, *b"avc1", *b"encv"), InspectError::Encrypted),
        (
            renamed(AVC_INIT, *b"avc1", *b"av01"),
            InspectError::ForeignEntry {
                name: "av01".to_owned(),
            },
        ),
    ];
    for (bytes, reason) in cases {
        assert_eq!(inspect_init(&bytes), Err(reason));
    }
}

#[test]
fn what_is_no_fragment_gets_its_reason() {
    let init = inspect_init(AVC_INIT).unwrap();
    let bad = |name| InspectError::BadBox { name };
    let moof = AVC.windows(4).position(|window| window == b"moof").unwrap() - 4;
    let mut outside = AVC.to_vec();
    let mdat = AVC.windows(4).position(|window| window == b"mdat").unwrap();
    outside.truncate(mdat + 4);
    outside[mdat - 1] = 8;
    outside[mdat - 2] = 0;
    outside[mdat - 3] = 0;
    let cases = [
        (vec![], InspectError::NoVideo),
        (AVC[..moof].to_vec(), InspectError::NoVideo),
        (renamed(AVC, *b"tfhd", *b"free"), bad("tfhd")),
        (renamed(AVC, *b"tfdt", *b"free"), bad("tfdt")),
        (outside, InspectError::StraySamples),
    ];
    for (bytes, reason) in cases {
        assert_eq!(inspect_fmp4(&init, &bytes), Err(reason));
    }
}

/// A run of four thousand million samples of no bytes.
#[test]
fn a_run_that_claims_too_much_costs_nothing() {
    let mut bytes = AVC.to_vec();
    let place = |kind: &[u8; 4]| AVC.windows(4).position(|window| window == kind).unwrap();
    let (header, run) = (place(b"tfhd"), place(b"trun"));
    bytes[header + 16..header + 20].copy_from_slice(&[0; 4]);
    bytes[run + 4..run + 12].copy_from_slice(&[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    let init = inspect_init(AVC_INIT).unwrap();
    assert_eq!(inspect_fmp4(&init, &bytes), Err(InspectError::StraySamples));
}

/// Two fragments over the same bytes.
#[test]
fn samples_may_not_lie_over_each_other() {
    let moof = AVC.windows(4).position(|window| window == b"moof").unwrap() - 4;
    let mdat = AVC.windows(4).position(|window| window == b"mdat").unwrap() - 4;
    let bytes = [&AVC[moof..mdat], &AVC[moof..]].concat();
    let init = inspect_init(AVC_INIT).unwrap();
    assert_eq!(inspect_fmp4(&init, &bytes), Err(InspectError::StraySamples));
    let longer = [bytes, vec![0, 0, 0x10, 0, b'f', b'r', b'e', b'e'], vec![0; 4088]].concat();
    assert!(inspect_fmp4(&init, &longer).is_ok());
}

#[test]
fn sound_alone_is_media_but_no_picture() {
    let mut init = inspect_init(AVC_INIT).unwrap();
    init.tracks.remove(0);
    let facts = inspect_media(Some(&init), AVC).unwrap();
    assert_eq!(facts.video, None);
    assert_eq!(facts.audio.unwrap().frames, 24);
    assert_eq!(inspect_fmp4(&init, AVC), Err(InspectError::NoVideo));
}

fn damaged(bytes: &[u8], damage: &[(usize, u8)], length: usize) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    for (position, byte) in damage {
        damaged[position % bytes.len()] = *byte;
    }
    damaged.truncate(length);
    damaged
}

fn answered(init: &InitFacts, bytes: &[u8]) -> bool {
    inspect_media(Some(init), bytes).map_or(true, |facts| facts.bytes == bytes.len() as u64)
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_answered_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(inspect_init(&bytes).is_err());
        prop_assert!(answered(&inspect_init(HEVC_INIT).unwrap(), &bytes));
    }

    #[test]
    fn damaged_real_segments_are_answered_without_panic(
        damage in prop::collection::vec((0_usize..8000, any::<u8>()), 1..40),
        length in 0_usize..8000,
    ) {
        for (init, segment) in [(HEVC_INIT, HEVC), (AVC_INIT, AVC)] {
            let init = inspect_init(init).unwrap();
            prop_assert!(answered(&init, &damaged(segment, &damage, length)));
        }
    }

    #[test]
    fn damaged_real_init_segments_are_answered_without_panic(
        damage in prop::collection::vec((0_usize..1500, any::<u8>()), 1..12),
    ) {
        for (init, segment) in [(HEVC_INIT, HEVC), (AVC_INIT, AVC)] {
            if let Ok(init) = inspect_init(&damaged(init, &damage, init.len())) {
                prop_assert!(answered(&init, segment));
            }
        }
    }

    #[test]
    fn damaged_hevc_in_a_transport_stream_is_answered_without_panic(
        damage in prop::collection::vec((0_usize..8000, any::<u8>()), 1..40),
    ) {
        let mut bytes = damaged(HEVC_TS, &damage, HEVC_TS.len());
        bytes.iter_mut().step_by(188).for_each(|sync| *sync = 0x47);
        prop_assert!(inspect_segment(&bytes).map_or(true, |facts| facts.frames > 0));
    }
}
