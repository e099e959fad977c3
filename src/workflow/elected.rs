//! The seam to whoever decides which of several controllers may act alone.

/// One of several processes, or none.
pub trait Elected: Send + Sync {
    /// Whether it is surely this process, by its own clock. It may end at any time: ask again before each act that must
    /// not be done twice.
    fn is_held(&self) -> bool;
}
