//! Figures as they are shown: values with their unit, and a warning where they are of few.

use clipper_projections::rollups::{Distribution, Formula, METRICS, Metric, SMALL_SAMPLE, Sketch};
use serde_json::{Map, Value, json};

use super::Parameters;
use super::totals::Total;
use crate::http::problem::Problem;

/// The percentiles that are told.
const PERCENTILES: [(&str, f64); 4] = [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99)];

/// What is shown where nobody says what to show.
const USUAL: [&str; 7] = [
    "attempts",
    "plays",
    "watched_ms",
    "rebuffer_ratio",
    "start_failure_pct",
    "startup_ms",
    "avg_bitrate_kbps",
];

/// Metrics and distributions that are asked for.
pub(super) struct Asked {
    pub(super) metrics: Vec<&'static Metric>,
    distributions: Vec<Distribution>,
}

impl Asked {
    /// Takes `metrics` and `percentiles`, lists of names with commas.
    pub(super) fn take(parameters: &mut Parameters) -> Result<Self, Problem> {
        let usual = || USUAL.iter().filter_map(|name| Metric::named(name)).collect();
        let metrics = match parameters.text("metrics") {
            None => usual(),
            Some(text) => names(&text).map(metric).collect::<Result<_, _>>()?,
        };
        let distributions = match parameters.text("percentiles") {
            None => vec![],
            Some(text) => names(&text).map(distribution).collect::<Result<_, _>>()?,
        };
        Ok(Self {
            metrics,
            distributions,
        })
    }

    /// Whether sums are enough to answer.
    pub(super) fn is_of_sums(&self) -> bool {
        let viewers = self
            .metrics
            .iter()
            .any(|metric| matches!(metric.formula, Formula::Viewers));
        self.distributions.is_empty() && !viewers
    }

    pub(super) fn units(&self) -> Value {
        let units = self
            .metrics
            .iter()
            .map(|metric| (metric.name.to_owned(), metric.unit.name().into()));
        Value::Object(units.collect())
    }

    /// The figures of a point or a row, behind what it is the point or the row of.
    pub(super) fn show(&self, total: &Total, mut shown: Map<String, Value>) -> Value {
        shown.insert("sessions".to_owned(), total.sums.sessions.into());
        shown.insert("small_sample".to_owned(), is_small(total.sums.attempts).into());
        let values = self
            .metrics
            .iter()
            .map(|metric| (metric.name.to_owned(), value(total, metric)));
        shown.insert("metrics".to_owned(), Value::Object(values.collect()));
        if !self.distributions.is_empty() {
            let named = |which: &Distribution| (which.name().to_owned(), percentiles(total, *which));
            let all = self.distributions.iter().map(named).collect();
            shown.insert("percentiles".to_owned(), Value::Object(all));
        }
        Value::Object(shown)
    }
}

fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|name| !name.is_empty())
}

pub(super) fn metric(name: &str) -> Result<&'static Metric, Problem> {
    Metric::named(name).ok_or_else(|| {
        Problem::parameter(
            "metrics",
            format!("There is no metric `{name}`; docs/analytics.md lists them."),
        )
    })
}

fn distribution(name: &str) -> Result<Distribution, Problem> {
    let found = Distribution::ALL.into_iter().find(|which| which.name() == name);
    found.ok_or_else(|| {
        let known = Distribution::ALL.map(Distribution::name).join("`, `");
        let detail = format!("There are no percentiles of `{name}`; there are those of `{known}`.");
        Problem::parameter("percentiles", detail)
    })
}

pub(super) fn is_small(n: i64) -> bool {
    n < SMALL_SAMPLE
}

/// Every metric, with its unit and how many it is of.
pub(super) fn metrics(total: &Total) -> Value {
    let shown = METRICS.iter().map(|metric| {
        let mut shown = Map::new();
        shown.insert("value".to_owned(), value(total, metric));
        shown.insert("unit".to_owned(), metric.unit.name().into());
        if let Some(n) = metric.n(&total.sums) {
            shown.insert("n".to_owned(), n.into());
            shown.insert("small_sample".to_owned(), is_small(n).into());
        }
        (metric.name.to_owned(), Value::Object(shown))
    });
    Value::Object(shown.collect())
}

/// Every metric as it was before, and by how much it has changed since.
pub(super) fn changes(before: &Total, now: &Total) -> Value {
    let shown = METRICS.iter().map(|metric| {
        let change = before
            .value(metric)
            .zip(now.value(metric))
            .filter(|(before, _)| *before > 0.0);
        let change = change.map(|(before, now)| number(100.0 * (now - before) / before));
        (
            metric.name.to_owned(),
            json!({ "value": value(before, metric), "change_percent": change }),
        )
    });
    Value::Object(shown.collect())
}

/// Every distribution.
pub(super) fn distributions(total: &Total) -> Value {
    let shown = Distribution::ALL.map(|which| {
        let mut shown = percentiles(total, which);
        let n = total.sketches.get(which).map_or(0, Sketch::total);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("unit".to_owned(), which.unit().into());
            shown.insert("n".to_owned(), n.into());
            shown.insert("small_sample".to_owned(), is_small(n).into());
        }
        (which.name().to_owned(), shown)
    });
    Value::Object(shown.into_iter().collect())
}

fn percentiles(total: &Total, which: Distribution) -> Value {
    let sketch = total.sketches.get(which);
    let shown = PERCENTILES.map(|(name, share)| {
        let value = sketch.and_then(|sketch| sketch.quantile(share));
        (name.to_owned(), value.map(number).into())
    });
    Value::Object(shown.into_iter().collect())
}

/// Sums are whole numbers.
#[expect(clippy::cast_possible_truncation, reason = "it was a whole number")]
fn value(total: &Total, metric: &Metric) -> Value {
    match (total.value(metric), metric.formula) {
        (None, _) => Value::Null,
        (Some(value), Formula::Sum(_) | Formula::Viewers) => (value as i64).into(),
        (Some(value), Formula::Ratio(..)) => number(value).into(),
    }
}

/// More digits mean nothing.
fn number(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
