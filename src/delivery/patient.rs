//! The body of a request, which is not waited for without end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use actix_http::Payload;
use actix_web::error::PayloadError;
use actix_web::web::Bytes;
use futures_util::Stream;
use tokio::time::{Sleep, sleep};

use super::watch::{Patience, Reason, count};

/// What a client sends at least, in bytes per second, while it is waited for.
const LEAST_PER_SECOND: u64 = 1_024;

/// A body on its way to us.
pub struct Patient {
    payload: Payload,
    patience: Duration,
    /// How long it was waited for in all for what came.
    waited: Duration,
    came: u64,
    since: Option<Instant>,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    /// Waits for a body for so long.
    pub fn new(payload: Payload, patience: Patience) -> Self {
        Self {
            payload,
            patience: patience.body,
            waited: Duration::ZERO,
            came: 0,
            since: None,
            alarm: None,
        }
    }

    fn note(&mut self, bytes: usize) {
        // It is only we who wait for the disk between two parts.
        self.waited += self.since.take().map_or(Duration::ZERO, |since| since.elapsed());
        self.came += bytes as u64;
        if self.came >= LEAST_PER_SECOND * self.patience.as_secs().max(1) {
            (self.waited, self.came) = (Duration::ZERO, 0);
        }
    }

    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            let left = self.patience.saturating_sub(self.waited);
            match &mut self.alarm {
                Some(alarm) => alarm.as_mut().reset(tokio::time::Instant::now() + left),
                None => self.alarm = Some(Box::pin(sleep(left))),
            }
        }
        match &mut self.alarm {
            Some(alarm) => alarm.as_mut().poll(context),
            None => Poll::Pending,
        }
    }
}

impl Stream for Patient {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match Pin::new(&mut self.payload).poll_next(context) {
            Poll::Ready(part) => {
                self.note(
                    part.as_ref()
                        .map_or(0, |part| part.as_ref().map_or(0, Bytes::len)),
                );
                Poll::Ready(part)
            }
            Poll::Pending => self.poll_patience(context).map(|()| {
                count(Reason::SlowBody);
                let error = io::Error::new(io::ErrorKind::TimedOut, "the body does not come");
                Some(Err(PayloadError::Io(error)))
            }),
        }
    }
}
