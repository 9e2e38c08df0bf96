use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::hls::inspect_segment;
use crate::hls::pes::Header;
use crate::hls::synthetic::SPS;
use crate::hls::ts::{Continuity, Packet};
use crate::mux::{AdtsReader, TsReader};

const FRAME: u64 = 3600;
const SOUND_FRAME: u64 = 1920;
const WRAP: u64 = 1 << 33;
const KEY_INTERVAL: usize = 50;

const DELIMITER: &[u8] = &[0, 0, 0, 1, 9, 0xf0];

/// Pictures of 25 a second with slices of these sizes, every fiftieth a key picture; each is shown two pictures after it is
/// decoded.
fn pictures(start: u64, sizes: &[usize], delimiter: &[u8]) -> Vec<Picture> {
    let picture = |(index, size): (usize, &usize)| {
        let key = index % KEY_INTERVAL == 0;
        let sets = if key {
            [&[0, 0, 0, 1], SPS, &[0, 0, 0, 1, 0x68, 0xeb, 0xe3, 0xcb]].concat()
        } else {
            vec![]
        };
        let slice = [&[0, 0, 1, if key { 0x65 } else { 0x41 }][..], &vec![0xa5; *size]].concat();
        let dts = start + index as u64 * FRAME;
        Picture {
            pts: dts + 2 * FRAME,
            dts,
            key,
            data: [delimiter, &sets, &slice].concat(),
        }
    };
    sizes.iter().enumerate().map(picture).collect()
}

/// Frames of stereo AAC at 48 kHz, of these sizes without their headers.
fn frames(sizes: &[u16]) -> Vec<Vec<u8>> {
    let frame = |size: &u16| {
        let [high, low] = ((size + 7) << 5 | 0x1f).to_be_bytes();
        let mut frame = vec![0xff, 0xf1, 0x4c, 0x80, high, low, 0xfc];
        frame.resize(usize::from(size + 7), 0x5a);
        frame
    };
    sizes.iter().map(frame).collect()
}

fn timed<'a>(start: u64, frames: &'a [Vec<u8>]) -> Vec<SoundFrame<'a>> {
    let frame = |(index, adts): (usize, &'a Vec<u8>)| SoundFrame {
        pts: start + index as u64 * SOUND_FRAME,
        adts,
    };
    frames.iter().enumerate().map(frame).collect()
}

fn packets(bytes: &[u8]) -> Vec<Packet<'_>> {
    let (packets, rest) = bytes.as_chunks();
    assert!(rest.is_empty(), "whole packets");
    packets
        .iter()
        .map(|packet| Packet::parse(packet).unwrap())
        .collect()
}

/// How many packets with payload each stream has.
fn packet_counts(bytes: &[u8]) -> BTreeMap<u16, usize> {
    let mut counts = BTreeMap::new();
    for packet in packets(bytes).iter().filter(|packet| !packet.payload.is_empty()) {
        *counts.entry(packet.pid).or_default() += 1;
    }
    counts
}

fn lost_packets(bytes: &[u8]) -> u32 {
    let mut continuity = Continuity::default();
    for packet in packets(bytes) {
        continuity.note(&packet);
    }
    continuity.errors
}

/// The programme clocks, in ticks.
fn clocks(bytes: &[u8]) -> Vec<u64> {
    let clock = |packet: &[u8; PACKET_BYTES]| {
        let has_clock = packet[3] & 0x20 != 0 && packet[4] >= 7 && packet[5] & 0x10 != 0;
        let clock: [u8; 8] = packet[4..12].try_into().unwrap();
        has_clock.then(|| (u64::from_be_bytes(clock) & 0xffff_ffff_ffff) >> 15)
    };
    bytes.as_chunks().0.iter().filter_map(clock).collect()
}

/// The stream's pictures, with time as in the stream.
fn read_pictures(bytes: &[u8]) -> Vec<Picture> {
    let mut reader = TsReader::default();
    let mut pictures = reader.push(bytes).unwrap();
    pictures.extend(reader.finish().unwrap());
    pictures
}

/// The stream's sound, with the time stamps of the PES packets and how many frames each has.
fn read_sound(bytes: &[u8]) -> (Vec<(i64, usize)>, Vec<Vec<u8>>) {
    let mut units: Vec<Vec<u8>> = Vec::new();
    for packet in packets(bytes)
        .iter()
        .filter(|packet| packet.pid == tables::AUDIO_PID)
    {
        if packet.starts_unit() {
            units.push(vec![]);
        }
        units.last_mut().unwrap().extend_from_slice(packet.payload);
    }
    let mut all = Vec::new();
    let mut runs = Vec::new();
    for unit in units {
        let header = Header::parse(&unit).unwrap();
        assert_eq!(header.end, unit.len(), "the length is right");
        let mut reader = AdtsReader::default();
        let frames = reader.push(&unit[header.length..]).unwrap();
        reader.finish().unwrap();
        runs.push((header.pts.unwrap(), frames.len()));
        all.extend(frames);
    }
    (runs, all)
}

