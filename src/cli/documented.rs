//! Commands that documents and packages tell are commands of this program.

use std::path::{Path, PathBuf};

use clap::Parser;

use super::Arguments;

/// Files of these kinds in a folder, and of those below it.
fn files(folder: &Path, kinds: &[&str], found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.extension().and_then(std::ffi::OsStr::to_str);
        if path.is_dir() {
            files(&path, kinds, found);
        } else if kind.is_some_and(|kind| kinds.contains(&kind)) {
            found.push(path);
        }
    }
}

/// The lines of a text that a shell would be given, those that go on put together.
fn shell(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = vec![];
    let (mut inside, mut goes_on) = (false, false);
    for line in text.lines() {
        match line.trim() {
            "```sh" => inside = true,
            "```" => inside = false,
            line if inside => {
                let (said, more) = line.strip_suffix('\\').map_or((line, false), |said| (said, true));
                match lines.last_mut() {
                    Some(last) if goes_on => last.push_str(said),
                    _ => lines.push(said.to_owned()),
                }
                goes_on = more;
            }
            _ => {}
        }
    }
    lines
}

/// The commands of a line, as lists of words.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![vec![]];
    let mut word = String::new();
    let (mut quote, mut quoted, mut depth) = (None, false, 0);
    for letter in line.chars().chain([' ']) {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (Some(_), _) => word.push(letter),
            (None, '"' | '\'') => (quote, quoted) = (Some(letter), true),
            (None, '(') => depth += 1,
            (None, ')') => depth -= 1,
            // What is put in by the shell is one word, whatever it is.
            (None, _) if depth > 0 => word.push(letter),
            (None, '#') if word.is_empty() => break,
            (None, ';' | '|' | '&' | ' ' | '>' | '<') => {
                if quoted || !word.is_empty() {
                    commands.last_mut().unwrap().push(std::mem::take(&mut word));
                }
                quoted = false;
                if letter != ' ' {
                    commands.push(vec![]);
                }
            }
            (None, _) => word.push(letter),
        }
    }
    commands
}

/// What a command gives to Clipper, if it is one of Clipper.
fn arguments(command: &[String]) -> Option<&[String]> {
    const BEFORE: [&[&str]; 2] = [
        &["sudo", "-u", "clipper"],
        &["docker", "compose", "exec", "node-1"],
    ];
    let assigns = |word: &String| word.split_once('=').is_some_and(|(name, _)| !name.contains('-'));
    let from = command.iter().position(|word| !assigns(word))?;
    let mut rest = &command[from..];
    for before in BEFORE {
        if rest.iter().take(before.len()).eq(before.iter()) {
            rest = &rest[before.len()..];
        }
    }
    let program = rest.first()?;
    (program == "clipper" || program.ends_with("/clipper")).then_some(rest)
}

#[test]
fn every_command_that_is_written_down_is_understood() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md"]
        .map(|name| root.join(name))
        .to_vec();
    for folder in ["docs", "dashboards", "packaging"] {
        files(&root.join(folder), &["md", "service"], &mut pages);
    }
    let (mut seen, mut wrong) = (0, vec![]);
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let mut lines = shell(&text);
        lines.extend(
            text.lines()
                .filter_map(|line| line.strip_prefix("ExecStart=").map(str::to_owned)),
        );
        for command in lines.iter().flat_map(|line| commands(line)) {
            let Some(arguments) = arguments(&command) else {
                continue;
            };
            seen += 1;
            if let Err(error) = Arguments::try_parse_from(arguments)
                && error.use_stderr()
            {
                wrong.push(format!("{}: {}: {error}", page.display(), command.join(" ")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 40, "only {seen} commands were found");
}

#[test]
fn a_line_of_the_shell_is_read_as_a_shell_does() {
    let line = "KEY=$(cat data/admin.key) clipper backup 'a b' && sudo -u clipper clipper gc --dry-run | less # clipper x";
    let found = commands(line);
    let found: Vec<_> = found.iter().filter_map(|command| arguments(command)).collect();
    assert_eq!(
        found,
        [
            &["clipper", "backup", "a b"][..],
            &["clipper", "gc", "--dry-run"][..]
        ]
    );
}
