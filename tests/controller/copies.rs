//! Volumes from snapshots and from volumes: where they are made, what they say of themselves, and when they are ready.

use axum::http::Method;
use linflow::sandbox::{
    faults::{Action, Matcher, Moment},
    model::cloning::CloneFate,
};
use tonic::Code;

use crate::support::{
    NODES, World, create, csi::Create, csi::block, csi::mount, csi::resource, eventually, is_open, publish, refused,
};

/// A volume of 64 MiB that a workflow owns, formatted as far as its record says, and a snapshot of it.
async fn owned_with_snapshot(world: &World) -> (String, String) {
    let owned = create("data").mib(64).parameter("instance", "airflow").parameter("dag-id", "sales");
    let owned = owned.parameter("csi.storage.k8s.io/pvc/name", "theirs");
    let volume = world.controller.create(owned.parameter("csi.storage.k8s.io/pvc/namespace", "airflow")).await.unwrap();
    world.format(&volume.volume_id).await;
    let snapshot = world.snapshot(&volume.volume_id, "snap-1").await;
    (volume.volume_id, snapshot)
}

fn copy() -> Create {
    create("copy").mib(64)
}

/// Both ways to copy one volume.
async fn both_ways(world: &World) -> (String, [Create; 2]) {
    let (volume, snapshot) = owned_with_snapshot(world).await;
    let clone = Create(create("clone").mib(64).0).of_volume(&volume);
    (volume, [copy().of_snapshot(&snapshot), clone])
}

#[tokio::test]
async fn a_copy_says_where_it_comes_from_and_so_does_its_repeat() {
    let world = World::start().await;
    let (_, ways) = both_ways(&world).await;
    for wanted in ways {
        let made = world.controller.create(wanted.clone()).await.unwrap();
        assert_eq!(made.content_source, wanted.0.volume_content_source);
        assert_eq!(made.capacity_bytes, 64 << 20);
        assert_eq!(world.controller.create(wanted).await.unwrap(), made);
        assert_eq!(world.replicas(&made.volume_id).await.len(), 2);
    }
}

/// LINSTOR puts the source's properties over those that the copy's definition was made with.
#[tokio::test]
async fn a_copy_has_the_tags_of_its_own_claim_and_only_the_filesystem_of_its_source() {
    let world = World::start().await;
    let (volume, ways) = both_ways(&world).await;
    let source = world.definition(&volume).await.unwrap().props;
    for wanted in ways {
        let made = world.controller.create(wanted.parameter("csi.storage.k8s.io/pvc/name", "mine")).await.unwrap();
        let own = world.definition(&made.volume_id).await.unwrap().props;
        for key in ["fs-uuid", "driver"].map(|name| format!("Aux/linflow/{name}")) {
            assert_eq!(own[&key], source[&key], "{key}");
        }
        assert_eq!(own["Aux/linflow/csi-name"], made.volume_id);
        assert_eq!(own["Aux/linflow/scope"], "none");
        assert_eq!(own["Aux/csi.storage.k8s.io/pvc/name"], "mine");
        assert_ne!(own["Aux/linflow/incarnation"], source["Aux/linflow/incarnation"]);
        for gone in ["Aux/linflow/workflow-id", "Aux/airflow/dag_id", "Aux/csi.storage.k8s.io/pvc/namespace"] {
            assert!(source.contains_key(gone) && !own.contains_key(gone), "{gone}");
        }
        let formatted = format!("{}/formatted", own["Aux/linflow/incarnation"]);
        assert_eq!(world.store(&made.volume_id).await.unwrap()[&formatted], own["Aux/linflow/fs-uuid"]);
    }
}

