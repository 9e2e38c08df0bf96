//! Wall time, CPU time, and what came of them.

use std::time::Instant;

use super::cpu::{Of, cpu};

/// What one turn cost and gave.
#[derive(Clone, Copy, Default)]
pub(crate) struct Turn {
    /// Seconds.
    pub(crate) wall: f64,
    /// Seconds of all processes.
    pub(crate) cpu: f64,
    /// How much of that was ffmpeg's own, from 0 to 1.
    pub(crate) share_of_ffmpeg: Option<f64>,
    /// Size of what was made.
    pub(crate) megabytes: f64,
    /// Seconds until the first segment could be played.
    pub(crate) playable: Option<f64>,
}

impl Turn {
    #[expect(clippy::cast_precision_loss, reason = "a handful of rounds")]
    pub(crate) fn mean(turns: &[Self]) -> Self {
        let count = turns.len().max(1) as f64;
        let of = |value: fn(&Self) -> f64| turns.iter().map(value).sum::<f64>() / count;
        Self {
            wall: of(|turn| turn.wall),
            cpu: of(|turn| turn.cpu),
            share_of_ffmpeg: None,
            megabytes: of(|turn| turn.megabytes),
            playable: None,
        }
    }
}

/// A turn that is being measured.
pub(crate) struct Meter {
    started: Instant,
    cpu: f64,
}

impl Meter {
    pub(crate) fn start() -> anyhow::Result<Self> {
        Ok(Self {
            started: Instant::now(),
            cpu: cpu("self", Of::Children)?,
        })
    }

    pub(crate) fn wall(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Seconds that children which were started and waited for have computed.
    pub(crate) fn cpu(&self) -> anyhow::Result<f64> {
        Ok(cpu("self", Of::Children)? - self.cpu)
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes of clips stay far below 2^52")]
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
