//! Which uploads in parts are under way: S3 keeps, and bills, the parts of those that nobody ends.
//!
//! Each has a mark, a file that stays locked for as long as somebody is at it, in whichever process.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// The folder of marks.
#[derive(Clone, Debug)]
pub(super) struct Unfinished {
    folder: PathBuf,
}

/// An upload under way. Dropped before it has ended, it is left over.
#[derive(Debug)]
pub(super) struct Mark {
    path: PathBuf,
    _locked: File,
}

/// What a mark says.
#[derive(Serialize, Deserialize)]
pub(super) struct Upload {
    pub(super) object: String,
    pub(super) id: String,
}

impl Unfinished {
    pub(super) fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// Writes down that an upload has begun.
    pub(super) fn begin(&self, upload: &Upload) -> io::Result<Mark> {
        std::fs::create_dir_all(&self.folder)?;
        let path = self.folder.join(format!("{}.json", uuid::Uuid::now_v7()));
        let mut file = File::create_new(&path)?;
        file.lock()?;
        file.write_all(&serde_json::to_vec(upload)?)?;
        Ok(Mark { path, _locked: file })
    }

    /// Uploads that nobody goes on with.
    pub(super) fn left_over(&self) -> io::Result<Vec<(Mark, Upload)>> {
        std::fs::create_dir_all(&self.folder)?;
        let mut found = vec![];
        for entry in std::fs::read_dir(&self.folder)? {
            let path = entry?.path();
            let file = match File::open(&path) {
                Ok(file) => file,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            };
            if file.try_lock().is_err() {
                continue;
            }
            // Nothing is in it when its process ended, or is about to lock it, before a word was written.
            if let Ok(upload) = serde_json::from_slice(&std::fs::read(&path)?) {
                found.push((Mark { path, _locked: file }, upload));
            }
        }
        Ok(found)
    }
}

impl Mark {
    /// The upload has ended, one way or the other.
    pub(super) fn end(self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_is_left_over_once_nobody_is_at_it() {
        let folder = tempfile::tempdir().unwrap();
        let unfinished = Unfinished::new(folder.path());
        let upload = Upload {
            object: "a/source/b".to_owned(),
            id: "1".to_owned(),
        };
        let mark = unfinished.begin(&upload).unwrap();
        assert!(unfinished.left_over().unwrap().is_empty(), "somebody is at it");
        drop(mark);
        let mut left = unfinished.left_over().unwrap();
        let (mark, found) = left.pop().unwrap();
        assert_eq!((found.object.as_str(), found.id.as_str()), ("a/source/b", "1"));
        mark.end().unwrap();
        assert!(unfinished.left_over().unwrap().is_empty());
    }
}
