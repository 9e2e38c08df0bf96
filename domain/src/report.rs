//! What a player reports about a session, and the event that keeps it.

mod upcast;

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::PersonId;
use crate::cmcd::Cmcd;
use crate::schema::{Schema, Unreadable, Written};

/// What happened to a playback session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PlaybackEvent {
    /// A player's batch was accepted.
    PlaybackReported(Report),
}

/// One accepted batch of records; times are the player's clock in Unix milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The clip that was played, as the player named it (UUID or slug).
    pub clip: String,
    /// The clip's identity, when it is known.
    pub clip_id: Option<Uuid>,
    /// The signed-in viewer, when there is one.
    pub viewer: Option<PersonId>,
    /// Somebody who is not signed in, under a name that nobody can undo and that lasts a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// How it came.
    #[serde(default, skip_serializing_if = "Origin::is_player")]
    pub origin: Origin,
    /// When the player sent the batch.
    pub sent_at: i64,
    /// How far the player's clock is behind ours, as this batch shows it: milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skew_ms: Option<i64>,
    /// How many sessions this one stands for, where only some of them report.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub weight: i64,
    /// The viewer asked not to be followed: the session counts in sums alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
    /// The client calls itself a robot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bot: bool,
    /// With what the viewer watches.
    #[serde(default, skip_serializing_if = "Surroundings::is_unknown")]
    pub ctx: Surroundings,
    /// A whole session in a few numbers, from players that send no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
    /// The records in the order in which they were sent, in CMCD's vocabulary (CTA-5004-B).
    pub records: Vec<Cmcd>,
}

/// How a report came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The player reported.
    #[default]
    Player,
    /// Read off requests for media; times are ours.
    Requests,
}

impl Origin {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls it with")]
    fn is_player(&self) -> bool {
        *self == Self::Player
    }
}

/// With what a viewer watches, as coarsely as questions need it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Surroundings {
    /// The player and its version: `hls.js/1.7.4`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub player: String,
    /// `desktop`, `phone`, `tablet`, `tv`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub device: String,
    /// The operating system.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub os: String,
    /// The browser and its version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub browser: String,
    /// Two letters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub country: String,
    /// The host that media came from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The kind of connection.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub conn: String,
}

impl Surroundings {
    fn is_unknown(&self) -> bool {
        *self == Self::default()
    }
}

/// A session in a few numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The rendition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
    /// Mbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandwidth_mbps: Option<f64>,
    /// Seconds of buffer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer_health: Option<f64>,
    /// Seconds watched.
    pub session_duration: f64,
    /// Changes of rendition.
    #[serde(default)]
    pub quality_switches: i64,
    /// Stalls.
    #[serde(default)]
    pub buffering_events: i64,
}

fn one() -> i64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde calls it with")]
fn is_one(weight: &i64) -> bool {
    *weight == 1
}

/// The state of a player (CMCD `sta`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PlayerState {
    /// Loading before it was asked to play.
    #[serde(rename = "d")]
    Preloading,
    /// Waiting for the first frame.
    #[serde(rename = "s")]
    Starting,
    /// Playing.
    #[serde(rename = "p")]
    Playing,
    /// Waiting after a seek.
    #[serde(rename = "k")]
    Seeking,
    /// Stalled.
    #[serde(rename = "r")]
    Rebuffering,
    /// Paused by the viewer.
    #[serde(rename = "a")]
    Paused,
    /// Played to the end.
    #[serde(rename = "e")]
    Ended,
    /// Failed.
    #[serde(rename = "f")]
    Fatal,
    /// Left.
    #[serde(rename = "q")]
    Quit,
}

impl PlayerState {
    const ALL: [(Self, &'static str); 9] = [
        (Self::Preloading, "d"),
        (Self::Starting, "s"),
        (Self::Playing, "p"),
        (Self::Seeking, "k"),
        (Self::Rebuffering, "r"),
        (Self::Paused, "a"),
        (Self::Ended, "e"),
        (Self::Fatal, "f"),
        (Self::Quit, "q"),
    ];

    /// The token of CMCD's `sta`.
    pub fn token(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, token)| token)
    }

    /// The state that a token names.
    pub fn from_token(token: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, of)| *of == token)
            .map(|(state, _)| *state)
    }
}

impl DomainEvent for PlaybackEvent {
    fn event_type(&self) -> String {
        match self {
            Self::PlaybackReported(_) => "PlaybackReported".to_owned(),
        }
    }

    fn event_version(&self) -> String {
        Self::current_version(&self.event_type()).unwrap_or(1).to_string()
    }
}

impl Schema for PlaybackEvent {
    const VERSIONS: &'static [(&'static str, i64)] = &[("PlaybackReported", 3)];

    fn upcast(old: Written<Value>) -> Result<Vec<Written<Value>>, Unreadable> {
        Ok(vec![if old.schema_version == 1 {
            upcast::first(old)
        } else {
            upcast::second(old)
        }])
    }
}
