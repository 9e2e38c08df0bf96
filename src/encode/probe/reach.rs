//! Where the pictures of a source lie in its file, so that one knows what can be decoded of a part of it.

use std::path::Path;

use clipper_domain::source::SourceFacts;

use super::{ProbeError, words};
use crate::encode::Tools;
use crate::encode::arguments::input_limits;
use crate::encode::ffmpeg;

/// For each picture in the order of showing, where the bytes of it and of all before it end.
#[derive(Debug)]
pub(in crate::encode) struct Reach(Vec<u64>);

impl Reach {
    /// The bytes that must be there for all pictures before this one.
    pub(in crate::encode) fn bytes_for(&self, frame: u64) -> u64 {
        let last = self.0.len().saturating_sub(1);
        let place = usize::try_from(frame).unwrap_or(usize::MAX).min(last);
        self.0.get(place).copied().unwrap_or(u64::MAX)
    }

    fn new(mut pictures: Vec<(f64, u64)>) -> Self {
        pictures.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut furthest = 0;
        let reach = pictures.into_iter().map(|(_, end)| {
            furthest = furthest.max(end);
            furthest
        });
        Self(reach.collect())
    }
}

/// Reads from the index where the pictures lie.
pub(in crate::encode) async fn reach(
    tools: &Tools,
    source: &Path,
    facts: &SourceFacts,
) -> Result<Reach, ProbeError> {
    let mut arguments = words("-v error -of csv=p=0 -show_entries packet=pts_time,size,pos");
    arguments.extend(input_limits(tools));
    arguments.extend(["-select_streams".to_owned(), facts.video_stream.to_string()]);
    arguments.push(source.display().to_string());
    let mut pictures = vec![];
    ffmpeg::ffprobe_lines(tools, source, &arguments, |line| {
        let mut fields = line.split(',');
        let mut next = || fields.next();
        let (pts, size, position) = (next(), next(), next());
        let parsed = pts
            .and_then(|pts| pts.parse::<f64>().ok())
            .zip(size.and_then(|size| size.parse::<u64>().ok()))
            .zip(position.and_then(|position| position.parse::<u64>().ok()));
        pictures.extend(parsed.map(|((pts, size), position)| (pts, position + size)));
    })
    .await?;
    Ok(Reach::new(pictures))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_needs_all_that_is_shown_before_it() {
        // Shown as I B P, stored as I P B.
        let reach = Reach::new(vec![(0.0, 100), (2.0, 200), (1.0, 250), (3.0, 300)]);
        assert_eq!(
            [0, 1, 2, 3, 9].map(|frame| reach.bytes_for(frame)),
            [100, 250, 250, 300, 300]
        );
        assert_eq!(Reach::new(vec![]).bytes_for(0), u64::MAX);
    }
}
