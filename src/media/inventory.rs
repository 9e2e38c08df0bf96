//! What lies in the store, for whoever compares it with the log.

use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

use tokio::fs;

use super::MediaStore;

/// How much lies somewhere, and when the last of it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Files.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The latest change of a file or folder; nothing, where nothing lies.
    pub touched: Option<SystemTime>,
}

impl Footprint {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.touched = self.touched.max(other.touched);
    }

    /// What is left when a part of it is gone.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        Self {
            objects: self.objects.saturating_sub(part.objects),
            bytes: self.bytes.saturating_sub(part.bytes),
            touched: self.touched,
        }
    }
}

/// Something with no name of its own in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Where it lies.
    pub object: String,
    /// How much it is.
    pub footprint: Footprint,
}

impl MediaStore {
    /// Where uploads and encodings under way lie.
    pub const OWN_FOLDERS: [&str; 2] = [".incoming", ".work"];

    /// The names in a folder, in order; none, where there is no folder.
    pub async fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = vec![];
        for path in entries(self.path(folder)).await? {
            if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    /// How much lies under a name.
    pub async fn footprint(&self, object: &str) -> io::Result<Footprint> {
        let mut sum = Footprint::default();
        let mut left = vec![self.path(object)];
        while let Some(path) = left.pop() {
            // What goes away meanwhile is not there.
            let Some(metadata) = present(fs::metadata(&path).await)? else {
                continue;
            };
            sum.touched = sum.touched.max(Some(metadata.modified()?));
            if metadata.is_dir() {
                left.extend(entries(path).await?);
            } else {
                sum.objects += 1;
                sum.bytes += metadata.len();
            }
        }
        Ok(sum)
    }

    /// Objects below a folder that were not written to their end.
    pub async fn partials(&self, folder: &str) -> io::Result<Vec<Stray>> {
        let mut found = vec![];
        let mut left = vec![folder.to_owned()];
        while let Some(folder) = left.pop() {
            for name in self.names(&folder).await? {
                let object = format!("{folder}/{name}");
                if name.ends_with(".partial") {
                    let footprint = self.footprint(&object).await?;
                    found.push(Stray { object, footprint });
                } else if !name.contains('.') {
                    // Files have an extension; what has none is a folder, or holds nothing.
                    left.push(object);
                }
            }
        }
        Ok(found)
    }

    /// Uploads and encodings that are under way, or were when their process died.
    pub async fn strays(&self) -> io::Result<Vec<Stray>> {
        let mut found = vec![];
        for folder in Self::OWN_FOLDERS {
            for name in self.names(folder).await? {
                let object = format!("{folder}/{name}");
                let footprint = self.footprint(&object).await?;
                found.push(Stray { object, footprint });
            }
        }
        Ok(found)
    }

    /// Removes a folder that holds nothing.
    pub async fn remove_if_empty(&self, folder: &str) -> io::Result<()> {
        match fs::remove_dir(self.path(folder)).await {
            Err(error)
                if ![io::ErrorKind::DirectoryNotEmpty, io::ErrorKind::NotFound].contains(&error.kind()) =>
            {
                Err(error)
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

async fn entries(folder: PathBuf) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![];
    let opened = match fs::read_dir(folder).await {
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => None,
        opened => present(opened)?,
    };
    if let Some(mut entries) = opened {
        while let Some(entry) = entries.next_entry().await? {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn present<T>(looked: io::Result<T>) -> io::Result<Option<T>> {
    match looked {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
