//! LINSTOR's properties of DRBD's quorum: what keeps two nodes from writing one volume.

use super::Props;

/// How many voters a write takes: `majority`, `off`, …
pub const QUORUM: &str = "DrbdOptions/Resource/quorum";
/// What a node does that has lost it: `io-error` or `suspend-io`.
pub const ON_NO_QUORUM: &str = "DrbdOptions/Resource/on-no-quorum";
/// Whether LINSTOR sets the quorum by itself: `disabled` where it must not.
pub const AUTO_QUORUM: &str = "DrbdOptions/auto-quorum";
/// Whether LINSTOR adds a diskless voter where two replicas need one.
pub const AUTO_TIE_BREAKER: &str = "DrbdOptions/auto-add-quorum-tiebreaker";

/// Whether these properties ask for a majority.
pub fn is_majority(props: &Props) -> bool {
    has(props, QUORUM, "majority")
}

/// Whether these properties switch it off.
pub fn is_off(props: &Props) -> bool {
    has(props, QUORUM, "off") || has(props, AUTO_QUORUM, "disabled")
}

fn has(props: &Props, key: &str, value: &str) -> bool {
    props.get(key).is_some_and(|have| have == value)
}
