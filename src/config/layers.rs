//! The layers of settings below the flags, and the names that are known.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

/// A setting: its name in the file and its other name in the environment, if it has one.
struct Setting {
    key: &'static str,
    custom: Option<&'static str>,
}

const fn setting(key: &'static str) -> Setting {
    Setting { key, custom: None }
}

/// Every setting. `CLIPPER_<SECTION>_<KEY>` works for each.
const SETTINGS: &[Setting] = &[
    setting("listen"),
    setting("data_dir"),
    Setting {
        key: "database_url",
        custom: Some("DATABASE_URL"),
    },
    Setting {
        key: "media_url",
        custom: Some("MEDIA_URL"),
    },
    setting("admin_key"),
    setting("upload.max_bytes"),
    setting("encode.workers"),
    setting("encode.ffmpeg"),
    setting("encode.ffprobe"),
    setting("encode.segment_seconds"),
    setting("encode.range_seconds"),
    setting("encode.qualities"),
    setting("encode.copy"),
    setting("encode.loudness_lufs"),
    setting("encode.max_seconds"),
    setting("encode.max_pixels"),
    setting("encode.memory_mib"),
    setting("encode.cpu_per_second"),
    setting("encode.max_output_mib"),
    setting("encode.sandbox"),
    setting("encode.stall_seconds"),
    setting("encode.lease_seconds"),
    setting("import.allow_private"),
    setting("import.max_seconds"),
    setting("auth.audience"),
    setting("auth.issuer"),
    setting("auth.jwks_file"),
    setting("auth.jwks_refresh_seconds"),
    setting("auth.jwks_url"),
    setting("auth.leeway_seconds"),
    setting("auth.scope_claim"),
    setting("auth.scope_map"),
    setting("http.allowed_origins"),
    setting("http.body_seconds"),
    setting("http.cdn_url"),
    setting("http.connections_per_address"),
    setting("http.head_seconds"),
    setting("http.hsts_seconds"),
    setting("http.idempotency_hours"),
    setting("http.keep_alive_seconds"),
    setting("http.max_connections"),
    setting("http.origin_secret"),
    setting("http.purge_url"),
    setting("http.redirect_listen"),
    setting("http.tls_certificate"),
    setting("http.tls_key"),
    setting("http.trusted_proxies"),
    setting("limits.address_bytes_per_day"),
    setting("limits.address_bytes_per_second"),
    setting("limits.media_per_second"),
    setting("limits.person_bytes_per_day"),
    setting("limits.person_bytes_per_second"),
    setting("limits.person_per_second"),
    setting("limits.reads_per_second"),
    setting("limits.reports_per_second"),
    setting("limits.token_bytes_per_day"),
    setting("limits.token_bytes_per_second"),
    setting("limits.token_classes"),
    setting("limits.token_streams"),
    setting("limits.writes_per_second"),
    setting("media.cache_mib"),
    setting("analytics.country_header"),
    setting("analytics.reports"),
    setting("retention.deleted_hours"),
    setting("retention.playback_days"),
    setting("webhooks.allow_private"),
    setting("webhooks.timeout_seconds"),
    // Names the file itself; listed so that the environment may carry it.
    setting("config"),
];

/// Variables with our prefix that belong to the test suite.
const TEST_PREFIX: &str = "CLIPPER_TEST_";

impl Setting {
    fn variable(&self) -> String {
        format!("CLIPPER_{}", self.key.replace('.', "_").to_uppercase())
    }
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML, or a value has the wrong type.
    #[error("the settings are not valid: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A setting is not known.
    #[error("there is no setting `{name}`; did you mean `{nearest}`?")]
    Unknown {
        /// The name as it was written.
        name: String,
        /// The known name that comes closest.
        nearest: String,
    },
    /// A value makes no sense.
    #[error("`{key}` {problem}")]
    Invalid {
        /// The setting.
        key: &'static str,
        /// What is wrong with its value.
        problem: String,
    },
}

/// Settings collected so far.
#[derive(Debug, Default)]
pub(super) struct Layers {
    table: Table,
}

impl Layers {
    pub(super) fn of_file(path: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable {
            path: path.to_owned(),
            source,
        };
        Self::of_text(&std::fs::read_to_string(path).map_err(unreadable)?)
    }

