//! Still pictures of a clip: what pages show before it plays and while somebody scrubs.

use serde::{Deserialize, Serialize};

/// What was made of one generation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnails {
    /// The picture that stands for the clip.
    pub poster: Poster,
    /// The pictures to scrub by.
    pub storyboard: Storyboard,
}

/// The picture that stands for the clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poster {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// When it is shown, in ticks of 1/90000 s after the clip's beginning.
    pub at_90k: u64,
}

/// Small pictures on sheets, row by row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Storyboard {
    /// How many sheets there are.
    pub sheets: u32,
    /// How many pictures there are on all of them.
    pub pictures: u32,
    /// Pictures in a row.
    pub columns: u32,
    /// Rows of a sheet.
    pub rows: u32,
    /// Width of a picture in pixels.
    pub tile_width: u32,
    /// Height of a picture in pixels.
    pub tile_height: u32,
}
