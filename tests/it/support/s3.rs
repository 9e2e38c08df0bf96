//! A real S3 server on this machine, which keeps a bucket as files of a folder and verifies signatures, with faults on
//! the way there and back.

use std::convert::Infallible;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clipper::config::{Aws, Config};
use futures_util::{StreamExt, TryStreamExt};
use http_body_util::{BodyExt, BodyStream, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

const BUCKET: &str = "clips";
const KEY: &str = "test";
const SECRET: &str = "secret";

/// What goes wrong with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is refused before it is looked at.
    Refuse(u16),
    /// The connection breaks after so many bytes of the answer.
    Cut(usize),
    /// The answer's bytes come one change away from what they were.
    Garble,
    /// The answer takes this long.
    Slow(Duration),
    /// It is never answered.
    Hang,
}

type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, io::Error>;
type Script = dyn Fn(&Method, &str, usize) -> Option<Fault> + Send + Sync;

/// The server; dropped, it is gone, and its bucket with it.
pub(crate) struct S3 {
    address: String,
    folder: TempDir,
    control: Arc<Control>,
    _stop: oneshot::Sender<()>,
}

#[derive(Default)]
struct Control {
    script: Mutex<Option<Box<Script>>>,
    requests: Mutex<Vec<(Method, String)>>,
}

impl S3 {
    /// Starts it on a runtime of its own.
    pub(crate) fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let control = Arc::<Control>::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let (say, address) = std::sync::mpsc::channel();
        let under = Arc::clone(&control);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                say.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(listener, service, under) => {}
                    _ = stopped => {}
                }
            });
        });
        Self {
            address: format!("http://{}", address.recv().unwrap()),
            folder,
            control,
            _stop: stop,
        }
    }

    /// What a program has to know to use it.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT_URL", self.address.clone()),
            ("AWS_ACCESS_KEY_ID", KEY.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", SECRET.to_owned()),
            ("MEDIA_URL", Self::url()),
        ]
    }

    pub(crate) fn url() -> String {
        format!("s3://{BUCKET}/video")
    }

    /// Has a program in this process use it.
    pub(crate) fn configure(&self, config: &mut Config) {
        let variables = self.variables();
        let aws = variables.into_iter().filter(|(name, _)| name.starts_with("AWS_"));
        config.aws = Aws(aws.map(|(name, value)| (name.to_owned(), value)).collect());
        config.media_url = Some(Self::url());
    }

    /// What is in the bucket, as files.
    pub(crate) fn files(&self) -> PathBuf {
        self.folder.path().join(BUCKET).join("video")
    }

    /// The parts of uploads that nobody has ended.
    pub(crate) fn parts(&self) -> usize {
        let names = std::fs::read_dir(self.folder.path()).unwrap();
        names
            .filter(|entry| {
                let name = entry.as_ref().unwrap().file_name();
                name.to_string_lossy().contains(".part-")
            })
            .count()
    }

    /// What goes wrong from now on: by method, address and how many requests there were before.
    pub(crate) fn script(
        &self,
        script: impl Fn(&Method, &str, usize) -> Option<Fault> + Send + Sync + 'static,
    ) {
        *self.control.script.lock().unwrap() = Some(Box::new(script));
    }

    /// Nothing goes wrong from now on.
    pub(crate) fn heal(&self) {
        *self.control.script.lock().unwrap() = None;
    }

    /// The requests so far whose path ends so.
    pub(crate) fn asked(&self, method: &Method, end: &str) -> usize {
        let requests = self.control.requests.lock().unwrap();
        requests
            .iter()
            .filter(|(of, path)| of == method && path.ends_with(end))
            .count()
    }

    /// A file of the bucket.
    pub(crate) fn file(&self, object: impl AsRef<Path>) -> Vec<u8> {
        std::fs::read(self.files().join(object)).unwrap()
    }
}

async fn serve(listener: TcpListener, service: S3Service, control: Arc<Control>) {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        let (service, control) = (service.clone(), Arc::clone(&control));
        connections.spawn(async move {
            let answer = service_fn(move |request| answer(service.clone(), Arc::clone(&control), request));
            // A client that goes away is no concern of the server's.
            drop(
                Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(socket), answer)
                    .await,
            );
        });
    }
}

async fn answer(
    service: S3Service,
    control: Arc<Control>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Infallible> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let whole = request.uri().to_string();
    let fault = {
        let mut requests = control.requests.lock().unwrap();
        let before = requests.len();
        requests.push((method.clone(), path.clone()));
        let script = control.script.lock().unwrap();
        script.as_ref().and_then(|script| script(&method, &whole, before))
    };
    match fault {
        Some(Fault::Refuse(status)) => return Ok(refusal(status)),
        Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::Cut(_) | Fault::Garble) | None => {}
    }
    let answered = hyper::service::Service::call(&service, request).await.unwrap();
    Ok(answered.map(|body| spoil(body, fault)))
}

fn refusal(status: u16) -> Response<Body> {
    let text = "<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>";
    let body = Full::new(Bytes::from(text)).map_err(|never| match never {});
    let mut response = Response::new(body.boxed_unsync());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response
}

fn spoil(body: s3s::Body, fault: Option<Fault>) -> Body {
    let body = BodyExt::map_err(body, io::Error::other);
    match fault {
        Some(Fault::Cut(most)) => {
            let mut left = most;
            let frames = BodyStream::new(body).map(move |frame| {
                let mut bytes = frame?.into_data().unwrap_or_default();
                if left == 0 {
                    return Err(io::Error::other("cut"));
                }
                bytes.truncate(left);
                left -= bytes.len();
                Ok(Frame::data(bytes))
            });
            StreamBody::new(frames).boxed_unsync()
        }
        Some(Fault::Garble) => {
            let frames = BodyStream::new(body).map_ok(|frame| {
                let mut bytes = frame.into_data().unwrap_or_default().to_vec();
                if let Some(last) = bytes.last_mut() {
                    *last ^= 1;
                }
                Frame::data(Bytes::from(bytes))
            });
            StreamBody::new(frames).boxed_unsync()
        }
        Some(Fault::Refuse(_) | Fault::Slow(_) | Fault::Hang) | None => body.boxed_unsync(),
    }
}
