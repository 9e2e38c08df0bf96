//! What is handed out to run Clipper elsewhere says only what the program knows.

#![expect(clippy::disallowed_methods, reason = "tests start processes")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::database::Backend;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join("packaging").join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a file, with what they merge in.
fn yaml(path: &str) -> Vec<Value> {
    let text = read(path);
    let documents = serde_yaml_ng::Deserializer::from_str(&text);
    documents
        .map(|document| {
            let mut document: serde_yaml_ng::Value = serde::Deserialize::deserialize(document).unwrap();
            // What is merged in merges in turn.
            for _ in 0..2 {
                document.apply_merge().unwrap();
            }
            serde_json::to_value(document).unwrap()
        })
        .collect()
}

/// The program with these variables and no others.
fn clipper(folder: &Path, variables: &BTreeMap<String, String>, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_clipper"))
        .env_clear()
        .envs(variables)
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
        .concat()
}

/// A value of YAML as a variable of the environment, with what an operator would fill in.
fn variables(map: &Value) -> BTreeMap<String, String> {
    let filled = |value: &Value| {
        let mut value = value.as_str().unwrap().to_owned();
        while let Some((before, rest)) = value.split_once("${") {
            let (_, after) = rest.split_once('}').unwrap();
            value = format!("{before}secret{after}");
        }
        value
    };
    let pairs = map.as_object().unwrap().iter();
    pairs.map(|(name, value)| (name.clone(), filled(value))).collect()
}

/// The services of compose.yaml that are Clipper.
fn services() -> Vec<Value> {
    let compose = yaml("compose/compose.yaml").remove(0);
    let services = compose["services"].as_object().unwrap().values();
    let ours =
        services.filter(|service| service["image"] == "clipper:0.1.0" && service["environment"].is_object());
    ours.cloned().collect()
}

/// The containers of the manifests.
fn containers() -> Vec<Value> {
    let documents = yaml("kubernetes/clipper.yaml");
    let containers = documents
        .iter()
        .filter_map(|document| document["spec"]["template"]["spec"]["containers"].as_array());
    containers.flatten().cloned().collect()
}

