//! nginx as a person who knows it well would set it up for this.

#![expect(clippy::disallowed_methods, reason = "nginx runs in a process of its own")]

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context, ensure};

/// A running nginx with two workers.
pub(crate) struct Nginx {
    master: Child,
    pub(crate) address: String,
    _folder: tempfile::TempDir,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers when it is asked to, not when it is killed.
        let id = self.master.id().to_string();
        drop(Command::new("kill").args(["-s", "TERM", &id]).status());
        drop(self.master.wait());
    }
}

impl Nginx {
    /// Serves a folder.
    pub(crate) fn start(root: &Path, nopush: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, configuration(folder.path(), root, &address, nopush))?;
        let master = Command::new(program()?)
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder.path())
            .args(["-g", "daemon off;"])
            .spawn()
            .context("nginx does not start")?;
        let started = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            std::net::TcpStream::connect(&address).is_ok()
        });
        ensure!(started, "nginx does not listen");
        Ok(Self {
            master,
            address,
            _folder: folder,
        })
    }

    pub(crate) fn id(&self) -> u32 {
        self.master.id()
    }
}

fn program() -> anyhow::Result<PathBuf> {
    // Debian keeps it where only the superuser's shell looks.
    ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
        .context("there is no nginx: install the package `nginx-light`")
}

fn free_address() -> anyhow::Result<String> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

fn configuration(folder: &Path, root: &Path, address: &str, nopush: &str) -> String {
    let (folder, root) = (folder.display(), root.display());
    format!(
        "worker_processes 2;\n\
         user root;\n\
         pid {folder}/pid;\n\
         error_log {folder}/error.log;\n\
         events {{ worker_connections 4096; multi_accept on; }}\n\
         http {{\n\
         access_log off;\n\
         sendfile on; tcp_nopush {nopush}; tcp_nodelay on;\n\
         open_file_cache max=1000 inactive=60s; open_file_cache_valid 60s;\n\
         keepalive_timeout 75s; keepalive_requests 1000000000;\n\
         client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;\n\
         uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;\n\
         types {{ application/vnd.apple.mpegurl m3u8; video/MP2T ts; }}\n\
         server {{\n\
         listen {address};\n\
         root {root};\n\
         add_header Cache-Control \"public, max-age=31536000, immutable\";\n\
         add_header Vary \"Origin, Access-Control-Request-Method, Access-Control-Request-Headers\";\n\
         add_header Access-Control-Expose-Headers \"content-length, content-range\";\n\
         add_header Access-Control-Allow-Credentials true;\n\
         add_header X-Request-Id $request_id;\n\
         }}\n\
         }}\n"
    )
}
