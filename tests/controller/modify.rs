//! ControllerModifyVolume and CreateVolume's mutable_parameters: one volume changes, safely, and nothing else does.

use linflow::sandbox::faults::{Action, Matcher};
use tonic::Code;

use crate::support::{NODES, World, create, csi::map, is_open, publish, refused};

async fn property(world: &World, volume: &str, key: &str) -> Option<String> {
    world.definition(volume).await.unwrap().props.get(key).cloned()
}

const READ_IOPS: &str = "sys/fs/blkio_throttle_read_iops";
const MAX_BUFFERS: &str = "DrbdOptions/Net/max-buffers";

#[tokio::test]
async fn attributes_become_properties_of_the_one_definition_and_its_group_is_left_alone() {
    let world = World::start().await;
    let (volume, sibling) = (world.controller.created("data").await, world.controller.created("sibling").await);
    let group = world.definition(&volume).await.unwrap().resource_group_name;
    let path = format!("/v1/resource-groups/{group}");
    let before = world.rest("GET", &path, &serde_json::Value::Null).await;
    let attributes = [
        ("linflow.csi/qosReadIops", "2k"),
        ("qos.linbit.com/wbps", "20Mi"),
        ("DrbdOptions/Net/max-buffers", "8000"),
        ("placementCount", "3"),
    ];
    for _ in 0..2 {
        world.controller.modify(&volume, &attributes).await.unwrap();
        assert_eq!(property(&world, &volume, READ_IOPS).await.as_deref(), Some("2000"));
        assert_eq!(property(&world, &volume, "sys/fs/blkio_throttle_write").await.as_deref(), Some("20971520"));
        assert_eq!(property(&world, &volume, MAX_BUFFERS).await.as_deref(), Some("8000"));
        assert_eq!(world.replicas(&volume).await, NODES);
    }
    assert_eq!(world.rest("GET", &path, &serde_json::Value::Null).await, before);
    assert_eq!(world.replicas(&sibling).await.len(), 2);
    assert_eq!(property(&world, &sibling, READ_IOPS).await, None);
}

/// CSI: "only keys that are specified should result in modifications".
#[tokio::test]
async fn what_is_not_named_stays_as_it_is() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.controller.modify(&volume, &[("qosReadIops", "100"), (MAX_BUFFERS, "8000")]).await.unwrap();
    world.controller.modify(&volume, &[("qosReadIops", "0")]).await.unwrap();
    assert_eq!(property(&world, &volume, READ_IOPS).await.as_deref(), Some("0"));
    assert_eq!(property(&world, &volume, MAX_BUFFERS).await.as_deref(), Some("8000"));
    let (answer, requests) = world.count(world.controller.modify(&volume, &[])).await;
    answer.unwrap();
    assert!(requests.iter().all(|request| request.method == "GET"), "{requests:?}");
}

#[tokio::test]
async fn nothing_is_changed_where_one_attribute_is_refused() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for (key, value) in [
        ("storagePool", "fast"),
        ("linflow.csi/iops", "100"),
        ("placementCount", "0"),
        ("qosReadBytesPerSecond", "fast"),
        ("DrbdOptions/Resource/quorum", "off"),
        ("DrbdOptions/Net/allow-two-primaries", "yes"),
    ] {
        let message = refused(
            world.controller.modify(&volume, &[("qosReadIops", "1"), (key, value)]).await,
            Code::InvalidArgument,
        );
        assert!(message.contains(key.trim_start_matches("linflow.csi/")), "{message}");
    }
    // LINSTOR's own refusal, after which the replicas aren't touched either.
    let unknown = [("DrbdOptions/Net/no-such-option", "1"), ("placementCount", "3"), ("qosReadIops", "1")];
    let action = Action::Refuse { status: 500, ret_code: -4611686018390163243, message: "Invalid property".to_owned() };
    world
        .sandbox
        .faults()
        .inject(Matcher::contains("/resource-definitions/data").method(&axum::http::Method::PUT), action);
    refused(world.controller.modify(&volume, &unknown).await, Code::InvalidArgument);
    assert_eq!((property(&world, &volume, READ_IOPS).await, world.replicas(&volume).await.len()), (None, 2));
    assert_eq!(world.store(&volume).await, None);
}

