//! AAC in ADTS form, cut into frames while it grows.

use thiserror::Error;

use crate::hls::aac::{HEADER_BYTES, read_header};

/// The sound has no frame where one should start, or ends inside one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no whole AAC frame at byte {offset} of the sound")]
pub struct BadSound {
    /// From the start of the stream.
    pub offset: u64,
}

/// Takes the bytes of an ADTS stream as they come.
#[derive(Debug, Default)]
pub struct AdtsReader {
    /// What does not make a frame yet.
    rest: Vec<u8>,
    /// Where `rest` starts in the stream.
    offset: u64,
}

impl AdtsReader {
    /// Takes more of the stream; gives the frames that are whole by now, with their headers.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, BadSound> {
        self.rest.extend_from_slice(bytes);
        let mut frames = Vec::new();
        let mut unread = self.rest.as_slice();
        while unread.len() >= HEADER_BYTES {
            let offset = self.offset + (self.rest.len() - unread.len()) as u64;
            let (_, length) = read_header(unread, 0).ok_or(BadSound { offset })?;
            let Some((frame, after)) = unread.split_at_checked(length) else {
                break;
            };
            frames.push(frame.to_vec());
            unread = after;
        }
        let read = self.rest.len() - unread.len();
        self.rest.drain(..read);
        self.offset += read as u64;
        Ok(frames)
    }

    /// The stream has ended.
    pub fn finish(self) -> Result<(), BadSound> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(BadSound { offset: self.offset })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Frames of 9 to 8 + `count` bytes.
    fn frames(count: u8) -> Vec<Vec<u8>> {
        let frame = |index: u8| {
            let [high, low] = (u16::from(9 + index) << 5 | 0x1f).to_be_bytes();
            let mut frame = vec![0xff, 0xf1, 0x4c, 0x80, high, low, 0xfc];
            frame.resize(usize::from(9 + index), index);
            frame
        };
        (0..count).map(frame).collect()
    }

    #[test]
    fn frames_come_out_whole_however_the_stream_is_cut() {
        let frames = frames(20);
        let stream = frames.concat();
        for step in [1, 3, 8, 100, stream.len()] {
            let mut reader = AdtsReader::default();
            let mut read = Vec::new();
            for bytes in stream.chunks(step) {
                read.extend(reader.push(bytes).unwrap());
            }
            assert_eq!(read, frames, "in steps of {step}");
            assert_eq!(reader.finish(), Ok(()));
        }
    }

    #[test]
    fn what_is_no_frame_is_named_by_its_place() {
        let mut stream = frames(3).concat();
        stream[9 + 10] = 0;
        let mut reader = AdtsReader::default();
        assert_eq!(reader.push(&stream[..9]).unwrap().len(), 1);
        assert_eq!(reader.push(&stream[9..]), Err(BadSound { offset: 19 }));
    }

    #[test]
    fn an_end_inside_a_frame_is_no_end() {
        let stream = frames(2).concat();
        let mut reader = AdtsReader::default();
        assert_eq!(reader.push(&stream[..stream.len() - 1]).unwrap().len(), 1);
        assert_eq!(reader.finish(), Err(BadSound { offset: 9 }));
    }
}
