//! Health as a node sees it, in CSI's words. LINSTOR is asked for a volume only where the node sees nothing of it.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use tonic::Status;

use super::{proto as csi, status, volume_health::as_entry};
use crate::health::Severity;
use crate::linstor::{Client, model::ViewQuery, name::NodeName};
use crate::node::{
    self, Host,
    health::{self, Condition, HealthRequest, Reason, Seen},
};

/// How long a look at a volume, or at all of them, may take.
const HEALTH: Duration = Duration::from_secs(15);

/// What is wrong with a volume, as this node sees it.
pub async fn volume<H: Host>(
    host: &H,
    linstor: &Client,
    name: &NodeName,
    mut request: HealthRequest,
) -> Result<Vec<Condition>, Status> {
    let deadline = Instant::now() + HEALTH;
    if let Seen::Volume(conditions) = health::volume_health(host, &request, deadline).await {
        return Ok(conditions);
    }
    let query = ViewQuery { resources: vec![request.resource.clone()], nodes: vec![name.clone()] };
    let resources = match timeout_at(deadline, linstor.resources_view(&query)).await {
        Ok(Ok(resources)) => resources,
        Ok(Err(error)) => return Ok(unknown(&error.to_string())),
        Err(_elapsed) => return Ok(unknown("LINSTOR does not answer")),
    };
    let Some(resource) = resources.first() else {
        return Err(status::of(&node::Error::NotOnNode(request.resource)));
    };
    request.device = resource.device_path(request.volume).map(Into::into);
    match health::volume_health(host, &request, deadline).await {
        Seen::Volume(conditions) => Ok(conditions),
        Seen::Nothing => {
            let path = request.device.unwrap_or_else(|| "it".into());
            let seen = format!("LINSTOR has the resource here, and {} is not on the node", path.display());
            Ok(vec![Condition::new(Reason::DeviceMissing, &seen)])
        }
    }
}

fn unknown(why: &str) -> Vec<Condition> {
    vec![Condition::new(Reason::VolumeStateUnknown, &format!("nothing of the volume is seen on this node, and {why}"))]
}

/// What is wrong with this node's storage as a whole: DRBD's peers and volumes, LINSTOR's controller and satellite.
pub async fn storage<H: Host>(host: &H, linstor: &Client, name: &NodeName) -> Vec<Condition> {
    let deadline = Instant::now() + HEALTH;
    let names = [name];
    let (mut found, nodes) =
        tokio::join!(health::storage_health(host, deadline), timeout_at(deadline, linstor.nodes(&names)));
    let (reason, seen) = match nodes {
        Ok(Ok(nodes)) => match nodes.first() {
            Some(node) if node.is_online() => return found,
            Some(node) => (Reason::SatelliteOffline, format!("LINSTOR sees {name} as {}", node.connection_status)),
            None => (Reason::SatelliteOffline, format!("LINSTOR knows no node {name}")),
        },
        Ok(Err(error)) => (Reason::LinstorUnreachable, error.to_string()),
        Err(_elapsed) => (Reason::LinstorUnreachable, "LINSTOR does not answer".to_owned()),
    };
    found.push(Condition::new(reason, &seen));
    found
}

/// The NodeGetVolumeHealthResponse.
pub fn volume_response(volume_id: String, conditions: &[Condition]) -> csi::NodeGetVolumeHealthResponse {
    let entry = |condition: &Condition| as_entry(condition.reason.severity(), &condition.reason, &condition.message);
    let health_statuses = conditions.iter().map(entry).collect();
    csi::NodeGetVolumeHealthResponse { volume_health: Some(csi::VolumeHealth { volume_id, health_statuses }) }
}

/// The NodeGetStorageHealthResponse.
pub fn storage_response(conditions: &[Condition]) -> csi::NodeGetStorageHealthResponse {
    use csi::StorageHealthErrorType as Kind;
    let entry = |condition: &Condition| {
        let kind = match condition.reason.severity() {
            Severity::Unknown => Kind::UnknownStorageHealthErrorType,
            Severity::Degraded => Kind::StorageDegraded,
            Severity::Inaccessible | Severity::DataLoss => Kind::StorageUnreachable,
        };
        csi::node_get_storage_health_response::StorageBackendHealth {
            status: kind.into(),
            reason: format!("{:?}", condition.reason),
            message: condition.message.clone(),
            volume_capability: None,
        }
    };
    csi::NodeGetStorageHealthResponse { backend_health: conditions.iter().map(entry).collect() }
}