#[tokio::test]
async fn a_volume_that_is_not_there_or_not_ours_is_not_modified() {
    let world = World::start().await;
    refused(world.controller.modify("", &[("qosReadIops", "1")]).await, Code::InvalidArgument);
    refused(world.controller.modify("pvc-none", &[("qosReadIops", "1")]).await, Code::NotFound);
    let body = serde_json::json!({"resource_definition": {"name": "foreign"}});
    world.change("POST", "/v1/resource-definitions", &body).await;
    refused(world.controller.modify("foreign", &[("qosReadIops", "1")]).await, Code::FailedPrecondition);
    assert_eq!(property(&world, "foreign", READ_IOPS).await, None);
}

#[tokio::test]
async fn without_drbd_only_the_limits_can_be_changed() {
    let world = World::start().await;
    let local = world.controller.create(create("local").storage_alone().on("node-1")).await.unwrap().volume_id;
    for (key, value) in [("placementCount", "2"), (MAX_BUFFERS, "8000")] {
        let message = refused(world.controller.modify(&local, &[(key, value)]).await, Code::InvalidArgument);
        assert!(message.contains("no DRBD layer") && message.contains(key), "{message}");
        let wanted = create("other").storage_alone().mutable(key, value);
        refused(world.controller.create(wanted).await, Code::InvalidArgument);
    }
    world.controller.modify(&local, &[("qosReadIops", "100"), ("placementCount", "1")]).await.unwrap();
    assert_eq!(property(&world, &local, READ_IOPS).await.as_deref(), Some("100"));
    assert_eq!(world.replicas(&local).await, ["node-1"]);
}

#[tokio::test]
async fn a_volume_is_created_with_its_attributes_which_go_before_its_class() {
    let world = World::start().await;
    let wanted = create("data").parameter("placementCount", "2").mutable("autoPlace", "3").mutable("qosReadIops", "7");
    let made = world.controller.create(wanted.clone()).await.unwrap();
    assert_eq!(world.replicas(&made.volume_id).await, NODES);
    assert_eq!(property(&world, &made.volume_id, READ_IOPS).await.as_deref(), Some("7"));
    assert_eq!(world.controller.create(wanted.clone()).await.unwrap(), made);
    let message = refused(world.controller.create(wanted.mutable("qosReadIops", "8")).await, Code::AlreadyExists);
    assert!(message.contains(READ_IOPS), "{message}");
}

#[tokio::test]
async fn fewer_replicas_are_had_by_removing_one_that_is_not_used_and_quorum_stays() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").parameter("placementCount", "3")).await.unwrap().volume_id;
    world.controller.publish(publish(&volume, "node-3")).await.unwrap();
    world.set_open(&volume, "node-3", true);
    world.controller.modify(&volume, &[("placementCount", "2")]).await.unwrap();
    assert_eq!(world.replicas(&volume).await, ["node-1", "node-3"]);
    assert!(world.definition(&volume).await.unwrap().has_majority_quorum());
    assert!(world.resources(&volume).await.iter().any(|one| one.node_name == "node-2" && one.is_tie_breaker()));
    assert_eq!(world.controller.health(&volume).await.unwrap(), []);
    // The wish is remembered: a repeat of the creation does not bring the third replica back.
    let again = world.controller.create(create("data").parameter("placementCount", "3")).await.unwrap();
    assert_eq!((again.volume_id, world.replicas(&volume).await.len()), (volume, 2));
}