#[tokio::test]
async fn a_copy_of_what_was_never_formatted_is_not_said_to_be() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").mib(64)).await.unwrap().volume_id;
    let snapshot = world.snapshot(&volume, "snap-1").await;
    world.format(&volume).await;
    let restored = world.controller.create(copy().of_snapshot(&snapshot)).await.unwrap().volume_id;
    assert_eq!(world.store(&restored).await, None);
    let clone = world.controller.create(create("clone").mib(64).of_volume(&volume)).await.unwrap().volume_id;
    assert_eq!(world.store(&clone).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_snapshot_is_restored_on_all_nodes_that_hold_it_so_that_nothing_is_resynced() {
    let world = World::start().await;
    let (volume, snapshot) = owned_with_snapshot(&world).await;
    let (made, requests) = world.count(world.controller.create(copy().of_snapshot(&snapshot))).await;
    let made = made.unwrap().volume_id;
    assert_eq!(world.replicas(&made).await, world.replicas(&volume).await);
    assert!(!requests.iter().any(|request| request.path.ends_with("/autoplace")), "{requests:?}");
}

#[tokio::test]
async fn a_class_with_more_replicas_has_them_placed_beside_the_restored_ones() {
    let world = World::start().await;
    let (volume, snapshot) = owned_with_snapshot(&world).await;
    for wanted in [copy().of_snapshot(&snapshot), create("clone").mib(64).of_volume(&volume)] {
        let made = world.controller.create(wanted.parameter("placementCount", "3")).await.unwrap().volume_id;
        assert_eq!(world.replicas(&made).await, NODES);
    }
}

#[tokio::test]
async fn a_class_with_fewer_replicas_has_the_preferred_of_the_nodes_that_hold_the_snapshot() {
    let world = World::start().await;
    let (volume, snapshot) = owned_with_snapshot(&world).await;
    for node in world.replicas(&volume).await {
        let wanted = create(&format!("copy-on-{node}")).mib(64).on(&node).parameter("placementCount", "1");
        let made = world.controller.create(wanted.of_snapshot(&snapshot)).await.unwrap().volume_id;
        assert_eq!(world.replicas(&made).await, [node]);
    }
}

#[tokio::test]
async fn a_node_that_is_away_is_left_out_of_a_restore_and_its_replica_placed_elsewhere() {
    let world = World::start().await;
    let (volume, snapshot) = owned_with_snapshot(&world).await;
    let lost = world.replicas(&volume).await.remove(0);
    world.crash(&lost);
    let made = world.controller.create(copy().of_snapshot(&snapshot)).await.unwrap().volume_id;
    let replicas = world.replicas(&made).await;
    assert!(replicas.len() == 2 && !replicas.contains(&lost), "{replicas:?}");
}

/// recordings/linstor-drbd/d08: COMPLETE while a replica had 27 % of its bytes.
#[tokio::test]
async fn a_clone_is_not_ready_while_a_replica_of_it_is_still_filled() {
    let world = World::start().await;
    let (volume, _) = owned_with_snapshot(&world).await;
    let impatient = world.controller_with(world.linstor(), std::time::Duration::from_millis(200)).await;
    world.sandbox.cluster().lock().clone_fate = CloneFate::Syncing(27.02);
    let wanted = copy().of_volume(&volume);
    for _ in 0..2 {
        let message = refused(impatient.create(wanted.clone()).await, Code::Aborted);
        assert!(message.contains("27.02%"), "{message}");
    }
    let filled = world.replicas("copy").await.remove(1);
    world.sandbox.cluster().lock().set_sync_percent("copy", &filled, 100.0).unwrap();
    eventually("the clone", async || impatient.create(wanted.clone()).await.ok()).await;
}

#[tokio::test]
async fn a_clone_that_takes_long_is_joined_by_the_retry() {
    let world = World::start().await;
    let (volume, _) = owned_with_snapshot(&world).await;
    let impatient = world.controller_with(world.linstor(), std::time::Duration::from_millis(100)).await;
    world.sandbox.cluster().lock().clone_fate = CloneFate::Held;
    let wanted = copy().of_volume(&volume);
    refused(impatient.create(wanted.clone()).await, Code::Aborted);
    let (answer, requests) = world.count(impatient.create(wanted.clone())).await;
    refused(answer, Code::Aborted);
    assert!(!requests.iter().any(|request| request.method == "POST"), "{requests:?}");
    world.sandbox.cluster().lock().finish_clone("copy");
    impatient.create(wanted).await.unwrap();
}

#[tokio::test]
async fn a_clone_that_fails_is_taken_back_and_said() {
    let world = World::start().await;
    let (volume, _) = owned_with_snapshot(&world).await;
    world.sandbox.cluster().lock().clone_fate = CloneFate::Failing;
    let message = refused(world.controller.create(copy().of_volume(&volume)).await, Code::Internal);
    assert!(message.contains(&volume) && message.contains("nothing of it is left"), "{message}");
    assert!(world.definition("copy").await.is_none() && world.store("copy").await.is_none());
    world.sandbox.cluster().lock().clone_fate = CloneFate::Quick;
    world.controller.create(copy().of_volume(&volume)).await.unwrap();
}

/// A node of a clone that is away makes LINSTOR call it FAILED, long after it was given out.
#[tokio::test]
async fn a_finished_clone_is_never_taken_back_because_a_node_is_away() {
    let world = World::start().await;
    let (volume, _) = owned_with_snapshot(&world).await;
    let wanted = copy().of_volume(&volume);
    let made = world.controller.create(wanted.clone()).await.unwrap().volume_id;
    world.crash(&world.replicas(&made).await[0]);
    let impatient = world.controller_with(world.linstor(), std::time::Duration::from_millis(100)).await;
    refused(impatient.create(wanted.clone()).await, Code::Aborted);
    assert_eq!(world.replicas(&made).await.len(), 2);
}

/// LINSTOR refuses with FAIL_INVLD_PROVIDER: recordings/linstor/14_clone.
#[tokio::test]
async fn where_linstor_can_not_clone_a_snapshot_stands_between_and_goes_again() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").mib(64).storage_alone().on("node-2")).await.unwrap().volume_id;
    world.format(&volume).await;
    let wanted = copy().storage_alone().of_volume(&volume);
    let made = world.controller.create(wanted.clone()).await.unwrap();
    assert_eq!(world.replicas(&made.volume_id).await, ["node-2"]);
    assert_eq!(made.accessible_topology.len(), 1);
    assert_eq!(world.snapshots_of(&volume).await, Vec::<String>::new());
    assert_eq!(world.store(&made.volume_id).await.unwrap().len(), 1);
    assert_eq!(world.controller.create(wanted).await.unwrap(), made);
    world.controller.delete(&volume).await.unwrap();
}

