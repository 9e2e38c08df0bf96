//! What lies in the store, for whoever compares it with the log.

use std::time::SystemTime;

/// How much lies somewhere, and when the last of it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Files.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The latest change of a file or folder; nothing, where nothing lies.
    pub touched: Option<SystemTime>,
}

impl Footprint {
    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.objects += other.objects;
        self.bytes += other.bytes;
        self.touched = self.touched.max(other.touched);
    }

    /// What is left when a part of it is gone.
    #[must_use]
    pub fn without(&self, part: &Self) -> Self {
        Self {
            objects: self.objects.saturating_sub(part.objects),
            bytes: self.bytes.saturating_sub(part.bytes),
            touched: self.touched,
        }
    }
}

/// Something with no name of its own in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stray {
    /// Where it lies.
    pub object: String,
    /// How much it is.
    pub footprint: Footprint,
}
