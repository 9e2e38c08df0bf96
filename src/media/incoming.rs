//! A source on its way in: written to disk as it arrives, counted and hashed, and gone unless it is kept.

use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, BufWriter};

/// What is copied at once.
const PART: usize = 1 << 20;

/// A source that is being received. Dropped before it is whole, it leaves nothing behind.
#[derive(Debug)]
pub struct Incoming {
    file: BufWriter<File>,
    place: Place,
    hash: Sha256,
    bytes: u64,
}

/// A source that was received whole and lies on disk, not yet under its name.
#[derive(Debug)]
pub struct Received {
    place: Place,
    /// Size in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

/// Why a source was not received.
#[derive(Debug, thiserror::Error)]
pub enum IncomingError {
    /// It is larger than the cap.
    #[error("the source is larger than {max_bytes} bytes")]
    TooLarge {
        /// The cap.
        max_bytes: u64,
    },
    /// The disk refused it.
    #[error("the source could not be written")]
    Disk(#[from] io::Error),
}

/// A path whose file is removed when it is dropped.
#[derive(Debug)]
struct Place(Option<PathBuf>);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(path) = self.0.take()
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!(path = %path.display(), %error, "an unfinished upload could not be removed");
        }
    }
}

impl Incoming {
    pub(super) async fn create(path: PathBuf) -> io::Result<Self> {
        let file = File::create_new(&path).await?;
        let file = BufWriter::with_capacity(256 * 1024, file);
        Ok(Self {
            file,
            place: Place(Some(path)),
            hash: Sha256::new(),
            bytes: 0,
        })
    }

    /// Writes the next part.
    pub async fn write(&mut self, part: &[u8], max_bytes: u64) -> Result<(), IncomingError> {
        self.bytes += part.len() as u64;
        if self.bytes > max_bytes {
            return Err(IncomingError::TooLarge { max_bytes });
        }
        self.hash.update(part);
        self.file.write_all(part).await?;
        Ok(())
    }

    /// Writes everything that a reader gives.
    pub async fn copy(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        max_bytes: u64,
    ) -> Result<(), IncomingError> {
        let mut part = vec![0; PART];
        while let count @ 1.. = from.read(&mut part).await? {
            self.write(part.get(..count).unwrap_or_default(), max_bytes)
                .await?;
        }
        Ok(())
    }

    /// Ends the source and puts it on disk.
    pub async fn finish(mut self) -> io::Result<Received> {
        self.file.flush().await?;
        self.file.get_ref().sync_all().await?;
        let sha256 = hex::encode(self.hash.finalize());
        Ok(Received {
            place: self.place,
            bytes: self.bytes,
            sha256,
        })
    }
}

impl Received {
    pub(super) fn at(path: PathBuf, bytes: u64, sha256: String) -> Self {
        Self {
            place: Place(Some(path)),
            bytes,
            sha256,
        }
    }

    /// Where it lies until it is kept.
    pub fn path(&self) -> &Path {
        self.place.0.as_deref().unwrap_or(Path::new(""))
    }

    /// Whoever has moved the file looks after it from now on.
    pub(super) fn release(mut self) {
        self.place.0 = None;
    }
}
