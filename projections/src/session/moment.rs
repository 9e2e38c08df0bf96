//! What the state machine needs of a record, small enough to be kept with its session.

use clipper_domain::cmcd::{Cmcd, Key, ObjectType, Value};
use clipper_domain::report::PlayerState;
use serde::{Deserialize, Serialize};

/// A record. Two that are equal are one that came twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Moment {
    #[serde(rename = "t")]
    pub(crate) ts: i64,
    #[serde(rename = "c", default, skip_serializing_if = "is_zero")]
    pub(crate) epoch: i64,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    pub(crate) mono_ms: Option<i64>,
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(crate) number: Option<i64>,
    #[serde(rename = "e")]
    pub(crate) event: String,
    #[serde(rename = "s", default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<PlayerState>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(crate) playhead_ms: Option<i64>,
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(crate) buffer_ms: Option<i64>,
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub(crate) bitrate_kbps: Option<i64>,
    #[serde(rename = "y", default, skip_serializing_if = "Option::is_none")]
    pub(crate) top_kbps: Option<i64>,
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub(crate) throughput_kbps: Option<i64>,
    #[serde(rename = "q", default, skip_serializing_if = "Option::is_none")]
    pub(crate) quality: Option<String>,
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    pub(crate) rate: Option<i64>,
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) dropped: Option<i64>,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub(crate) frames: Option<i64>,
    #[serde(rename = "i", default, skip_serializing_if = "Option::is_none")]
    pub(crate) start_delay_ms: Option<i64>,
    #[serde(rename = "j", default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_frame_ms: Option<i64>,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub(crate) latency_ms: Option<i64>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(crate) scale: Option<i64>,
    #[serde(rename = "g", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) background: bool,
    #[serde(rename = "z", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) starved: bool,
    #[serde(rename = "a", default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) sound_only: bool,
    #[serde(rename = "x", default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<String>,
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub(crate) response: Option<Response>,
}

/// What came of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Response {
    #[serde(rename = "c")]
    pub(crate) code: i64,
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub(crate) first_byte_ms: Option<i64>,
    #[serde(rename = "l", default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_byte_ms: Option<i64>,
    /// What was sent, as duration and bit rate tell.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub(crate) bits: Option<i64>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls it with")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

impl Response {
    /// No answer, or one of a failure.
    pub(crate) fn has_failed(self) -> bool {
        self.code == 0 || self.code >= 400
    }
}

/// Error codes that are kept of one record.
const MOST_ERRORS: usize = 4;

impl Moment {
    /// Whether it tells of a seek.
    pub(crate) fn is_seek(&self) -> bool {
        self.state == Some(PlayerState::Seeking) || self.event == "sk"
    }

    /// Nothing, for a record without a time.
    pub(crate) fn of(cmcd: &Cmcd) -> Option<Self> {
        let bitrate = |key| of_pictures(cmcd, key);
        let response = (cmcd.text(Key::E) == Some("rr")).then(|| response(cmcd));
        Some(Self {
            ts: cmcd.int(Key::Ts)?,
            epoch: cmcd.int(Key::Ep).unwrap_or(0),
            mono_ms: cmcd
                .thousandths(Key::Mono)
                .map(|mono| (mono + 500).div_euclid(1_000)),
            number: cmcd.int(Key::Sn),
            event: cmcd.text(Key::E).unwrap_or_default().to_owned(),
            state: cmcd.text(Key::Sta).and_then(PlayerState::from_token),
            playhead_ms: cmcd.int(Key::Pt),
            buffer_ms: cmcd.main(Key::Bl),
            bitrate_kbps: bitrate(Key::Pb).or_else(|| bitrate(Key::Br)),
            top_kbps: bitrate(Key::Tb).into_iter().chain(bitrate(Key::Tpb)).min(),
            throughput_kbps: cmcd.main(Key::Mtp),
            quality: cmcd.text(Key::Quality).map(str::to_owned),
            rate: cmcd.thousandths(Key::Pr),
            dropped: cmcd.int(Key::Dfa),
            frames: cmcd.int(Key::Frames),
            start_delay_ms: cmcd.int(Key::Msd),
            first_frame_ms: cmcd.int(Key::FirstFrame),
            latency_ms: cmcd.int(Key::Ltc),
            scale: scale(cmcd),
            background: cmcd.is(Key::Bg),
            starved: cmcd.is(Key::Bs),
            sound_only: cmcd.ints(Key::Br).is_some() && bitrate(Key::Br).is_none(),
            errors: cmcd
                .texts(Key::Ec)
                .iter()
                .take(MOST_ERRORS)
                .map(|code| code.text.clone())
                .collect(),
            response,
        })
    }
}

/// Of the pictures, or of both in one, or of what is not said.
fn of_pictures(cmcd: &Cmcd, key: Key) -> Option<i64> {
    let list = cmcd.ints(key)?;
    let of = |kind| list.iter().find(|(of, _)| *of == kind).map(|(_, number)| *number);
    [Some(ObjectType::Video), Some(ObjectType::Muxed), None]
        .into_iter()
        .find_map(of)
}

fn response(cmcd: &Cmcd) -> Response {
    let rate = cmcd.main(Key::Br);
    Response {
        code: cmcd.int(Key::Rc).unwrap_or(0),
        first_byte_ms: cmcd.int(Key::Ttfb),
        last_byte_ms: cmcd.int(Key::Ttlb),
        bits: cmcd
            .int(Key::D)
            .zip(rate)
            .and_then(|(ms, kbps)| ms.checked_mul(kbps)),
    }
}

/// Pixels of the screen per pixel of the picture along an edge, in thousandths: the smaller of the two edges.
fn scale(cmcd: &Cmcd) -> Option<i64> {
    let numbers = |key| match cmcd.values.get(&key) {
        Some(Value::Numbers(numbers)) => Some(numbers.as_slice()),
        Some(_) | None => None,
    };
    let ([width, height, ratio], [of_width, of_height]) = (numbers(Key::Viewport)?, numbers(Key::Source)?)
    else {
        return None;
    };
    let edge = |screen: &i64, picture: &i64| screen.checked_mul(*ratio)?.checked_div(*picture);
    edge(width, of_width)?
        .min(edge(height, of_height)?)
        .checked_abs()
        .filter(|scale| (1..100_000).contains(scale))
}
