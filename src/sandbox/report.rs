//! Which layers of the sandbox a machine offers.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The layers that a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerName {
    /// Files that are not its own are closed to it.
    Files,
    /// Calls that decode no video are refused: sockets, processes, and most of the rest.
    Calls,
    /// It has a network of its own, with nothing in it, and no privileges.
    Namespaces,
}

/// A layer and what is wrong with it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Layer {
    /// Which.
    pub name: LayerName,
    /// Why it is missing; nothing, when it holds.
    pub problem: Option<String>,
}

/// All layers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Report {
    /// All layers that were tried.
    pub layers: Vec<Layer>,
}

impl LayerName {
    /// Every one of them.
    pub const ALL: [Self; 3] = [Self::Files, Self::Calls, Self::Namespaces];

    /// Whether the promise breaks without it. Namespaces only repeat what calls already refuse.
    pub const fn is_essential(self) -> bool {
        match self {
            Self::Files | Self::Calls => true,
            Self::Namespaces => false,
        }
    }
}

impl fmt::Display for LayerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Files => "files (Landlock)",
            Self::Calls => "calls (seccomp)",
            Self::Namespaces => "namespaces",
        })
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            None => write!(f, "{}", self.name),
            Some(problem) => write!(f, "{}: {problem}", self.name),
        }
    }
}

impl Report {
    /// The layers that do not hold.
    pub fn missing(&self) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(|layer| layer.problem.is_some())
    }

    /// A machine that offers none.
    pub fn nothing(problem: &str) -> Self {
        let layer = |name| Layer {
            name,
            problem: Some(problem.to_owned()),
        };
        Self {
            layers: LayerName::ALL.map(layer).to_vec(),
        }
    }
}
