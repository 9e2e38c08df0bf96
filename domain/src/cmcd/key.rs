//! The table of keys.

/// What a key's value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A truth value, sent only when true.
    Bool,
    /// A whole number, not negative.
    Int,
    /// The same, rounded to a hundred.
    Rounded,
    /// A decimal.
    Decimal,
    /// One of these tokens.
    Token(&'static [&'static str]),
    /// A string of at most this many characters.
    Text(usize),
    /// A list of whole numbers by object type.
    Ints,
    /// The same, rounded to a hundred.
    RoundedInts,
    /// A list of strings.
    Texts,
    /// Our own, which travels as a string: some numbers.
    Numbers,
}

/// In which of the four headers a key travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shard {
    /// `CMCD-Object`.
    Object,
    /// `CMCD-Request`.
    Request,
    /// `CMCD-Status`.
    Status,
    /// `CMCD-Session`.
    Session,
    /// In none: only in event mode.
    Event,
}

macro_rules! keys {
    ($($variant:ident $name:literal $shard:ident $kind:expr, $meaning:literal;)*) => {
        /// A key.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Key { $(#[doc = $meaning] $variant),* }

        impl Key {
            /// Every key.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in CMCD.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What its value is.
            pub fn kind(self) -> Kind {
                use Kind::*;
                match self { $(Self::$variant => $kind),* }
            }

            /// Where it travels.
            pub fn shard(self) -> Shard {
                match self { $(Self::$variant => Shard::$shard),* }
            }

            /// The key of a name.
            pub fn from_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

const OBJECT_TYPES: &[&str] = &["m", "a", "v", "av", "i", "c", "tt", "k", "o"];
const FORMATS: &[&str] = &["d", "h", "e", "s", "o"];
const STREAM_TYPES: &[&str] = &["v", "l", "ll"];
const STATES: &[&str] = &["s", "p", "k", "r", "a", "w", "e", "f", "q", "d"];
const EVENTS: &[&str] = &[
    "abs", "abe", "ae", "as", "b", "bc", "c", "ce", "e", "h", "m", "pc", "pe", "pr", "ps", "rr", "sk", "t",
    "um",
];
/// The longest string of a key for which the standard names no limit.
const LONG: usize = 2_048;

keys! {
    Ab "ab" Object Ints, "Aggregate encoded bit rate in kbit/s.";
    Bg "bg" Status Bool, "No player of the session is visible.";
    Bl "bl" Request RoundedInts, "Buffer length in milliseconds.";
    Br "br" Object Ints, "Encoded bit rate in kbit/s.";
    Bs "bs" Status Bool, "Starved since the report before.";
    Bsa "bsa" Status Ints, "Starvations since the session began.";
    Bsd "bsd" Status Ints, "Durations of starvations in milliseconds.";
    Bsda "bsda" Status Ints, "Milliseconds starved since the session began.";
    Cen "cen" Event Text(64), "The name of a custom event.";
    Cid "cid" Session Text(128), "The content.";
    Cmsdd "cmsdd" Event Text(LONG), "A copy of CMSD-Dynamic.";
    Cmsds "cmsds" Event Text(LONG), "A copy of CMSD-Static.";
    Cs "cs" Request Text(LONG), "A signature of the content.";
    D "d" Object Int, "The object's duration in milliseconds.";
    Dfa "dfa" Request Int, "Frames dropped since the session began.";
    Dl "dl" Request Rounded, "Deadline in milliseconds.";
    E "e" Event Token(EVENTS), "The event.";
    Ec "ec" Status Texts, "Error codes.";
    H "h" Event Text(128), "The host that is asked.";
    Lab "lab" Object Ints, "Lowest aggregate bit rate in kbit/s.";
    Lb "lb" Object Ints, "Lowest encoded bit rate in kbit/s.";
    Ltc "ltc" Request Int, "Live latency in milliseconds.";
    Msd "msd" Session Int, "Media start delay in milliseconds.";
    Mtp "mtp" Request RoundedInts, "Measured throughput in kbit/s.";
    Nor "nor" Request Texts, "What will be asked for next.";
    Nr "nr" Status Bool, "Not rendered.";
    Ot "ot" Object Token(OBJECT_TYPES), "The object's type.";
    Pb "pb" Request Ints, "Bit rate at the playhead in kbit/s.";
    Pr "pr" Status Decimal, "Playback rate.";
    Pt "pt" Status Int, "Playhead in milliseconds.";
    Rc "rc" Event Int, "Response code.";
    Rtp "rtp" Status Rounded, "Requested maximum throughput in kbit/s.";
    Sf "sf" Session Token(FORMATS), "Streaming format.";
    Sid "sid" Session Text(64), "The session.";
    Smrt "smrt" Event Text(LONG), "Request tracing.";
    Sn "sn" Request Int, "Number of the report.";
    St "st" Session Token(STREAM_TYPES), "Stream type.";
    Sta "sta" Request Token(STATES), "The player's state.";
    Su "su" Request Bool, "Needed urgently.";
    Tab "tab" Object Ints, "Top aggregate bit rate in kbit/s.";
    Tb "tb" Object Ints, "Top encoded bit rate in kbit/s.";
    Tbl "tbl" Request Ints, "Target buffer length in milliseconds.";
    Tpb "tpb" Object Ints, "Top bit rate that can be played, in kbit/s.";
    Ts "ts" Event Int, "Unix milliseconds.";
    Ttfb "ttfb" Event Int, "Milliseconds to the first byte.";
    Ttfbb "ttfbb" Event Int, "Milliseconds to the first byte of the body.";
    Ttlb "ttlb" Event Int, "Milliseconds to the last byte.";
    Url "url" Event Text(LONG), "What was asked for.";
    V "v" Session Int, "The version.";
    Auto "clipper-auto" Event Bool, "The player chooses the rendition.";
    Ep "clipper-ep" Event Int, "Which of the session's clocks: raised whenever `clipper-mono` begins anew.";
    FirstFrame "clipper-ff" Event Int, "Milliseconds from the page's beginning to the first frame.";
    Frames "clipper-frames" Event Int, "Frames shown and dropped since the session began.";
    Id "clipper-id" Event Text(64), "The record's own identity.";
    Layout "clipper-mode" Event Text(16), "How the player is laid out.";
    Mono "clipper-mono" Event Decimal, "Milliseconds of a clock that nobody corrects.";
    Quality "clipper-q" Event Text(16), "The rung on the screen.";
    Source "clipper-src" Event Numbers, "Width and height of the picture.";
    Viewport "clipper-vp" Event Numbers, "Width and height of the player, and the pixel ratio.";
}

impl Key {
    /// Whether it is one of ours. A custom key's value is a string or a token, so that numbers travel as strings.
    pub fn is_own(self) -> bool {
        self.name().starts_with("clipper-")
    }
}
