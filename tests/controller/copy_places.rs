//! What a copy's own class says of nodes, access, layers and attributes, beside what its source brings.

use linflow::sandbox::model::snapshot::RestoredProps;
use serde_json::json;
use tonic::Code;

use crate::support::{
    NODES, World, create,
    csi::{Create, block, mount, term},
    publish, refused,
};

/// A volume of 64 MiB on node-1 and node-2, and a snapshot of it.
async fn source(world: &World) -> (String, String) {
    let wanted = create("data").mib(64).parameter("nodeList", "node-1 node-2");
    let volume = world.controller.create(wanted).await.unwrap().volume_id;
    let snapshot = world.snapshot(&volume, "snap-1").await;
    (volume, snapshot)
}

/// Both ways to copy it.
async fn both_ways(world: &World) -> [Create; 2] {
    let (volume, snapshot) = source(world).await;
    [create("restored").mib(64).of_snapshot(&snapshot), create("clone").mib(64).of_volume(&volume)]
}

async fn layers(world: &World, volume: &str) -> String {
    world.definition(volume).await.unwrap().layers().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_copy_is_used_from_where_its_own_class_allows() {
    let world = World::start().await;
    for wanted in both_ways(&world).await {
        let limited = wanted.parameter("allowRemoteVolumeAccess", "false");
        let elsewhere = limited.clone().parameter("placementCount", "1").places(&["node-3"], &["node-3"]);
        let message = refused(world.controller.create(elsewhere).await, Code::ResourceExhausted);
        assert!(message.contains("node-1, node-2") && message.contains("node-3"), "{message}");
        let made = world.controller.create(limited.clone()).await.unwrap();
        assert_eq!(made.accessible_topology, ["node-1", "node-2"].map(term));
        assert_eq!(world.controller.create(limited).await.unwrap(), made);
        refused(world.controller.publish(publish(&made.volume_id, "node-3")).await, Code::FailedPrecondition);
    }
}

#[tokio::test]
async fn a_copy_does_not_inherit_its_sources_limit_of_access() {
    let world = World::start().await;
    let wanted = create("data").mib(64).parameter("allowRemoteVolumeAccess", "false").parameter("nodeList", "node-1");
    let volume = world.controller.create(wanted.parameter("clientList", "node-3")).await.unwrap().volume_id;
    let snapshot = world.snapshot(&volume, "snap-1").await;
    for wanted in [create("restored").of_snapshot(&snapshot), create("clone").of_volume(&volume)] {
        let made = world.controller.create(wanted.any_size()).await.unwrap();
        assert_eq!(made.accessible_topology, []);
        let props = world.definition(&made.volume_id).await.unwrap().props;
        for tag in ["Aux/linflow/remote-access", "Aux/linflow/clients"] {
            assert!(!props.contains_key(tag), "{tag}");
        }
        world.controller.publish(publish(&made.volume_id, "node-2")).await.unwrap();
    }
}

#[tokio::test]
async fn a_copy_is_on_the_nodes_that_its_class_lists_and_one_of_them_must_have_the_bytes() {
    let world = World::start().await;
    for wanted in both_ways(&world).await {
        let name = wanted.0.name.clone();
        let elsewhere = wanted.clone().parameter("nodeList", "node-3");
        let message = refused(world.controller.create(elsewhere).await, Code::InvalidArgument);
        assert!(message.contains("nodeList") && message.contains("node-1, node-2"), "{message}");
        assert!(world.definition(&name).await.is_none());
        let listed = wanted.parameter("nodeList", "node-2 node-3");
        let made = world.controller.create(listed.clone()).await.unwrap();
        assert_eq!(world.replicas(&name).await, ["node-2", "node-3"]);
        assert_eq!(world.controller.create(listed).await.unwrap(), made);
    }
}

/// LINSTOR clones on every node of the source, so a snapshot stands between.
#[tokio::test]
async fn a_clone_has_no_more_replicas_than_its_class_wants() {
    let world = World::start().await;
    let (volume, _) = source(&world).await;
    let wanted = create("copy").mib(64).of_volume(&volume).parameter("placementCount", "1");
    for node in ["node-1", "node-2"] {
        let mut wanted = wanted.clone().places(&[node], &NODES);
        wanted.0.name = format!("copy-near-{node}");
        world.controller.create(wanted.clone()).await.unwrap();
        assert_eq!(world.replicas(&wanted.0.name).await, [node]);
    }
    assert_eq!(world.snapshots_of(&volume).await, ["snap-1"]);
}

#[tokio::test]
async fn of_the_nodes_with_the_bytes_a_copy_is_in_the_preferred_zone() {
    let world = World::start().await;
    world.label("node-2", "Aux/topology/zone", "b").await;
    world.label("node-3", "Aux/topology/zone", "b").await;
    for wanted in both_ways(&world).await {
        let one = wanted.parameter("placementCount", "1").places(&["zone=b"], &["zone=b", "node-1"]);
        let name = one.0.name.clone();
        world.controller.create(one).await.unwrap();
        assert_eq!(world.replicas(&name).await, ["node-2"]);
        let nowhere = create("nowhere").of_volume("data").places(&[], &["zone=c"]);
        refused(world.controller.create(nowhere).await, Code::ResourceExhausted);
    }
}

#[tokio::test]
async fn the_clients_of_a_class_have_their_resource_of_a_copy_too() {
    let world = World::start().await;
    for wanted in both_ways(&world).await {
        let name = wanted.0.name.clone();
        let made = world.controller.create(wanted.clone().parameter("clientList", "node-3")).await.unwrap();
        let client = world.resources(&name).await.into_iter().find(|one| one.node_name == "node-3").unwrap();
        assert!(client.is_diskless() && !client.is_tie_breaker(), "{client:?}");
        world.controller.delete(&made.volume_id).await.unwrap();
        let remaining = wanted.parameter("disklessOnRemaining", "true").parameter("placementCount", "2");
        world.controller.create(remaining).await.unwrap();
        assert_eq!(world.resources(&name).await.len(), 3);
    }
}

/// LINSTOR's source puts the source's properties over the copy's, and no recording shows it.
#[tokio::test]
async fn a_copys_tags_are_its_own_whichever_order_linstor_puts_properties_in() {
    let world = World::start().await;
    let owned = create("data").mib(64).parameter("instance", "airflow").parameter("dag-id", "sales");
    let owned = owned.parameter("allowRemoteVolumeAccess", "false").mutable("qosReadIops", "100");
    let volume = world.controller.create(owned).await.unwrap().volume_id;
    let snapshot = world.snapshot(&volume, "snap-1").await;
    for (name, order) in [("over", RestoredProps::Source), ("under", RestoredProps::Target)] {
        world.sandbox.cluster().lock().restored_props = order;
        let wanted = create(name).mib(64).of_snapshot(&snapshot);
        let made = world.controller.create(wanted.clone()).await.unwrap();
        assert_eq!(world.controller.create(wanted).await.unwrap(), made);
        let props = world.definition(name).await.unwrap().props;
        assert_eq!(props["Aux/linflow/csi-name"], name);
        for theirs in ["Aux/airflow/dag_id", "Aux/linflow/remote-access", "sys/fs/blkio_throttle_read_iops"] {
            assert!(!props.contains_key(theirs), "{order:?}: {theirs}");
        }
    }
}

/// ControllerModifyVolume changes the definition, whose properties LINSTOR copies.
#[tokio::test]
async fn a_copy_has_the_attributes_of_its_own_class_and_none_of_its_source() {
    const READ: &str = "sys/fs/blkio_throttle_read_iops";
    const WRITE: &str = "sys/fs/blkio_throttle_write_iops";
    const BUFFERS: &str = "DrbdOptions/Net/max-buffers";
    let world = World::start().await;
    let wanted = create("data").mib(64).parameter("Property.linflow.csi/Aux/team", "theirs");
    let volume = world.controller.create(wanted.mutable("qosReadIops", "100")).await.unwrap().volume_id;
    world.controller.modify(&volume, &[("qosWriteIops", "200"), (BUFFERS, "8000")]).await.unwrap();
    let snapshot = world.snapshot(&volume, "snap-1").await;
    for wanted in [create("restored").of_snapshot(&snapshot), create("clone").of_volume(&volume)] {
        let wanted = wanted.any_size().mutable("qosReadIops", "300");
        let made = world.controller.create(wanted.clone()).await.unwrap();
        let props = world.definition(&made.volume_id).await.unwrap().props;
        assert_eq!(props.get(READ).map(String::as_str), Some("300"));
        for inherited in [WRITE, BUFFERS, "Aux/team"] {
            assert!(!props.contains_key(inherited), "{inherited}");
        }
        assert_eq!(props.get("DrbdOptions/Resource/quorum").map(String::as_str), Some("majority"));
        // What is changed later stays so.
        world.controller.modify(&made.volume_id, &[("qosReadIops", "400")]).await.unwrap();
        assert_eq!(world.controller.create(wanted).await.unwrap(), made);
        assert_eq!(world.definition(&made.volume_id).await.unwrap().prop(READ), Some("400"));
    }
}

#[tokio::test]
async fn replicas_that_were_taken_away_since_stay_away_when_the_copy_is_asked_for_again() {
    let world = World::start().await;
    for wanted in both_ways(&world).await {
        let made = world.controller.create(wanted.clone()).await.unwrap();
        world.controller.modify(&made.volume_id, &[("placementCount", "1")]).await.unwrap();
        assert_eq!(world.controller.create(wanted).await.unwrap(), made);
        assert_eq!(world.replicas(&made.volume_id).await.len(), 1);
    }
}

#[tokio::test]
async fn attributes_that_need_drbd_are_refused_of_a_copy_without_it() {
    let world = World::start().await;
    let local = create("data").storage_alone().mib(64);
    let volume = world.controller.create(local.on("node-1")).await.unwrap().volume_id;
    let wanted =
        create("copy").storage_alone().mib(64).of_volume(&volume).mutable("DrbdOptions/Net/max-buffers", "8000");
    refused(world.controller.create(wanted).await, Code::InvalidArgument);
    assert!(world.definition("copy").await.is_none());
}

#[tokio::test]
async fn a_raw_source_is_refused_as_a_filesystem_and_the_reverse_with_the_volume_mode_to_ask_for() {
    let world = World::start().await;
    for (name, made_as, asked_as, mode) in [
        ("raw", block(), mount("ext4"), "volumeMode Block"),
        ("files", mount("ext4"), block(), "volumeMode Filesystem"),
    ] {
        let volume = world.controller.create(create(name).mib(64).capability(made_as.clone())).await.unwrap().volume_id;
        let snapshot = world.snapshot(&volume, &format!("snap-of-{name}")).await;
        for wanted in [create("restored").of_snapshot(&snapshot), create("clone").of_volume(&volume)] {
            let wanted = wanted.any_size();
            let message = refused(
                world.controller.create(wanted.clone().capability(asked_as.clone())).await,
                Code::InvalidArgument,
            );
            assert!(message.contains(mode), "{message}");
            let copy = world.controller.create(wanted.capability(made_as.clone())).await.unwrap().volume_id;
            let props = world.definition(&copy).await.unwrap().props;
            assert_eq!(props.contains_key("Aux/linflow/fs-uuid"), name == "files");
            world.controller.delete(&copy).await.unwrap();
        }
    }
}

async fn set_passphrase(world: &World) {
    world.change("POST", "/v1/encryption/passphrase", &json!({"new_passphrase": "a long one"})).await;
}

#[tokio::test]
async fn a_copy_of_an_encrypted_volume_is_encrypted_and_no_other_becomes_so() {
    let world = World::start().await;
    set_passphrase(&world).await;
    for (class, stack) in [(vec![], "DRBD LUKS STORAGE"), (vec![("layerList", "storage")], "LUKS STORAGE")] {
        let with = |wanted: Create| class.iter().fold(wanted, |wanted, (key, value)| wanted.parameter(key, value));
        let secret = create("secret").mib(64).on("node-2").parameter("encryption", "true");
        let secret = world.controller.create(with(secret)).await.unwrap().volume_id;
        let plain = world.controller.create(with(create("plain").mib(64).on("node-2"))).await.unwrap().volume_id;
        for (volume, is_secret) in [(&secret, true), (&plain, false)] {
            let snapshot = world.snapshot(volume, "snap-1").await;
            for wanted in [create("restored").of_snapshot(&snapshot), create("clone").of_volume(volume)] {
                let wanted = with(wanted.mib(64)).on("node-2");
                let (same, other) = match is_secret {
                    true => (wanted.clone().parameter("encryption", "true"), wanted),
                    false => (wanted.clone(), wanted.parameter("encryption", "true")),
                };
                let message = refused(world.controller.create(other).await, Code::InvalidArgument);
                assert!(message.contains("layer list") && message.contains("LUKS"), "{message}");
                let made = world.controller.create(same.clone()).await.unwrap();
                assert_eq!(layers(&world, &made.volume_id).await == stack, is_secret);
                assert_eq!(world.controller.create(same).await.unwrap(), made);
                world.controller.delete(&made.volume_id).await.unwrap();
            }
            world.controller.delete_snapshot(&snapshot).await.unwrap();
            world.controller.delete(volume).await.unwrap();
        }
    }
}

/// A snapshot does not tell its layers, and with an administrator's group the volume's class doesn't either.
#[tokio::test]
async fn a_copy_that_an_administrators_group_encrypts_is_never_given_out_plain() {
    let world = World::start().await;
    set_passphrase(&world).await;
    for (name, stack) in [("gold", json!(["DRBD", "LUKS", "STORAGE"])), ("plain", json!(["DRBD", "STORAGE"]))] {
        let group = json!({"name": name, "select_filter": {"place_count": 2, "layer_stack": stack}});
        world.change("POST", "/v1/resource-groups", &group).await;
    }
    let volume = world.controller.create(create("data").mib(64).parameter("resourceGroup", "plain")).await.unwrap();
    let snapshot = world.snapshot(&volume.volume_id, "snap-1").await;
    for wanted in [create("copy").of_snapshot(&snapshot), create("copy").of_volume("data")] {
        let gold = wanted.clone().mib(64).parameter("resourceGroup", "gold");
        let message = refused(world.controller.create(gold).await, Code::InvalidArgument);
        assert!(message.contains("layer list") && message.contains("LUKS"), "{message}");
        assert!(world.definition("copy").await.is_none());
        let made = world.controller.create(wanted.mib(64).parameter("resourceGroup", "plain")).await.unwrap();
        world.controller.delete(&made.volume_id).await.unwrap();
    }
}

#[tokio::test]
async fn without_the_passphrase_nothing_is_left_of_an_encrypted_copy() {
    let world = World::start().await;
    set_passphrase(&world).await;
    let secret = |name: &str| create(name).mib(64).parameter("encryption", "true");
    let volume = world.controller.create(secret("data")).await.unwrap().volume_id;
    world.format(&volume).await;
    let snapshot = world.snapshot(&volume, "snap-1").await;
    world.sandbox.cluster().lock().encryption.close();
    for wanted in [secret("copy").of_snapshot(&snapshot), secret("copy").of_volume(&volume)] {
        let message = refused(world.controller.create(wanted.clone()).await, Code::FailedPrecondition);
        assert!(message.contains("enter-passphrase"), "{message}");
        assert!(world.definition("copy").await.is_none() && world.store("copy").await.is_none());
    }
    world.change("PATCH", "/v1/encryption/passphrase", &json!("a long one")).await;
    world.controller.create(secret("copy").of_volume(&volume)).await.unwrap();
}

/// recordings/linstor-drbd/d06: a replica that was away is not in the snapshot, and may be back at the restore.
#[tokio::test]
async fn a_partial_snapshot_is_restored_where_it_is_and_says_so() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").mib(64).parameter("nodeList", "node-1 node-2")).await.unwrap();
    world.crash("node-2");
    let snapshot = world.snapshot(&volume.volume_id, "snap-1").await;
    world.restore("node-2");
    let told = world.controller.get_snapshot(&snapshot).await.unwrap();
    assert_eq!(told.accessible_topology, [term("node-1")]);
    let one = create("one").mib(64).of_snapshot(&snapshot).parameter("placementCount", "1");
    world.controller.create(one.places(&["node-2"], &NODES)).await.unwrap();
    assert_eq!(world.replicas("one").await, ["node-1"]);
    // The second replica is placed beside, and filled by DRBD.
    let (made, requests) = world.count(world.controller.create(create("two").mib(64).of_snapshot(&snapshot))).await;
    made.unwrap();
    assert_eq!(requests.iter().filter(|one| one.path.ends_with("/autoplace")).count(), 1, "{requests:?}");
    let replicas = world.replicas("two").await;
    assert!(replicas.len() == 2 && replicas.contains(&"node-1".to_owned()), "{replicas:?}");
    // Where only another node may use it there is nothing.
    let elsewhere = create("three").mib(64).of_snapshot(&snapshot).parameter("allowRemoteVolumeAccess", "false");
    let elsewhere = elsewhere.parameter("placementCount", "1").places(&["node-2"], &["node-2"]);
    let message = refused(world.controller.create(elsewhere).await, Code::ResourceExhausted);
    assert!(message.contains("node-1"), "{message}");
}
