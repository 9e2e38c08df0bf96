//! The playlist of captions: one segment that is as long as the content (Apple authoring specification 5.5).

use super::clock::micros;
use super::playlist::decimal_seconds;

/// Captions in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitlePlaylist {
    /// Of the captions, relative to the playlist.
    pub uri: String,
    /// How long the content is, in 90 kHz ticks.
    pub duration_90k: u64,
}

impl SubtitlePlaylist {
    /// The text.
    pub fn render(&self) -> String {
        let duration = micros(self.duration_90k);
        let lines = [
            "#EXTM3U".to_owned(),
            "#EXT-X-VERSION:3".to_owned(),
            format!("#EXT-X-TARGETDURATION:{}", duration.div_ceil(1_000_000).max(1)),
            "#EXT-X-MEDIA-SEQUENCE:0".to_owned(),
            "#EXT-X-PLAYLIST-TYPE:VOD".to_owned(),
            format!("#EXTINF:{},", decimal_seconds(duration)),
            self.uri.clone(),
            "#EXT-X-ENDLIST".to_owned(),
            String::new(),
        ];
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_as_long_as_the_content() {
        let list = |duration_90k| {
            SubtitlePlaylist {
                uri: "en.vtt".to_owned(),
                duration_90k,
            }
            .render()
        };
        assert_eq!(
            list(1_261_261),
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:15\n#EXT-X-MEDIA-SEQUENCE:0\n\
             #EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:14.014011,\nen.vtt\n#EXT-X-ENDLIST\n"
        );
        assert!(list(9_000).contains("#EXT-X-TARGETDURATION:1\n#"));
    }
}
