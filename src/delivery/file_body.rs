//! A part of a file as the body of an answer, which the kernel moves from the page cache to the socket: `sendfile(2)`.

use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;
use tokio::time::{Sleep, sleep};

use super::accounts::Toll;
use super::files::OpenFile;
use super::socket::Line;
use super::watch::{Patience, Reason, count};

/// How much one connection sends before others of its thread have their turn.
const QUANTUM: usize = 1 << 20;

/// A part of a file on its way to a client.
pub struct FileBody {
    line: Rc<Line>,
    file: Arc<OpenFile>,
    next: u64,
    left: u64,
    toll: Toll,
    slow: Option<Slow>,
}

/// A client that does not take what it asked for as fast as it could be sent.
struct Slow {
    /// What was left when the clock was started.
    left: u64,
    alarm: Pin<Box<Sleep>>,
}

impl FileBody {
    /// So many bytes from here on.
    pub fn new(line: Rc<Line>, file: Arc<OpenFile>, first: u64, count: u64, toll: Toll) -> Self {
        Self {
            line,
            file,
            next: first,
            left: count,
            toll,
            slow: None,
        }
    }

    fn poll_send(&mut self, allowed: u64, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let count = usize::try_from(self.left.min(allowed))
            .unwrap_or(QUANTUM)
            .min(QUANTUM);
        let (file, next) = (&self.file, &mut self.next);
        self.line.poll_write_with(context, |socket| {
            rustix::fs::sendfile(socket, &file.file, Some(next), count)
        })
    }

    /// An error, when the client has taken too little for too long.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let (left, patience) = (self.left, self.line.patience);
        let slow = self.slow.get_or_insert_with(|| Slow::from_now(left, patience));
        loop {
            ready!(slow.alarm.as_mut().poll(context));
            if slow.left - left < patience.least() {
                count(Reason::SlowReader);
                return Poll::Ready(Reason::SlowReader.error());
            }
            *slow = Slow::from_now(left, patience);
        }
    }
}

impl Slow {
    fn from_now(left: u64, patience: Patience) -> Self {
        Self {
            left,
            alarm: Box::pin(sleep(patience.body)),
        }
    }
}

impl MessageBody for FileBody {
    type Error = io::Error;

    /// Its length is said in the head: what goes around HTTP needs no framing by it.
    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, io::Error>>> {
        ready!(self.line.poll_turn(context));
        let mut sent = 0;
        while self.left > 0 {
            if sent >= QUANTUM {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            let Poll::Ready(allowed) = self.toll.poll_allowed(context) else {
                // It is we who wait.
                self.slow = None;
                return Poll::Pending;
            };
            match self.poll_send(allowed, context) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
                Poll::Ready(Ok(moved)) => {
                    sent += moved;
                    self.left -= moved as u64;
                    self.toll.sent(moved as u64);
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Some(Err(error))),
                Poll::Pending => return self.poll_patience(context).map(|error| Some(Err(error))),
            }
        }
        self.line.give_back();
        Poll::Ready(None)
    }
}

impl Drop for FileBody {
    fn drop(&mut self) {
        self.line.give_back();
    }
}
