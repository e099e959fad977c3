//! The GroupController service: snapshots of several volumes at one moment, all or none.

use linflow::sandbox::faults::{Matcher, Moment};
use tonic::Code;

use super::snapshots::linstor_refuses;
use crate::support::{
    World, create, publish, refused,
    snapshots::{group, member_ids, snapshot, unique},
    soon,
};

/// A world with volumes of these names, of 1, 2, … GiB.
async fn with_volumes(names: &[&str]) -> World {
    let world = World::start().await;
    for (gib, name) in (1..).zip(names) {
        world.controller.create(create(name).gib(gib)).await.unwrap();
    }
    world
}

#[tokio::test]
async fn a_group_is_taken_at_one_moment_and_found_again_in_any_order() {
    let world = with_volumes(&["db", "log", "other"]).await;
    let uuid = world.format("log").await;
    for name in ["nightly", &unique(1)] {
        let taken = world.controller.group(group(name, &["db", "log"])).await.unwrap();
        assert!(taken.ready_to_use && taken.snapshots.len() == 2);
        for member in &taken.snapshots {
            assert_eq!(member.group_snapshot_id, taken.group_snapshot_id);
            // LINSTOR writes down each member's time for itself.
            let apart = member.creation_time.unwrap().seconds - taken.creation_time.unwrap().seconds;
            assert!((0..=1).contains(&apart), "{apart} s apart");
            assert!(member.ready_to_use);
            assert_eq!(world.controller.get_snapshot(&member.snapshot_id).await.unwrap(), *member);
        }
        assert_eq!(world.controller.group(group(name, &["log", "db"])).await.unwrap(), taken);
        assert_eq!(world.another_controller().await.group(group(name, &["db", "log"])).await.unwrap(), taken);
        let members = member_ids(&taken);
        assert_eq!(world.controller.get_group(&taken.group_snapshot_id, &members).await.unwrap(), taken);
    }
    let found = world.snapshots().await;
    assert_eq!(found.len(), 4);
    for one in found {
        let is_formatted = one.resource_name == "log";
        assert_eq!(one.props.get("Aux/linflow/formatted"), is_formatted.then_some(&uuid));
    }
}

/// The peer gives all members the size of the first.
#[tokio::test]
async fn peer_weakness_17_each_member_has_the_size_of_its_volume() {
    let world = with_volumes(&["db", "log"]).await;
    let taken = world.controller.group(group("nightly", &["db", "log"])).await.unwrap();
    let sizes = taken.snapshots.iter().map(|member| (member.source_volume_id.as_str(), member.size_bytes >> 30));
    assert_eq!(sizes.collect::<Vec<_>>(), [("db", 1), ("log", 2)]);
}

#[tokio::test]
async fn one_member_that_is_refused_leaves_nothing_of_the_others() {
    let world = with_volumes(&["db", "log"]).await;
    refused(world.controller.group(group("nightly", &["db", "missing"])).await, Code::NotFound);
    let spawn = serde_json::json!({ "resource_definition_name": "theirs", "volume_sizes": [4096] });
    world.change("POST", "/v1/resource-groups/DfltRscGrp/spawn", &spawn).await;
    refused(world.controller.group(group("nightly", &["db", "theirs"])).await, Code::FailedPrecondition);
    world.sandbox.faults().inject(Matcher::contains("/snapshot/multi").times(1), linstor_refuses(979));
    refused(world.controller.group(group("nightly", &["db", "log"])).await, Code::Unavailable);
    // No replica of log can be reached.
    let local = world.controller.create(create("local").storage_alone().on("node-3")).await.unwrap().volume_id;
    world.crash("node-3");
    refused(world.controller.group(group("nightly", &["db", &local])).await, Code::Unavailable);
    assert_eq!(world.snapshots().await, []);
}

/// The peer reports the failed members that it has deleted as not ready.
#[tokio::test]
async fn peer_weakness_16_a_failed_group_is_taken_again_in_the_same_call_and_an_empty_one_refused() {
    let world = with_volumes(&["db", "log"]).await;
    world.fail_snapshots(1);
    assert!(world.controller.group(group("nightly", &["db", "log"])).await.unwrap().ready_to_use);
    world.fail_snapshots(2);
    refused(world.controller.group(group("weekly", &["db", "log"])).await, Code::Unavailable);
    assert_eq!(world.snapshots().await.len(), 2);
    refused(world.controller.group(group("monthly", &[])).await, Code::InvalidArgument);
    refused(world.controller.group(group("monthly", &["db", "db"])).await, Code::InvalidArgument);
}

