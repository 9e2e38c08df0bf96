//! `GET /api/analytics/overview`, `/timeseries` and `/breakdown`.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, web};
use chrono::{DateTime, SecondsFormat, Utc};
use clipper_projections::rollups::{By, ConcurrencyRow, DIMENSIONS, Formula, Metric, Question};
use clipper_projections::{Selection, clips};
use serde_json::{Map, Value, json};

use super::figures::{self, Asked};
use super::interval::{self, Interval};
use super::totals::{Detail, Of, Series, Total, totals};
use super::{Filter, Parameters};
use crate::clock::Clock;
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::storage::Db;

/// The most rows of a breakdown.
const MOST_ROWS: i64 = 200;

/// `GET /api/analytics/overview`.
pub(in crate::http) async fn overview(
    request: HttpRequest,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Value>, Problem> {
    let mut parameters = Parameters::of(&request)?;
    let filter = Filter::take(&mut parameters, &caller, &db, &clock).await?;
    let compare = compares(&mut parameters)?;
    parameters.finish()?;
    let question = Question::new(&filter.selection, By::All);
    let total = all(&db, &question).await?;
    let mut answer = json!({
        "range": filter.range(),
        "sessions": total.sums.sessions,
        "small_sample": figures::is_small(total.sums.attempts),
        "metrics": figures::metrics(&total),
        "percentiles": figures::distributions(&total),
        "concurrent_viewers": peak(concurrency(&db, &question).await?.as_deref()),
    });
    if compare {
        let earlier = Question::new(&before(&question.selection), By::All);
        let total_before = all(&db, &earlier).await?;
        add(
            &mut answer,
            "previous",
            json!({
                "from": shown(earlier.selection.from),
                "to": shown(earlier.selection.to),
                "sessions": total_before.sums.sessions,
                "metrics": figures::changes(&total_before, &total),
                "percentiles": figures::distributions(&total_before),
            }),
        );
    }
    Ok(web::Json(answer))
}

/// `GET /api/analytics/timeseries`.
pub(in crate::http) async fn timeseries(
    request: HttpRequest,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Value>, Problem> {
    let mut parameters = Parameters::of(&request)?;
    let filter = Filter::take(&mut parameters, &caller, &db, &clock).await?;
    let compare = compares(&mut parameters)?;
    let asked = Asked::take(&mut parameters)?;
    let interval = parameters.word("interval", &Interval::NAMES)?;
    parameters.finish()?;
    let question = Question::new(&filter.selection, By::Time);
    let interval = interval.unwrap_or_else(|| Interval::fitting(&question.selection));
    let mut answer = json!({
        "range": filter.range(),
        "interval": interval.name(),
        "units": asked.units(),
        "points": points(&db, &question, &asked, &interval::series(interval, filter.zone, &question.selection)?).await?,
    });
    if compare {
        let earlier = Question::new(&before(&question.selection), By::Time);
        let series = interval::series(interval, filter.zone, &earlier.selection)?;
        add(
            &mut answer,
            "previous",
            json!({
                "from": shown(earlier.selection.from),
                "to": shown(earlier.selection.to),
                "points": points(&db, &earlier, &asked, &series).await?,
            }),
        );
    }
    Ok(web::Json(answer))
}

/// `GET /api/analytics/breakdown`.
pub(in crate::http) async fn breakdown(
    request: HttpRequest,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Value>, Problem> {
    let mut parameters = Parameters::of(&request)?;
    let filter = Filter::take(&mut parameters, &caller, &db, &clock).await?;
    let asked = Asked::take(&mut parameters)?;
    let names: Vec<_> = DIMENSIONS
        .into_iter()
        .chain(["clip"])
        .map(|name| (name, name))
        .collect();
    let by = parameters.word("by", &names)?.ok_or_else(|| {
        Problem::parameter(
            "by",
            "`by` must be `clip`, `quality`, `country`, `device`, `player`, `os` or `host`.",
        )
    })?;
    let sort = parameters.text("sort").unwrap_or_else(|| "-sessions".to_owned());
    let (metric, descending) = order(&sort)?;
    let limit = parameters.number("limit", 1..=MOST_ROWS)?.unwrap_or(20);
    parameters.finish()?;
    let question = Question::new(
        &filter.selection,
        if by == "clip" { By::Clip } else { By::Dimension(by) },
    );
    let found = totals(&db, &question, &Series::default(), Detail::Sums, None).await?;
    let count = found.len();
    let mut rows = sorted(named(found), metric, descending);
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let names: Vec<String> = rows.iter().map(|(name, _)| name.clone()).collect();
    if !asked.is_of_sums() && !names.is_empty() {
        let whole = totals(&db, &question, &Series::default(), Detail::Whole, Some(&names)).await?;
        let mut whole: BTreeMap<String, Total> = named(whole).into_iter().collect();
        for (name, total) in &mut rows {
            *total = whole.remove(name).unwrap_or_default();
        }
    }
    let called = if by == "clip" {
        called(&db, &names).await?
    } else {
        BTreeMap::new()
    };
    let rows = rows.iter().map(|(name, total)| {
        let mut shown = called.get(name).cloned().unwrap_or_default();
        shown.insert("value".to_owned(), name.as_str().into());
        asked.show(total, shown)
    });
    Ok(web::Json(json!({
        "range": filter.range(),
        "by": by,
        "units": asked.units(),
        "rows": rows.collect::<Vec<_>>(),
        "total_rows": count,
    })))
}

fn named(totals: BTreeMap<Of, Total>) -> Vec<(String, Total)> {
    let name = |(of, total)| match of {
        Of::Name(name) => Some((name, total)),
        Of::All | Of::Time(_) => None,
    };
    totals.into_iter().filter_map(name).collect()
}

/// By a metric; what has no value comes last either way.
fn sorted(mut rows: Vec<(String, Total)>, metric: &Metric, descending: bool) -> Vec<(String, Total)> {
    rows.sort_by(|(a_name, a), (b_name, b)| {
        let order = match (a.value(metric), b.value(metric)) {
            (Some(a), Some(b)) if descending => b.total_cmp(&a),
            (Some(a), Some(b)) => a.total_cmp(&b),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        order.then_with(|| a_name.cmp(b_name))
    });
    rows
}

fn order(sort: &str) -> Result<(&'static Metric, bool), Problem> {
    let (name, descending) = sort.strip_prefix('-').map_or((sort, false), |name| (name, true));
    let metric = Metric::named(name).filter(|metric| !matches!(metric.formula, Formula::Viewers));
    let metric = metric.ok_or_else(|| {
        let detail =
            "`sort` must be a metric other than `unique_viewers`, with `-` before it for the largest first.";
        Problem::parameter("sort", detail)
    })?;
    Ok((metric, descending))
}

fn compares(parameters: &mut Parameters) -> Result<bool, Problem> {
    let compare = parameters.word("compare", &[("previous", true), ("none", false)])?;
    Ok(compare.unwrap_or_default())
}

/// The same length of time right before.
fn before(selection: &Selection) -> Selection {
    Selection {
        from: selection.from - (selection.to - selection.from),
        to: selection.from,
        ..selection.clone()
    }
}

async fn all(db: &Db, question: &Question) -> Result<Total, Problem> {
    let mut found = totals(db, question, &Series::default(), Detail::Whole, None).await?;
    Ok(found.remove(&Of::All).unwrap_or_else(|| Total::nothing(question)))
}

async fn points(db: &Db, question: &Question, asked: &Asked, series: &Series) -> Result<Vec<Value>, Problem> {
    let detail = if asked.is_of_sums() {
        Detail::Sums
    } else {
        Detail::Whole
    };
    let mut found = totals(db, question, series, detail, None).await?;
    let viewers = concurrency(db, question).await?;
    let mut peaks: Vec<Option<i64>> = vec![viewers.as_ref().map(|_| 0); series.begins.len()];
    for minute in viewers.iter().flatten() {
        if let Some(Some(peak)) = series.place(minute.bucket).and_then(|place| peaks.get_mut(place)) {
            *peak = minute.slots().into_iter().fold(*peak, i64::max);
        }
    }
    let points = series
        .begins
        .iter()
        .zip(peaks)
        .enumerate()
        .map(|(place, (begin, peak))| {
            let total = found
                .remove(&Of::Time(place))
                .unwrap_or_else(|| Total::nothing(question));
            let mut point = Map::new();
            point.insert("at".to_owned(), shown(*begin).into());
            point.insert("concurrent_viewers".to_owned(), peak.into());
            asked.show(&total, point)
        });
    Ok(points.collect())
}

/// Nothing, where sessions are narrowed to a value of a dimension: viewers at a time are counted by clip only.
async fn concurrency(db: &Db, question: &Question) -> Result<Option<Vec<ConcurrencyRow>>, Problem> {
    if !question.is_of_clips() {
        return Ok(None);
    }
    Ok(Some(db.all(question.concurrency()).await?))
}

/// The most viewers at a time, and the first ten seconds in which there were so many.
fn peak(minutes: Option<&[ConcurrencyRow]>) -> Value {
    let Some(minutes) = minutes else {
        return Value::Null;
    };
    let mut peak: (i64, Option<DateTime<Utc>>) = (0, None);
    for minute in minutes {
        for (seconds, viewers) in (0..).step_by(10).zip(minute.slots()) {
            if viewers > peak.0 {
                peak = (viewers, Some(minute.bucket + chrono::TimeDelta::seconds(seconds)));
            }
        }
    }
    json!({ "peak": peak.0, "peak_at": peak.1.map(shown) })
}

/// How clips are called that are there.
async fn called(db: &Db, ids: &[String]) -> Result<BTreeMap<String, Map<String, Value>>, Problem> {
    let mut called = BTreeMap::new();
    for id in ids {
        let Ok(clip) = id.parse() else { continue };
        if let Some(row) = db.optional(clips::by_id(clip)).await? {
            let names = [
                ("slug".to_owned(), row.slug.into()),
                ("title".to_owned(), row.title.into()),
            ];
            called.insert(id.clone(), names.into_iter().collect());
        }
    }
    Ok(called)
}

fn add(answer: &mut Value, name: &str, value: Value) {
    if let Some(members) = answer.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn shown(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
