//! What came of reports.

use serde_json::Value;

use crate::http::analytics;
use crate::http::endpoint::{Access, Endpoint, get};
use crate::http::problem::Code;

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        narrowed(get(
            "/api/analytics/sessions",
            analytics::sessions,
            "Sessions one by one",
        ))
        .asks("sort", "`newest`, `oldest`, `worst` or `best`, by experience")
        .asks("state", "`live` or `ended`")
        .asks("outcome", "Such as `played` or `failed_to_start`")
        .asks("limit", "1 to 100; 24, when it is not said")
        .asks("cursor", "`next_cursor` of an earlier answer in the same order")
        .answers::<Value>(200, "A page, and where the next one begins"),
        narrowed(get(
            "/api/analytics/overview",
            analytics::overview,
            "Every metric, percentiles and viewers at a time",
        ))
        .asks("compare", "`previous` adds the same length of time right before")
        .answers::<Value>(200, "Metrics with unit and sample size"),
        narrowed(get(
            "/api/analytics/timeseries",
            analytics::timeseries,
            "Metrics over time",
        ))
        .asks("interval", "`minute`, `hour` or `day`")
        .asks("metrics", "Names of metrics, with commas")
        .asks("percentiles", "Names of distributions, with commas")
        .asks("compare", "`previous` adds the series right before")
        .answers::<Value>(200, "A point for each interval"),
        narrowed(get(
            "/api/analytics/breakdown",
            analytics::breakdown,
            "Metrics by clip or by one dimension",
        ))
        .asks(
            "by",
            "`clip`, `quality`, `country`, `device`, `player`, `os` or `host`",
        )
        .asks("sort", "A metric, with `-` before it for the largest first")
        .asks("limit", "1 to 200; 20, when it is not said")
        .asks("metrics", "Names of metrics, with commas")
        .asks("percentiles", "Names of distributions, with commas")
        .answers::<Value>(200, "A row for each clip or value"),
        get(
            "/api/analytics/sessions/{id}",
            analytics::session,
            "A session, and what happened when",
        )
        .by(Access::Analyst)
        .answers::<Value>(200, "Its row and its timeline")
        .refuses(&[Code::InvalidParameter, Code::SessionNotFound]),
        over_a_time(get(
            "/api/analytics/clips/{clip}",
            analytics::clip,
            "What the sessions of a clip come to",
        ))
        .answers::<Value>(200, "Sums, and ratios of sums")
        .refuses(&[Code::ClipNotFound]),
        over_a_time(get(
            "/api/analytics/clips/{clip}/retention",
            analytics::retention,
            "Which parts of a clip are watched",
        ))
        .answers::<Value>(200, "Bucket by bucket")
        .refuses(&[Code::ClipNotFound, Code::HlsNotAvailable]),
        narrowed(get(
            "/api/analytics/export",
            analytics::export,
            "Sessions as a file",
        ))
        .asks(
            "format",
            "`ndjson`, `csv` or `parquet`; `ndjson`, when it is not said",
        )
        .sends(
            200,
            "application/x-ndjson",
            "A session on each line, or the same in the form that was asked for",
        ),
    ]
}

/// Narrowed down to a clip, or not.
fn narrowed(endpoint: Endpoint) -> Endpoint {
    over_a_time(endpoint)
        .asks("clip", "A clip's UUID or slug")
        .refuses(&[Code::ClipNotFound])
}

/// Over a time, and narrowed down by everything but the clip.
fn over_a_time(endpoint: Endpoint) -> Endpoint {
    endpoint
        .by(Access::Analyst)
        .asks(
            "from",
            "A time of RFC 3339, a date, or a time before now such as `-24h`; a day ago, when it is not said",
        )
        .asks("to", "Likewise; now, when it is not said")
        .asks("tz", "Where days begin: a time zone by its IANA name")
        .asks("quality", "A rendition")
        .asks("country", "Two letters of ISO 3166-1, or `unknown`")
        .asks("device", "`desktop`, `phone`, `tablet`, `tv` or `unknown`")
        .asks("player", "Its name, or `unknown`")
        .asks("os", "Its name, or `unknown`")
        .asks("host", "Where segments come from, or `unknown`")
        .refuses(&[Code::InvalidParameter])
}