#[tokio::test]
async fn a_groups_name_is_taken_by_its_volumes_and_no_others() {
    let world = with_volumes(&["db", "log", "other", "rest"]).await;
    let taken = world.controller.group(group("nightly", &["db", "log"])).await.unwrap();
    for others in [&["db"][..], &["db", "log", "other"], &["log", "other"], &["other"], &["other", "rest"]] {
        refused(world.controller.group(group("nightly", others)).await, Code::AlreadyExists);
        assert_eq!(world.snapshots().await.len(), 2, "{others:?}");
    }
    assert_eq!(world.controller.group(group("nightly", &["db", "log"])).await.unwrap(), taken);
    // A single snapshot may have the name that a group has.
    world.controller.snapshot(snapshot("nightly", "db")).await.unwrap();
}

#[tokio::test]
async fn the_list_of_members_is_checked() {
    let world = with_volumes(&["db", "log", "other"]).await;
    let taken = world.controller.group(group("nightly", &["db", "log"])).await.unwrap();
    let other = world.controller.snapshot(snapshot("nightly", "other")).await.unwrap().snapshot_id;
    let (id, members) = (taken.group_snapshot_id.as_str(), member_ids(&taken));
    let wrong = [
        vec![],
        vec![members[0].clone()],
        vec![members[0].clone(), members[1].clone(), other.clone()],
        vec![members[0].clone(), other],
        vec!["nonsense".to_owned()],
    ];
    for list in wrong {
        refused(world.controller.get_group(id, &list).await, Code::InvalidArgument);
        refused(world.controller.delete_group(id, &list).await, Code::InvalidArgument);
    }
    for unknown in ["group/db/lf-group-0", "nonsense", "db/nightly"] {
        refused(world.controller.get_group(unknown, &members).await, Code::NotFound);
        world.controller.delete_group(unknown, &members).await.unwrap();
    }
    refused(world.controller.get_group("", &members).await, Code::InvalidArgument);
    refused(world.controller.delete_group("", &members).await, Code::InvalidArgument);
    assert_eq!(world.snapshots().await.len(), 3);
}

#[tokio::test]
async fn members_go_with_their_group_alone() {
    let world = with_volumes(&["db", "log"]).await;
    let taken = world.controller.group(group("nightly", &["db", "log"])).await.unwrap();
    let (id, members) = (taken.group_snapshot_id.as_str(), member_ids(&taken));
    for member in &members {
        let message = refused(world.controller.delete_snapshot(member).await, Code::InvalidArgument);
        assert!(message.contains(id), "{message}");
    }
    world.controller.delete_group(id, &members).await.unwrap();
    assert_eq!(world.snapshots().await, []);
    world.controller.delete_group(id, &members).await.unwrap();
    refused(world.controller.get_group(id, &members).await, Code::NotFound);
}

#[tokio::test]
async fn a_group_that_lost_a_member_says_so_and_can_be_deleted() {
    let world = with_volumes(&["db", "log"]).await;
    for lost in ["db", "log"] {
        let taken = world.controller.group(group("nightly", &["db", "log"])).await.unwrap();
        let (id, members) = (taken.group_snapshot_id.as_str(), member_ids(&taken));
        let name = members[0].split_once('/').unwrap().1;
        world.remove_by_hand(lost, name).await;
        let left = world.controller.get_group(id, &members).await.unwrap();
        assert!(!left.ready_to_use && left.snapshots.len() == 1);
        let message = refused(world.controller.group(group("nightly", &["db", "log"])).await, Code::FailedPrecondition);
        assert!(message.contains(&format!("the snapshots of {lost}")), "{message}");
        world.controller.delete_group(id, &members).await.unwrap();
        assert_eq!(world.snapshots().await, []);
    }
}

#[tokio::test]
async fn a_group_works_on_all_its_volumes_or_waits() {
    let world = with_volumes(&["db", "log"]).await;
    let gate = world.sandbox.faults().gate(Matcher::contains("/snapshot/multi").times(1), Moment::Before);
    let (taken, ()) = tokio::join!(world.controller.group(group("nightly", &["db", "log"])), async {
        soon("the snapshots", gate.arrived()).await;
        refused(world.controller.publish(publish("db", "node-1")).await, Code::Aborted);
        refused(world.controller.publish(publish("log", "node-1")).await, Code::Aborted);
        gate.release();
    });
    taken.unwrap();
    let gate = world.sandbox.faults().gate(Matcher::contains("/snapshot/multi").times(1), Moment::Before);
    let (taken, ()) = tokio::join!(world.controller.snapshot(snapshot("alone", "log")), async {
        soon("the snapshot", gate.arrived()).await;
        refused(world.controller.group(group("weekly", &["db", "log"])).await, Code::Aborted);
        // What the refused group had reserved before is free again.
        world.controller.publish(publish("db", "node-1")).await.unwrap();
        gate.release();
    });
    taken.unwrap();
}
