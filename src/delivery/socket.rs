//! The socket under an HTTP connection. The body of an answer may take it over once the head is sent, and move a file to
//! it without passing memory.

use std::cell::RefCell;
use std::io;
use std::os::fd::BorrowedFd;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};

use rustix::net::SendFlags;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// What HTTP reads from and writes to.
#[derive(Debug)]
pub struct Socket {
    line: Rc<Line>,
}

/// The socket as HTTP and the body of an answer share it, in one thread.
#[derive(Debug)]
pub struct Line {
    stream: RefCell<TcpStream>,
    turn: RefCell<Turn>,
}

/// Whose turn it is to write.
#[derive(Debug)]
enum Turn {
    /// HTTP writes.
    Http,
    /// HTTP writes what it holds, then wakes the body.
    AfterHead(Waker),
    /// The body writes.
    Body,
}

impl Socket {
    /// A connection that was just accepted.
    pub fn new(stream: TcpStream) -> Self {
        let line = Line {
            stream: RefCell::new(stream),
            turn: RefCell::new(Turn::Http),
        };
        Self { line: Rc::new(line) }
    }

    /// The socket for bodies.
    pub fn line(&self) -> Rc<Line> {
        Rc::clone(&self.line)
    }

    fn with_stream<T>(&self, work: impl FnOnce(Pin<&mut TcpStream>) -> T) -> T {
        work(Pin::new(&mut self.line.stream.borrow_mut()))
    }
}

impl Line {
    /// Ready when everything before the body is on its way.
    pub(super) fn poll_turn(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut turn = self.turn.borrow_mut();
        if let Turn::Body = *turn {
            return Poll::Ready(());
        }
        *turn = Turn::AfterHead(context.waker().clone());
        Poll::Pending
    }

    /// HTTP writes again.
    pub(super) fn give_back(&self) {
        *self.turn.borrow_mut() = Turn::Http;
    }

    /// Writes in the way that the work does, when the socket takes more.
    pub(super) fn poll_write_with(
        &self,
        context: &mut Context<'_>,
        mut work: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        use std::os::fd::AsFd;
        let stream = self.stream.borrow();
        loop {
            ready!(stream.poll_write_ready(context))?;
            match stream.try_io(Interest::WRITABLE, || Ok(work(stream.as_fd())?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }

    fn is_awaited(&self) -> bool {
        matches!(*self.turn.borrow(), Turn::AfterHead(_))
    }

    /// Everything that HTTP held is written.
    fn pass_on(&self) {
        let body = self.turn.replace(Turn::Body);
        match body {
            Turn::AfterHead(waker) => waker.wake(),
            turn @ (Turn::Http | Turn::Body) => *self.turn.borrow_mut() = turn,
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with_stream(|stream| stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.line.is_awaited() {
            return self.with_stream(|stream| stream.poll_write(context, bytes));
        }
        // A body follows at once: head and body share their first packet.
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        self.line
            .poll_write_with(context, |socket| rustix::net::send(socket, bytes, flags))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.with_stream(|stream| stream.poll_flush(context)))?;
        self.line.pass_on();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with_stream(|stream| stream.poll_shutdown(context))
    }
}