#[tokio::test]
async fn a_repeat_that_mends_a_client_brings_no_replica_back_that_was_taken_away() {
    let world = World::start().await;
    let wanted = create("data").parameter("placementCount", "2").parameter("clientList", "node-3");
    let wanted = wanted.places(&["node-1", "node-2"], &NODES);
    world.controller.create(wanted.clone()).await.unwrap();
    world.controller.modify("data", &[("placementCount", "1")]).await.unwrap();
    assert_eq!(world.replicas("data").await.len(), 1);
    let client = "/v1/resource-definitions/data/resources/node-3";
    world.change("DELETE", client, &serde_json::Value::Null).await;
    world.controller.create(wanted).await.unwrap();
    assert_eq!(world.replicas("data").await.len(), 1);
    let client = world.resources("data").await.into_iter().find(|one| one.node_name == "node-3").unwrap();
    assert!(client.is_diskless() && !client.is_tie_breaker());
}

#[tokio::test]
async fn health_counts_the_replicas_that_were_asked_for_last() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.controller.modify(&volume, &[("placementCount", "3")]).await.unwrap();
    assert_eq!(world.controller.health(&volume).await.unwrap(), []);
    world.crash("node-3");
    let entries = world.controller.health(&volume).await.unwrap();
    assert!(entries[0].message.contains("2 of 3 replicas"), "{entries:?}");
    assert_eq!(world.controller.list_health(0, "").await.unwrap().entries[0].health_statuses, entries);
}

#[tokio::test]
async fn no_replica_goes_while_a_node_is_away_and_none_is_deleted_there() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").parameter("placementCount", "3")).await.unwrap().volume_id;
    world.crash("node-2");
    let (answer, requests) = world.count(world.controller.modify(&volume, &[("placementCount", "2")])).await;
    let message = refused(answer, Code::Unavailable);
    assert!(message.contains("node-2"), "{message}");
    assert!(!requests.iter().any(|request| request.method == "DELETE"), "{requests:?}");
    assert_eq!(world.replicas(&volume).await, NODES);
}

/// No room is no end: nodes may come back, and space be freed.
#[tokio::test]
async fn more_replicas_than_there_are_nodes_leave_the_wish_and_an_open_answer() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    refused(world.controller.modify(&volume, &[("placementCount", "4")]).await, Code::ResourceExhausted);
    assert_eq!(world.replicas(&volume).await.len(), 2);
    let entries = world.controller.health(&volume).await.unwrap();
    assert_eq!(entries.iter().map(|entry| entry.reason.as_str()).collect::<Vec<_>>(), ["ReplicaMissing"]);
    world.controller.modify(&volume, &[("placementCount", "2")]).await.unwrap();
    assert_eq!(world.controller.health(&volume).await.unwrap(), []);
}

#[tokio::test]
async fn two_calls_for_one_volume_do_not_run_at_once() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let other = world.controller.clone();
    let (one, two) = tokio::join!(
        world.controller.modify(&volume, &[("placementCount", "3")]),
        other.modify(&volume, &[("qosReadIops", "5")])
    );
    for answer in [one, two] {
        if let Err(status) = answer {
            assert!(is_open(&status), "{status:?}");
        }
    }
}

#[tokio::test]
async fn capabilities_are_confirmed_only_with_attributes_that_a_volume_can_have() {
    use linflow::csi::proto::ValidateVolumeCapabilitiesRequest;
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for (key, is_confirmed) in [("qosReadIops", true), ("iops", false)] {
        let request = ValidateVolumeCapabilitiesRequest {
            volume_id: volume.clone(),
            volume_capabilities: vec![crate::support::csi::mount("ext4")],
            mutable_parameters: map(&[(key, "5")]),
            ..ValidateVolumeCapabilitiesRequest::default()
        };
        let answer = world.controller.client.clone().validate_volume_capabilities(request).await.unwrap().into_inner();
        assert_eq!(answer.confirmed.is_some(), is_confirmed, "{}", answer.message);
    }
}
