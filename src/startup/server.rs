//! The HTTP server: actix-web's own, but on sockets that bodies can write to themselves.

use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::time::Duration;

use actix_http::{HttpService, Request, Response};
use actix_server::Server;
use actix_service::{Service, ServiceFactory, ServiceFactoryExt, fn_service};
use actix_web::body::BoxBody;
use tokio::net::TcpStream;

use crate::delivery::Socket;

/// Slow headers are cut off after this.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// A player that is paused asks again within this time, and then needs no new connection.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long a client may take to close after we have.
const CLOSING_TIME: Duration = Duration::from_secs(5);
/// How long a shutdown waits for answers that are under way, in seconds.
const SHUTDOWN_TIME: u64 = 10;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 4_096;

/// Binds to every address of a name, and tells them.
pub(super) fn bind<F, S>(listen: &str, application: F) -> io::Result<(Server, Vec<SocketAddr>)>
where
    F: Fn() -> S + Clone + Send + 'static,
    S: ServiceFactory<Request, Config = (), Response = Response<BoxBody>, Error = actix_web::Error> + 'static,
    S::InitError: std::fmt::Debug,
    S::Future: 'static,
    <S::Service as Service<Request>>::Future: 'static,
{
    let mut builder = Server::build().disable_signals().shutdown_timeout(SHUTDOWN_TIME);
    let ending = builder.graceful_shutdown_signal();
    let mut addresses = vec![];
    for address in listen.to_socket_addrs()? {
        let listener = TcpListener::bind(address)?;
        rustix::net::listen(&listener, BACKLOG)?;
        let address = listener.local_addr()?;
        addresses.push(address);
        let (application, ending) = (application.clone(), ending.clone());
        builder = builder.listen("http", listener, move || {
            let ending = ending.clone();
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let ending = ending.clone();
                    async move { ending.notified().await }
                })
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(HEADER_TIME)
                .client_disconnect_timeout(CLOSING_TIME)
                .local_addr(address)
                .on_connect_ext(|socket: &Socket, data| drop(data.insert(socket.line())))
                .h1(application().map_err(|error| error.error_response()));
            fn_service(async |stream: TcpStream| {
                // The kernel would wait for an acknowledgement before it sends a body that follows its head.
                stream
                    .set_nodelay(true)
                    .map_err(actix_http::error::DispatchError::Io)?;
                let peer = stream.peer_addr().ok();
                Ok((Socket::new(stream), peer))
            })
            .and_then(http)
        })?;
    }
    Ok((builder.run(), addresses))
}
