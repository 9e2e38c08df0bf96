//! How small pictures lie on sheets, and the `WebVTT` file that says which one is shown when. Pure.

use std::ops::Range;

use clipper_domain::Storyboard;

use super::Key;

/// The longer side of a picture, in pixels.
const LONG_SIDE: u32 = 160;
/// Pictures in a row of a sheet, and rows.
const COLUMNS: u32 = 10;
const ROWS: u32 = 10;
/// Pictures lie at least this far apart, in ticks.
const INTERVAL: u64 = 2 * 90_000;
/// Long clips have no more pictures than fit on four sheets.
const MOST: u64 = 400;

/// The name of a sheet, counted from 0.
pub(super) fn sheet(number: u32) -> String {
    format!("storyboard-{number}.jpg")
}

/// The key frames that become pictures: as far apart as makes few enough of them.
pub(super) fn thinned_out(keys: Vec<Key>, duration_90k: u64) -> Vec<Key> {
    let interval = INTERVAL.max(duration_90k.div_ceil(MOST));
    let mut due = 0;
    let mut kept = vec![];
    for key in keys {
        // A frame early is not too early: key frames lie on the grid of the frame rate.
        if kept.is_empty() || key.at_90k + INTERVAL / 20 >= due {
            due = key.at_90k + interval;
            kept.push(key);
        }
    }
    kept
}

/// Where pictures lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::encode) struct Layout {
    pictures: u32,
    pub(in crate::encode) columns: u32,
    pub(in crate::encode) rows: u32,
    pub(in crate::encode) tile_width: u32,
    pub(in crate::encode) tile_height: u32,
}

impl Layout {
    /// For so many pictures out of those of this size; nothing, when there is none.
    pub(super) fn of(pictures: usize, width: u32, height: u32) -> Option<Self> {
        let pictures = u32::try_from(pictures).ok().filter(|pictures| *pictures > 0)?;
        let long = width.max(height).max(1);
        let side = |side: u32| {
            let exact = u64::from(side) * u64::from(LONG_SIDE) / u64::from(long);
            u32::try_from(exact / 2 * 2).unwrap_or(LONG_SIDE).max(2)
        };
        Some(Self {
            pictures,
            columns: pictures.min(COLUMNS),
            rows: pictures.div_ceil(COLUMNS).min(ROWS),
            tile_width: side(width),
            tile_height: side(height),
        })
    }

    pub(super) fn sheets(&self) -> u32 {
        self.pictures.div_ceil(self.columns * self.rows)
    }

    pub(super) fn facts(&self) -> Storyboard {
        Storyboard {
            sheets: self.sheets(),
            pictures: self.pictures,
            columns: self.columns,
            rows: self.rows,
            tile_width: self.tile_width,
            tile_height: self.tile_height,
        }
    }

    /// The file: each picture from its time to the next one's, as a part of its sheet (Media Fragments 4.2.2).
    pub(super) fn render(&self, shown: &[u64], duration_90k: u64) -> String {
        let starts = [0].into_iter().chain(shown.iter().skip(1).copied());
        let ends = shown.iter().skip(1).copied().chain([duration_90k]);
        let cues = (0..).zip(starts.zip(ends)).map(|(number, (start, end))| {
            let (on_sheet, sheet) = (
                number % (self.columns * self.rows),
                number / (self.columns * self.rows),
            );
            let (x, y) = (
                on_sheet % self.columns * self.tile_width,
                on_sheet / self.columns * self.tile_height,
            );
            format!(
                "\n{}\n{}#xywh={x},{y},{},{}\n",
                span(start..end),
                self::sheet(sheet),
                self.tile_width,
                self.tile_height
            )
        });
        ["WEBVTT\n".to_owned()].into_iter().chain(cues).collect()
    }
}

fn span(ticks: Range<u64>) -> String {
    format!("{} --> {}", timestamp(ticks.start), timestamp(ticks.end))
}

fn timestamp(ticks: u64) -> String {
    let milliseconds = ticks / 90;
    let (seconds, rest) = (milliseconds / 1_000, milliseconds % 1_000);
    let (minutes, hours) = (seconds / 60 % 60, seconds / 3_600);
    format!("{hours:02}:{minutes:02}:{:02}.{rest:03}", seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: u64, apart: u64) -> Vec<Key> {
        let key = |number| Key {
            segment: 0,
            offset: 0,
            length: 1,
            at_90k: number * apart,
        };
        (0..count).map(key).collect()
    }

    #[test]
    fn pictures_lie_two_seconds_apart_or_more() {
        let kept = |count, apart| thinned_out(keys(count, apart), count * apart).len();
        assert_eq!(kept(1, 9_000), 1);
        // Every key frame at 23.976 frames per second, every second one of a source that has them each second.
        assert_eq!(kept(15, 180_180), 15);
        assert_eq!(kept(15, 179_820), 15);
        assert_eq!(kept(30, 90_000), 15);
        // Two hours on four sheets.
        assert_eq!(kept(3_600, 180_000), 400);
        assert_eq!(kept(20_000, 180_000), 400);
    }

    #[test]
    fn every_picture_has_its_place_on_a_sheet() {
        let layout = Layout::of(112, 854, 480).unwrap();
        assert_eq!((layout.columns, layout.rows, layout.sheets()), (10, 10, 2));
        assert_eq!((layout.tile_width, layout.tile_height), (160, 88));
        let shown: Vec<_> = (0..112).map(|number| number * 180_000).collect();
        let text = layout.render(&shown, 112 * 180_000);
        assert!(
            text.starts_with(
                "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nstoryboard-0.jpg#xywh=0,0,160,88\n\n\
                 00:00:02.000 --> 00:00:04.000\nstoryboard-0.jpg#xywh=160,0,160,88\n"
            ),
            "{text}"
        );
        assert!(
            text.ends_with("\n00:03:42.000 --> 00:03:44.000\nstoryboard-1.jpg#xywh=160,88,160,88\n"),
            "{text}"
        );
    }

    #[test]
    fn few_pictures_make_a_small_sheet_and_portrait_stays_portrait() {
        let layout = Layout::of(1, 480, 854).unwrap();
        assert_eq!((layout.columns, layout.rows, layout.sheets()), (1, 1, 1));
        assert_eq!((layout.tile_width, layout.tile_height), (88, 160));
        assert_eq!(
            layout.render(&[0], 9_000),
            "WEBVTT\n\n00:00:00.000 --> 00:00:00.100\nstoryboard-0.jpg#xywh=0,0,88,160\n"
        );
        assert_eq!(Layout::of(0, 480, 854), None);
        assert_eq!(Layout::of(12, 640, 360).map(|layout| layout.rows), Some(2));
    }
}
