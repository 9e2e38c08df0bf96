//! SIGINT and SIGTERM, which end the program, and SIGHUP, which has files read again.

use tokio::signal::unix::{SignalKind, signal};

/// Waits for the first signal.
pub(crate) async fn first() -> std::io::Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Waits for another; never ends where signals cannot be listened to.
pub(crate) async fn next() {
    if first().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for SIGHUP; never ends where signals cannot be listened to.
pub(crate) async fn hang_up() {
    match signal(SignalKind::hangup()) {
        Ok(mut signals) => drop(signals.recv().await),
        Err(_) => std::future::pending().await,
    }
}
