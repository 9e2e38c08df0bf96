//! What happens at a record, beside the change of state.

use super::Walk;
use crate::session::Moment;

/// Words in error codes that tell of somebody who may not see it, rather than of something that failed.
const REFUSALS: [&str; 9] = [
    "401",
    "402",
    "403",
    "451",
    "auth",
    "entitle",
    "paywall",
    "geo",
    "forbidden",
];

/// Whether an error is a matter of business.
pub(super) fn is_refusal(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    REFUSALS.iter().any(|word| code.contains(word))
}

impl Walk {
    pub(super) fn happen(&mut self, moment: &Moment) {
        let measures = &mut self.measures;
        measures.startup_ms = moment.start_delay_ms.or(measures.startup_ms);
        measures.first_frame_ms = measures.first_frame_ms.or(moment.first_frame_ms);
        measures.dropped_frames = measures.dropped_frames.max(moment.dropped.unwrap_or(0));
        measures.frames = measures.frames.max(moment.frames.unwrap_or(0));
        measures.throughput.hold(self.carry.throughput_kbps, 0);
        measures.buffer.hold(self.carry.buffer_ms, 0);
        measures.latency.hold(self.carry.latency_ms, 0);
        measures.latencies.extend(moment.latency_ms);
        measures.warnings += i64::from(moment.event == "e");
        self.switch(moment);
        self.answer(moment);
        self.number(moment);
    }

    /// A change of rendition: of the pictures, to another than the one before, which there must have been.
    fn switch(&mut self, moment: &Moment) {
        let (quality, bitrate) = (moment.quality.as_ref(), moment.bitrate_kbps);
        if moment.event == "bc" && !moment.sound_only {
            let silent = quality.is_none() && bitrate.is_none();
            let other = |differs: bool, known: bool| known && differs;
            let changed = other(
                quality != self.carry.quality.as_ref(),
                quality.is_some() && self.carry.quality.is_some(),
            ) || other(
                bitrate != self.carry.bitrate_kbps,
                bitrate.is_some() && self.carry.bitrate_kbps.is_some(),
            );
            if silent || changed {
                self.measures.switches += 1;
                self.shift(bitrate);
            }
        }
        if let Some(quality) = quality {
            self.carry.quality = Some(quality.clone());
        }
        self.carry.bitrate_kbps = bitrate.or(self.carry.bitrate_kbps);
    }

    #[expect(clippy::cast_possible_truncation, reason = "a few thousand at most")]
    fn shift(&mut self, bitrate: Option<i64>) {
        let Some((before, after)) = self
            .carry
            .bitrate_kbps
            .zip(bitrate)
            .filter(|(b, a)| *b > 0 && *a > 0)
        else {
            return;
        };
        let measures = &mut self.measures;
        measures.upshifts += i64::from(after > before);
        measures.downshifts += i64::from(after < before);
        measures.measured_switches += 1;
        let octaves = crate::session::measures::ratio(after, before).log2().abs();
        measures.magnitude += (octaves * 1_000.0).round() as i64;
    }

    fn answer(&mut self, moment: &Moment) {
        let Some(response) = moment.response else { return };
        let measures = &mut self.measures;
        measures.requests += 1;
        measures.request_errors += i64::from(response.has_failed());
        measures.first_bytes.extend(response.first_byte_ms);
        if let (Some(first), Some(last), Some(bits)) =
            (response.first_byte_ms, response.last_byte_ms, response.bits)
            && last > first
        {
            measures.transfer_ms += last - first;
            measures.transfer_bits += bits;
        }
    }

    /// Players count their records. A count that falls began anew.
    fn number(&mut self, moment: &Moment) {
        let Some(number) = moment.number else { return };
        match self.numbers {
            Some((first, last)) if number >= last => self.numbers = Some((first, number)),
            Some(_) => {
                self.count_numbers();
                self.numbers = Some((number, number));
            }
            None => self.numbers = Some((number, number)),
        }
        self.measures.received += 1;
    }

    pub(super) fn count_numbers(&mut self) {
        if let Some((first, last)) = self.numbers.take() {
            self.measures.expected += last - first + 1;
        }
    }
}
