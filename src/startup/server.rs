//! The HTTP server: actix-web's own, but on sockets that bodies can write to themselves.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use actix_http::error::DispatchError;
use actix_http::{HttpService, Protocol, Request, Response};
use actix_server::{Server, ServerBuilder};
use actix_service::{Service, ServiceFactory, ServiceFactoryExt, fn_service};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::delivery::{Connections, Patience, Socket, Watched};
use crate::http::{self, Proxies};
use crate::shutdown::Shutdown;

/// Of redirects, which need nothing but a head.
const SHORT: Duration = Duration::from_secs(5);
/// How long a client may take to close after we have.
const CLOSING_TIME: Duration = Duration::from_secs(5);
/// How long a shutdown waits for answers that are under way, in seconds.
const SHUTDOWN_TIME: u64 = 10;
/// How long those take who are one too many.
const FAREWELL: Duration = Duration::from_millis(500);
/// Connections that wait to be accepted.
const BACKLOG: i32 = 4_096;

/// Where a server listens, and how.
pub(super) struct Entrance<'a> {
    pub(super) listen: &'a str,
    pub(super) door: Door,
    /// Where plain HTTP is led to TLS; empty for nowhere.
    pub(super) redirect_listen: &'a str,
}

/// Who comes in, and how.
#[derive(Clone)]
pub(super) struct Door {
    pub(super) connections: Connections,
    /// Whose connections are those of many clients.
    pub(super) proxies: Proxies,
    pub(super) patience: Patience,
    pub(super) ending: Shutdown,
    /// Plain HTTP without it.
    pub(super) tls: Option<TlsAcceptor>,
}

/// Binds to every address of a name, and tells them.
pub(super) fn bind<F, S>(entrance: &Entrance<'_>, application: F) -> io::Result<(Server, Vec<SocketAddr>)>
where
    F: Fn() -> S + Clone + Send + 'static,
    S: ServiceFactory<Request, Config = (), Response = Response<Watched>, Error = actix_web::Error> + 'static,
    S::InitError: std::fmt::Debug,
    S::Future: 'static,
    <S::Service as Service<Request>>::Future: 'static,
{
    let mut builder = Server::build()
        .disable_signals()
        .shutdown_timeout(SHUTDOWN_TIME)
        // Whoever is one too many is told so, instead of being left to wait.
        .max_concurrent_connections(usize::MAX);
    let patience = entrance.door.patience;
    let ending = builder.graceful_shutdown_signal();
    let mut addresses = vec![];
    for address in entrance.listen.to_socket_addrs()? {
        let (listener, address) = listen(address)?;
        addresses.push(address);
        let (application, ending, door) = (application.clone(), ending.clone(), entrance.door.clone());
        builder = builder.listen("http", listener, move || {
            let (ending, door) = (ending.clone(), door.clone());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let ending = ending.clone();
                    async move { ending.notified().await }
                })
                .keep_alive(patience.keep_alive)
                .client_request_timeout(patience.head)
                .client_disconnect_timeout(CLOSING_TIME)
                .local_addr(address)
                .on_connect_ext(|socket: &Socket, data| drop(data.insert(socket.connection())))
                .finish(application().map_err(|error| error.error_response()));
            fn_service(move |stream: TcpStream| door.clone().accept(stream)).and_then(http)
        })?;
    }
    if let Some(address) = addresses.first().filter(|_| !entrance.redirect_listen.is_empty()) {
        builder = redirect(builder, entrance.redirect_listen, address.port())?;
    }
    Ok((builder.run(), addresses))
}

fn listen(address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    rustix::net::listen(&listener, BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

impl Door {
    /// What HTTP is spoken on, and in which version.
    async fn accept(
        self,
        stream: TcpStream,
    ) -> Result<(Socket, Protocol, Option<SocketAddr>), DispatchError> {
        // The kernel would wait for an acknowledgement before it sends a body that follows its head.
        stream.set_nodelay(true).map_err(DispatchError::Io)?;
        let peer = stream.peer_addr().ok();
        let place = match self.connections.enter(self.address_of(peer)) {
            Ok(place) => place,
            Err(full) => {
                if self.tls.is_none() {
                    turn_away(stream).await.map_err(DispatchError::Io)?;
                }
                tracing::debug!(?full, "a connection was refused");
                return Err(DispatchError::DisconnectTimeout);
            }
        };
        let Some(tls) = self.tls else {
            let socket = Socket::plain(stream, self.patience, place);
            return Ok((socket, Protocol::Http1, peer));
        };
        let accepted = tokio::time::timeout(self.patience.head, tls.accept(stream)).await;
        let stream = accepted
            .map_err(|_elapsed| DispatchError::SlowRequestTimeout)?
            .map_err(DispatchError::Io)?;
        let protocol = match stream.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            Some(_) | None => Protocol::Http1,
        };
        let multiplexed = (protocol == Protocol::Http2).then_some(self.ending);
        let socket = Socket::secure(stream, multiplexed, self.patience, place);
        Ok((socket, protocol, peer))
    }

    /// To whom a connection counts: those of proxies to nobody.
    fn address_of(&self, peer: Option<SocketAddr>) -> Option<IpAddr> {
        let peer = peer.filter(|_| !self.proxies.vouch(peer))?;
        Some(http::site(peer.ip().to_canonical()))
    }
}

/// Says that there are too many, and closes once the client has had a moment to read it.
async fn turn_away(mut stream: TcpStream) -> io::Result<()> {
    let gone = async {
        stream.write_all(&http::full()).await?;
        stream.shutdown().await?;
        // A connection that is closed with something unread takes its answer with it.
        let mut unread = [0; 4_096];
        while stream.read(&mut unread).await? > 0 {}
        Ok(())
    };
    tokio::time::timeout(FAREWELL, gone).await.unwrap_or(Ok(()))
}

/// Leads plain HTTP to the port at which TLS is spoken.
fn redirect(mut builder: ServerBuilder, addresses: &str, port: u16) -> io::Result<ServerBuilder> {
    for address in addresses.to_socket_addrs()? {
        let (listener, _) = listen(address)?;
        builder = builder.listen("redirect", listener, move || {
            HttpService::build()
                .keep_alive(SHORT)
                .client_request_timeout(SHORT)
                .h1(fn_service(move |request: Request| {
                    ready(Ok::<_, Infallible>(http::to_tls(&request, port)))
                }))
                .tcp()
        })?;
    }
    Ok(builder)
}
