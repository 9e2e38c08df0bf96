//! Objects as files of a folder.
//!
//! Promises: what has its name is whole and on disk.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs;
use tokio::io::AsyncWriteExt;

use super::inventory::{Footprint, Stray};

/// A folder of objects.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    root: PathBuf,
}

impl Disk {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(super) fn path(&self, object: &str) -> PathBuf {
        self.root.join(object)
    }

    /// Moves a file that lies on the same disk here.
    pub(super) async fn adopt(&self, object: &str, file: &Path) -> io::Result<()> {
        let target = self.path(object);
        make_folder(&target).await?;
        fs::rename(file, &target).await?;
        sync_parent(&target).await
    }

    pub(super) async fn put_new(&self, object: &str, bytes: &[u8]) -> io::Result<bool> {
        let (target, partial) = self.begin(object).await?;
        write_through(&partial, bytes).await?;
        let linked = fs::hard_link(&partial, &target).await;
        fs::remove_file(&partial).await?;
        match linked {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error),
        }
        sync_parent(&target).await?;
        Ok(true)
    }

    pub(super) async fn put(&self, object: &str, bytes: &[u8]) -> io::Result<()> {
        let (target, partial) = self.begin(object).await?;
        write_through(&partial, bytes).await?;
        fs::rename(&partial, &target).await?;
        sync_parent(&target).await
    }

    pub(super) async fn put_file(&self, object: &str, file: &Path) -> io::Result<()> {
        let (target, partial) = self.begin(object).await?;
        fs::File::open(file).await?.sync_all().await?;
        fs::hard_link(file, &partial).await?;
        fs::rename(&partial, &target).await?;
        sync_parent(&target).await
    }

    async fn begin(&self, object: &str) -> io::Result<(PathBuf, PathBuf)> {
        let target = self.path(object);
        make_folder(&target).await?;
        let name = uuid::Uuid::now_v7().simple().to_string();
        let partial = target.with_extension(format!("{name}.partial"));
        Ok((target, partial))
    }

    pub(super) async fn exists(&self, object: &str) -> io::Result<bool> {
        match fs::try_exists(self.path(object)).await {
            // A name below a file is nobody's.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(false),
            found => found,
        }
    }

    pub(super) async fn remove(&self, object: &str) -> io::Result<()> {
        match remove(&self.path(object)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub(super) async fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        let mut names = vec![];
        for path in entries(self.path(folder)).await? {
            if let Some(name) = path.file_name().and_then(|name| name.to_str()) {
                names.push(name.to_owned());
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    pub(super) async fn objects(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let mut found = vec![];
        let mut left = vec![folder.to_owned()];
        while let Some(object) = left.pop() {
            let Some(metadata) = present(fs::metadata(self.path(&object)).await)? else {
                continue;
            };
            if metadata.is_dir() {
                let names = self.names(&object).await?;
                left.extend(names.into_iter().map(|name| format!("{object}/{name}")));
            } else {
                found.push((object, metadata.len()));
            }
        }
        Ok(found)
    }

    pub(super) async fn footprint(&self, object: &str) -> io::Result<Footprint> {
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

    pub(super) async fn partials(&self, folder: &str) -> io::Result<Vec<Stray>> {
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

    pub(super) async fn remove_if_empty(&self, folder: &str) -> io::Result<()> {
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

async fn make_folder(target: &Path) -> io::Result<()> {
    match target.parent() {
        Some(folder) => fs::create_dir_all(folder).await,
        None => Ok(()),
    }
}

async fn remove(path: &Path) -> io::Result<()> {
    if fs::metadata(path).await?.is_dir() {
        fs::remove_dir_all(path).await
    } else {
        fs::remove_file(path).await
    }
}

async fn write_through(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::File::create_new(path).await?;
    file.write_all(bytes).await?;
    file.sync_all().await
}

async fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => fs::File::open(folder).await?.sync_all().await,
        None => Ok(()),
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

/// What there is; nothing, where nothing is.
pub(super) fn present<T>(looked: io::Result<T>) -> io::Result<Option<T>> {
    match looked {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
