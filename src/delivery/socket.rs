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
use tokio_rustls::server::TlsStream;

use super::connections::Place;
use super::watch::{Alarm, Patience, Reason, Watch};
use crate::shutdown::Shutdown;

/// What HTTP reads from and writes to.
#[derive(Debug)]
pub struct Socket {
    transport: Transport,
    watch: Rc<Watch>,
    alarm: Alarm,
    _place: Place,
}

#[derive(Debug)]
enum Transport {
    Plain(Rc<Line>),
    Secure(Box<TlsStream<TcpStream>>),
}

/// What requests know of the connection that they come over.
#[derive(Clone, Debug)]
pub struct Connection {
    /// How bodies get to the client.
    pub way: Way,
    /// What is waited for.
    pub watch: Rc<Watch>,
}

/// How bodies get to the client.
#[derive(Clone, Debug)]
pub enum Way {
    /// They may write to the socket themselves.
    Plain(Rc<Line>),
    /// Under TLS HTTP writes them.
    Secure,
}

/// The socket as HTTP and the body of an answer share it, in one thread.
#[derive(Debug)]
pub struct Line {
    stream: RefCell<TcpStream>,
    turn: RefCell<Turn>,
    pub(super) patience: Patience,
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
    pub fn plain(stream: TcpStream, patience: Patience, place: Place) -> Self {
        let line = Line {
            stream: RefCell::new(stream),
            turn: RefCell::new(Turn::Http),
            patience,
        };
        Self::over(Transport::Plain(Rc::new(line)), Watch::new(patience, None), place)
    }

    /// A connection that speaks TLS, and HTTP/2 until the server ends.
    pub fn secure(
        stream: TlsStream<TcpStream>,
        multiplexed: Option<Shutdown>,
        patience: Patience,
        place: Place,
    ) -> Self {
        let watch = Watch::new(patience, multiplexed);
        Self::over(Transport::Secure(Box::new(stream)), watch, place)
    }

    fn over(transport: Transport, watch: Watch, place: Place) -> Self {
        Self {
            transport,
            watch: Rc::new(watch),
            alarm: Alarm::default(),
            _place: place,
        }
    }

    /// What requests know of it.
    pub fn connection(&self) -> Connection {
        let way = match &self.transport {
            Transport::Plain(line) => Way::Plain(Rc::clone(line)),
            Transport::Secure(_) => Way::Secure,
        };
        Connection {
            way,
            watch: Rc::clone(&self.watch),
        }
    }

    /// Ready with an error when the client has been waited for long enough.
    fn poll_patience<T>(&mut self, context: &mut Context<'_>) -> Poll<io::Result<T>> {
        self.alarm
            .poll(&self.watch, context)
            .map(|reason| Err(reason.error()))
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

    fn with_stream<T>(&self, work: impl FnOnce(Pin<&mut TcpStream>) -> T) -> T {
        work(Pin::new(&mut self.stream.borrow_mut()))
    }

    fn poll_write(&self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.is_awaited() {
            return self.with_stream(|stream| stream.poll_write(context, bytes));
        }
        // A body follows at once: head and body share their first packet.
        let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
        self.poll_write_with(context, |socket| rustix::net::send(socket, bytes, flags))
    }

    fn poll_flush(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.with_stream(|stream| stream.poll_flush(context)))?;
        self.pass_on();
        Poll::Ready(Ok(()))
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
        let this = self.get_mut();
        let before = buffer.filled().len();
        let read = match &mut this.transport {
            Transport::Plain(line) => line.with_stream(|stream| stream.poll_read(context, buffer)),
            Transport::Secure(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        if read.is_pending() {
            let reason = ready!(this.alarm.poll(&this.watch, context));
            // As if the client had closed: HTTP/2 says good-bye.
            let idle = reason == Reason::Idle;
            return Poll::Ready(if idle { Ok(()) } else { Err(reason.error()) });
        }
        if buffer.filled().len() > before {
            this.watch.heard();
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match &mut this.transport {
            Transport::Plain(line) => line.poll_write(context, bytes),
            Transport::Secure(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        match written {
            Poll::Ready(Ok(count)) => this.watch.wrote(count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                this.watch.stalled();
                return this.poll_patience(context);
            }
        }
        written
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = match &mut this.transport {
            Transport::Plain(line) => line.poll_flush(context),
            Transport::Secure(stream) => Pin::new(stream).poll_flush(context),
        };
        if flushed.is_pending() {
            this.watch.stalled();
            return this.poll_patience(context);
        }
        this.watch.flowed();
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().transport {
            Transport::Plain(line) => line.with_stream(|stream| stream.poll_shutdown(context)),
            Transport::Secure(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
