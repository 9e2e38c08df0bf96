//! What is added up. Whole numbers only: a session that changes is taken out and put in again without a trace.

macro_rules! sums {
    ($($(#[$doc:meta])* $name:ident)*) => {
        /// Sums over sessions, each as often as its weight says.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the columns are described in docs/analytics.md")]
        pub struct Sums {
            $($(#[$doc])* pub $name: i64),*
        }

        /// How many sums there are.
        pub(super) const COUNT: usize = [$(stringify!($name)),*].len();

        impl Sums {
            /// The names, which are those of columns.
            pub const NAMES: [&str; COUNT] = [$(stringify!($name)),*];

            /// The values in the order of the names.
            pub fn values(&self) -> [i64; COUNT] {
                [$(self.$name),*]
            }

            /// Sums of these values, as far as there are any.
            pub fn of(values: impl IntoIterator<Item = i64>) -> Self {
                let mut values = values.into_iter();
                Self { $($name: values.next().unwrap_or_default()),* }
            }

            /// Adds another so many times; negative times take it out.
            pub fn add(&mut self, other: &Self, times: i64) {
                $(self.$name = self.$name.wrapping_add(other.$name.wrapping_mul(times));)*
            }
        }

        /// The columns of a table of cells.
        pub(super) const COLUMNS: &[crate::Column] = &[
            crate::Column { name: "bucket", kind: crate::Kind::Time },
            crate::Column { name: "clip", kind: crate::Kind::Text },
            crate::Column { name: "dimension", kind: crate::Kind::Text },
            crate::Column { name: "value", kind: crate::Kind::Text },
            $(crate::Column { name: stringify!($name), kind: crate::Kind::Int },)*
            crate::Column { name: "sketches", kind: crate::Kind::Bytes },
            crate::Column { name: "viewers", kind: crate::Kind::Bytes },
        ];
    };
}

sums! {
    sessions
    attempts
    plays
    completed
    abandoned
    truncated
    implausible
    brief
    left_before_start
    failed_to_start
    failed_midway
    refused
    smooth_plays
    warnings
    startups
    startup_ms
    first_frames
    first_frame_ms
    watched_ms
    playing_ms
    media_ms
    covered_ms
    paused_ms
    background_ms
    rebuffers
    rebuffer_ms
    connection_rebuffer_ms
    background_rebuffer_ms
    seeks
    seek_ms
    bits
    rated_ms
    top_ms
    top_known_ms
    switches
    upshifts
    downshifts
    switch_magnitude
    measured_switches
    upscale
    downscale
    scaled_ms
    dropped_frames
    frames
    buffer_sum
    buffer_weight
    bandwidth_sum
    bandwidth_weight
    latency_sum
    latency_weight
    requests
    request_errors
    transfer_bits
    transfer_ms
    received
    expected
    startup_scores
    startup_score
    scores
    smoothness_scores
    smoothness_score
    success_score
    quality_scores
    quality_score
    experience_score
}
