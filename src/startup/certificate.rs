//! TLS: the certificate as it is on disk, read again when it changes or when a SIGHUP asks for it. Connections that are
//! there go on under the one they began with.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::signals;
use crate::shutdown::Shutdown;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// The certificate that new connections are shown.
#[derive(Debug)]
pub(super) struct Certificate {
    files: [PathBuf; 2],
    current: RwLock<Arc<CertifiedKey>>,
}

/// By what a file is known that another has taken the place of.
type Stamp = [Option<(SystemTime, u64)>; 2];

impl Certificate {
    /// Reads the certificate and its key.
    pub(super) fn open(certificate: &Path, key: &Path) -> anyhow::Result<Arc<Self>> {
        let files = [certificate.to_owned(), key.to_owned()];
        let current = RwLock::new(Arc::new(read(&files)?));
        Ok(Arc::new(Self { files, current }))
    }

    /// What accepts connections. HTTP/2 is preferred.
    pub(super) fn acceptor(self: &Arc<Self>) -> anyhow::Result<TlsAcceptor> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("cannot speak TLS")?
            .with_no_client_auth()
            .with_cert_resolver(Arc::<Self>::clone(self));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ticketer = aws_lc_rs::Ticketer::new().context("cannot make keys for TLS sessions")?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// Reads the files again whenever they change. What cannot be used is told, and the one before it stays.
    pub(super) async fn follow(self: Arc<Self>, shutdown: Shutdown) {
        let mut seen = self.stamp().await;
        loop {
            let asked = tokio::select! {
                () = shutdown.finishing() => return,
                () = signals::hang_up() => true,
                () = tokio::time::sleep(LOOK) => false,
            };
            let found = self.stamp().await;
            if asked || found != seen {
                seen = found;
                self.renew().await;
            }
        }
    }

    async fn renew(&self) {
        let files = self.files.clone();
        let read = tokio::task::spawn_blocking(move || read(&files)).await;
        match read.map_err(anyhow::Error::from).flatten() {
            Ok(renewed) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(renewed);
                tracing::info!("the certificate was read again");
            }
            Err(error) => tracing::error!(
                error = format!("{error:#}"),
                "the new certificate cannot be used; the one before it stays"
            ),
        }
    }

    async fn stamp(&self) -> Stamp {
        let mut stamp = Stamp::default();
        for (file, seen) in self.files.iter().zip(&mut stamp) {
            let metadata = tokio::fs::metadata(file).await;
            let of = |metadata: std::fs::Metadata| io::Result::Ok((metadata.modified()?, metadata.len()));
            *seen = metadata.and_then(of).ok();
        }
        stamp
    }
}

impl ResolvesServerCert for Certificate {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

fn read([certificate, key]: &[PathBuf; 2]) -> anyhow::Result<CertifiedKey> {
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain: Vec<_> =
        chain.with_context(|| format!("cannot read the certificate `{}`", certificate.display()))?;
    anyhow::ensure!(
        !chain.is_empty(),
        "there is no certificate in `{}`",
        certificate.display()
    );
    let secret = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("cannot read the certificate's key `{}`", key.display()))?;
    CertifiedKey::from_der(chain, secret, &aws_lc_rs::default_provider()).with_context(|| {
        format!(
            "the key `{}` is not that of the certificate `{}`",
            key.display(),
            certificate.display()
        )
    })
}
