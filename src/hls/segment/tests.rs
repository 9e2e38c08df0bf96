use super::*;
use crate::hls::synthetic::{AUDIO_PID, SPS, Synthetic, VIDEO_PID};
use proptest::prelude::*;

/// 12 frames at 25 per second, key frames every 6, with 48 kHz stereo, as ffmpeg writes it.
const REAL: &[u8] = include_bytes!("../testdata/tiny.ts");

const BOTH: &[(u8, u16)] = &[(0x1b, VIDEO_PID), (0x0f, AUDIO_PID)];

#[test]
fn a_real_segment_is_read_as_it_was_made() {
    let facts = inspect_segment(REAL).unwrap();
    assert_eq!(facts.bytes, REAL.len() as u64);
    assert_eq!((facts.first_pts, facts.first_dts), (133_200, 126_000));
    assert_eq!((facts.frames, facts.last_pts), (12, 133_200 + 11 * 3600));
    let key_frames: Vec<_> = facts.key_frames.iter().map(|key| key.pts).collect();
    assert_eq!(key_frames, [133_200, 154_800]);
    assert!(facts.starts_with_idr && facts.tables_first);
    assert_eq!(
        (facts.leading_frames, facts.lost_packets, facts.distinct_sps),
        (0, 0, 1)
    );
    assert_eq!((facts.picture.width, facts.picture.height), (64, 36));
    assert_eq!(facts.picture.codec(), "avc1.64000a");
    let audio = facts.audio.unwrap();
    assert_eq!(
        (audio.first_pts, audio.sample_rate, audio.channel_config),
        (131_280, 48_000, 2)
    );
}

#[test]
fn a_key_frame_range_holds_the_picture() {
    let facts = inspect_segment(REAL).unwrap();
    for key in &facts.key_frames {
        let start = usize::try_from(key.offset).unwrap();
        let range = &REAL[start..start + usize::try_from(key.length).unwrap()];
        assert_eq!(range.len() % PACKET_BYTES, 0);
        assert_eq!((range[0], range[1] & 0x40), (0x47, 0x40));
        let read = inspect_key_frame(None, range).unwrap().video.unwrap();
        assert!(read.starts_with_idr);
        assert_eq!((read.frames, read.first_pts), (1, key.pts));
    }
}

#[test]
fn a_segment_that_starts_with_an_ordinary_picture_says_so() {
    let bytes = Synthetic::default().tables(BOTH).slice(0).idr(3600).bytes();
    let facts = inspect_segment(&bytes).unwrap();
    assert!(!facts.starts_with_idr);
    assert_eq!(facts.key_frames.len(), 1);
}

#[test]
fn pictures_shown_before_the_first_betray_an_open_gop() {
    let bytes = Synthetic::default().tables(BOTH).idr(7200).slice(3600).bytes();
    let facts = inspect_segment(&bytes).unwrap();
    assert_eq!((facts.leading_frames, facts.last_pts), (1, 7200));
}

#[test]
fn time_stamps_run_on_across_the_wrap() {
    let facts = inspect_segment(&Synthetic::segment((1 << 33) - 3600, 3)).unwrap();
    assert_eq!(facts.last_pts - facts.first_pts, 7200);
}

#[test]
fn tables_behind_the_first_picture_are_noticed() {
    let bytes = Synthetic::default().slice(0).tables(BOTH).idr(3600).bytes();
    assert!(!inspect_segment(&bytes).unwrap().tables_first);
}

#[test]
fn a_second_parameter_set_is_counted() {
    let mut other = SPS.to_vec();
    other[3] = 0x20;
    let bytes = Synthetic::default()
        .tables(BOTH)
        .idr(0)
        .picture(3600, 3600, &[SPS, &other, &[0x65, 1]])
        .bytes();
    assert_eq!(inspect_segment(&bytes).unwrap().distinct_sps, 2);
}

#[test]
fn what_is_no_segment_gets_its_reason() {
    let tables = |streams| Synthetic::default().tables(streams);
    let cases = [
        (vec![0x47; 10], InspectError::Truncated { tail: 10 }),
        (vec![0; 188], InspectError::NoPacket { offset: 0 }),
        (vec![], InspectError::NoTables),
        (
            tables(&[(0x81, 256)]).bytes(),
            InspectError::ForeignStream { stream_type: 0x81 },
        ),
        (tables(BOTH).sound(0, 3).bytes(), InspectError::NoVideo),
        (tables(BOTH).slice(0).bytes(), InspectError::NoSps),
        (
            tables(BOTH).picture(0, 0, &[&[0x67, 100]]).bytes(),
            InspectError::BadSps,
        ),
    ];
    for (bytes, reason) in cases {
        assert_eq!(inspect_segment(&bytes), Err(reason));
    }
}

fn inspected(bytes: &[u8]) -> bool {
    inspect_segment(bytes).is_ok_and(|facts| facts.frames > 0) || inspect_segment(bytes).is_err()
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        prop_assert!(inspected(&bytes));
    }

    #[test]
    fn arbitrary_packets_are_answered_without_panic(
        packets in prop::collection::vec(
            (0_u16..3, any::<u8>(), prop::collection::vec(any::<u8>(), 184)), 0..20),
    ) {
        let pids = [0, 0x1000, VIDEO_PID];
        let mut bytes = Synthetic::default().tables(BOTH).bytes();
        for (pid, control, payload) in packets {
            let [high, low] = pids[usize::from(pid)].to_be_bytes();
            bytes.extend([0x47, high | control & 0x40, low, control & 0x3f]);
            bytes.extend(payload);
        }
        prop_assert!(inspected(&bytes));
    }

    #[test]
    fn a_damaged_real_segment_is_answered_without_panic(
        damage in prop::collection::vec((0..REAL.len(), any::<u8>()), 1..40),
        length in 0..=REAL.len() / PACKET_BYTES,
    ) {
        let mut bytes = REAL.to_vec();
        for (position, byte) in damage {
            bytes[position] = byte;
        }
        // Leaves the sync bytes alone, so that the damage reaches the inner layers.
        bytes.iter_mut().step_by(PACKET_BYTES).for_each(|sync| *sync = 0x47);
        bytes.truncate(length * PACKET_BYTES);
        prop_assert!(inspected(&bytes));
    }
}
