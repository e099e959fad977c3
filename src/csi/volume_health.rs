//! A volume's health in CSI's words.

use std::fmt;

use super::proto::{self as csi, VolumeHealthErrorType as ErrorType};
use crate::health::Severity;
use crate::volume::health::{Condition, Health};
use crate::volume::page::Page;

/// The answer of ControllerGetVolumeHealth.
pub fn one(health: &Health) -> csi::ControllerGetVolumeHealthResponse {
    csi::ControllerGetVolumeHealthResponse { volume_health: Some(volume(health)) }
}

/// The answer of ControllerListVolumeHealth.
pub fn page(page: &Page<Health>) -> csi::ControllerListVolumeHealthResponse {
    csi::ControllerListVolumeHealthResponse {
        entries: page.entries.iter().map(volume).collect(),
        next_token: page.next.clone().unwrap_or_default(),
    }
}

fn volume(health: &Health) -> csi::VolumeHealth {
    let health_statuses = health.conditions.iter().map(entry).collect();
    csi::VolumeHealth { volume_id: health.id.to_string(), health_statuses }
}

fn entry(condition: &Condition) -> csi::volume_health::VolumeHealthEntry {
    as_entry(condition.reason.severity(), &condition.reason, &condition.message)
}

/// An entry of a VolumeHealth, be it the controller's or a node's.
pub(super) fn as_entry(
    severity: Severity,
    reason: &impl fmt::Debug,
    message: &str,
) -> csi::volume_health::VolumeHealthEntry {
    let status = match severity {
        Severity::Unknown => ErrorType::UnknownVolumeHealthType,
        Severity::Degraded => ErrorType::Degraded,
        Severity::Inaccessible => ErrorType::Inaccessible,
        Severity::DataLoss => ErrorType::DataLoss,
    };
    csi::volume_health::VolumeHealthEntry {
        status: status.into(),
        // The variants' names are CamelCase, as CSI wants it.
        reason: format!("{reason:?}"),
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::volume::health::Reason;

    #[test]
    fn what_is_not_known_has_the_status_that_csi_has_for_it_and_reasons_are_camel_case() {
        for (reason, status, name) in [
            (Reason::ReplicaStateUnknown, ErrorType::UnknownVolumeHealthType, "ReplicaStateUnknown"),
            (Reason::ReplicaSyncing, ErrorType::Degraded, "ReplicaSyncing"),
            (Reason::QuorumLost, ErrorType::Inaccessible, "QuorumLost"),
            (Reason::AllReplicasFailed, ErrorType::DataLoss, "AllReplicasFailed"),
        ] {
            let entry = entry(&Condition { reason, message: "seen".to_owned() });
            assert_eq!((entry.status(), entry.reason.as_str(), entry.message.as_str()), (status, name, "seen"));
        }
    }
}
