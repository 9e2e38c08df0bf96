//! A line of an import: the clip that it tells of.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDateTime, Utc};
use clipper_domain::clip::{Registration, Visibility, is_fit_title, is_web_address};
use clipper_domain::{ClipId, PersonId, Slug};
use uuid::Uuid;

/// A line by the names of its columns; what is empty is absent.
pub(super) type Fields = BTreeMap<String, String>;

/// A clip that lives elsewhere.
#[derive(Debug, PartialEq)]
pub(super) struct Line {
    pub(super) id: ClipId,
    slug: Slug,
    title: String,
    /// The user, as keys and identity providers name it.
    pub(super) owner: String,
    embed_url: Option<String>,
    twitch_clip_url: Option<String>,
    source_url: Option<String>,
    views: u64,
    created_at: Option<DateTime<Utc>>,
}

impl Line {
    /// Parses a line, or tells what is wrong with it.
    pub(super) fn parse(mut fields: Fields) -> Result<Self, String> {
        let title = required(&mut fields, "title")?;
        if !is_fit_title(&title) {
            return Err("`title` is too long or holds control characters".to_owned());
        }
        let (id, slug) = identity(&required(&mut fields, "id")?, &title)?;
        let source_url = fields.remove("source_url");
        if source_url.as_deref().is_some_and(|url| !is_source_address(url)) {
            return Err("`source_url` must begin with http://, https:// or file:///".to_owned());
        }
        Ok(Self {
            id,
            slug,
            title,
            owner: required(&mut fields, "owner")?,
            embed_url: web_address(&mut fields, "embed_url")?,
            twitch_clip_url: web_address(&mut fields, "twitch_clip_url")?,
            source_url,
            views: match fields.remove("views") {
                None => 0,
                Some(text) => text
                    .parse()
                    .map_err(|_error| format!("`views` is no count: `{text}`"))?,
            },
            created_at: fields
                .remove("created_at")
                .map(|text| instant(&text))
                .transpose()?,
        })
    }

    pub(super) fn registration(self, owner: PersonId) -> (ClipId, Registration) {
        let registration = Registration {
            slug: self.slug,
            title: self.title,
            owner,
            visibility: Visibility::Public,
            embed_url: self.embed_url,
            twitch_clip_url: self.twitch_clip_url,
            source_url: self.source_url,
            views: self.views,
            created_at: self.created_at,
        };
        (self.id, registration)
    }
}

fn required(fields: &mut Fields, name: &str) -> Result<String, String> {
    fields.remove(name).ok_or_else(|| format!("`{name}` is missing"))
}

/// A UUID is the clip's identity; anything else is its slug, from which the identity follows.
fn identity(id: &str, title: &str) -> Result<(ClipId, Slug), String> {
    if let Ok(uuid) = Uuid::parse_str(id) {
        let id = ClipId(uuid);
        return Ok((id, Slug::from_title(title, id)));
    }
    let slug: Slug = id
        .parse()
        .map_err(|error| format!("`id` is neither a UUID nor a slug: {error}"))?;
    Ok((ClipId::of_slug(&slug), slug))
}

fn web_address(fields: &mut Fields, name: &str) -> Result<Option<String>, String> {
    match fields.remove(name) {
        Some(url) if !is_web_address(&url) => Err(format!("`{name}` must begin with http:// or https://")),
        url => Ok(url),
    }
}

fn is_source_address(url: &str) -> bool {
    is_web_address(url) || url.starts_with("file:///")
}

/// RFC 3339, or as databases print it, which is taken for UTC.
fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    let naive = text.strip_suffix("+00").unwrap_or(text);
    NaiveDateTime::parse_from_str(naive, "%Y-%m-%d %H:%M:%S%.f")
        .map(|instant| instant.and_utc())
        .map_err(|_error| format!("`created_at` is no time: `{text}`; write 2024-05-06T07:08:09Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        let common = [("id", "clip-1"), ("title", "A clip"), ("owner", "ann")];
        common
            .iter()
            .chain(pairs)
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn an_id_is_a_uuid_or_a_slug() {
        let named = Line::parse(fields(&[])).unwrap();
        assert_eq!(named.id, ClipId::of_slug(&named.slug));
        let uuid = "0190f3c0-0000-7000-8000-000000000001";
        let numbered = Line::parse(fields(&[("id", uuid)])).unwrap();
        assert_eq!(numbered.id.to_string(), uuid);
        assert!(numbered.slug.as_str().starts_with("a-clip"));
    }

    #[test]
    fn times_are_read_in_two_forms_and_as_utc() {
        let expected: DateTime<Utc> = "2024-05-06T07:08:09Z".parse().unwrap();
        for text in [
            "2024-05-06T09:08:09+02:00",
            "2024-05-06 07:08:09",
            "2024-05-06 07:08:09+00",
        ] {
            let line = Line::parse(fields(&[("created_at", text)])).unwrap();
            assert_eq!(line.created_at, Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (name, value, reason) in [
            ("id", "", "`id` is missing"),
            ("id", "No Slug", "`id` is neither"),
            ("owner", "", "`owner` is missing"),
            ("title", "a\u{7}b", "`title`"),
            ("views", "many", "`views` is no count: `many`"),
            ("views", "-1", "`views` is no count"),
            ("created_at", "yesterday", "`created_at` is no time"),
            ("embed_url", "javascript:alert(1)", "`embed_url` must begin"),
            ("source_url", "file://etc", "`source_url` must begin"),
        ] {
            let mut fields = fields(&[(name, value)]);
            if value.is_empty() {
                fields.remove(name);
            }
            let error = Line::parse(fields).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