/// A clone that needs a snapshot between, and whose request at that path gets no answer.
async fn broken_off(world: &World, path: &str) -> String {
    let volume = world.controller.create(create("data").mib(64).storage_alone().on("node-2")).await.unwrap().volume_id;
    let matcher = Matcher::contains(path).method(&Method::POST).times(1);
    world.sandbox.faults().inject(matcher, Action::Drop(Moment::After));
    let answer = world.controller.create(copy().storage_alone().of_volume(&volume)).await;
    assert!(is_open(&answer.unwrap_err()));
    let between = world.snapshots_of(&volume).await;
    assert_eq!((between.len(), world.controller.snapshot_ids().await.len()), (1, 0));
    // No caller can delete it either.
    assert!(world.controller.delete_snapshot(&format!("{volume}/{}", between[0])).await.is_err());
    volume
}

#[tokio::test]
async fn what_a_broken_clone_left_goes_with_the_clone() {
    for path in ["/snapshot-restore-volume-definition/", "/snapshot-restore-resource/"] {
        let world = World::start().await;
        let volume = broken_off(&world, path).await;
        world.controller.delete("copy").await.unwrap();
        assert_eq!(world.snapshots_of(&volume).await, Vec::<String>::new());
        world.controller.delete(&volume).await.unwrap();
        assert!(world.controller.list(0, "").await.unwrap().entries.is_empty());
    }
}

#[tokio::test]
async fn what_a_broken_clone_left_keeps_its_source_only_while_it_is_needed() {
    let world = World::start().await;
    let volume = broken_off(&world, "/snapshot-restore-volume-definition/").await;
    refused(world.controller.delete(&volume).await, Code::FailedPrecondition);
    world.controller.create(copy().storage_alone().of_volume(&volume)).await.unwrap();
    world.controller.delete(&volume).await.unwrap();
    let world = World::start().await;
    let volume = broken_off(&world, "/v1/actions/snapshot/multi").await;
    world.controller.delete(&volume).await.unwrap();
}

