//! Values.

/// A value, by its key's kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A decimal in thousandths.
    Decimal(i64),
    /// A token.
    Token(String),
    /// A string.
    Text(String),
    /// Numbers, in the order of their object types.
    Ints(Vec<Listed>),
    /// Strings.
    Texts(Vec<Text>),
    /// Numbers in thousandths, in an order of their own.
    Numbers(Vec<i64>),
}

/// A number, and what it is about.
pub type Listed = (Option<ObjectType>, i64);

/// A string, for next object requests with a range.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text {
    /// The string.
    pub text: String,
    /// `r`, the range.
    pub range: Option<String>,
}

/// The value of a key that is somebody else's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Custom {
    /// A string.
    Text(String),
    /// A token.
    Token(String),
}

macro_rules! object_types {
    ($($variant:ident $token:literal $meaning:literal;)*) => {
        /// What an object holds (`ot`).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ObjectType { $(#[doc = $meaning] $variant),* }

        impl ObjectType {
            /// Every type.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its token.
            pub fn token(self) -> &'static str {
                match self { $(Self::$variant => $token),* }
            }

            /// The type of a token.
            pub fn from_token(token: &str) -> Option<Self> {
                match token { $($token => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

object_types! {
    Manifest "m" "A playlist.";
    Audio "a" "Sound.";
    Video "v" "Pictures.";
    Muxed "av" "Both in one.";
    Init "i" "An initialisation segment.";
    Caption "c" "Captions.";
    TimedText "tt" "Timed text in ISO BMFF.";
    CryptographicKey "k" "A key.";
    Other "o" "Anything else.";
}
