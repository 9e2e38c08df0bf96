//! Keeping a lease alive while work goes on under it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::EncoderSettings;
use crate::storage::StorageError;
use crate::storage::leases::{self, Lease};

/// How far the work has come, in parts of ten thousand.
#[derive(Debug, Default)]
pub(super) struct Progress(AtomicU32);

impl Progress {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share from 0 to 1"
    )]
    pub(super) fn set(&self, share: f64) {
        self.0
            .store((share.clamp(0.0, 1.0) * 10_000.0) as u32, Ordering::Relaxed);
    }

    fn get(&self) -> f64 {
        f64::from(self.0.load(Ordering::Relaxed)) / 10_000.0
    }
}

/// How often it is looked whether somebody took the lease away: who cancels waits no longer for the work to stop.
const LOOK: Duration = Duration::from_millis(250);
/// How often the lease is renewed, which is a write.
const RENEW: Duration = Duration::from_secs(1);

/// Renews a lease until it is lost. A database that cannot be asked does not end the work before the lease has run
/// out in truth.
pub(super) async fn keep(settings: &EncoderSettings, lease: &Lease, progress: &Progress) {
    let lasts = settings.lease.to_std().unwrap_or_default();
    let (mut renewed, mut pause) = (Instant::now(), LOOK);
    loop {
        tokio::time::sleep(pause).await;
        let asked = Instant::now();
        let due = asked.duration_since(renewed) >= RENEW;
        let held = if due {
            renew(settings, lease, progress).await
        } else {
            leases::is_ours(&settings.db, lease).await
        };
        pause = LOOK;
        match held {
            Ok(true) if due => renewed = asked,
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(lease = %lease.resource, error = &error as &dyn std::error::Error, "lease not renewed");
                pause = RENEW;
                if renewed.elapsed() >= lasts {
                    return;
                }
            }
        }
    }
}

async fn renew(settings: &EncoderSettings, lease: &Lease, progress: &Progress) -> Result<bool, StorageError> {
    let until = settings.now().await? + settings.lease;
    leases::renew(&settings.db, lease, progress.get(), until).await
}
