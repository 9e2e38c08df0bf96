//! Which key frame stands for a clip: not a black one, not a blurred one, not one in the middle of a fade. Pure.

/// A grey picture, row by row from black to white.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grey<'a> {
    width: usize,
    luma: &'a [u8],
}

/// Darker or brighter than this on average, a picture shows next to nothing.
const TOO_DARK: f64 = 24.0;
const TOO_BRIGHT: f64 = 232.0;
/// Where nearly all of a picture lies this close together, it is a plain surface, or fades into one.
const TOO_FLAT: f64 = 40.0;
/// What such a picture is worth, so that a clip of nothing else still gets a poster.
const REJECTED: f64 = 0.01;
/// How much more a picture of the first third is worth: what comes later may give the end away.
const EARLY: f64 = 1.5;

impl<'a> Grey<'a> {
    /// Pictures of one size that lie behind each other; what is left over is no picture.
    pub(super) fn all(bytes: &'a [u8], width: usize, height: usize) -> Vec<Self> {
        let picture = |luma| Self { width, luma };
        bytes.chunks_exact((width * height).max(1)).map(picture).collect()
    }

    fn score(&self) -> f64 {
        let mean = mean(self.luma.iter().map(|luma| f64::from(*luma)));
        let spread = self.spread();
        let worth = spread * self.sharpness().ln_1p();
        if (TOO_DARK..=TOO_BRIGHT).contains(&mean) && spread >= TOO_FLAT {
            worth
        } else {
            worth * REJECTED
        }
    }

    /// How far the darkest twentieth and the brightest one lie apart.
    fn spread(&self) -> f64 {
        let mut counts = [0_usize; 256];
        for luma in self.luma {
            if let Some(count) = counts.get_mut(usize::from(*luma)) {
                *count += 1;
            }
        }
        let twentieth = self.luma.len() / 20;
        let below = |beyond: usize| {
            let mut seen = 0;
            let reached = counts.iter().position(|count| {
                seen += count;
                seen > beyond
            });
            reached.map_or(0.0, |luma| f64::from(u8::try_from(luma).unwrap_or(u8::MAX)))
        };
        below(self.luma.len().saturating_sub(twentieth + 1)) - below(twentieth)
    }

    /// How far pixels lie from the mean of their neighbours, on average: edges that are crisp, however few.
    fn sharpness(&self) -> f64 {
        let rows: Vec<_> = self.luma.chunks_exact(self.width.max(1)).collect();
        let bends = rows.windows(3).flat_map(|rows| match rows {
            [above, row, below] => bends(above, row, below),
            _ => vec![],
        });
        mean(bends)
    }
}

/// The absolute Laplacian of the inner pixels of a row.
fn bends(above: &[u8], row: &[u8], below: &[u8]) -> Vec<f64> {
    let inner = row.windows(3).zip(above.iter().zip(below).skip(1));
    let bend = |(near, (above, below)): (&[u8], (&u8, &u8))| match near {
        [left, middle, right] => {
            let around = [left, right, above, below].map(|luma| f64::from(*luma));
            (around.iter().sum::<f64>() / 4.0 - f64::from(*middle)).abs()
        }
        _ => 0.0,
    };
    inner.map(bend).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// When the picture is shown that stands for the clip, in ticks; `shown` says when each picture is.
pub(super) fn poster(pictures: &[Grey<'_>], shown: &[u64], duration_90k: u64) -> u64 {
    let worth = |(picture, at): (&Grey<'_>, &u64)| {
        let early = if *at <= duration_90k / 3 { EARLY } else { 1.0 };
        (*at, picture.score() * early)
    };
    let best = pictures
        .iter()
        .zip(shown)
        .map(worth)
        // The first of equals.
        .reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0, |(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 64;
    const HEIGHT: usize = 36;

    /// A picture of what a function says of each pixel.
    fn picture(luma: impl Fn(usize, usize) -> f64) -> Vec<u8> {
        let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        pixels.map(|(x, y)| luma(x, y).clamp(0.0, 255.0) as u8).collect()
    }

    /// Squares of light and dark, between these two.
    fn squares(dark: f64, bright: f64) -> Vec<u8> {
        picture(|x, y| if (x / 8 + y / 8) % 2 == 0 { dark } else { bright })
    }

    /// The same squares out of focus.
    fn blurred() -> Vec<u8> {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let wave = |place: usize| (place as f64 / 8.0 * std::f64::consts::PI).sin();
        picture(|x, y| 128.0 + 90.0 * wave(x) * wave(y))
    }

    fn chosen(pictures: &[Vec<u8>]) -> u64 {
        let all = pictures.concat();
        let shown: Vec<u64> = (0..pictures.len() as u64).collect();
        // Long enough for all of them to lie in the first third.
        poster(&Grey::all(&all, WIDTH, HEIGHT), &shown, 1_000)
    }

    #[test]
    fn a_crisp_picture_goes_before_black_white_plain_faded_and_blurred_ones() {
        let crisp = squares(40.0, 220.0);
        for worse in [
            picture(|_, _| 0.0),
            picture(|_, _| 255.0),
            picture(|_, _| 128.0),
            // Letters on black, and a picture that fades in.
            picture(|x, _| if x == 30 { 255.0 } else { 0.0 }),
            squares(4.0, 28.0),
            squares(120.0, 150.0),
            blurred(),
        ] {
            assert_eq!(chosen(&[worse.clone(), crisp.clone()]), 1);
            assert_eq!(chosen(&[crisp.clone(), worse]), 0);
        }
    }

    #[test]
    fn a_clip_of_nothing_gets_its_first_picture() {
        let black = picture(|_, _| 0.0);
        assert_eq!(chosen(&[black.clone(), black]), 0);
        assert_eq!(poster(&[], &[], 10), 0);
    }

    #[test]
    fn the_first_third_goes_before_what_is_a_little_better() {
        let (good, better) = (squares(60.0, 200.0), squares(50.0, 210.0));
        let all = [good, better].concat();
        let pictures = Grey::all(&all, WIDTH, HEIGHT);
        assert_eq!(poster(&pictures, &[10, 90], 100), 10);
        assert_eq!(poster(&pictures, &[10, 30], 100), 30);
    }
}
