//! Open files. An object never changes, so that what was opened once can be sent for as long as it is asked for; its
//! bytes are left to the page cache, except those of small files.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::sync::Arc;
use std::time::Duration;

use actix_web::http::header::EntityTag;
use actix_web::web::Bytes;
use quick_cache::sync::Cache;
use rustix::io::{Errno, ReadWriteFlags};

use crate::media::MediaStore;
use crate::shutdown::Shutdown;

/// Smaller files are kept in memory: a second call of the kernel would cost more.
const SMALL: u64 = 16 * 1_024;
/// How often files are let go that were removed.
const SWEEP: Duration = Duration::from_secs(30);

/// A file that is open for reading.
#[derive(Debug)]
pub struct OpenFile {
    pub(super) file: File,
    length: u64,
    etag: EntityTag,
    small: Option<Bytes>,
}

/// The files that were asked for lately.
#[derive(Clone)]
pub struct Files {
    media: MediaStore,
    open: Arc<Cache<String, Arc<OpenFile>>>,
}

impl Files {
    /// Keeps so many files open at most.
    pub fn new(media: MediaStore, capacity: usize) -> Self {
        Self {
            media,
            open: Arc::new(Cache::new(capacity)),
        }
    }

    /// A file that is open already.
    pub fn at_hand(&self, object: &str) -> Option<Arc<OpenFile>> {
        self.open.get(object)
    }

    /// Opens a file; nothing, when there is no such object.
    pub async fn open(&self, object: &str) -> io::Result<Option<Arc<OpenFile>>> {
        if let Some(file) = self.at_hand(object) {
            return Ok(Some(file));
        }
        let file = match self.media.open_object(object).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let name = object.to_owned();
        let opened = tokio::task::spawn_blocking(move || OpenFile::new(file, &name)).await;
        let file = Arc::new(opened.map_err(io::Error::other)??);
        self.open.insert(object.to_owned(), Arc::clone(&file));
        Ok(Some(file))
    }

    /// Lets files go that were removed, from time to time: an open file keeps its place on the disk.
    pub async fn sweep(self, shutdown: Shutdown) {
        loop {
            tokio::select! {
                () = shutdown.finishing() => return,
                () = tokio::time::sleep(SWEEP) => self.let_go(),
            }
        }
    }

    fn let_go(&self) {
        self.open.retain(|_, file| !file.is_removed());
    }
}

impl OpenFile {
    fn new(file: File, object: &str) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let opened = Self {
            // The object's name is part of a generation and never holds other bytes.
            etag: EntityTag::new_strong(object.replace('/', "-")),
            small: None,
            file,
            length,
        };
        let small = if length <= SMALL {
            Some(opened.read(0, length)?)
        } else {
            None
        };
        Ok(Self { small, ..opened })
    }

    /// Its size in bytes.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The validator of its bytes.
    pub fn etag(&self) -> &EntityTag {
        &self.etag
    }

    /// A part of a file that is small enough to be kept in memory.
    pub fn in_memory(&self, first: u64, count: u64) -> Option<Bytes> {
        let whole = self.small.as_ref()?;
        let (first, count) = (usize::try_from(first).ok()?, usize::try_from(count).ok()?);
        (first.checked_add(count)? <= whole.len()).then(|| whole.slice(first..first + count))
    }

    /// A part of the file, read as one. Blocks while the disk is asked.
    pub fn read(&self, first: u64, count: u64) -> io::Result<Bytes> {
        use std::os::unix::fs::FileExt;
        let count = usize::try_from(count).map_err(io::Error::other)?;
        let mut bytes = vec![0; count];
        self.file.read_exact_at(&mut bytes, first)?;
        Ok(bytes.into())
    }

    /// Whether the disk would have to be asked for the beginning or the end of a part.
    pub fn is_cold(&self, first: u64, count: u64) -> bool {
        [first, (first + count).saturating_sub(1)]
            .into_iter()
            .any(|offset| {
                let mut byte = [0];
                let mut into = [IoSliceMut::new(&mut byte)];
                let read = rustix::io::preadv2(&self.file, &mut into, offset, ReadWriteFlags::NOWAIT);
                read == Err(Errno::AGAIN)
            })
    }

    fn is_removed(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }
}