/// `NAME=value` of the image.
fn of_image() -> BTreeMap<String, String> {
    let dockerfile = read("Dockerfile").replace("\\\n", " ");
    let line = dockerfile
        .lines()
        .find_map(|line| line.strip_prefix("ENV "))
        .unwrap()
        .to_owned();
    let pairs = line.split_whitespace().map(|pair| pair.split_once('=').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn the_program_takes_the_settings_of_every_package() {
    let folder = tempfile::tempdir().unwrap();
    let mut sets = vec![of_image()];
    sets.extend(
        services()
            .iter()
            .map(|service| variables(&service["environment"])),
    );
    sets.push(variables(&yaml("kubernetes/clipper.yaml")[0]["data"]));
    let file = root().join("packaging/debian/clipper.toml").display().to_string();
    sets.push([("CLIPPER_CONFIG".to_owned(), file)].into());
    assert_eq!(sets.len(), 6);
    for set in sets {
        let taken = clipper(folder.path(), &set, &["config"]);
        assert!(taken.status.success(), "{set:?}: {}", text(&taken));
    }
}

#[test]
fn every_variable_that_a_package_names_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        "Dockerfile",
        "compose/compose.yaml",
        "compose/secrets.env.example",
        "debian/clipper.toml",
        "kubernetes/clipper.yaml",
        "systemd/clipper.service",
        "systemd/clipper-worker@.service",
    ];
    let named: BTreeSet<String> = files
        .iter()
        .flat_map(|file| {
            let text = read(file);
            let words = text.split(|letter: char| !(letter.is_ascii_uppercase() || letter == '_'));
            words
                .filter(|word| word.starts_with("CLIPPER_"))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(named.len() >= 6, "{named:?}");
    for name in named {
        let said = text(&clipper(
            folder.path(),
            &[(name, "1".to_owned())].into(),
            &["config"],
        ));
        assert!(!said.contains("there is no setting"), "{said}");
    }
}

#[test]
fn the_program_has_the_commands_that_packages_start() {
    let folder = tempfile::tempdir().unwrap();
    let lists = services()
        .iter()
        .map(|service| service["command"].clone())
        .chain(containers().iter().map(|container| container["args"].clone()))
        .collect::<Vec<_>>();
    assert_eq!(lists.len(), 5);
    for list in lists {
        let mut words: Vec<&str> = list
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word.as_str().unwrap())
            .collect();
        words.push("--help");
        let asked = clipper(folder.path(), &BTreeMap::new(), &words);
        assert!(asked.status.success(), "{words:?}: {}", text(&asked));
    }
}

/// The port behind the last colon.
fn port(address: &Value) -> u64 {
    let address = address.as_str().unwrap();
    address.rsplit(':').next().unwrap().parse().unwrap()
}

#[test]
fn probes_ask_what_is_there_on_the_port_on_which_it_listens() {
    let health = std::fs::read_to_string(root().join("src/http/endpoints/operations.rs")).unwrap();
    let listens = port(&of_image()["CLIPPER_LISTEN"].clone().into());
    let dockerfile = read("Dockerfile");
    assert!(dockerfile.contains(&format!("\nEXPOSE {listens}\n")));
    assert!(dockerfile.contains(&format!(r#"CMD ["healthcheck", "{listens}"]"#)));
    let listens_at = |words: &Value| words.as_array().unwrap().last().map(port);
    for container in containers() {
        let worker = container["args"][0] == "worker";
        let listens = if worker {
            listens_at(&container["args"]).unwrap()
        } else {
            listens
        };
        assert_eq!(container["ports"][0]["containerPort"], listens);
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            let get = &container[probe]["httpGet"];
            assert_eq!(get["port"], container["ports"][0]["name"]);
            assert!(health.contains(&format!("get({}", get["path"])), "{get}");
        }
    }
    let targets = read("compose/prometheus.yml");
    for service in services()
        .iter()
        .filter(|service| service["command"][0] == "worker")
    {
        let listens = listens_at(&service["command"]).unwrap().to_string();
        assert_eq!(service["healthcheck"]["test"][2], listens.as_str());
        assert!(targets.contains(&format!("port: {listens}")), "{targets}");
    }
    assert!(targets.contains(&format!("node-2:{listens}")), "{targets}");
    let nodes = read("compose/nodes.sh");
    assert!(nodes.contains(&format!("server node-2:{listens};")), "{nodes}");
    assert!(
        read("nginx/edge.conf").contains("server 127.0.0.1:8080;"),
        "what nodes.sh replaces"
    );
}

#[test]
fn prometheus_takes_the_configuration_of_the_compose_file() {
    let folder = tempfile::tempdir().unwrap();
    let rules = root().join("dashboards/prometheus/clipper.rules.yml");
    std::fs::copy(rules, folder.path().join("clipper.rules.yml")).unwrap();
    std::fs::write(
        folder.path().join("prometheus.yml"),
        read("compose/prometheus.yml"),
    )
    .unwrap();
    let checked = Command::new("promtool")
        .args(["check", "config", "prometheus.yml"])
        .current_dir(folder.path())
        .output()
        .expect("scripts/need.sh prometheus brings promtool");
    assert!(checked.status.success(), "{}", text(&checked));
}

/// What a file of the package is called here.
fn assets() -> Vec<String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = toml::from_str(&manifest).unwrap();
    let package = &manifest["package"]["metadata"]["deb"];
    let assets = package["assets"].as_array().unwrap().iter();
    assets
        .map(|asset| asset[0].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn what_goes_into_the_debian_package_is_there_or_made() {
    let script = std::fs::read_to_string(root().join("scripts/package.sh")).unwrap();
    for asset in assets() {
        let path = PathBuf::from(&asset);
        let made = path.starts_with("target") && script.contains(path.parent().unwrap().to_str().unwrap());
        // `cargo deb` puts the profile in the place of `release`.
        let program = asset == "target/release/clipper";
        assert!(made || program || root().join(&path).is_file(), "{asset}");
    }
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let man = folder.path().join("man");
    let written = clipper(folder.path(), &BTreeMap::new(), &["man", man.to_str().unwrap()]);
    assert!(written.status.success(), "{}", text(&written));
    let help = text(&clipper(folder.path(), &BTreeMap::new(), &["--help"]));
    let (_, commands) = help.split_once("Commands:\n").unwrap();
    // What is wrapped stands further in.
    let lines = commands.lines().take_while(|line| !line.is_empty());
    let lines = lines.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names = lines
        .filter_map(|line| line.split(' ').next())
        .filter(|name| *name != "help");
    let mut seen = 0;
    for name in names {
        assert!(man.join(format!("clipper-{name}.1")).is_file(), "{name}");
        seen += 1;
    }
    assert!(seen > 15, "{help}");
    let page = std::fs::read_to_string(man.join("clipper.1")).unwrap();
    assert!(page.contains(".SH \"EXIT STATUS\""), "{page}");
}

#[actix::test]
async fn the_image_knows_whether_its_server_lives() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let port = app.address.rsplit(':').next().unwrap().to_owned();
    let ask = |port: String| async move {
        let script = root().join("packaging/healthcheck.sh");
        let asked = tokio::process::Command::new(script)
            .arg(port)
            .output()
            .await
            .unwrap();
        asked.status.success()
    };
    assert!(ask(port.clone()).await);
    app.finish().await;
    assert!(!ask(port).await);
}
