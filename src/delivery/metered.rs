//! A body that was made elsewhere, counted and held back as it leaves.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

use super::accounts::Toll;

/// A body under a toll.
pub struct Metered {
    body: BoxBody,
    toll: Toll,
}

impl Metered {
    /// Counts a body.
    pub fn new(body: BoxBody, toll: Toll) -> Self {
        Self { body, toll }
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
        ready!(self.toll.poll_allowed(context));
        let part = ready!(Pin::new(&mut self.body).poll_next(context));
        if let Some(Ok(bytes)) = &part {
            self.toll.sent(bytes.len() as u64);
        }
        Poll::Ready(part)
    }
}