#[tokio::test]
async fn a_copy_without_drbd_is_made_only_where_it_is_asked_for() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").mib(64).storage_alone().on("node-2")).await.unwrap().volume_id;
    let snapshot = world.snapshot(&volume, "snap-1").await;
    for wanted in [copy().of_snapshot(&snapshot), copy().of_volume(&volume)] {
        let elsewhere = wanted.clone().storage_alone().on("node-1");
        let message = refused(world.controller.create(elsewhere).await, Code::ResourceExhausted);
        assert!(message.contains("node-2") && message.contains("node-1"), "{message}");
        assert!(world.definition("copy").await.is_none());
    }
    let there = copy().storage_alone().on("node-2").of_snapshot(&snapshot);
    world.controller.create(there).await.unwrap();
}

#[tokio::test]
async fn a_copy_has_its_sources_size_or_more_and_never_less() {
    const MIB: i64 = 1 << 20;
    let world = World::start().await;
    let (_, ways) = both_ways(&world).await;
    for wanted in ways {
        let small = wanted.clone().bytes(MIB, 63 * MIB);
        refused(world.controller.create(small).await, Code::OutOfRange);
        assert!(world.definition(&wanted.0.name).await.is_none());
        let same = world.controller.create(wanted.clone().any_size()).await.unwrap();
        assert_eq!(same.capacity_bytes, 64 * MIB);
        world.controller.delete(&same.volume_id).await.unwrap();
        let larger = world.controller.create(wanted.clone().mib(128)).await.unwrap();
        assert_eq!(larger.capacity_bytes, 128 * MIB);
        assert_eq!(world.definition(&larger.volume_id).await.unwrap().size_kib(), Some(128 << 10));
        assert_eq!(world.controller.create(wanted.clone().mib(128)).await.unwrap(), larger);
        refused(world.controller.create(wanted.mib(256)).await, Code::AlreadyExists);
    }
}

#[tokio::test]
async fn a_copy_that_its_pools_can_not_hold_is_taken_back() {
    let world = World::start().await;
    let (_, ways) = both_ways(&world).await;
    for wanted in ways {
        let name = wanted.0.name.clone();
        let huge = wanted.bytes(400 << 30, 0);
        let message = refused(world.controller.create(huge).await, Code::ResourceExhausted);
        assert!(message.contains("ask for less"), "{message}");
        assert!(world.definition(&name).await.is_none() && world.store(&name).await.is_none());
    }
}

#[tokio::test]
async fn what_its_source_is_not_a_copy_can_not_be() {
    let world = World::start().await;
    let (_, ways) = both_ways(&world).await;
    for wanted in ways {
        for (other, what) in [
            (wanted.clone().capability(block()), "ask for volumeMode Filesystem"),
            (wanted.clone().capability(mount("xfs")), "filesystem"),
            (wanted.clone().storage_alone(), "layer list"),
        ] {
            let message = refused(world.controller.create(other).await, Code::InvalidArgument);
            assert!(message.contains(what), "{message}");
        }
        assert!(world.definition(&wanted.0.name).await.is_none());
    }
}

#[tokio::test]
async fn a_copy_is_mounted_as_what_it_is_where_no_filesystem_is_named() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").mib(320).capability(mount("xfs"))).await.unwrap().volume_id;
    let wanted = create("copy").any_size().capability(mount("")).of_volume(&volume);
    let made = world.controller.create(wanted.clone()).await.unwrap();
    assert_eq!(made.volume_context["linflow.csi/fs-type"], "xfs");
    assert_eq!(world.controller.create(wanted).await.unwrap(), made);
}

