//! The text of a caption: its tags, of which only those of `WebVTT` are kept, and its times.

use super::Instant;

/// The tags that there are (`WebVTT` 4.2.2).
const TAGS: [&str; 8] = ["c", "i", "b", "u", "ruby", "rt", "v", "lang"];
/// Those that say more behind their name.
const ANNOTATED: [&str; 2] = ["v", "lang"];
/// The names of characters that need not be written as they are.
const ENTITIES: [&str; 6] = ["amp", "lt", "gt", "nbsp", "lrm", "rlm"];

/// A line with tags that `WebVTT` has and characters that it takes. Other tags go, and what is between them stays.
pub(super) fn clean(line: &str) -> String {
    let mut cleaned = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, special, after)) = split_at_special(rest) {
        cleaned.push_str(before);
        rest = match special {
            '<' => {
                let (written, after) = tag(after);
                cleaned.push_str(&written);
                after
            }
            '&' => {
                let (written, after) = entity(after);
                cleaned.push_str(written);
                after
            }
            '>' => {
                cleaned.push_str("&gt;");
                after
            }
            // Characters that no text has.
            _ => after,
        };
    }
    cleaned + rest
}

fn split_at_special(text: &str) -> Option<(&str, char, &str)> {
    let is_special =
        |letter: char| matches!(letter, '<' | '>' | '&') || (letter.is_control() && letter != '\t');
    let (place, special) = text.char_indices().find(|(_, letter)| is_special(*letter))?;
    let (before, from) = text.split_at_checked(place)?;
    Some((before, special, from.strip_prefix(special)?))
}

/// What a tag becomes whose `<` was read, and what comes after it. What only looks like one becomes text.
fn tag(after: &str) -> (String, &str) {
    let literal = || ("&lt;".to_owned(), after);
    let Some((inside, beyond)) = after.split_once('>') else {
        return literal();
    };
    if inside.contains(['<', '&']) {
        return literal();
    }
    if let Some(instant) = instant(inside) {
        return (format!("<{instant}>"), beyond);
    }
    let (closes, inside) = match inside.strip_prefix('/') {
        Some(inside) => (true, inside),
        None => (false, inside),
    };
    if !inside.starts_with(|letter: char| letter.is_ascii_alphabetic()) {
        return literal();
    }
    let (names, annotation) = inside.split_once([' ', '\t']).unwrap_or((inside, ""));
    let mut names = names.split('.');
    let name = names.next().unwrap_or_default();
    if !TAGS.contains(&name) {
        return (String::new(), beyond);
    }
    if closes {
        return (format!("</{name}>"), beyond);
    }
    (
        format!("<{name}{}{}>", classes(names), said(name, annotation)),
        beyond,
    )
}

fn classes<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let plain = |name: &&str| {
        !name.is_empty()
            && name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '-'))
    };
    names.filter(plain).map(|name| format!(".{name}")).collect()
}

fn said(name: &str, annotation: &str) -> String {
    let words: Vec<_> = annotation
        .split_whitespace()
        .map(|word| {
            word.chars()
                .filter(|letter| !letter.is_control())
                .collect::<String>()
        })
        .filter(|word| !word.is_empty())
        .collect();
    if words.is_empty() || !ANNOTATED.contains(&name) {
        return String::new();
    }
    format!(" {}", words.join(" "))
}

/// What a `&` that was read becomes, and what comes after it.
fn entity(after: &str) -> (&'static str, &str) {
    let name = after.split_once(';').map_or("", |(name, _)| name);
    let digits = |number: &str, radix| {
        !number.is_empty() && u32::from_str_radix(number, radix).is_ok_and(is_printable)
    };
    let numbered = match name.strip_prefix('#') {
        Some(number) => match number.strip_prefix(['x', 'X']) {
            Some(number) => digits(number, 16),
            None => digits(number, 10),
        },
        None => false,
    };
    if numbered || ENTITIES.contains(&name) {
        ("&", after)
    } else {
        ("&amp;", after)
    }
}

fn is_printable(number: u32) -> bool {
    char::from_u32(number).is_some_and(|letter| !letter.is_control())
}

/// A line without what `SubRip` borrowed from other programs, such as `{\an8}`.
pub(super) fn without_overrides(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, from)) = rest.split_once("{\\") {
        kept.push_str(before);
        match from.split_once('}') {
            Some((_, after)) => rest = after,
            None => return kept,
        }
    }
    kept + rest
}

/// `00:00:01.000`, `00:01.000`, and with a comma as in `SubRip`.
pub(super) fn instant(text: &str) -> Option<Instant> {
    let (clock, fraction) = text.split_once(['.', ','])?;
    let mut places = clock.rsplit(':');
    let (seconds, minutes) = (number(places.next()?, 2)?, number(places.next()?, 2)?);
    let hours = places.next().map_or(Some(0), |hours| number(hours, 4))?;
    if places.next().is_some() || seconds >= 60 || minutes >= 60 {
        return None;
    }
    // `SubRip` files are found that leave out zeros at the end.
    let milliseconds = number(&format!("{fraction:0<3}"), 3)?;
    number(fraction, 3)?;
    Some(Instant(
        ((hours * 60 + minutes) * 60 + seconds) * 1_000 + milliseconds,
    ))
}

fn number(digits: &str, most: usize) -> Option<u64> {
    let plain = (1..=most).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tags_that_webvtt_has_are_kept() {
        for (written, kept) in [
            ("a < b > c", "a &lt; b &gt; c"),
            ("<b>bold</b>", "<b>bold</b>"),
            ("<B>loud</B>", "loud"),
            ("<img src=x onerror=alert(1)>", ""),
            ("<scr<b>ipt>", "&lt;scr<b>ipt&gt;"),
            ("<i onclick=x>a</i>", "<i>a</i>"),
            ("<c.red.\"x>a", "<c.red>a"),
            ("<lang en-GB>a</lang>", "<lang en-GB>a</lang>"),
            (
                "R&D &amp; &nbsp; &copy; &#39; &#x0; &#",
                "R&amp;D &amp; &nbsp; &amp;copy; &#39; &amp;#x0; &amp;#",
            ),
            ("a --> b", "a --&gt; b"),
            ("<", "&lt;"),
            ("a\u{0}b\u{1b}c", "abc"),
        ] {
            assert_eq!(clean(written), kept, "{written}");
            assert_eq!(clean(kept), kept, "{written} a second time");
        }
    }
}
