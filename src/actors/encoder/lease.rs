//! Keeping a lease alive while work goes on under it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::EncoderSettings;
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

/// Renews a lease until it is lost. A database that cannot be asked does not end the work before the lease has run
/// out in truth.
pub(super) async fn keep(settings: &EncoderSettings, lease: &Lease, progress: &Progress) {
    let mut until = settings.clock.now() + settings.lease;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let next = settings.clock.now() + settings.lease;
        match leases::renew(&settings.db, lease, progress.get(), next).await {
            Ok(true) => until = next,
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(lease = %lease.resource, error = &error as &dyn std::error::Error, "lease not renewed");
                if settings.clock.now() >= until {
                    return;
                }
            }
        }
    }
}
