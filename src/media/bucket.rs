//! Objects in a bucket of S3, or of what speaks like it.
//!
//! Promises: what was stored was verified by the server against a checksum, and what is fetched against the hash that was
//! stored with it; a new object never replaces another; an upload in parts that breaks off leaves nothing behind, also
//! when the process ends with it.

mod unfinished;

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::multipart::MultipartStore;
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, Error, GetOptions, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, RetryConfig,
};
use sha2::{Digest, Sha256};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_util::bytes::Bytes;

use super::inventory::Footprint;
use super::labels;
use crate::config::Aws;
use unfinished::{Unfinished, Upload};

/// Larger files are uploaded in parts of this size.
const PART: usize = 8 << 20;
/// A server that says nothing for this long is asked again.
const SILENCE: Duration = Duration::from_secs(30);
/// For how long a request is repeated.
const PATIENCE: Duration = Duration::from_mins(1);
/// For how long readiness waits for an answer.
const CHECK: Duration = Duration::from_secs(5);
/// The hash of the bytes is stored beside them under this name.
const HASH: Attribute = Attribute::Metadata(Cow::Borrowed("sha256"));
/// How often an object is fetched whose bytes are not what they were.
const FETCHES: usize = 3;

/// A bucket, or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    store: Arc<AmazonS3>,
    prefix: Key,
    unfinished: Unfinished,
}

impl Bucket {
    /// Opens `s3://bucket/prefix`.
    pub(super) fn open(address: &str, aws: &Aws, unfinished: &Path) -> io::Result<Self> {
        let rest = address.strip_prefix("s3://").unwrap_or(address);
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let known = |(name, value): (&String, &String)| {
            let key: AmazonS3ConfigKey = name.to_ascii_lowercase().parse().ok()?;
            Some((key, value.clone()))
        };
        let settings = aws.0.iter().filter_map(known);
        let builder = settings.fold(AmazonS3Builder::new(), |builder, (key, value)| {
            builder.with_config(key, value)
        });
        let client = ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(Duration::from_secs(5))
            .with_read_timeout(SILENCE)
            // Only where the endpoint says `http://`: a server of one's own.
            .with_allow_http(true);
        let store = builder
            .with_bucket_name(bucket)
            .with_client_options(client)
            .with_checksum_algorithm(Checksum::SHA256)
            .with_retry(RetryConfig {
                backoff: BackoffConfig::default(),
                max_retries: 8,
                retry_timeout: PATIENCE,
            })
            .build()
            .map_err(explain)?;
        Ok(Self {
            store: Arc::new(store),
            prefix: Key::parse(prefix).map_err(io::Error::other)?,
            unfinished: Unfinished::new(unfinished),
        })
    }

    fn key(&self, object: &str) -> Key {
        let parts = object.split('/').filter(|part| !part.is_empty());
        parts.fold(self.prefix.clone(), Key::join)
    }

    pub(super) async fn put(&self, object: &str, bytes: Bytes) -> io::Result<()> {
        self.put_as(object, bytes, PutMode::Overwrite)
            .await
            .map_err(explain)
    }

    /// False, when somebody has the name.
    pub(super) async fn put_new(&self, object: &str, bytes: Bytes) -> io::Result<bool> {
        match self.put_as(object, bytes, PutMode::Create).await {
            Ok(()) => Ok(true),
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(explain(error)),
        }
    }

    async fn put_as(&self, object: &str, bytes: Bytes, mode: PutMode) -> Result<(), Error> {
        let options = PutOptions {
            mode,
            attributes: attributes(object, &hex::encode(Sha256::digest(&bytes))),
            ..PutOptions::default()
        };
        let payload = PutPayload::from_bytes(bytes);
        self.store.put_opts(&self.key(object), payload, options).await?;
        Ok(())
    }

