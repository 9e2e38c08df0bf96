//! Attribute lists and decimal numbers (RFC 4.2).

/// `NAME=value` pairs; quoted values are kept without their quotes.
pub(super) struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    /// `None` when a name has no value or a quote is not closed.
    pub(super) fn parse(list: &'a str) -> Option<Self> {
        let mut attributes = Vec::new();
        let mut rest = list.trim();
        while !rest.is_empty() {
            let (name, after) = rest.split_once('=')?;
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => after.split_at(after.find(',').unwrap_or(after.len())),
            };
            attributes.push((name.trim(), value));
            rest = match after.strip_prefix(',') {
                Some(next) => next.trim_start(),
                None if after.trim().is_empty() => "",
                None => return None,
            };
        }
        Some(Self(attributes))
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.0
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    /// `Some(None)` when the attribute is absent, `None` when it is there and cannot be read.
    #[expect(clippy::option_option, reason = "absent and malformed are different answers")]
    pub(super) fn read<T>(&self, name: &str, read: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
        self.get(name).map_or(Some(None), |value| read(value).map(Some))
    }
}

/// A non-negative decimal number in units of `10^-places`, to the nearest unit.
pub(super) fn parse_decimal(text: &str, places: usize) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let kept: String = fraction
        .chars()
        .chain(std::iter::repeat('0'))
        .take(places)
        .collect();
    let rounds_up = fraction.chars().nth(places).is_some_and(|digit| digit >= '5');
    let value: u64 = format!("{whole}{kept}").parse().ok()?;
    value.checked_add(u64::from(rounds_up))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_values_may_hold_commas() {
        let list = Attributes::parse(r#"A=1,CODECS="avc1.64001f,mp4a.40.2",B=x"#).unwrap();
        assert_eq!(list.get("CODECS"), Some("avc1.64001f,mp4a.40.2"));
        assert_eq!(
            (list.get("A"), list.get("B"), list.get("C")),
            (Some("1"), Some("x"), None)
        );
    }

    #[test]
    fn broken_lists_are_none() {
        for list in ["A", "A=\"x", "A=\"x\"y,B=1", "A=1,B"] {
            assert!(Attributes::parse(list).is_none(), "{list}");
        }
    }

    #[test]
    fn decimals_are_read_to_the_nearest_unit() {
        assert_eq!(parse_decimal("6.006", 6), Some(6_006_000));
        assert_eq!(parse_decimal("6", 6), Some(6_000_000));
        assert_eq!(parse_decimal("23.9765", 3), Some(23_977));
        for text in ["", ".5", "-1", "+1", "1e3", "1.2.3", "99999999999999999999"] {
            assert_eq!(parse_decimal(text, 6), None, "{text}");
        }
    }
}