proptest! {
    #[test]
    fn any_segment_keeps_the_promises(
        sizes in vec(1..4000_usize, 1..60),
        sound_sizes in vec(0..700_u16, 0..120),
        start in prop_oneof![Just(0), 0..WRAP, WRAP - 100_000..WRAP],
    ) {
        let pictures = pictures(start, &sizes, DELIMITER);
        let frames = frames(&sound_sizes);
        let segment = ts_segment(&pictures, &timed(start + 1234, &frames));

        for (pid, count) in packet_counts(&segment.bytes) {
            prop_assert_eq!(count % COUNTER_ROUND, 0, "packets of {:#x}", pid);
        }
        prop_assert_eq!(lost_packets(&segment.bytes.repeat(2)), 0);

        let behind: Vec<_> = pictures.iter().map(|picture| (picture.dts + WRAP - PCR_LEAD) % WRAP).collect();
        prop_assert_eq!(clocks(&segment.bytes), behind);

        let read = read_pictures(&segment.bytes);
        prop_assert_eq!(read.len(), pictures.len());
        for (read, written) in read.iter().zip(&pictures) {
            prop_assert_eq!(&read.data, &written.data);
            prop_assert_eq!(read.key, written.key);
            prop_assert_eq!((read.pts % WRAP, read.dts % WRAP), (written.pts % WRAP, written.dts % WRAP));
        }
        let (_, read) = read_sound(&segment.bytes);
        prop_assert_eq!(read, frames);
    }

    #[test]
    fn what_is_written_is_what_is_measured(
        sizes in vec(1..4000_usize, 1..60),
        sound_sizes in vec(0..700_u16, 1..120),
    ) {
        let frames = frames(&sound_sizes);
        let segment = ts_segment(&pictures(900_000, &sizes, DELIMITER), &timed(900_000, &frames));
        let facts = inspect_segment(&segment.bytes).unwrap();
        prop_assert_eq!((facts.bytes, facts.lost_packets), (segment.bytes.len() as u64, 0));
        prop_assert!(facts.tables_first && facts.starts_with_idr);
        prop_assert_eq!(facts.frames as usize, sizes.len());
        prop_assert_eq!((facts.first_pts, facts.first_dts), (907_200, 900_000));
        prop_assert_eq!(facts.key_frames, segment.key_frames);
        let audio = facts.audio.unwrap();
        prop_assert_eq!((audio.first_pts, audio.frames as usize), (900_000, frames.len()));
    }
}

#[test]
fn a_missing_delimiter_is_inserted_and_a_second_one_never() {
    let with = ts_segment(&pictures(0, &[500, 20, 20], DELIMITER), &[]);
    let without = ts_segment(&pictures(0, &[500, 20, 20], &[]), &[]);
    assert!(with.bytes == without.bytes);
    let delimiters = with.bytes.windows(6).filter(|bytes| *bytes == DELIMITER);
    assert_eq!(delimiters.count(), 3);
}

#[test]
fn a_silent_segment_announces_no_sound() {
    let silent = ts_segment(&pictures(0, &[500], DELIMITER), &[]);
    assert_eq!(inspect_segment(&silent.bytes).unwrap().audio, None);
    assert_eq!(
        packet_counts(&silent.bytes).into_keys().collect::<Vec<_>>(),
        [0, 0x100, 0x1000]
    );
}

#[test]
fn sound_is_packed_by_170_ms_and_lies_beside_its_pictures() {
    let frames = frames(&[300; 47]);
    let segment = ts_segment(&pictures(0, &[1000; 25], DELIMITER), &timed(0, &frames));
    let (runs, _) = read_sound(&segment.bytes);
    let expected = [
        (0, 8),
        (15_360, 8),
        (30_720, 8),
        (46_080, 8),
        (61_440, 8),
        (76_800, 7),
    ];
    assert_eq!(runs, expected);

    let mut order = Vec::new();
    for packet in packets(&segment.bytes)
        .iter()
        .filter(|packet| packet.starts_unit())
    {
        if [tables::VIDEO_PID, tables::AUDIO_PID].contains(&packet.pid) {
            let mut start = packet.payload.to_vec();
            // The rest of the unit is not looked at.
            start[4..6].fill(0);
            order.push(Header::parse(&start).unwrap().dts.unwrap());
        }
    }
    assert_eq!(order.len(), 25 + 6);
    assert!(order.is_sorted());
}

#[test]
fn the_tables_come_back_evenly() {
    let segment = ts_segment(&pictures(0, &[2000; 160], DELIMITER), &[]);
    let places: Vec<_> = packets(&segment.bytes)
        .iter()
        .enumerate()
        .filter_map(|(index, packet)| (packet.pid == 0).then_some(index))
        .collect();
    let gaps: Vec<_> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!((places[0], places.len()), (0, 16));
    // Half as far, or half as far again, where a key picture draws the tables to itself.
    assert!(gaps.iter().all(|gap| (50..=200).contains(gap)), "{gaps:?}");
}

#[test]
fn a_key_picture_can_be_decoded_from_its_own_bytes() {
    let frames = frames(&[300; 240]);
    for interval in [50, 1] {
        let mut pictures = pictures(900_000, &[1000; 160], DELIMITER);
        let key = pictures[0].data.clone();
        for picture in pictures.iter_mut().step_by(interval) {
            picture.key = true;
            picture.data.clone_from(&key);
        }
        let segment = ts_segment(&pictures, &timed(900_000, &frames));
        assert_eq!(lost_packets(&segment.bytes.repeat(2)), 0);
        assert_eq!(segment.key_frames.len(), 160_usize.div_ceil(interval));
        for key in &segment.key_frames {
            let start = usize::try_from(key.offset).unwrap();
            let range = &segment.bytes[start..start + usize::try_from(key.length).unwrap()];
            let facts = inspect_segment(range).unwrap();
            assert_eq!((facts.frames, facts.first_pts), (1, key.pts));
            assert!(facts.starts_with_idr && facts.tables_first);
        }
    }
}
