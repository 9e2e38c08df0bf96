//! What is told at the end.

use serde_json::json;

use crate::cli::output::{Output, table};
use crate::simulate::{Observed, Simulated, Summary, Took};

/// Prints the truth; false, when a player failed or reports were refused.
pub(super) fn give(simulated: &Simulated, output: Output) -> anyhow::Result<bool> {
    let summary = Summary::of(&simulated.rows);
    let data = json!({ "truth": summary, "server": simulated.observed, "sessions": simulated.rows });
    output.data(&data, || text(&summary, &simulated.observed))?;
    Ok(summary.outcomes.failed == 0 && summary.reports_refused == 0)
}

fn text(truth: &Summary, server: &Observed) -> String {
    let late = format!(
        "{} too late for the network, at most {:.0} ms; {} asked for again",
        server.late, server.latest_ms, server.repeated
    );
    let bitrate = truth.bitrate_kbps.map(|kbps| format!("{kbps:.0} kbit/s"));
    let rows = [
        ("sessions", format!("{}, {} plays", truth.sessions, truth.plays)),
        ("", outcomes(truth)),
        ("startup", startup(truth)),
        (
            "watched",
            format!("{:.1} s, {:.1} s of it playing", truth.watched_s, truth.playing_s),
        ),
        ("rebuffering", rebuffering(truth)),
        ("bitrate", bitrate.unwrap_or_default()),
        ("switches", truth.switches.to_string()),
        ("seeks, pauses", format!("{}, {}", truth.seeks, truth.pauses)),
        (
            "media",
            format!("{} requests, {} bytes", truth.requests, truth.bytes),
        ),
        ("reports", reports(truth)),
        ("server", format!("answers in {}", took(&server.answer))),
        ("", format!("acknowledges in {}", took(&server.acknowledgement))),
        ("", late),
        ("took", format!("{:.1} s", server.took_s)),
    ];
    let rows = rows.map(|(name, value)| vec![name.to_owned(), value]);
    table(&["truth", ""], &rows)
}

fn outcomes(truth: &Summary) -> String {
    let outcomes = truth.outcomes;
    format!(
        "{} ended, {} left, {} left while starting, {} while waiting, {} failed, {} broken off",
        outcomes.ended,
        outcomes.left,
        outcomes.left_starting,
        outcomes.left_waiting,
        outcomes.failed,
        outcomes.stopped
    )
}

fn startup(truth: &Summary) -> String {
    truth.startup_ms.map_or_else(String::new, |took| {
        format!(
            "p50 {}, p90 {}, p95 {}, p99 {} ms",
            took.p50, took.p90, took.p95, took.p99
        )
    })
}

fn rebuffering(truth: &Summary) -> String {
    let ratio = truth.rebuffer_ratio.unwrap_or_default() * 100.0;
    format!(
        "{} stalls, {:.1} s, {ratio:.3} % of the time watched; {} plays without",
        truth.rebuffer_count, truth.rebuffer_s, truth.rebuffer_free
    )
}

fn reports(truth: &Summary) -> String {
    format!(
        "{} acknowledged of {} records; on purpose {} lost ({} records), {} doubled, {} overtaken; {} refused",
        truth.reports,
        truth.records,
        truth.reports_lost,
        truth.records_lost,
        truth.reports_duplicated,
        truth.reports_reordered,
        truth.reports_refused
    )
}

fn took(took: &Took) -> String {
    format!(
        "p50 {:.1}, p95 {:.1}, p99 {:.1}, at most {:.1} ms",
        took.p50_ms, took.p95_ms, took.p99_ms, took.max_ms
    )
}
