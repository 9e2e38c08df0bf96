//! A whole session in a few numbers, as the usual guide has it: one closing record.

use clipper_domain::SessionId;
use clipper_domain::report::{Report, Summary};
use serde::Deserialize;
use serde_json::Value;

use crate::http::problem::{Code, Problem};
use crate::http::reports::Sender;

/// A closing record.
#[derive(Debug, Deserialize)]
pub(super) struct Closing {
    clip_id: String,
    #[serde(default)]
    session_id: Option<String>,
    /// Never trusted: people sign in.
    #[serde(default, rename = "user_id")]
    _user_id: Value,
    #[serde(flatten)]
    summary: Summary,
}

/// A session lasts a year at most.
const MOST_SECONDS: f64 = 366.0 * 86_400.0;

impl Closing {
    /// Nothing, for a body that is something else.
    pub(super) fn of(body: &Value, path_sid: Option<&str>) -> Result<Option<Self>, Problem> {
        if body.get("schema").is_some() || body.get("clip_id").is_none() {
            return Ok(None);
        }
        let mut closing: Self = Self::deserialize(body).map_err(|error| {
            Problem::new(Code::MalformedJson, format!("The summary is not valid: {error}."))
        })?;
        closing.session_id = path_sid.map(str::to_owned).or(closing.session_id);
        let summary = &closing.summary;
        let numbers = [
            Some(summary.session_duration),
            summary.bandwidth_mbps,
            summary.buffer_health,
        ];
        let sensible = numbers
            .into_iter()
            .flatten()
            .all(|number| (0.0..=MOST_SECONDS).contains(&number))
            && [summary.quality_switches, summary.buffering_events]
                .iter()
                .all(|n| (0..1_000_000).contains(n))
            && closing.clip_id.len() <= 128
            && summary.quality.as_ref().is_none_or(|quality| quality.len() <= 16)
            && !body.to_string().contains("\\u0000");
        if sensible {
            Ok(Some(closing))
        } else {
            Err(Problem::new(
                Code::InvalidRequest,
                "The summary holds numbers or names that cannot be.",
            ))
        }
    }

    /// Without a name, the session is told by who sent what: sent twice, it is the same.
    pub(super) fn report(self, sender: &Sender, now: i64) -> (SessionId, Report) {
        let content = serde_json::to_string(&self.summary).unwrap_or_default();
        let audience = sender.audience.clone().unwrap_or_default();
        let name = self
            .session_id
            .unwrap_or_else(|| format!("{}/{audience}/{content}", self.clip_id));
        let report = Report {
            clip: self.clip_id,
            sent_at: now,
            private: sender.private,
            bot: sender.bot,
            audience: sender.audience.clone(),
            ctx: sender.ctx.clone(),
            weight: 1,
            summary: Some(self.summary),
            ..Report::default()
        };
        (SessionId::of_named(&name), report)
    }
}
