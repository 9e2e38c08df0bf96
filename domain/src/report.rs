//! What a player reports about a session, and the event that keeps it.

use cqrs_es::DomainEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::PersonId;
use crate::schema::{Schema, Unreadable, Written};

/// What happened to a playback session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PlaybackEvent {
    /// A player's batch was accepted.
    PlaybackReported(Report),
}

/// One accepted batch of records; times are the player's clock in Unix milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The clip that was played, as the player named it (UUID or slug).
    pub clip: String,
    /// The clip's identity, when it is known.
    pub clip_id: Option<Uuid>,
    /// The signed-in viewer, when there is one.
    pub viewer: Option<PersonId>,
    /// When the player sent the batch.
    pub sent_at: i64,
    /// The records in the order in which they were sent.
    pub records: Vec<Record>,
}

/// One record, in CMCD's vocabulary (CTA-5004-B).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Unix milliseconds.
    pub ts: i64,
    /// The event (`ps`, `bc`, `e`, `t`, …).
    pub e: String,
    /// The player's state (`s` starting, `p` playing, `k` seeking, `r` rebuffering, `a` paused, `e` ended, …).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sta: Option<PlayerState>,
    /// Playhead in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pt: Option<i64>,
    /// Buffer length in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bl: Option<i64>,
    /// Encoded bit rate in kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub br: Option<i64>,
    /// Measured throughput in kbit/s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtp: Option<i64>,
    /// Media start delay in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub msd: Option<i64>,
    /// The rung on the screen (`720p`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<String>,
}

/// The state of a player (CMCD `sta`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlayerState {
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
    /// Loading before it was asked to play.
    #[serde(rename = "d")]
    Preloading,
}

impl PlayerState {
    /// The token of CMCD's `sta`.
    pub fn token(self) -> &'static str {
        match self {
            Self::Starting => "s",
            Self::Playing => "p",
            Self::Seeking => "k",
            Self::Rebuffering => "r",
            Self::Paused => "a",
            Self::Ended => "e",
            Self::Fatal => "f",
            Self::Quit => "q",
            Self::Preloading => "d",
        }
    }

    /// The state that a token names.
    pub fn from_token(token: &str) -> Option<Self> {
        let all = [
            Self::Starting,
            Self::Playing,
            Self::Seeking,
            Self::Rebuffering,
            Self::Paused,
            Self::Ended,
            Self::Fatal,
            Self::Quit,
            Self::Preloading,
        ];
        all.into_iter().find(|state| state.token() == token)
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
    const VERSIONS: &'static [(&'static str, i64)] = &[("PlaybackReported", 2)];

    /// Version 1 named the viewer in the clear as `user_id`.
    fn upcast(mut old: Written<Value>) -> Result<Vec<Written<Value>>, Unreadable> {
        if let Some(report) = old.payload.as_object_mut() {
            let viewer = match report.remove("user_id") {
                Some(Value::String(user_id)) => serde_json::json!(PersonId::of_named(&user_id)),
                _ => Value::Null,
            };
            report.insert("viewer".to_owned(), viewer);
        }
        old.schema_version = 2;
        Ok(vec![old])
    }
}
