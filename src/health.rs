//! How bad something is: the word that the health of volumes, as the controller sees it, and that of a node share.

/// How bad it is (CSI spec, VolumeHealthErrorType), as far as whoever looks can see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It can't be told: neither that it is fine nor that it isn't.
    Unknown,
    /// It works, and less safely or for fewer than asked for.
    Degraded,
    /// It can't be used now: from no node, or not from this one.
    Inaccessible,
    /// Data is lost.
    DataLoss,
}
