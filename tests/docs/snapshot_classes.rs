//! The part of docs/parameters.md about snapshot classes.

use std::collections::BTreeMap;

use linflow::volume::snapshot::params::{self, BACKUP_KEYS, BACKUP_TYPES, IN_CLUSTER, TYPE};

const CLASSES: &str = "\
apiVersion: snapshot.storage.k8s.io/v1
kind: VolumeSnapshotClass
metadata:
  name: linflow
driver: linflow.csi
deletionPolicy: Delete
parameters:
  type: InCluster
";

/// The section.
pub fn render() -> String {
    let keys: Vec<String> = BACKUP_KEYS.iter().map(|key| format!("`{key}`")).collect();
    let types = BACKUP_TYPES.map(|name| format!("`{name}`"));
    let (keys, types) = (keys.join(", "), types.join(" and "));
    format!(
        "\n# VolumeSnapshotClass and VolumeGroupSnapshotClass parameters\n\n\
        There is nothing to choose: snapshots stay in the storage pools of their volumes. `{TYPE}: {IN_CLUSTER}` says so and may be left out. Keys are bare or\n\
        have the prefix `linflow.csi/` or `snap.linstor.csi.linbit.com/`, in any case, so that classes made for linstor-csi are read.\n\n\
        Backups to a remote are not made. What asks for one is INVALID_ARGUMENT, by its name: the types {types}, and the keys\n\
        {keys}.\nSo is every key that is not known.\n\n```yaml\n{CLASSES}```\n"
    )
}

#[test]
fn the_class_on_the_page_is_accepted() {
    let class: BTreeMap<String, serde_norway::Value> = serde_norway::from_str(CLASSES).expect("it is YAML");
    let parameters: BTreeMap<String, String> =
        serde_norway::from_value(class["parameters"].clone()).expect("parameters are text");
    assert_eq!((parameters.len(), params::check(&parameters)), (1, Ok(())));
}
