//! Captions of a clip, one track for each language, and the languages that they can be in.

use std::fmt;
use std::str::FromStr;

use icu_locale_core::LanguageIdentifier;
use serde::{Deserialize, Serialize};

/// Captions in one language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Captions {
    /// The language.
    pub language: LanguageTag,
    /// Where they lie in the media store.
    pub object: String,
    /// The hash of their bytes, in hexadecimal digits.
    pub sha256: String,
    /// How many bytes they have.
    pub bytes: u64,
    /// How many captions there are.
    pub cues: u32,
}

/// A language by BCP 47, in its canonical form: `en`, `pt-BR`, `zh-Hant`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LanguageTag(String);

/// A text that names no language.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a language tag: use one of BCP 47, such as en, pt-BR or zh-Hant")]
pub struct InvalidLanguage(pub String);

impl LanguageTag {
    /// A tag with every subtag that there is has less.
    const MAX_BYTES: usize = 35;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What people who read the language call it, and which kind of it this is; the tag, where that is not known.
    pub fn name(&self) -> String {
        let (language, kind) = match self.0.split_once('-') {
            Some((language, kind)) => (language, Some(kind)),
            None => (self.0.as_str(), None),
        };
        let known = NAMES.iter().find(|(tag, _)| *tag == language);
        match (known, kind) {
            (Some((_, name)), None) => (*name).to_owned(),
            (Some((_, name)), Some(kind)) => format!("{name} ({kind})"),
            (None, _) => self.0.clone(),
        }
    }
}

impl fmt::Display for LanguageTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LanguageTag {
    type Err = InvalidLanguage;

    fn from_str(text: &str) -> Result<Self, InvalidLanguage> {
        let invalid = || InvalidLanguage(text.chars().take(Self::MAX_BYTES).collect());
        // The parser takes underscores, as names of locales in other systems have them.
        if text.len() > Self::MAX_BYTES || text.contains('_') {
            return Err(invalid());
        }
        let parsed = LanguageIdentifier::try_from_str(text).map_err(|_unreadable| invalid())?;
        Ok(Self(parsed.to_string()))
    }
}

/// The languages that most clips have captions in, as they call themselves.
const NAMES: [(&str, &str); 44] = [
    ("ar", "العربية"),
    ("bg", "Български"),
    ("bn", "বাংলা"),
    ("ca", "Català"),
    ("cs", "Čeština"),
    ("da", "Dansk"),
    ("de", "Deutsch"),
    ("el", "Ελληνικά"),
    ("en", "English"),
    ("es", "Español"),
    ("et", "Eesti"),
    ("eu", "Euskara"),
    ("fa", "فارسی"),
    ("fi", "Suomi"),
    ("fil", "Filipino"),
    ("fr", "Français"),
    ("gl", "Galego"),
    ("he", "עברית"),
    ("hi", "हिन्दी"),
    ("hr", "Hrvatski"),
    ("hu", "Magyar"),
    ("id", "Bahasa Indonesia"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("ko", "한국어"),
    ("lt", "Lietuvių"),
    ("lv", "Latviešu"),
    ("ms", "Bahasa Melayu"),
    ("nb", "Norsk bokmål"),
    ("nl", "Nederlands"),
    ("no", "Norsk"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("ro", "Română"),
    ("ru", "Русский"),
    ("sk", "Slovenčina"),
    ("sl", "Slovenščina"),
    ("sr", "Српски"),
    ("sv", "Svenska"),
    ("th", "ไทย"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
    ("vi", "Tiếng Việt"),
    ("zh", "中文"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_brought_into_their_canonical_form() {
        for (written, canonical, name) in [
            ("en", "en", "English"),
            ("EN-us", "en-US", "English (US)"),
            ("zh-hant-tw", "zh-Hant-TW", "中文 (Hant-TW)"),
            ("gsw", "gsw", "gsw"),
            ("es-419", "es-419", "Español (419)"),
        ] {
            let tag: LanguageTag = written.parse().unwrap();
            assert_eq!((tag.as_str(), tag.name().as_str()), (canonical, name));
        }
    }

    #[test]
    fn what_is_no_tag_is_refused() {
        for text in [
            "",
            "e",
            "english!",
            "en_US",
            "../en",
            "en-",
            "-en",
            "en\n",
            "deutsch-in-schrift",
            "en-US-en-US-en-US-en-US-en-US-en-US-en-US",
        ] {
            assert!(text.parse::<LanguageTag>().is_err(), "{text:?}");
        }
    }
}
