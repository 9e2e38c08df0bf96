//! The body of an answer, whose end is the end of its request.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::web::Bytes;

use super::watch::UnderWay;

/// A body that tells the watch over its connection how it goes.
pub struct Watched {
    body: BoxBody,
    /// Nothing, where nobody watches.
    request: Option<UnderWay>,
}

impl Watched {
    /// The answer to a request.
    pub fn new(body: BoxBody, request: Option<UnderWay>) -> Self {
        Self { body, request }
    }
}

impl MessageBody for Watched {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if let Some(request) = &self.request {
            request.is_even();
        }
        let polled = Pin::new(&mut self.body).poll_next(context);
        if let (Some(request), Poll::Ready(Some(Ok(bytes)))) = (&self.request, &polled) {
            request.owes(bytes.len());
        }
        polled
    }
}
