//! The program in a process of its own, to be killed.

#![expect(clippy::disallowed_methods, reason = "tests start processes")]

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::app::KEY;

/// A running `clipper serve`; dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
}

/// A command of the program under test with a clean environment.
pub(crate) fn clipper(data: &Path, database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_clipper"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .env("CLIPPER_DATA_DIR", data)
        .env("DATABASE_URL", database)
        .env("CLIPPER_ADMIN_KEY", KEY)
        .current_dir(data.parent().unwrap());
    command
}

/// The processes that a process has started and that are still there: their ids and names.
pub(crate) fn children(parent: u32) -> Vec<(u32, String)> {
    let stat = |entry: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        // The name stands in brackets, the state and the parent behind it.
        let (head, tail) = text.rsplit_once(')')?;
        let (id, name) = head.split_once(" (")?;
        let mut words = tail.split_whitespace();
        let (state, found) = (words.next()?, words.next()?);
        (state != "Z" && found == parent.to_string()).then(|| (id.parse().unwrap(), name.to_owned()))
    };
    std::fs::read_dir("/proc").unwrap().filter_map(stat).collect()
}

/// What a script of the pages' folder says last, in JSON.
pub(crate) fn told(script: &str, arguments: &[&str]) -> serde_json::Value {
    let output = Command::new("node")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("web"))
        .arg(script)
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let told = said
        .lines()
        .last()
        .and_then(|line| serde_json::from_str(line).ok());
    told.unwrap_or_else(|| panic!("{script}: {said} {}", String::from_utf8_lossy(&output.stderr)))
}

/// A number that the environment names: how long to go on.
pub(crate) fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Ports for programs that cannot be asked which one they took: below those that the kernel hands out to whoever
/// connects meanwhile, and elsewhere for each test.
pub(crate) fn free_ports<const N: usize>() -> [u16; N] {
    let own = u16::try_from(std::process::id() * 8 % 12_000).unwrap();
    let mut free = (20_000 + own..).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    [(); N].map(|()| free.next().unwrap())
}

/// Sends a signal to a process that is there.
pub(crate) fn signal(name: &str, process: u32) {
    let sent = Command::new("kill")
        .args(["-s", name, &process.to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
}

impl Server {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(data: &Path, database: &str, listen: &str) -> Self {
        Self::serve(data, database, &["serve", "--listen", listen])
    }

    /// Starts one that leaves encoding to others.
    pub(crate) fn start_without_workers(data: &Path, database: &str) -> Self {
        Self::serve(
            data,
            database,
            &["serve", "--listen", "127.0.0.1:0", "--workers", "0"],
        )
    }

    fn serve(data: &Path, database: &str, arguments: &[&str]) -> Self {
        let mut command = clipper(data, database);
        command.args(arguments);
        Self::of(command)
    }

    /// Starts a command that serves, and waits until it is ready.
    pub(crate) fn of(mut command: Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .find_map(|line| {
                line.unwrap()
                    .strip_prefix("Clipper is ready: ")
                    .map(str::to_owned)
            })
            .expect("the server says where it listens");
        // What it prints later is read, so that it never waits for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self {
            child,
            address: address.trim_end_matches('/').to_owned(),
        }
    }

    /// What the system knows it by.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without a warning, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, and tells how long that took.
    pub(crate) fn terminate(&mut self) -> Duration {
        let began = Instant::now();
        signal("TERM", self.id());
        assert!(self.child.wait().unwrap().success());
        began.elapsed()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A running `clipper worker`; dropped, it is killed.
pub(crate) struct Worker(Child);

impl Worker {
    /// Starts it, with these settings beside the usual ones.
    pub(crate) fn start(data: &Path, database: &str, settings: &[(&str, &str)]) -> Self {
        let child = clipper(data, database)
            .args(["worker", "--workers", "1"])
            .envs(settings.iter().copied())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
