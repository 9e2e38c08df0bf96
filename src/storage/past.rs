//! Time travel: a clip as it was, folded from its events up to a moment.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clipper_domain::ClipId;
use clipper_projections::clip_captions::{CaptionsRow, Tracks};
use clipper_projections::clips::{ClipRow, Clips};
use clipper_projections::video_variants::{VariantRow, Variants};
use clipper_projections::{Inapplicable, Log, RawEvent, ReadModel, rows_of};

use super::{Logs, StorageError};

/// A moment in the life of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After the event with this version.
    Version(i64),
    /// After everything that was recorded by then.
    Instant(DateTime<Utc>),
}

/// A text that names no moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a version (`7`) nor a time (`2026-11-24T20:00:00Z`, `2026-11-24`)")]
pub struct InvalidMoment(String);

impl FromStr for Moment {
    type Err = InvalidMoment;

    fn from_str(text: &str) -> Result<Self, InvalidMoment> {
        if let Ok(version) = text.parse() {
            return Ok(Self::Version(version));
        }
        let instant = DateTime::parse_from_rfc3339(text).map(|instant| instant.to_utc());
        let midnight = || {
            text.parse::<NaiveDate>()
                .map(|day| day.and_time(NaiveTime::MIN).and_utc())
        };
        instant
            .or_else(|_no_time| midnight())
            .map(Self::Instant)
            .map_err(|_no_date| InvalidMoment(text.to_owned()))
    }
}

/// A clip as it was.
#[derive(Clone, Debug)]
pub struct PastClip {
    /// Its row.
    pub clip: ClipRow,
    /// Its renditions by rising bit rate.
    pub variants: Vec<VariantRow>,
    /// Its captions by language.
    pub captions: Vec<CaptionsRow>,
    /// The version of the last event that is in them.
    pub version: i64,
    /// When that was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// The clip as it was; nothing, when it was not registered yet.
pub async fn clip_at(logs: &Logs, id: ClipId, moment: Moment) -> Result<Option<PastClip>, StorageError> {
    let stored = logs.stream(Log::Clip, &id.stream(), 0).await?;
    let mut events: Vec<_> = stored.into_iter().map(|stored| stored.event).collect();
    events.retain(|event| match moment {
        Moment::Version(version) => event.version <= version,
        Moment::Instant(instant) => event.recorded_at <= instant,
    });
    let Some(last) = events.last() else {
        return Ok(None);
    };
    let clip = rows::<Clips>(&events)?.pop();
    let mut variants = rows::<Variants>(&events)?;
    variants.sort_by_key(|variant| (variant.bitrate, variant.height));
    let mut captions = rows::<Tracks>(&events)?;
    captions.sort_by(|one, other| one.language.cmp(&other.language));
    Ok(clip.map(|clip| PastClip {
        clip,
        variants,
        captions,
        version: last.version,
        recorded_at: last.recorded_at,
    }))
}

fn rows<M: ReadModel>(events: &[RawEvent]) -> Result<Vec<M::Row>, StorageError> {
    rows_of::<M>(events).map_err(
        |(event, source): (&RawEvent, Inapplicable)| StorageError::Inapplicable {
            position: event.position,
            event_type: event.event_type.clone(),
            source,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_version_or_a_time() {
        assert_eq!("7".parse(), Ok(Moment::Version(7)));
        let evening = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!("2027-01-15T08:00:00Z".parse(), Ok(Moment::Instant(evening)));
        assert_eq!("2027-01-15T09:00:00+01:00".parse(), Ok(Moment::Instant(evening)));
        let midnight = DateTime::from_timestamp(1_799_971_200, 0).unwrap();
        assert_eq!("2027-01-15".parse(), Ok(Moment::Instant(midnight)));
        let error = "yesterday".parse::<Moment>().unwrap_err();
        assert!(
            error.to_string().starts_with("`yesterday` is neither a version"),
            "{error}"
        );
    }
}
