//! Facts of a cluster where nothing is wrong: each test breaks one thing.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::facts::{ClusterFacts, ControllerFacts, Credentials, Facts, KubernetesFacts, MachineFacts, Trial, Untold};
use super::finding::{Finding, Found, Level};
use super::machine::{Cgroups, Directory, DirectoryState};
use crate::kube::Need;
use crate::linstor::model::MasterPassphrase;
use crate::linstor::{ControllerVersion, Error};
use crate::node::mounts::MountTable;

/// When the facts are from: the beginning of 2027.
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_798_761_600)
}

/// A span of days.
pub fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

fn parse<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

/// Three nodes, a pool on two of them, and one volume with two replicas and a tie-breaker.
pub fn healthy() -> Facts {
    Facts {
        now: now(),
        node: Some("node-1".parse().unwrap()),
        controllers: vec![controller("http://linstor:3370/")],
        credentials: Credentials {
            has_token: false,
            answers_without_token: Err(Untold::NotAsked("no token is given".to_owned())),
            certificate_expires: Ok(None),
        },
        cluster: cluster(),
        kubernetes: kubernetes(),
        machine: machine(),
    }
}

/// A controller that answers.
pub fn controller(url: &str) -> ControllerFacts {
    let version = ControllerVersion { version: "1.33.3".to_owned(), rest_api_version: "1.27.0".to_owned() };
    ControllerFacts {
        url: url.to_owned(),
        version: Ok(version),
        certificate: None,
        cluster_id: Some("id-1".to_owned()),
    }
}

/// What nobody answered.
pub fn unreachable(url: &str) -> Error {
    let reason = format!("{url}: tcp connect error: Connection refused (os error 111)");
    Error::Unreachable { request: "GET /v1/controller/version".to_owned(), reason }
}

fn cluster() -> ClusterFacts {
    let node = |name: &str| json!({"name": name, "type": "SATELLITE", "connection_status": "ONLINE", "resource_layers": ["DRBD", "LUKS", "STORAGE"]});
    let pool = |node: &str| json!({"storage_pool_name": "pool", "node_name": node, "provider_kind": "LVM_THIN", "free_capacity": 52_428_800, "total_capacity": 104_857_600});
    let diskless =
        json!({"storage_pool_name": "DfltDisklessStorPool", "node_name": "node-1", "provider_kind": "DISKLESS"});
    let tags = json!({"Aux/linflow/driver": "linflow/0.1.0", "Aux/linflow/incarnation": "ab".repeat(16),
        "Aux/linflow/scope": "none", "Aux/linflow/csi-name": "pvc-1", "DrbdOptions/Resource/quorum": "majority"});
    let definition = json!({"name": "pvc-1", "props": tags, "resource_group_name": "DfltRscGrp",
        "layer_data": [{"type": "DRBD"}, {"type": "STORAGE"}], "volume_definitions": [{"volume_number": 0, "size_kib": 10_485_760}]});
    let trial = Trial { instance: "linflow-doctor-1".parse().unwrap(), outcome: Ok(()), clock: None };
    ClusterFacts {
        nodes: Ok(parse(json!([node("node-1"), node("node-2"), node("node-3")]))),
        pools: Ok(parse(json!([diskless, pool("node-1"), pool("node-2")]))),
        props: Ok(parse(
            json!({"DrbdOptions/Resource/on-no-quorum": "io-error", "DrbdOptions/auto-add-quorum-tiebreaker": "True"}),
        )),
        groups: Ok(parse(json!([{"name": "DfltRscGrp"}]))),
        definitions: Ok(parse(json!([definition]))),
        resources: Ok(parse(json!([replica("node-1", "UpToDate"), replica("node-2", "UpToDate"), tie_breaker()]))),
        store: Ok(parse(json!({"pvc-1": {format!("{}/used", "ab".repeat(16)): "true"}, "csi-of-others": {"k": "v"}}))),
        passphrase: Ok(MasterPassphrase::Unset),
        trial: Ok(trial),
    }
}

/// A replica of the volume.
pub fn replica(node: &str, state: &str) -> Value {
    json!({"name": "pvc-1", "node_name": node, "state": {"in_use": false},
        "layer_object": {"type": "DRBD", "drbd": {"connections": {"node-3": {"connected": true, "message": "Connected"}}}},
        "volumes": [{"volume_number": 0, "storage_pool_name": "pool", "state": {"disk_state": state}}]})
}

fn tie_breaker() -> Value {
    json!({"name": "pvc-1", "node_name": "node-3", "flags": ["DISKLESS", "DRBD_DISKLESS", "TIE_BREAKER"], "state": {},
        "layer_object": {"type": "DRBD", "drbd": {}}, "volumes": [{"volume_number": 0, "state": {"disk_state": "Diskless"}}]})
}

/// One that answers a controller, which may all that it needs.
fn kubernetes() -> KubernetesFacts {
    let rights = Need::of_controller("linflow.csi").into_iter().map(|need| (need, Ok(true))).collect();
    KubernetesFacts { way: "the service account".to_owned(), version: Ok("v1.34.1".to_owned()), rights }
}

fn machine() -> MachineFacts {
    let directory = |path: &str, state| Directory { path: PathBuf::from(path), state };
    MachineFacts {
        drbd: Ok(Some("9.3.3".to_owned())),
        missing_programs: Ok(Vec::new()),
        kubelet: Ok(vec![
            directory("/var/lib/kubelet", DirectoryState::There),
            directory("/var/lib/kubelet/plugins_registry", DirectoryState::Writable),
        ]),
        mounts: Ok(mounts("shared:1")),
        cgroups: Ok(Cgroups::Version2),
    }
}

/// A mount table in which kubelet's directory has a mount of its own, with these optional fields.
pub fn mounts(fields: &str) -> MountTable {
    let root = "27 1 254:0 / / rw shared:9 - ext4 /dev/vda rw\n";
    let kubelet = format!("28 27 254:0 /var/lib/kubelet /var/lib/kubelet rw {fields} - ext4 /dev/vda rw\n");
    MountTable::parse(format!("{root}{kubelet}").replace("  ", " ").as_bytes()).unwrap()
}

/// What a check found, also where that is only why it could not look.
pub fn found(found: Found) -> Vec<Finding> {
    found.unwrap_or_else(|finding| vec![finding])
}

/// The levels of that.
pub fn levels(of: Found) -> Vec<Level> {
    found(of).into_iter().map(|finding| finding.level).collect()
}
