//! A part of a file that is in the page cache as an ordinary body: under TLS every byte passes this program.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

use super::accounts::Toll;
use super::files::OpenFile;

/// What is read at once: more would only be held longer by a client that takes it slowly.
const PIECE: u64 = 64 * 1_024;

/// A part of a file on its way to a client.
pub struct WarmBody {
    file: Arc<OpenFile>,
    next: u64,
    left: u64,
    toll: Toll,
}

impl WarmBody {
    /// So many bytes from here on.
    pub fn new(file: Arc<OpenFile>, first: u64, count: u64, toll: Toll) -> Self {
        Self {
            file,
            next: first,
            left: count,
            toll,
        }
    }
}

impl MessageBody for WarmBody {
    type Error = io::Error;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.left)
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let allowed = ready!(self.toll.poll_allowed(context));
        let count = self.left.min(PIECE).min(allowed);
        let read = self.file.read(self.next, count);
        if read.is_ok() {
            self.next += count;
            self.left -= count;
            self.toll.sent(count);
        }
        Poll::Ready(Some(read))
    }
}