    /// Stores a file, whose hash may be known.
    pub(super) async fn put_file(&self, object: &str, file: &Path, sha256: Option<&str>) -> io::Result<()> {
        let mut from = File::open(file).await?;
        let length = from.metadata().await?.len();
        if length <= PART as u64 {
            let mut bytes = vec![];
            from.read_to_end(&mut bytes).await?;
            return self.put(object, bytes.into()).await;
        }
        let key = self.key(object);
        let sha256 = match sha256 {
            Some(known) => known.to_owned(),
            None => hash_of(file).await?,
        };
        let options = PutMultipartOptions::from(attributes(object, &sha256));
        let id = self.store.create_multipart_opts(&key, options).await;
        let id = id.map_err(explain)?;
        let mark = self.unfinished.begin(&Upload {
            object: object.to_owned(),
            id: id.clone(),
        })?;
        let stored = self.put_parts(&key, &id, from).await;
        if stored.is_err() {
            self.abort(&key, &id).await?;
        }
        mark.end()?;
        stored
    }

    async fn put_parts(&self, key: &Key, id: &String, mut from: File) -> io::Result<()> {
        let mut parts = vec![];
        loop {
            let mut part = Vec::with_capacity(PART);
            (&mut from).take(PART as u64).read_to_end(&mut part).await?;
            if part.is_empty() {
                break;
            }
            let stored = self.store.put_part(key, id, parts.len(), part.into()).await;
            parts.push(stored.map_err(explain)?);
        }
        let completed = self.store.complete_multipart(key, id, parts).await;
        completed.map_err(explain)?;
        Ok(())
    }

    /// An upload that the server knows no more is as good as aborted.
    async fn abort(&self, key: &Key, id: &String) -> io::Result<()> {
        match self.store.abort_multipart(key, id).await {
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(explain(error)),
        }
    }

    /// Ends uploads in parts that earlier processes have begun.
    pub(super) async fn abort_unfinished(&self) -> io::Result<()> {
        for (mark, upload) in self.unfinished.left_over()? {
            self.abort(&self.key(&upload.object), &upload.id).await?;
            mark.end()?;
            tracing::info!(
                object = upload.object,
                "aborted an upload to the bucket that broke off"
            );
        }
        Ok(())
    }

    /// Fetches an object into a new file; tells how large it is.
    pub(super) async fn fetch(&self, object: &str, into: &Path) -> io::Result<u64> {
        let mut last = None;
        for _ in 0..FETCHES {
            match self.fetch_once(object, into).await {
                Err(error) if error.kind() == io::ErrorKind::InvalidData => last = Some(error),
                fetched => return fetched,
            }
        }
        Err(last.unwrap_or_else(|| io::ErrorKind::InvalidData.into()))
    }

