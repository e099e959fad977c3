//! What LINSTOR warns of beside a success: the volume has what was asked for, and somebody should know what it lacks.

use crate::linstor::{Replies, name::ResourceName};

/// Logs the warnings, such as of limits that a satellite without control groups of version 1 passes over.
pub(super) fn log(volume: &ResourceName, replies: &Replies) {
    for warning in replies.warnings() {
        tracing::warn!(%volume, warning = warning.message, "LINSTOR warns");
    }
}
