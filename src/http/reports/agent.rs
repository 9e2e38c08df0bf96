//! What `User-Agent` tells, as coarsely as questions need it. Players that report in JSON say it themselves.

use clipper_domain::report::Surroundings;

const SYSTEMS: [(&str, &str); 8] = [
    ("Android", "android"),
    ("iPhone", "ios"),
    ("iPad", "ios"),
    ("Windows", "windows"),
    ("CrOS", "chromeos"),
    ("Tizen", "tizen"),
    ("Mac OS X", "macos"),
    ("Linux", "linux"),
];
const BROWSERS: [(&str, &str); 6] = [
    ("Edg", "edge"),
    ("OPR/", "opera"),
    ("Firefox/", "firefox"),
    ("Chromium/", "chrome"),
    ("Chrome/", "chrome"),
    ("Safari/", "safari"),
];
const PLAYERS: [(&str, &str); 5] = [
    ("AppleCoreMedia", "avplayer"),
    ("ExoPlayer", "exoplayer"),
    ("AndroidXMedia3", "media3"),
    ("VLC", "vlc"),
    ("Lavf", "ffmpeg"),
];
const ROBOTS: [&str; 4] = ["bot", "crawl", "spider", "slurp"];

fn first(table: &[(&str, &'static str)], agent: &str) -> String {
    let found = table.iter().find(|(word, _)| agent.contains(word));
    found.map_or_else(String::new, |(_, name)| (*name).to_owned())
}

pub(super) fn surroundings(agent: &str) -> Surroundings {
    Surroundings {
        player: first(&PLAYERS, agent),
        device: device(agent).to_owned(),
        os: first(&SYSTEMS, agent),
        browser: first(&BROWSERS, agent),
        ..Surroundings::default()
    }
}

fn device(agent: &str) -> &'static str {
    let says = |words: &[&str]| words.iter().any(|word| agent.contains(word));
    if says(&["SmartTV", "SMART-TV", "Tizen", "Web0S", "AppleTV", "BRAVIA"]) {
        "tv"
    } else if says(&["iPad", "Tablet"]) || (says(&["Android"]) && !says(&["Mobile"])) {
        "tablet"
    } else if says(&["Mobi", "iPhone"]) {
        "phone"
    } else if says(&["Windows", "Macintosh", "X11", "CrOS"]) {
        "desktop"
    } else {
        ""
    }
}

/// Whether the client calls itself a robot.
pub(super) fn is_robot(agent: &str) -> bool {
    let agent = agent.to_ascii_lowercase();
    ROBOTS.iter().any(|word| agent.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_clients_are_told_apart() {
        let of = |agent| {
            let found = surroundings(agent);
            (found.device, found.os, found.browser)
        };
        let told =
            |device: &str, os: &str, browser: &str| (device.to_owned(), os.to_owned(), browser.to_owned());
        assert_eq!(
            of(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"
            ),
            told("desktop", "linux", "chrome")
        );
        assert_eq!(
            of(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
            ),
            told("phone", "ios", "safari")
        );
        assert_eq!(
            of("Mozilla/5.0 (Linux; Android 14; SM-X900) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36"),
            told("tablet", "android", "chrome")
        );
        assert_eq!(of(""), told("", "", ""));
        assert!(is_robot("Mozilla/5.0 (compatible; Googlebot/2.1)") && !is_robot("Mozilla/5.0"));
    }
}
