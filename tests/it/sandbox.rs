//! The sandbox, attacked by what a hijacked ffmpeg could try: with the sandbox off every attack works, with it none.
//!
//! Our own allow-lists of protocols and formats are left out, so that nothing but the sandbox stands in the way.

#![expect(clippy::disallowed_methods, reason = "tests start processes")]

use std::net::{TcpListener, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use clipper::encode::{self, FfmpegError, Job, Lane, Limit, Pass, PassError, Tools};
use clipper::sandbox::{LayerName, Mode, Report, Sandbox};
use clipper_domain::Quality;
use clipper_domain::plan::{self, PlanSettings, PlannedRung};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::support::app::{KEY, TestApp};
use crate::support::database::Backend;
use crate::support::footage;

const CLIPPER: &str = env!("CARGO_BIN_EXE_clipper");

/// How long a test waits for a fact before it fails.
const PATIENCE: Duration = Duration::from_mins(1);

/// A source, a work folder, and a secret beside both.
struct Scene {
    folder: TempDir,
    source: PathBuf,
    work: PathBuf,
    secret: PathBuf,
}

impl Scene {
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path().join("work");
        std::fs::create_dir(&work).unwrap();
        let extra = ["-f", "mpegts"];
        let secret = footage::bars(folder.path(), "secret.ts", "320x180", "25", 1, &extra);
        let source = folder.path().join("source");
        std::fs::write(
            &source,
            format!("ffconcat version 1.0\nfile '{}'\n", secret.display()),
        )
        .unwrap();
        Self {
            folder,
            source,
            work,
            secret,
        }
    }

    fn sandbox(&self, mode: Mode) -> Sandbox {
        Sandbox {
            mode,
            reads: vec![self.source.clone()],
            writes: Some(self.work.clone()),
            memory_mib: 8_192,
            cpu_seconds: 60,
            output_mib: 64,
            parent: std::process::id(),
        }
    }

    fn start(&self, sandbox: &Sandbox, program: &str, arguments: &[&str]) -> Child {
        Command::new(CLIPPER)
            .args(sandbox.arguments().unwrap())
            .arg(program)
            .args(arguments)
            .current_dir(&self.work)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn run(&self, mode: Mode, program: &str, arguments: &[&str]) -> Output {
        let child = self.start(&self.sandbox(mode), program, arguments);
        child.wait_with_output().unwrap()
    }

    fn ffmpeg(&self, mode: Mode, arguments: &str) -> Output {
        let mut all = vec!["-v", "error", "-nostdin", "-y"];
        all.extend(arguments.split_whitespace());
        self.run(mode, "ffmpeg", &all)
    }

    /// Whether a file in the scene holds anything.
    fn holds(&self, name: &str) -> bool {
        std::fs::metadata(self.folder.path().join(name)).is_ok_and(|found| found.len() > 0)
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Whether this machine has the layer. What cannot be had cannot be tested; `clipper doctor` says so.
fn offers(layer: LayerName) -> bool {
    let examined = Command::new(CLIPPER).args(Sandbox::EXAMINATION).output().unwrap();
    let report: Report = serde_json::from_slice(&examined.stdout).unwrap();
    report.missing().all(|missing| missing.name != layer)
}

/// An attack works with the sandbox off, and leaves nothing in `trace` with it.
fn assert_stopped(scene: &Scene, attack: &str, trace: &str) {
    let free = scene.ffmpeg(Mode::Off, attack);
    assert!(
        scene.holds(trace),
        "the attack is none: {attack}: {}",
        text(&free)
    );
    std::fs::remove_file(scene.folder.path().join(trace)).unwrap();
    let shut = scene.ffmpeg(Mode::Auto, attack);
    assert!(!scene.holds(trace), "{attack}");
    assert!(!shut.status.success(), "{attack}");
}

#[test]
fn no_file_opens_but_the_source() {
    if !offers(LayerName::Files) {
        return;
    }
    let scene = Scene::set();
    let source = scene.source.display();
    let secret = scene.secret.display();
    for attack in [
        format!(
            "-protocol_whitelist file,http,tcp,concat,crypto,data -f concat -safe 0 -i {source} -c copy stolen.ts"
        ),
        format!("-i {secret} -c copy -f mpegts stolen.ts"),
        "-f data -i /etc/passwd -map 0 -c copy -f data stolen.ts".to_owned(),
        "-f data -i ../secret.ts -map 0 -c copy -f data stolen.ts".to_owned(),
        // Itself, with what else this program has in its memory and its environment.
        "-f data -i /proc/self/environ -map 0 -c copy -f data stolen.ts".to_owned(),
        format!(
            "-f data -i /proc/{}/environ -map 0 -c copy -f data stolen.ts",
            std::process::id()
        ),
    ] {
        assert_stopped(&scene, &attack, "work/stolen.ts");
    }
    // What is its own it may read.
    let own = format!("-f data -i {source} -map 0 -c copy -f data copy.ts");
    let read = scene.ffmpeg(Mode::Required, &own);
    assert!(
        read.status.success() && scene.holds("work/copy.ts"),
        "{}",
        text(&read)
    );
}

#[test]
fn nothing_is_written_outside_of_the_work_folder() {
    if !offers(LayerName::Files) {
        return;
    }
    let scene = Scene::set();
    let made = "-f lavfi -i testsrc2=d=1:s=64x64 -f mpegts";
    assert_stopped(&scene, &format!("{made} ../outside.ts"), "outside.ts");
    let absolute = scene.folder.path().join("outside.ts");
    assert_stopped(&scene, &format!("{made} {}", absolute.display()), "outside.ts");
    // The source itself is for reading.
    let before = std::fs::read(&scene.source).unwrap();
    assert!(
        !scene
            .ffmpeg(Mode::Auto, &format!("{made} {}", scene.source.display()))
            .status
            .success()
    );
    assert_eq!(std::fs::read(&scene.source).unwrap(), before);
}

#[test]
fn no_connection_arrives_and_no_packet() {
    if !offers(LayerName::Calls) {
        return;
    }
    let scene = Scene::set();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
    receiver.set_nonblocking(true).unwrap();
    let tcp = format!(
        "-rw_timeout 1000000 -i tcp://{} x.ts",
        listener.local_addr().unwrap()
    );
    let udp = format!(
        "-f lavfi -i testsrc2=d=1:s=64x64 -f mpegts udp://{}",
        receiver.local_addr().unwrap()
    );
    let mut packet = [0_u8; 2_048];

    scene.ffmpeg(Mode::Auto, &tcp);
    scene.ffmpeg(Mode::Auto, &udp);
    assert!(listener.accept().is_err(), "somebody connected");
    assert!(receiver.recv(&mut packet).is_err(), "somebody sent");

    // It answers nobody, so that ffmpeg gives up after a second.
    scene.ffmpeg(Mode::Off, &tcp);
    scene.ffmpeg(Mode::Off, &udp);
    assert!(listener.accept().is_ok(), "the attack is none");
    assert!(receiver.recv(&mut packet).is_ok(), "the attack is none");
}

/// What code in a hijacked ffmpeg could do, done by programs that are made for it.
#[test]
fn a_hijacked_process_starts_nothing_links_nothing_and_signals_nobody() {
    if !offers(LayerName::Calls) {
        return;
    }
    let scene = Scene::set();
    let source = scene.source.to_str().unwrap();
    let attacks: [(&str, &[&str]); 7] = [
        ("sh", &["-c", "true & wait $!"]),
        ("sh", &["-c", "kill -0 $PPID"]),
        // The server would follow a link in the work folder, and open what it leads to.
        ("ln", &["-s", "/etc/passwd", "link"]),
        ("ln", &[source, "hard-link"]),
        ("mkfifo", &["pipe"]),
        ("chmod", &["777", source]),
        ("touch", &[source]),
    ];
    for (program, arguments) in attacks {
        let shut = scene.run(Mode::Auto, program, arguments);
        assert!(!shut.status.success(), "{program} {arguments:?}");
        let free = scene.run(Mode::Off, program, arguments);
        assert!(
            free.status.success(),
            "the attack is none: {program} {arguments:?}: {}",
            text(&free)
        );
    }
}

#[test]
fn it_has_a_network_of_its_own_where_the_machine_allows() {
    if !offers(LayerName::Namespaces) {
        return;
    }
    let scene = Scene::set();
    let mut child = scene.start(
        &scene.sandbox(Mode::Auto),
        "ffmpeg",
        &[&ENDLESS[..], &["/dev/null", "-y"]].concat(),
    );
    let network = |process: &str| std::fs::read_link(format!("/proc/{process}/ns/net")).unwrap();
    let name = format!("/proc/{}/comm", child.id());
    let began = Instant::now();
    while std::fs::read_to_string(&name).unwrap() != "ffmpeg\n" {
        assert!(began.elapsed() < PATIENCE, "waited in vain for ffmpeg to run");
        std::thread::sleep(Duration::from_millis(10));
    }
    let (inside, outside) = (network(&child.id().to_string()), network("self"));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_ne!(inside, outside);
}

/// An encode that never ends by itself.
const ENDLESS: [&str; 9] = [
    "-v",
    "error",
    "-nostdin",
    "-f",
    "lavfi",
    "-i",
    "testsrc2=s=1280x720",
    "-f",
    "rawvideo",
];

#[test]
fn processor_time_and_output_are_bounded_by_the_kernel() {
    let scene = Scene::set();
    for mode in [Mode::Off, Mode::Auto] {
        let brief = Sandbox {
            cpu_seconds: 1,
            ..scene.sandbox(mode)
        };
        let arguments = [&ENDLESS[..], &["/dev/null", "-y"]].concat();
        let ended = scene
            .start(&brief, "ffmpeg", &arguments)
            .wait_with_output()
            .unwrap();
        assert_eq!(ended.status.signal(), Some(9), "{}", text(&ended));

        let small = Sandbox {
            output_mib: 1,
            ..scene.sandbox(mode)
        };
        let raw = [&ENDLESS[..], &["big", "-y"]].concat();
        let ended = scene.start(&small, "ffmpeg", &raw).wait_with_output().unwrap();
        assert_eq!(ended.status.signal(), Some(25), "{}", text(&ended));
        assert_eq!(std::fs::metadata(scene.work.join("big")).unwrap().len(), 1 << 20);
    }
}

fn tools() -> Tools {
    let config = clipper::config::Config {
        program: CLIPPER.into(),
        ..clipper::config::Config::default()
    };
    clipper::startup::tools(&config)
}

/// Probes with one set of tools and encodes with another.
async fn encode(scene: &Scene, source: &std::path::Path, encoding: &Tools) -> Result<(), PassError> {
    let generous = Tools {
        max_pixels: u64::MAX >> 33,
        ..tools()
    };
    let facts = encode::probe(&generous, source).await.unwrap();
    let plan = plan::plan(&facts, &Quality::DEFAULT, PlanSettings::default()).unwrap();
    let job = Job {
        source,
        facts: &facts,
        plan: &plan,
        begins: 0.0,
        work: &scene.work,
        small: false,
    };
    let lane = |rung: &PlannedRung| Lane {
        rung: *rung,
        first: 0,
        end: plan.segment_count(),
    };
    let pass = Pass {
        lanes: plan.rungs.iter().map(lane).collect(),
        name: "range".to_owned(),
    };
    let (cuts, mut taken) = mpsc::channel(4);
    let drain = async { while taken.recv().await.is_some() {} };
    let (ended, ()) = tokio::join!(
        async {
            let cuts = cuts;
            encode::run(encoding, job, &pass, &cuts, |_| {}).await
        },
        drain
    );
    ended
}

#[tokio::test]
async fn walk_a_giant_picture_ends_at_the_limit_of_memory() {
    let scene = Scene::set();
    let bomb = scene.folder.path().join("bomb.avi");
    let picture = "color=gray:size=16000x16000:rate=1:duration=1";
    footage::ffmpeg(&[
        "-f",
        "lavfi",
        "-i",
        picture,
        "-c:v",
        "mjpeg",
        "-pix_fmt",
        "yuvj420p",
        bomb.to_str().unwrap(),
    ]);
    let room = Tools {
        max_pixels: u64::MAX >> 33,
        ..tools()
    };
    let bounded = Tools {
        memory_mib: 640,
        ..room.clone()
    };
    let ended = encode(&scene, &bomb, &bounded).await;
    assert!(
        matches!(
            ended,
            Err(PassError::Ffmpeg(FfmpegError::Exceeded(Limit::Memory)))
        ),
        "{ended:?}"
    );
    encode(&scene, &bomb, &room).await.unwrap();
}

/// Whoever exceeds a limit fails as the machine's resource does, which is tried again, and says which limit it was.
#[actix::test]
async fn walk_an_encoding_that_exceeds_a_limit_names_it() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| config.encode.max_output_mib = 1).await;
    app.start_encoder();
    let clip = footage::bars(app.folder.path(), "a.mp4", "1920x1080", "25", 8, &[]);
    app.upload("wide", &clip).await;
    let failed = app
        .until("the encoding to fail", async || {
            let path = app.url("/api/clips/wide/history");
            let history = app.client.get(path).bearer_auth(KEY).send().await.unwrap();
            let history: Value = history.json().await.unwrap();
            let events = history["events"].as_array().unwrap();
            let failed = events
                .iter()
                .find(|event| event["event_type"] == "EncodingFailed");
            failed.cloned()
        })
        .await;
    assert_eq!(failed["payload"]["code"], "output_exceeded", "{failed}");
    assert_eq!(failed["payload"]["class"], "resource", "{failed}");
    app.finish().await;
}

#[tokio::test]
async fn walk_an_encoding_writes_no_more_than_it_may() {
    let scene = Scene::set();
    let clip = footage::bars(scene.folder.path(), "a.mp4", "1920x1080", "25", 8, &[]);
    let bounded = Tools {
        max_output_mib: 1,
        ..tools()
    };
    let ended = encode(&scene, &clip, &bounded).await;
    assert!(
        matches!(
            ended,
            Err(PassError::Ffmpeg(FfmpegError::Exceeded(Limit::Output)))
        ),
        "{ended:?}"
    );
    encode(&scene, &clip, &tools()).await.unwrap();
}
