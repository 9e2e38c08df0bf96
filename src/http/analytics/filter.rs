//! What all questions have in common: a time, and what the sessions are narrowed to.

use actix_web::web;
use chrono::{DateTime, Days, NaiveDate, SecondsFormat, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use clipper_domain::{PersonId, Quality};
use clipper_projections::{Selection, clips};
use serde_json::{Value, json};

use super::Parameters;
use crate::clock::Clock;
use crate::http::auth::Caller;
use crate::http::clips::id_of;
use crate::http::problem::{Code, Problem};
use crate::storage::Db;

/// Without `from`, a question is about the time since.
const USUAL: TimeDelta = TimeDelta::hours(24);
/// The longest name of anything.
const LONGEST: usize = 128;
/// What is not known, in questions; in tables it is the empty text.
const UNKNOWN: &str = "unknown";

/// Which sessions a question is about, and where its days begin.
#[derive(Clone, Debug)]
pub(in crate::http) struct Filter {
    /// The sessions; those of their own clips, for callers who may know no others.
    pub(in crate::http) selection: Selection,
    /// Where days begin.
    pub(in crate::http) zone: Tz,
    /// When it was asked.
    pub(in crate::http) now: DateTime<Utc>,
}

impl Filter {
    /// Takes `from`, `to`, `tz`, `clip`, `quality`, `country`, `device`, `player`, `os` and `host`.
    pub(in crate::http) async fn take(
        parameters: &mut Parameters,
        caller: &Caller,
        db: &Db,
        clock: &web::Data<dyn Clock>,
    ) -> Result<Self, Problem> {
        let owner = caller.audience()?;
        let mut filter = Self::read(parameters, clock.now())?;
        filter.selection.owner = owner;
        if let Some(name) = parameters.text("clip") {
            filter.choose(&name, owner, db).await?;
        }
        Ok(filter)
    }

    /// The same without `clip`, which the path names.
    pub(in crate::http) async fn of_clip(
        name: &str,
        parameters: &mut Parameters,
        caller: &Caller,
        db: &Db,
        clock: &web::Data<dyn Clock>,
    ) -> Result<(Self, clips::ClipRow), Problem> {
        let owner = caller.audience()?;
        let mut filter = Self::read(parameters, clock.now())?;
        let row = filter.choose(name, owner, db).await?;
        Ok((filter, row))
    }

    /// Everything that needs no database.
    fn read(parameters: &mut Parameters, now: DateTime<Utc>) -> Result<Self, Problem> {
        let zone = zone(parameters)?;
        let to = instant(parameters, "to", zone, now)?.unwrap_or(now);
        let from = instant(parameters, "from", zone, now)?.unwrap_or(to - USUAL);
        if from >= to {
            return Err(Problem::parameter("from", "`from` must be before `to`."));
        }
        let selection = Selection {
            from,
            to,
            quality: quality(parameters)?,
            country: country(parameters)?,
            device: parameters.word("device", &DEVICES)?.map(str::to_owned),
            player: name(parameters, "player")?,
            os: name(parameters, "os")?,
            host: name(parameters, "host")?,
            ..Selection::default()
        };
        Ok(Self { selection, zone, now })
    }

    /// Narrows it to one clip. Of clips whose viewers a caller may not know, it is only said that they are there when
    /// everybody may know of them.
    async fn choose(
        &mut self,
        name: &str,
        owner: Option<PersonId>,
        db: &Db,
    ) -> Result<clips::ClipRow, Problem> {
        let missing = || Problem::clip_not_found(name);
        let row = db.optional(clips::by_name(name)).await?.ok_or_else(missing)?;
        let own = owner.is_none_or(|owner| owner.to_string() == row.owner_id);
        if !own && row.visibility != "public" {
            return Err(missing());
        }
        if !own {
            let detail = "Only its owner and keys with `analytics:read` may see how a clip was played.";
            return Err(Problem::new(Code::Forbidden, detail));
        }
        self.selection.clip = Some(id_of(&row)?);
        Ok(row)
    }

    /// The time that an answer is about, as it is shown with it.
    pub(in crate::http) fn range(&self) -> Value {
        let show = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Millis, true);
        let Selection { from, to, .. } = self.selection;
        json!({ "from": show(from), "to": show(to), "tz": self.zone.name() })
    }
}

