//! Progress of an upload and its encoding: bars on a terminal, a line now and then in a pipe.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::output::Output;

pub(super) struct Bars {
    bar: ProgressBar,
    output: Output,
    title: String,
    /// The last tenth that was told in a pipe.
    told: AtomicU64,
}

const UPLOAD: &str = "{msg:32!} uploading {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}";
const ENCODE: &str = "{msg:32!} encoding  {wide_bar} {percent}% {elapsed}";

impl Bars {
    pub(super) fn new(output: Output, title: &str, bytes: u64) -> Self {
        let bar = if output.is_terminal() {
            ProgressBar::new(bytes)
        } else {
            ProgressBar::hidden()
        };
        let bar = bar.with_style(style(UPLOAD)).with_message(title.to_owned());
        Self {
            bar,
            output,
            title: title.to_owned(),
            told: AtomicU64::new(0),
        }
    }

    /// The upload's bar, to be moved while its bytes are read.
    pub(super) fn upload_bar(&self) -> ProgressBar {
        self.bar.clone()
    }

    pub(super) fn uploaded(&self) {
        self.bar.set_style(style(ENCODE));
        self.bar.set_length(1_000);
        self.bar.set_position(0);
        if self.bar.is_hidden() {
            self.output.note(&format!("{}: uploaded", self.title));
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a percentage"
    )]
    pub(super) fn encoding(&self, percent: f64) {
        self.bar.set_position((percent.clamp(0.0, 100.0) * 10.0) as u64);
        let tenth = (percent.clamp(0.0, 100.0) / 10.0) as u64;
        if self.bar.is_hidden() && self.told.fetch_max(tenth, Ordering::Relaxed) < tenth {
            self.output
                .note(&format!("{}: {}% encoded", self.title, tenth * 10));
        }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