#[tokio::test]
async fn a_source_that_is_not_there_or_not_ours_is_not_found() {
    let world = World::start().await;
    let body = serde_json::json!({ "resource_definition_name": "theirs", "volume_sizes": [8192] });
    world.change("POST", "/v1/resource-groups/DfltRscGrp/spawn", &body).await;
    world.change("POST", "/v1/resource-definitions/theirs/snapshots", &serde_json::json!({ "name": "snap" })).await;
    for wanted in [
        copy().of_volume("nope"),
        copy().of_volume("no such id"),
        copy().of_volume("theirs"),
        copy().of_snapshot("nope/snap"),
        copy().of_snapshot("snapshot-of-another-driver"),
        copy().of_snapshot("theirs/snap"),
    ] {
        refused(world.controller.create(wanted).await, Code::NotFound);
        assert!(world.definition("copy").await.is_none());
    }
    refused(world.controller.create(copy().of_volume("")).await, Code::InvalidArgument);
}

#[tokio::test]
async fn a_name_with_another_source_is_taken() {
    let world = World::start().await;
    let (volume, snapshot) = owned_with_snapshot(&world).await;
    world.controller.create(copy().of_snapshot(&snapshot)).await.unwrap();
    for other in [copy(), copy().of_volume(&volume), copy().of_snapshot(&format!("{}/other", resource(&volume)))] {
        let message = refused(world.controller.create(other).await, Code::AlreadyExists);
        assert!(message.contains("content source"), "{message}");
    }
    world.controller.create(create("plain").mib(64)).await.unwrap();
    refused(world.controller.create(create("plain").mib(64).of_volume(&volume)).await, Code::AlreadyExists);
}

#[tokio::test]
async fn a_copy_outlives_its_source_and_a_repeat_finds_it() {
    let world = World::start().await;
    let (volume, snapshot) = owned_with_snapshot(&world).await;
    let wanted = copy().of_volume(&volume);
    let made = world.controller.create(wanted.clone()).await.unwrap();
    world.controller.delete_snapshot(&snapshot).await.unwrap();
    world.controller.delete(&volume).await.unwrap();
    assert_eq!(world.controller.create(wanted).await.unwrap(), made);
}

#[tokio::test]
async fn a_volume_in_use_is_copied_too() {
    let world = World::start().await;
    let (volume, snapshot) = owned_with_snapshot(&world).await;
    world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    world.set_open(&volume, "node-1", true);
    for wanted in [copy().of_snapshot(&snapshot), create("clone").mib(64).of_volume(&volume)] {
        world.controller.create(wanted).await.unwrap();
    }
}

#[tokio::test]
async fn a_copy_of_a_copy_says_what_it_was_made_from_itself() {
    let world = World::start().await;
    let (volume, _) = owned_with_snapshot(&world).await;
    let first = world.controller.create(copy().of_volume(&volume)).await.unwrap().volume_id;
    let snapshot = world.snapshot(&first, "snap-2").await;
    let second = world.controller.create(create("second").mib(64).of_snapshot(&snapshot)).await.unwrap();
    let props = world.definition(&second.volume_id).await.unwrap().props;
    let origins: Vec<&String> = props.keys().filter(|key| key.starts_with("Aux/linflow/copy/")).collect();
    assert_eq!(origins, ["Aux/linflow/copy/second"]);
    world.controller.create(create("third").mib(64).of_volume(&first)).await.unwrap();
}

#[tokio::test]
async fn two_controllers_that_make_one_copy_make_one() {
    let world = World::start().await;
    let other = world.another_controller().await;
    let (_, ways) = both_ways(&world).await;
    for (round, wanted) in ways.into_iter().cycle().take(8).enumerate() {
        let mut wanted = wanted;
        wanted.0.name = format!("raced-{round}");
        let (one, two) = tokio::join!(world.controller.create(wanted.clone()), other.create(wanted.clone()));
        for answer in [&one, &two] {
            assert!(answer.as_ref().err().is_none_or(is_open), "{answer:?}");
        }
        let again = eventually("the copy", async || world.controller.create(wanted.clone()).await.ok()).await;
        assert_eq!(world.replicas(&again.volume_id).await.len(), 2);
        let props = world.definition(&again.volume_id).await.unwrap().props;
        assert_eq!(props["Aux/linflow/csi-name"], wanted.0.name);
    }
}