const DEVICES: [(&str, &str); 5] = [
    ("desktop", "desktop"),
    ("phone", "phone"),
    ("tablet", "tablet"),
    ("tv", "tv"),
    (UNKNOWN, ""),
];

fn zone(parameters: &mut Parameters) -> Result<Tz, Problem> {
    let Some(text) = parameters.text("tz") else {
        return Ok(Tz::UTC);
    };
    text.parse().map_err(|_unknown| {
        Problem::parameter(
            "tz",
            "`tz` must be a time zone by its IANA name, such as `Europe/Berlin`.",
        )
    })
}

/// An instant of RFC 3339, a date, or a distance from now.
fn instant(
    parameters: &mut Parameters,
    name: &str,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, Problem> {
    let Some(text) = parameters.text(name) else {
        return Ok(None);
    };
    read_instant(&text, name == "to", zone, now).map(Some).ok_or_else(|| {
        let detail = format!(
            "`{name}` must be a time of RFC 3339, a date such as `2026-11-28`, or a time before now such as `-24h` or `-7d`."
        );
        Problem::parameter(name, detail)
    })
}

/// The same for the command line, in UTC.
pub(crate) fn instant_of(text: &str, last: bool, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    read_instant(text, last, Tz::UTC, now)
}

fn read_instant(text: &str, last: bool, zone: Tz, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    // A `+` that nobody encoded arrives as a space.
    let stamp = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).map(|at| at.to_utc());
    let found = stamp.ok().or_else(|| relative(text, now));
    let found = found.or_else(|| day(text, last, zone));
    // What databases can hold.
    found.filter(|at| (1970..=9999).contains(&chrono::Datelike::year(at)))
}

/// `now`, `-90s`, `-15m`, `-24h`, `-7d`, `-2w`. Days have 24 hours here.
fn relative(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if text == "now" {
        return Some(now);
    }
    let text = text.strip_prefix('-')?;
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: i64 = digits.parse().ok()?;
    now.checked_sub_signed(TimeDelta::try_seconds(number.checked_mul(seconds)?)?)
}

/// The beginning of a date; its end, where it is the last of a range.
fn day(text: &str, whole: bool, zone: Tz) -> Option<DateTime<Utc>> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    let date = if whole {
        date.checked_add_days(Days::new(1))?
    } else {
        date
    };
    // In places clocks are put forward at midnight, and the day begins later.
    let midnight = date.and_hms_opt(0, 0, 0)?;
    let begins = (0..=3).find_map(|hour| {
        let local = zone.from_local_datetime(&(midnight + TimeDelta::hours(hour)));
        local.earliest()
    })?;
    Some(begins.to_utc())
}

/// Rungs of the ladder in any case; players may have renditions of other names.
fn quality(parameters: &mut Parameters) -> Result<Option<String>, Problem> {
    let text = name(parameters, "quality")?;
    Ok(text.map(|text| match text.parse::<Quality>() {
        Ok(quality) => quality.label().to_owned(),
        Err(_other) => text,
    }))
}

fn country(parameters: &mut Parameters) -> Result<Option<String>, Problem> {
    let Some(text) = name(parameters, "country")? else {
        return Ok(None);
    };
    let two = text.len() == 2 && text.bytes().all(|letter| letter.is_ascii_alphabetic());
    if two || text.is_empty() {
        Ok(Some(text.to_ascii_uppercase()))
    } else {
        let detail = "`country` must be two letters of ISO 3166-1, or `unknown`.";
        Err(Problem::parameter("country", detail))
    }
}

fn name(parameters: &mut Parameters, name: &str) -> Result<Option<String>, Problem> {
    let Some(text) = parameters.text(name) else {
        return Ok(None);
    };
    if text == UNKNOWN {
        return Ok(Some(String::new()));
    }
    let fit = !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control);
    if fit {
        Ok(Some(text))
    } else {
        let detail = format!("`{name}` must have 1 to {LONGEST} printable characters, or be `unknown`.");
        Err(Problem::parameter(name, detail))
    }
}

#[cfg(test)]
mod tests;
