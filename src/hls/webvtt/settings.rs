//! Where a caption lies on the picture (`WebVTT` 4.4). Regions are left out, and what they would say with them.

/// The settings among these words that there are, each behind a space.
pub(super) fn known<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let valid = |word: &&str| {
        let Some((name, value)) = word.split_once(':') else {
            return false;
        };
        match name {
            "vertical" => ["rl", "lr"].contains(&value),
            "line" => aligned(value, &["start", "center", "end"], |line| {
                is_number(line) || is_percentage(line)
            }),
            "position" => aligned(value, &["line-left", "center", "line-right"], is_percentage),
            "size" => is_percentage(value),
            "align" => ["start", "center", "end", "left", "right"].contains(&value),
            _ => false,
        }
    };
    words.filter(valid).map(|word| format!(" {word}")).collect()
}

fn aligned(value: &str, alignments: &[&str], is_place: impl Fn(&str) -> bool) -> bool {
    match value.split_once(',') {
        Some((place, alignment)) => is_place(place) && alignments.contains(&alignment),
        None => is_place(value),
    }
}

fn is_percentage(text: &str) -> bool {
    let number = text.strip_suffix('%').filter(|number| is_decimal(number));
    number.is_some_and(|number| {
        number
            .parse()
            .is_ok_and(|share: f64| (0.0..=100.0).contains(&share))
    })
}

fn is_number(text: &str) -> bool {
    is_decimal(text.strip_prefix('-').unwrap_or(text))
}

fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    text.len() <= 8
        && match text.split_once('.') {
            Some((whole, fraction)) => digits(whole) && digits(fraction),
            None => digits(text),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_settings_that_there_are_are_kept() {
        let all = "vertical:rl line:-1,end line:50.5% position:0%,center size:100% align:left";
        assert_eq!(known(all.split(' ')), format!(" {all}"));
        let none = "vertical:up line:x line:1,up position:101% size:-1% size:5 align:justify region:a :: a";
        assert_eq!(known(none.split(' ')), "");
    }
}
