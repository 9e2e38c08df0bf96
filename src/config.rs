//! Settings: flags over environment over `clipper.toml` over defaults. The only place that reads the environment.

mod auth;
mod capacity;
mod http;
mod layers;
mod media;
mod outbound;
mod sources;

use std::path::{Path, PathBuf};

use clipper_domain::plan::{CopyObstacle, PlanSettings};
use clipper_domain::{InvalidQuality, Quality};
use serde::{Deserialize, Deserializer, Serialize};

use crate::sandbox::Mode;

pub use auth::{AuthConfig, SCOPES};
pub use capacity::Capacity;
pub use http::HttpConfig;
pub use layers::ConfigError;
use layers::Layers;
pub use media::{Aws, MediaConfig, MediaPlace};
pub use outbound::WebhooksConfig;
pub use sources::{ImportConfig, UploadConfig};

/// Viewers of one playback token that can be told apart.
pub const MOST_STREAMS: usize = 16;

/// Every setting of the program.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address to listen on.
    pub listen: String,
    /// Where everything is kept that has no place of its own.
    pub data_dir: PathBuf,
    /// `sqlite:PATH` or `postgres://…`; a file in the data directory when absent.
    pub database_url: Option<String>,
    /// `file:///PATH` or `s3://BUCKET/PREFIX`; a folder in the data directory when absent.
    pub media_url: Option<String>,
    /// The first API key; one is made at the first start when absent.
    #[serde(skip_serializing)]
    pub admin_key: Option<String>,
    /// Uploads.
    pub upload: UploadConfig,
    /// Sources that are fetched from elsewhere.
    pub import: ImportConfig,
    /// Encoding.
    pub encode: EncodeConfig,
    /// Who may do what, as an identity provider says.
    pub auth: AuthConfig,
    /// HTTP.
    pub http: HttpConfig,
    /// Limits.
    pub limits: LimitsConfig,
    /// Reports and what is made of them.
    pub analytics: AnalyticsConfig,
    /// The media store.
    pub media: MediaConfig,
    /// What is kept for how long.
    pub retention: RetentionConfig,
    /// Webhooks.
    pub webhooks: WebhooksConfig,
    /// Who may use the bucket, from the customary variables.
    #[serde(skip)]
    pub aws: Aws,
    /// This program on disk, which ffmpeg is started through. No setting: only tests run as another program.
    #[serde(skip)]
    pub program: PathBuf,
}

/// Settings of encoding.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EncodeConfig {
    /// Encodings that run at once in this process; 0 for as many as its cores and memory carry.
    pub workers: usize,
    /// The program that encodes.
    pub ffmpeg: PathBuf,
    /// The program that probes.
    pub ffprobe: PathBuf,
    /// Seconds of a media segment.
    pub segment_seconds: u32,
    /// Seconds of a range, which one worker encodes.
    pub range_seconds: u32,
    /// The rungs that an upload gets, separated by commas.
    pub qualities: String,
    /// Whether sources that fit a rung are copied into it.
    pub copy: bool,
    /// How loud sound is made, in LUFS (EBU R 128); 0 leaves it as it is.
    pub loudness_lufs: f64,
    /// The longest source in seconds.
    pub max_seconds: u64,
    /// The most pixels of a source's picture.
    pub max_pixels: u64,
    /// Memory that ffmpeg may address, in MiB.
    pub memory_mib: u64,
    /// Processor seconds that ffmpeg may use for each second of video.
    pub cpu_per_second: u64,
    /// What ffmpeg may write for one encoding, in MiB.
    pub max_output_mib: u64,
    /// How much of a sandbox there is around ffmpeg: `auto`, `required` or `off`.
    pub sandbox: Mode,
    /// Seconds without a new frame after which ffmpeg counts as stuck.
    pub stall_seconds: u64,
    /// Seconds after which a silent worker loses its lease.
    pub lease_seconds: u32,
}

