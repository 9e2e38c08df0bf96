//! A body that was made elsewhere, counted and held back as it leaves.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

use super::accounts::Toll;

/// A body under a toll.
pub struct Metered {
    body: BoxBody,
    /// What came of the body and may not leave yet.
    held: Bytes,
    toll: Toll,
}

impl Metered {
    /// Counts a body.
    pub fn new(body: BoxBody, toll: Toll) -> Self {
        Self {
            body,
            held: Bytes::new(),
            toll,
        }
    }
}

impl MessageBody for Metered {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        while self.held.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_next(context)) {
                Some(Ok(part)) => self.held = part,
                end => return Poll::Ready(end),
            }
        }
        let allowed = ready!(self.toll.poll_allowed(context));
        let count = usize::try_from(allowed)
            .unwrap_or(usize::MAX)
            .min(self.held.len());
        self.toll.sent(count as u64);
        Poll::Ready(Some(Ok(self.held.split_to(count))))
    }
}
