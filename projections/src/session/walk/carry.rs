//! What was said last holds until something else is said.

use crate::session::Moment;

#[derive(Debug, Default)]
pub(super) struct Carry {
    pub(super) quality: Option<String>,
    pub(super) bitrate_kbps: Option<i64>,
    pub(super) top_kbps: Option<i64>,
    pub(super) throughput_kbps: Option<i64>,
    pub(super) buffer_ms: Option<i64>,
    pub(super) latency_ms: Option<i64>,
    pub(super) scale: Option<i64>,
    /// In thousandths.
    pub(super) rate: Option<i64>,
    pub(super) background: bool,
    pub(super) error: Option<String>,
    /// Where the playhead stands.
    pub(super) playhead_ms: Option<i64>,
}

impl Carry {
    pub(super) fn take(&mut self, moment: &Moment) {
        fn hold<T: Copy>(held: &mut Option<T>, said: Option<T>) {
            *held = said.or(*held);
        }
        hold(&mut self.top_kbps, moment.top_kbps);
        hold(&mut self.throughput_kbps, moment.throughput_kbps);
        hold(&mut self.buffer_ms, moment.buffer_ms);
        hold(&mut self.latency_ms, moment.latency_ms);
        hold(&mut self.scale, moment.scale);
        if moment.is_seek() {
            // Where it leads to, if that is said.
            self.playhead_ms = moment.playhead_ms;
        }
        hold(&mut self.playhead_ms, moment.playhead_ms);
        // Both are sent only when they are not as usual.
        self.rate = moment.rate;
        self.background = moment.background;
        if let Some(error) = moment.errors.first() {
            self.error = Some(error.clone());
        }
    }
}
