//! The rules of ARCHITECTURE.md that cargo cannot hold.

use std::path::{Path, PathBuf};

/// The layers of the program from inside to outside: a module imports from its own layer and from those before it.
const LAYERS: [&[&str]; 8] = [
    &[
        "clock",
        "config",
        "shutdown",
        "hls",
        "metrics",
        "mux",
        "sandbox",
        "outbound",
        "telemetry",
    ],
    &[
        "storage",
        "media",
        "encode",
        "identity",
        "presentation",
        "simulate",
    ],
    &["commands", "delivery", "export", "gc", "webhooks"],
    &["actors"],
    &["http"],
    &["startup"],
    &["cli"],
    &["main", "lib"],
];

struct Source {
    /// The module at the top: `storage` for `src/storage/db.rs`.
    module: String,
    path: String,
    /// Without its tests.
    text: String,
}

fn sources(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut found = vec![];
    let mut folders = vec![root.clone()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(source(&root, &path));
            }
        }
    }
    assert!(!found.is_empty(), "{folder} holds sources");
    found
}

fn source(root: &Path, path: &PathBuf) -> Source {
    let relative = path.strip_prefix(root).unwrap();
    let module = relative
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_str()
        .unwrap()
        .trim_end_matches(".rs");
    let text = std::fs::read_to_string(path).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests").next().unwrap().to_owned();
    Source {
        module: module.to_owned(),
        path: relative.display().to_string(),
        text,
    }
}

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("`{module}` has no layer"))
}

#[test]
fn imports_point_inward() {
    let mut wrong = vec![];
    for source in sources("src") {
        for import in source.text.split("crate::").skip(1) {
            let module: String = import
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            // `crate::{…}` lists and macros do not occur; a lower-case name is a module of ours.
            if module.is_empty() || module == source.module {
                continue;
            }
            if layer(&module) > layer(&source.module) {
                wrong.push(format!("{} imports {module}", source.path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// Who may say what: a text, and the files (or folders) that may hold it.
const MONOPOLIES: [(&str, &[&str]); 8] = [
    ("sqlx::", &["storage/"]),
    ("Db::Sqlite", &["storage/"]),
    ("Self::Sqlite", &["storage/db.rs", "storage/dialect"]),
    // The sandbox starts nothing: it becomes another program.
    ("Command::new", &["encode/ffmpeg.rs", "sandbox.rs"]),
    ("env::var", &["config.rs", "config/"]),
    ("actix::", &["actors/", "startup.rs", "main.rs"]),
    ("HttpResponse", &["http/"]),
    ("Utc::now", &["clock.rs"]),
];

#[test]
fn every_monopoly_is_kept() {
    let mut wrong = vec![];
    for source in sources("src") {
        for (text, holders) in MONOPOLIES {
            let may = holders.iter().any(|holder| source.path.starts_with(holder));
            if source.text.contains(text) && !may {
                wrong.push(format!("{} says `{text}`", source.path));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn the_domain_knows_no_machine() {
    for source in sources("domain/src") {
        for forbidden in [
            "tokio",
            "actix",
            "sqlx",
            "std::fs",
            "std::env",
            "Utc::now",
            "SystemTime",
        ] {
            assert!(
                !source.text.contains(forbidden),
                "domain/{} says `{forbidden}`",
                source.path
            );
        }
    }
}

#[test]
fn migrations_are_twins() {
    let names = |folder: &str| {
        let entries = std::fs::read_dir(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("migrations")
                .join(folder),
        )
        .unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
    assert!(!names("sqlite").is_empty());
}

#[test]
fn files_answer_one_question() {
    const LINES: usize = 420;
    for folder in ["src", "domain/src", "projections/src"] {
        for source in sources(folder) {
            let lines = source.text.lines().count();
            assert!(lines <= LINES, "{folder}/{} has {lines} lines", source.path);
        }
    }
}
