//! The classes are those that linflow's own services take.

use linflow::sandbox::model::name::Key;

use crate::support::{
    World, create,
    csi::{mount, resource},
};
use crate::yaml::{Value, all, documents, map, word};

/// The key that external-provisioner takes for itself: it becomes the volume capability's filesystem.
const FS_TYPE: &str = "csi.storage.k8s.io/fstype";

fn storage_classes() -> Vec<Value> {
    let examples = documents("deploy/examples/airflow/dag_class.yaml").into_iter();
    all("StorageClass").into_iter().chain(examples.filter(|object| object["kind"] == "StorageClass")).collect()
}

#[tokio::test]
async fn each_storage_class_makes_a_volume_with_two_replicas() {
    let world = World::start().await;
    for class in storage_classes() {
        let name = word(&class["metadata"]["name"]);
        let parameters = map(&class["parameters"]);
        let fs_type = parameters.iter().find(|(key, _)| key == FS_TYPE).map(|(_, value)| value.as_str()).unwrap();
        let request = parameters
            .iter()
            .filter(|(key, _)| key != FS_TYPE)
            .fold(create(name).gib(1).capability(mount(fs_type)), |request, (key, value)| {
                request.parameter(key, value)
            });
        let volume = world.controller.create(request).await.unwrap();
        let cluster = world.sandbox.cluster();
        let definition = &cluster.lock().definitions[&Key::of(resource(&volume.volume_id))];
        assert_eq!(definition.diskful().count(), 2, "{name}");
    }
}

#[test]
fn volumes_wait_for_their_pod_may_grow_and_go_with_their_claim() {
    for class in storage_classes() {
        assert_eq!(class["provisioner"], "linflow.csi");
        assert_eq!(class["volumeBindingMode"], "WaitForFirstConsumer");
        assert_eq!(class["allowVolumeExpansion"], true);
        assert_eq!(class["reclaimPolicy"], "Delete");
    }
    let [snapshots] = &all("VolumeSnapshotClass")[..] else { panic!("one class of snapshots") };
    assert_eq!((word(&snapshots["driver"]), word(&snapshots["deletionPolicy"])), ("linflow.csi", "Delete"));
}

#[tokio::test]
async fn each_attributes_class_changes_a_volume_and_the_last_takes_the_first_back() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for class in all("VolumeAttributesClass") {
        assert_eq!(class["driverName"], "linflow.csi");
        let attributes = map(&class["parameters"]);
        let attributes: Vec<(&str, &str)> =
            attributes.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        world.controller.modify(&volume, &attributes).await.unwrap();
    }
}