/// What one client may ask for and be sent; 0 for no limit. Ten seconds' worth of requests may come at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// From one address, for playlists, segments and parts of uploads.
    pub media_per_second: u32,
    /// From one address, for everything else that is read.
    pub reads_per_second: u32,
    /// From one address, for everything else that changes something.
    pub writes_per_second: u32,
    /// From one address, for reports of players.
    pub reports_per_second: u32,
    /// With the keys of one person, whatever for.
    pub person_per_second: u32,
    /// Bytes of media to one address.
    pub address_bytes_per_second: u64,
    /// The same in a day.
    pub address_bytes_per_day: u64,
    /// Bytes of media to one person with a key.
    pub person_bytes_per_second: u64,
    /// The same in a day.
    pub person_bytes_per_day: u64,
    /// Bytes of media through one playback token.
    pub token_bytes_per_second: u64,
    /// The same in a day.
    pub token_bytes_per_day: u64,
    /// Viewers who play through one playback token at the same time, up to 16.
    pub token_streams: usize,
    /// Bytes per second of playback tokens with a rate class, separated by commas: the first is class 1.
    #[serde(deserialize_with = "list")]
    pub token_classes: String,
}

/// Settings of reports and what is made of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnalyticsConfig {
    /// Whether reports are taken at all; players that are refused stop.
    pub reports: bool,
    /// The header in which a trusted proxy says from which country a request comes; empty for none.
    pub country_header: String,
}

impl Default for AnalyticsConfig {
    fn default() -> Self {
        Self {
            reports: true,
            country_header: String::new(),
        }
    }
}

/// Settings of retention.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RetentionConfig {
    /// Days for which the playback log keeps what players reported; 0 keeps it for ever.
    pub playback_days: u32,
    /// Hours for which a deleted clip may be restored.
    pub deleted_hours: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".to_owned(),
            data_dir: PathBuf::from("data"),
            database_url: None,
            media_url: None,
            admin_key: None,
            upload: UploadConfig::default(),
            import: ImportConfig::default(),
            encode: EncodeConfig::default(),
            auth: AuthConfig::default(),
            http: HttpConfig::default(),
            limits: LimitsConfig::default(),
            media: MediaConfig::default(),
            analytics: AnalyticsConfig::default(),
            retention: RetentionConfig::default(),
            webhooks: WebhooksConfig::default(),
            aws: Aws::default(),
            program: this_program(),
        }
    }
}

/// The program that runs, even after another one has taken its place on disk.
#[cfg(target_os = "linux")]
fn this_program() -> PathBuf {
    PathBuf::from("/proc/self/exe")
}

#[cfg(not(target_os = "linux"))]
fn this_program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_unknown| PathBuf::from("clipper"))
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            media_per_second: 200,
            reads_per_second: 50,
            writes_per_second: 20,
            reports_per_second: 100,
            person_per_second: 100,
            address_bytes_per_second: 0,
            address_bytes_per_day: 0,
            person_bytes_per_second: 0,
            person_bytes_per_day: 0,
            token_bytes_per_second: 0,
            token_bytes_per_day: 0,
            token_streams: 0,
            token_classes: String::new(),
        }
    }
}

impl Default for RetentionConfig {
    fn default() -> Self {
        Self {
            playback_days: 90,
            deleted_hours: 24,
        }
    }
}

impl Default for EncodeConfig {
    fn default() -> Self {
        Self {
            workers: 0,
            ffmpeg: PathBuf::from("ffmpeg"),
            ffprobe: PathBuf::from("ffprobe"),
            segment_seconds: 6,
            range_seconds: 60,
            qualities: "480p,720p,1080p".to_owned(),
            copy: true,
            loudness_lufs: 0.0,
            max_seconds: 4 * 3_600,
            // A little more than 8K, the largest picture that phones record.
            max_pixels: 8_192 * 4_352,
            memory_mib: 8_192,
            cpu_per_second: 120,
            max_output_mib: 32_768,
            sandbox: Mode::Auto,
            stall_seconds: 60,
            lease_seconds: 9,
        }
    }
}

