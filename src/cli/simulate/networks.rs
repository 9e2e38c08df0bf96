//! Recorded networks on disk.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};

use crate::simulate::Trace;

/// Folders in folders, no deeper than anybody keeps recordings.
const DEPTH: usize = 4;

/// Every recording in a folder and its folders, by name.
pub(super) fn read(place: &Path, share: f64) -> anyhow::Result<Vec<Arc<Trace>>> {
    let mut files = Vec::new();
    if place.is_file() {
        files.push(place.to_owned());
    } else {
        find(place, DEPTH, &mut files)?;
    }
    files.sort();
    if files.is_empty() {
        bail!(
            "there are no recorded networks (`.json`) in `{}`",
            place.display()
        );
    }
    files.iter().map(|file| read_one(place, file, share)).collect()
}

fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let unreadable = || format!("cannot read `{}`", folder.display());
    for entry in std::fs::read_dir(folder).with_context(unreadable)? {
        let path = entry.with_context(unreadable)?.path();
        if path.is_dir() && depth > 0 {
            find(&path, depth - 1, found)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    Ok(())
}

fn read_one(place: &Path, file: &Path, share: f64) -> anyhow::Result<Arc<Trace>> {
    let name = file
        .strip_prefix(place)
        .ok()
        .filter(|name| !name.as_os_str().is_empty())
        .unwrap_or(file);
    let name = name.with_extension("").display().to_string();
    let trace = std::fs::read_to_string(file)
        .map_err(anyhow::Error::from)
        .and_then(|text| Ok(Trace::parse(&name, &text, share)?));
    Ok(Arc::new(trace.with_context(|| {
        format!("`{}` is no recorded network", file.display())
    })?))
}
