//! Somebody whom the program sends requests to: a server that remembers what came, and answers as the test wants.

use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;

/// What came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) id: String,
    pub(crate) timestamp: String,
    pub(crate) signature: String,
    pub(crate) body: String,
}

impl Received {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// What kind of event it tells of, and of which clip.
    pub(crate) fn of(&self) -> (String, String) {
        let json = self.json();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (text(&json["data"]["clip"]["slug"]), text(&json["type"]))
    }
}

/// What is answered.
pub(crate) enum Reply {
    Status(u16),
    Elsewhere(String),
    Bytes(Vec<u8>),
    Never,
}

type Answering = dyn Fn(&Received, &[Received]) -> Reply + Send + Sync;

/// Remembers whatever is sent to it.
pub(crate) struct Receiver {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Received>>>,
    server: ServerHandle,
}

impl Receiver {
    /// Listens on this machine.
    pub(crate) fn start(answer: impl Fn(&Received, &[Received]) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at("127.0.0.1:0", answer)
    }

    /// Listens at an address. What is answered may depend on what came before.
    pub(crate) fn start_at(
        address: &str,
        answer: impl Fn(&Received, &[Received]) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(vec![]));
        let (answer, memory): (Arc<Answering>, _) = (Arc::new(answer), Arc::clone(&seen));
        let server = HttpServer::new(move || {
            let (answer, memory) = (Arc::clone(&answer), Arc::clone(&memory));
            App::new().default_service(web::to(move |request: HttpRequest, body: String| {
                let (answer, memory) = (Arc::clone(&answer), Arc::clone(&memory));
                async move { take(&request, body, &*answer, &memory).await }
            }))
        })
        .workers(1)
        .shutdown_timeout(0)
        .disable_signals()
        .bind(address)
        .unwrap();
        let url = format!("http://{}/hook", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        actix::spawn(server);
        Self {
            url,
            seen,
            server: handle,
        }
    }

    /// What has come so far.
    pub(crate) fn seen(&self) -> Vec<Received> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
    }
}

async fn take(
    request: &HttpRequest,
    body: String,
    answer: &Answering,
    memory: &Mutex<Vec<Received>>,
) -> HttpResponse {
    let header = |name| {
        let value = request.headers().get(name);
        value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    };
    let received = Received {
        path: request.path().to_owned(),
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signature: header("webhook-signature"),
        body,
    };
    let reply = {
        let mut seen = memory.lock().unwrap();
        let reply = answer(&received, &seen);
        seen.push(received);
        reply
    };
    match reply {
        Reply::Status(status) => HttpResponse::build(status.try_into().unwrap()).body("as the test wants"),
        Reply::Elsewhere(to) => HttpResponse::Found().insert_header(("Location", to)).finish(),
        Reply::Bytes(bytes) => HttpResponse::Ok().body(bytes),
        Reply::Never => std::future::pending().await,
    }
}