    pub(super) fn of_optional_file(path: &Path) -> Result<Self, ConfigError> {
        match Self::of_file(path) {
            Err(ConfigError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::default())
            }
            layers => layers,
        }
    }

    fn of_text(text: &str) -> Result<Self, ConfigError> {
        let table: Table = toml::from_str(text)?;
        for key in keys(&table) {
            if !SETTINGS.iter().any(|setting| setting.key == key) {
                let known = SETTINGS.iter().map(|setting| setting.key.to_owned());
                return Err(unknown(key, known));
            }
        }
        Ok(Self { table })
    }

    pub(super) fn with_environment(
        mut self,
        variables: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        for (name, value) in variables {
            let of_name =
                |setting: &&Setting| setting.variable() == name || setting.custom == Some(name.as_str());
            match SETTINGS.iter().find(of_name) {
                Some(setting) if setting.key == "config" => {}
                Some(setting) => self.set(setting.key, &value),
                None if name.starts_with("CLIPPER_") && !name.starts_with(TEST_PREFIX) => {
                    return Err(unknown(name, SETTINGS.iter().map(Setting::variable)));
                }
                None => {}
            }
        }
        Ok(self)
    }

    fn set(&mut self, key: &str, text: &str) {
        // Numbers and truth values keep their type; everything else is text.
        let value = match (text.parse::<i64>(), text.parse::<bool>()) {
            (Ok(number), _) => Value::Integer(number),
            (_, Ok(truth)) => Value::Boolean(truth),
            _ => Value::String(text.to_owned()),
        };
        match key.split_once('.') {
            None => {
                self.table.insert(key.to_owned(), value);
            }
            Some((section, key)) => {
                let section = self
                    .table
                    .entry(section)
                    .or_insert_with(|| Value::Table(Table::new()));
                if let Value::Table(table) = section {
                    table.insert(key.to_owned(), value);
                }
            }
        }
    }

    pub(super) fn into_config<C: DeserializeOwned>(self) -> Result<C, ConfigError> {
        Ok(Value::Table(self.table).try_into()?)
    }
}

fn keys(table: &Table) -> Vec<String> {
    let mut keys = vec![];
    for (name, value) in table {
        match value {
            Value::Table(section) => keys.extend(section.keys().map(|key| format!("{name}.{key}"))),
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => keys.push(name.clone()),
        }
    }
    keys
}

fn unknown(name: String, known: impl Iterator<Item = String>) -> ConfigError {
    let nearest = known
        .min_by_key(|candidate| strsim::levenshtein(candidate, &name))
        .unwrap_or_default();
    ConfigError::Unknown { name, nearest }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> impl Iterator<Item = (String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<Vec<_>>()
            .into_iter()
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_default() {
        let file = Layers::of_text("listen = \"0.0.0.0:80\"\n[encode]\nworkers = 3\nsegment_seconds = 10\n")
            .unwrap();
        let both = file.with_environment(environment(&[
            ("CLIPPER_ENCODE_WORKERS", "2"),
            ("CLIPPER_LIMITS_TOKEN_CLASSES", "500000"),
            ("DATABASE_URL", "postgres://localhost/clipper"),
            ("PATH", "/bin"),
        ]));
        let config: Config = both.unwrap().into_config().unwrap();
        assert_eq!(config.listen, "0.0.0.0:80");
        assert_eq!((config.encode.workers, config.encode.segment_seconds), (2, 10));
        assert_eq!(config.token_classes(), [500_000]);
        assert_eq!(config.database_url(), "postgres://localhost/clipper");
        assert_eq!(config.upload.max_bytes, 4 << 30);
    }

    #[test]
    fn an_unknown_setting_names_the_nearest_known_one() {
        let error = Layers::of_text("[encode]\nworker = 3\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no setting `encode.worker`; did you mean `encode.workers`?"
        );
        let error = Layers::default()
            .with_environment(environment(&[("CLIPPER_LISTN", "x")]))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "there is no setting `CLIPPER_LISTN`; did you mean `CLIPPER_LISTEN`?"
        );
    }

    #[test]
    fn every_setting_of_the_table_is_a_field_and_the_other_way_round() {
        let fields = keys(
            &Table::try_from(Config {
                database_url: Some(String::new()),
                media_url: Some(String::new()),
                ..Config::default()
            })
            .unwrap(),
        );
        let mut table: Vec<_> = SETTINGS
            .iter()
            .map(|s| s.key)
            .filter(|k| !["config", "admin_key", "http.origin_secret", "http.purge_url"].contains(k))
            .collect();
        let mut fields: Vec<_> = fields.iter().map(String::as_str).collect();
        table.sort_unstable();
        fields.sort_unstable();
        assert_eq!(table, fields);
    }
}
