//! Simulated time as time that really passes.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Millis;

/// Shorter waits are left out: the timer is no finer.
const FINEST: Duration = Duration::from_millis(1);

/// When a simulated moment is.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    began: Instant,
    /// Simulated seconds in a second.
    scale: f64,
    stop: CancellationToken,
}

/// The simulation is being broken off.
#[derive(Debug)]
pub(super) struct BrokenOff;

impl Pace {
    pub(super) fn new(scale: f64, stop: CancellationToken) -> Self {
        Self {
            began: Instant::now(),
            scale,
            stop,
        }
    }

    pub(super) fn is_broken_off(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits for a moment.
    pub(super) async fn until(&self, at: Millis) -> Result<(), BrokenOff> {
        let moment = self.began + Duration::from_millis(at).div_f64(self.scale);
        if moment.saturating_duration_since(Instant::now()) < FINEST {
            return if self.is_broken_off() {
                Err(BrokenOff)
            } else {
                Ok(())
            };
        }
        tokio::select! {
            () = self.stop.cancelled() => Err(BrokenOff),
            () = tokio::time::sleep_until(moment) => Ok(()),
        }
    }

    /// How long a moment has been over, in real time.
    pub(super) fn late(&self, at: Millis) -> Duration {
        let moment = self.began + Duration::from_millis(at).div_f64(self.scale);
        Instant::now().saturating_duration_since(moment)
    }
}
