//! The intervals of a series: minutes, hours or days of a time zone.

use chrono::{DateTime, DurationRound, NaiveTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use clipper_projections::Selection;

use super::totals::Series;
use crate::http::problem::Problem;

/// The most points of a series.
const MOST: usize = 2_000;

/// How long an interval is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interval {
    Minute,
    Hour,
    Day,
}

impl Interval {
    pub(super) const NAMES: [(&str, Self); 3] =
        [("minute", Self::Minute), ("hour", Self::Hour), ("day", Self::Day)];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The one of which a time has neither few nor many.
    pub(super) fn fitting(selection: &Selection) -> Self {
        match selection.to - selection.from {
            short if short <= TimeDelta::hours(3) => Self::Minute,
            middling if middling <= TimeDelta::days(7) => Self::Hour,
            _long => Self::Day,
        }
    }
}

/// The intervals of a time.
pub(super) fn series(interval: Interval, zone: Tz, selection: &Selection) -> Result<Series, Problem> {
    let (from, to) = (selection.from, selection.to);
    let mut begins = vec![first(interval, zone, from)];
    while let Some(last) = begins.last().copied() {
        let next = match interval {
            Interval::Minute => last + TimeDelta::minutes(1),
            Interval::Hour => last + TimeDelta::hours(1),
            Interval::Day => midnight_after(zone, last),
        };
        if next >= to {
            break;
        }
        if begins.len() >= MOST {
            let detail =
                format!("A series has at most {MOST} points; ask for a longer `interval` or less time.");
            return Err(Problem::parameter("interval", detail));
        }
        begins.push(next);
    }
    Ok(Series { begins, to })
}

fn first(interval: Interval, zone: Tz, from: DateTime<Utc>) -> DateTime<Utc> {
    let local = from.with_timezone(&zone);
    match interval {
        Interval::Minute => from.duration_trunc(TimeDelta::minutes(1)).unwrap_or(from),
        // Where clocks are off by half an hour, hours begin at half past.
        Interval::Hour => local
            .duration_trunc(TimeDelta::hours(1))
            .map_or(from, |at| at.to_utc()),
        Interval::Day => midnight(zone, local.date_naive()).unwrap_or(from),
    }
}

fn midnight_after(zone: Tz, at: DateTime<Utc>) -> DateTime<Utc> {
    let date = at.with_timezone(&zone).date_naive();
    let next = date.succ_opt().and_then(|date| midnight(zone, date));
    next.filter(|next| *next > at).unwrap_or(at + TimeDelta::days(1))
}

/// In places clocks are put forward at midnight, and the day begins later.
fn midnight(zone: Tz, date: chrono::NaiveDate) -> Option<DateTime<Utc>> {
    let midnight = date.and_time(NaiveTime::MIN);
    let begins = (0..=3).find_map(|hour| {
        zone.from_local_datetime(&(midnight + TimeDelta::hours(hour)))
            .earliest()
    });
    begins.map(|begins| begins.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begins(interval: Interval, zone: Tz, from: &str, to: &str) -> Vec<String> {
        let selection = Selection {
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            ..Selection::default()
        };
        let series = series(interval, zone, &selection).unwrap();
        series
            .begins
            .iter()
            .map(|at| at.format("%m-%dT%H:%M").to_string())
            .collect()
    }

    #[test]
    fn days_begin_at_midnight_of_the_zone_also_when_clocks_change() {
        let days = begins(
            Interval::Day,
            Tz::Europe__Berlin,
            "2026-10-24T12:00:00Z",
            "2026-10-27T00:00:00Z",
        );
        assert_eq!(days, ["10-23T22:00", "10-24T22:00", "10-25T23:00", "10-26T23:00"]);
    }

    #[test]
    fn hours_begin_at_full_hours_of_the_zone() {
        let hours = begins(
            Interval::Hour,
            Tz::Asia__Kolkata,
            "2026-10-24T12:10:00Z",
            "2026-10-24T14:00:00Z",
        );
        assert_eq!(hours, ["10-24T11:30", "10-24T12:30", "10-24T13:30"]);
    }

    #[test]
    fn a_series_has_an_end() {
        let selection = Selection {
            from: "2026-01-01T00:00:00Z".parse().unwrap(),
            to: "2026-06-01T00:00:00Z".parse().unwrap(),
            ..Selection::default()
        };
        assert!(series(Interval::Minute, Tz::UTC, &selection).is_err());
        assert!(series(Interval::Hour, Tz::UTC, &selection).is_err());
        assert_eq!(
            series(Interval::Day, Tz::UTC, &selection).unwrap().begins.len(),
            151
        );
    }
}