impl Config {
    /// Reads the file (`clipper.toml` in the working directory, unless another is named) and the environment.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let file = file
            .map(Path::to_path_buf)
            .or_else(|| std::env::var("CLIPPER_CONFIG").ok().map(PathBuf::from));
        let layers = match file {
            Some(path) => Layers::of_file(&path)?,
            None => Layers::of_optional_file(Path::new("clipper.toml"))?,
        };
        let environment: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let aws = environment.iter().filter(|(name, _)| name.starts_with("AWS_"));
        let aws = Aws(aws.cloned().collect());
        let config: Self = layers.with_environment(environment.into_iter())?.into_config()?;
        Self { aws, ..config }.checked()
    }

    fn checked(self) -> Result<Self, ConfigError> {
        let invalid = |key, problem: &str| {
            Err(ConfigError::Invalid {
                key,
                problem: problem.to_owned(),
            })
        };
        if !(2..=20).contains(&self.encode.segment_seconds) {
            return invalid("encode.segment_seconds", "must be between 2 and 20");
        }
        if !(10..=3_600).contains(&self.encode.range_seconds) {
            return invalid("encode.range_seconds", "must be between 10 and 3600");
        }
        let loudness = self.encode.loudness_lufs;
        if loudness != 0.0 && !(-40.0..=-5.0).contains(&loudness) {
            return invalid("encode.loudness_lufs", "must be between -40 and -5, or 0");
        }
        if let Err(error) = parse_qualities(&self.encode.qualities) {
            return invalid("encode.qualities", &format!("is wrong: {error}"));
        }
        if self.limits.token_streams > MOST_STREAMS {
            return invalid("limits.token_streams", "must be 16 at most");
        }
        let classes = parse_rates(&self.limits.token_classes);
        if classes.is_none_or(|classes| classes.len() > usize::from(u8::MAX)) {
            return invalid("limits.token_classes", "must be numbers, separated by commas");
        }
        if !(3..=600).contains(&self.encode.lease_seconds) {
            return invalid("encode.lease_seconds", "must be between 3 and 600");
        }
        if let Some((key, problem)) = self.http.problem().or_else(|| self.auth.problem()) {
            return invalid(key, problem);
        }
        if self.webhooks.checked_networks().is_none() {
            return invalid("webhooks.allow_private", "must be networks, as 10.1.0.0/16");
        }
        if self.import.checked_networks().is_none() {
            return invalid("import.allow_private", "must be networks, as 10.1.0.0/16");
        }
        if self.checked_media_place().is_none() {
            return invalid("media_url", "must be file:///PATH or s3://BUCKET/PREFIX");
        }
        Ok(self)
    }

    /// The address of the database.
    pub fn database_url(&self) -> String {
        let default = || format!("sqlite:{}", self.data_dir.join("clipper.db").display());
        self.database_url.clone().unwrap_or_else(default)
    }

    /// What plans depend on.
    pub fn plan_settings(&self) -> PlanSettings {
        PlanSettings {
            segment_seconds: self.encode.segment_seconds,
            range_seconds: self.encode.range_seconds,
            not_copied: (!self.encode.copy).then_some(CopyObstacle::Disabled),
            ..PlanSettings::default()
        }
    }

    /// How many encodings run at once in this process.
    pub fn encoders(&self) -> usize {
        match self.encode.workers {
            0 => Capacity::here().encoders(),
            chosen => chosen,
        }
    }

    /// Bytes per second of playback tokens with a rate class.
    pub fn token_classes(&self) -> Vec<u64> {
        parse_rates(&self.limits.token_classes).unwrap_or_default()
    }

    /// The rungs that an upload gets.
    pub fn qualities(&self) -> Vec<Quality> {
        parse_qualities(&self.encode.qualities).unwrap_or_else(|_checked| Quality::DEFAULT.to_vec())
    }
}

/// A list of one number may be a number.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Text(String),
        Number(u64),
    }
    Ok(match List::deserialize(deserializer)? {
        List::Text(text) => text,
        List::Number(number) => number.to_string(),
    })
}

fn parse_rates(list: &str) -> Option<Vec<u64>> {
    let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(|part| part.parse().ok()).collect()
}

fn parse_qualities(text: &str) -> Result<Vec<Quality>, InvalidQuality> {
    text.split(',').map(|name| name.trim().parse()).collect()
}