    async fn fetch_once(&self, object: &str, into: &Path) -> io::Result<u64> {
        let mut file = File::create(into).await?;
        let found = self
            .store
            .get_opts(&self.key(object), GetOptions::default())
            .await;
        let found = found.map_err(explain)?;
        let (size, promised) = (found.meta.size, found.attributes.get(&HASH).cloned());
        let (mut hash, mut length) = (Sha256::new(), 0);
        // A body that breaks off is continued where it did, as long as it is of the same version.
        let mut body = found.into_stream();
        while let Some(part) = body.try_next().await.map_err(explain)? {
            length += part.len() as u64;
            hash.update(&part);
            file.write_all(&part).await?;
        }
        file.flush().await?;
        let is_whole = length == size;
        if !is_whole || promised.is_some_and(|promised| *promised != *hex::encode(hash.finalize())) {
            let message = format!("`{object}` came with other bytes than were stored");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(length)
    }

    /// Whether the bucket can be asked.
    pub(super) async fn check(&self) -> io::Result<()> {
        let asked = tokio::time::timeout(CHECK, self.store.head(&self.key(".check"))).await;
        match asked.map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))? {
            Ok(_) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(explain(error)),
        }
    }

    pub(super) async fn exists(&self, object: &str) -> io::Result<bool> {
        match self.store.head(&self.key(object)).await {
            Ok(_) => Ok(true),
            Err(Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(explain(error)),
        }
    }

    pub(super) async fn names(&self, folder: &str) -> io::Result<Vec<String>> {
        let listed = self.store.list_with_delimiter(Some(&self.key(folder))).await;
        let listed = listed.map_err(explain)?;
        let objects = listed.objects.iter().map(|object| &object.location);
        let last = |key: &Key| key.filename().map(str::to_owned);
        let mut names: Vec<_> = listed
            .common_prefixes
            .iter()
            .chain(objects)
            .filter_map(last)
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Of an object, or of everything in a folder.
    async fn at(&self, object: &str) -> io::Result<Vec<ObjectMeta>> {
        let key = self.key(object);
        let below: Vec<_> = self.store.list(Some(&key)).try_collect().await.map_err(explain)?;
        if !below.is_empty() {
            return Ok(below);
        }
        // Not asked for by its name: it may be that of a folder, which some servers stumble over.
        let (folder, _name) = object.rsplit_once('/').unwrap_or_default();
        let beside = self.store.list_with_delimiter(Some(&self.key(folder))).await;
        let mut beside = beside.map_err(explain)?.objects;
        beside.retain(|found| found.location == key);
        Ok(beside)
    }

    pub(super) async fn objects(&self, folder: &str) -> io::Result<Vec<(String, u64)>> {
        let listed = self.store.list(Some(&self.key(folder))).map_err(explain);
        let named = listed.map_ok(|found| {
            let parts = found.location.prefix_match(&self.prefix);
            let parts = parts.map(|parts| parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>());
            (parts.unwrap_or_default().join("/"), found.size)
        });
        named.try_collect().await
    }

    pub(super) async fn footprint(&self, object: &str) -> io::Result<Footprint> {
        let mut sum = Footprint::default();
        for found in self.at(object).await? {
            sum.add(&Footprint {
                objects: 1,
                bytes: found.size,
                touched: Some(found.last_modified.into()),
            });
        }
        Ok(sum)
    }

    pub(super) async fn remove(&self, object: &str) -> io::Result<()> {
        let found = self.at(object).await?;
        let keys = futures_util::stream::iter(found).map(|found| Ok(found.location));
        let mut removed = self.store.delete_stream(keys.boxed());
        while let Some(result) = removed.next().await {
            match result {
                Ok(_) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(explain(error)),
            }
        }
        Ok(())
    }
}

async fn hash_of(file: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(file)?;
    let hashed = tokio::task::spawn_blocking(move || {
        let mut hash = Sha256::new();
        let mut part = vec![0; PART];
        while let count @ 1.. = file.read(&mut part)? {
            hash.update(part.get(..count).unwrap_or_default());
        }
        Ok(hex::encode(hash.finalize()))
    });
    hashed.await.map_err(io::Error::other)?
}

/// What a server that serves the bucket as it is says of an object.
fn attributes(object: &str, sha256: &str) -> Attributes {
    let extension = object.rsplit('.').next().unwrap_or_default();
    let (content_type, cache_control) = match extension {
        "ts" => (labels::TS, labels::IMMUTABLE),
        "m4s" => (labels::FMP4, labels::IMMUTABLE),
        "mp4" => (labels::MP4, labels::IMMUTABLE),
        "jpg" => (labels::JPEG, labels::IMMUTABLE),
        "vtt" => (labels::VTT, labels::FINAL),
        "m3u8" => (labels::PLAYLIST, labels::FINAL),
        _ => ("application/octet-stream", "private, no-store"),
    };
    let mut attributes = Attributes::new();
    attributes.insert(Attribute::ContentType, content_type.into());
    attributes.insert(Attribute::CacheControl, cache_control.into());
    attributes.insert(HASH, sha256.to_owned().into());
    attributes
}

fn explain(error: Error) -> io::Error {
    let kind = if matches!(error, Error::NotFound { .. }) {
        io::ErrorKind::NotFound
    } else {
        io::ErrorKind::Other
    };
    io::Error::new(kind, error)
}
