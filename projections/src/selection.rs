//! Which sessions a question of the analytics is about.

use chrono::{DateTime, Utc};
use clipper_domain::{ClipId, PersonId};

use crate::Arg;

/// Sessions of a time, narrowed down.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// From this instant on.
    pub from: DateTime<Utc>,
    /// Up to, but without this instant.
    pub to: DateTime<Utc>,
    /// Only of this clip.
    pub clip: Option<ClipId>,
    /// Only of clips that this person owns.
    pub owner: Option<PersonId>,
    /// Only of this rendition, as players name it.
    pub quality: Option<String>,
    /// Only from this country; from none that is known, when empty. So are those that follow.
    pub country: Option<String>,
    /// Only on this kind of device.
    pub device: Option<String>,
    /// Only with this player.
    pub player: Option<String>,
    /// Only under this operating system.
    pub os: Option<String>,
    /// Only with media of this host.
    pub host: Option<String>,
}

impl Selection {
    /// The conditions, of a table with the columns `clip_id`, `quality`, `country`, `device`, `player`, `os` and `host`, and
    /// this one for the time. Values go behind those that are there.
    pub fn conditions(&self, time: &str, args: &mut Vec<Arg>) -> String {
        let mut conditions = Conditions { said: vec![], args };
        conditions.say(&format!("{time} >="), self.from);
        conditions.say(&format!("{time} <"), self.to);
        if let Some(clip) = self.clip {
            conditions.say("clip_id =", clip.0);
        }
        if let Some(owner) = self.owner {
            let place = conditions.place(owner.to_string().into());
            let own = format!("clip_id IN (SELECT id FROM clips WHERE owner_id = {place})");
            conditions.said.push(own);
        }
        let texts = [
            ("quality =", &self.quality),
            ("country =", &self.country),
            ("device =", &self.device),
            ("player =", &self.player),
            ("os =", &self.os),
            ("host =", &self.host),
        ];
        for (column, text) in texts {
            if let Some(text) = text {
                conditions.say(column, text.as_str());
            }
        }
        conditions.said.join(" AND ")
    }
}

struct Conditions<'a> {
    said: Vec<String>,
    args: &'a mut Vec<Arg>,
}

impl Conditions<'_> {
    fn place(&mut self, value: Arg) -> String {
        self.args.push(value);
        format!("${}", self.args.len())
    }

    fn say(&mut self, comparison: &str, value: impl Into<Arg>) {
        let place = self.place(value.into());
        self.said.push(format!("{comparison} {place}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_has_a_value_of_its_own_behind_those_that_are_there() {
        let selection = Selection {
            clip: Some(ClipId(uuid::Uuid::nil())),
            owner: Some(PersonId(uuid::Uuid::nil())),
            host: Some(String::new()),
            ..Selection::default()
        };
        let mut args = vec![Arg::from(7_i64)];
        assert_eq!(
            selection.conditions("created_at", &mut args),
            "created_at >= $2 AND created_at < $3 AND clip_id = $4 \
             AND clip_id IN (SELECT id FROM clips WHERE owner_id = $5) AND host = $6"
        );
        assert_eq!(args.len(), 6);
    }
}
