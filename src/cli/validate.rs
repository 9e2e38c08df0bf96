//! `clipper validate`: any HLS presentation, ours or not, against Apple's authoring specification and RFC 8216.

use anstream::{AutoStream, ColorChoice};
use clap::Args;

use super::output::Output;
use crate::hls::{Finding, Report, Severity};
use crate::presentation::{Place, Presentation};

#[derive(Debug, Args)]
pub(super) struct ValidateArguments {
    /// A master or media playlist: a file, or an http or https address.
    #[arg(value_name = "PATH|URL", value_parser = Place::parse)]
    playlist: Place,
}

pub(super) async fn validate(arguments: &ValidateArguments, output: Output) -> anyhow::Result<bool> {
    let presentation = Presentation::load(&arguments.playlist).await?;
    let reports = presentation.validate();
    let broken = count(&reports, Severity::Must);
    let data = serde_json::json!({
        "valid": broken == 0,
        "must": broken,
        "should": count(&reports, Severity::Should),
        "playlists": reports,
    });
    output.data(&data, || text(&reports, Paint::for_stdout()))?;
    Ok(broken == 0)
}

fn count(reports: &[Report], severity: Severity) -> usize {
    let findings = reports.iter().flat_map(|report| &report.findings);
    findings.filter(|finding| finding.severity == severity).count()
}

/// Whether colours are seen, or only in the way.
#[derive(Clone, Copy)]
struct Paint {
    colours: bool,
}

impl Paint {
    /// Colours on a terminal, unless `NO_COLOR` is set.
    fn for_stdout() -> Self {
        let colours = match AutoStream::choice(&std::io::stdout()) {
            ColorChoice::Never | ColorChoice::Auto => false,
            ColorChoice::Always | ColorChoice::AlwaysAnsi => true,
        };
        Self { colours }
    }

    fn severity(self, severity: Severity) -> String {
        let (name, colour) = match severity {
            Severity::Must => ("MUST  ", 31),
            Severity::Should => ("SHOULD", 33),
        };
        if self.colours {
            format!("\u{1b}[{colour}m{name}\u{1b}[0m")
        } else {
            name.to_owned()
        }
    }
}

fn text(reports: &[Report], paint: Paint) -> String {
    let mut lines = Vec::new();
    for report in reports {
        lines.push(report.playlist.clone());
        if report.findings.is_empty() {
            lines.push("  ok".to_owned());
        }
        let width = report
            .findings
            .iter()
            .map(|finding| finding.rule.len())
            .max()
            .unwrap_or(0);
        let line = |finding: &Finding| {
            let severity = paint.severity(finding.severity);
            format!("  {severity}  {:width$}  {}", finding.rule, finding.message)
        };
        lines.extend(report.findings.iter().map(line));
    }
    lines.push(format!(
        "\n{} MUST broken, {} SHOULD not followed",
        count(reports, Severity::Must),
        count(reports, Severity::Should)
    ));
    lines.join("\n")
}
