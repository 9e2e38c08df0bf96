//! Documents lead where they say: every link between them, down to the heading.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn pages() -> Vec<PathBuf> {
    let mut pages = vec![];
    for folder in ["", "docs", "docs/decisions", "dashboards", "media"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|kind| kind == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// A page without what stands between fences.
fn prose(page: &Path) -> String {
    let text = std::fs::read_to_string(page).unwrap();
    let parts = text.split("\n```");
    parts.step_by(2).collect::<Vec<_>>().join("\n")
}

/// Where a heading can be reached, as GitHub has it.
fn anchors(page: &Path) -> BTreeSet<String> {
    let mut anchors = BTreeSet::new();
    for line in prose(page).lines() {
        let title = line.trim_start_matches('#');
        if title.len() == line.len() || !title.starts_with(' ') {
            continue;
        }
        let letters = title.trim().chars().filter_map(|letter| match letter {
            ' ' => Some('-'),
            '-' | '_' => Some(letter),
            _ => letter.is_alphanumeric().then(|| letter.to_ascii_lowercase()),
        });
        let anchor: String = letters.collect();
        let again = (1..).map(|n| format!("{anchor}-{n}"));
        let free = std::iter::once(anchor.clone())
            .chain(again)
            .find(|name| !anchors.contains(name));
        anchors.insert(free.unwrap());
    }
    anchors
}

/// The targets of a page's links.
fn links(page: &Path) -> Vec<String> {
    let prose = prose(page);
    let targets = prose.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target.to_owned()))
        .collect()
}

#[test]
fn every_link_between_documents_leads_somewhere() {
    let (mut followed, mut wrong) = (0, vec![]);
    for page in pages() {
        for link in links(&page).into_iter().filter(|link| !link.contains("://")) {
            followed += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => page.parent().unwrap().join(file),
            };
            if !target.try_exists().unwrap() {
                wrong.push(format!("{}: {link} is not there", page.display()));
            } else if !anchor.is_empty() && !anchors(&target).contains(anchor) {
                wrong.push(format!("{}: {link} has no such heading", page.display()));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(followed > 40, "only {followed} links were found");
}

#[test]
fn the_index_names_every_document() {
    let named = links(&root().join("docs/README.md"));
    let forgotten = pages().into_iter().filter_map(|page| {
        let name = page.strip_prefix(root().join("docs")).ok()?.to_str()?.to_owned();
        let counts = name != "README.md" && !name.starts_with("decisions/");
        (counts && !named.contains(&name)).then_some(name)
    });
    assert_eq!(forgotten.collect::<Vec<_>>(), Vec::<String>::new());
}
