//! CreateSnapshot, DeleteSnapshot and GetSnapshot: one moment of a volume, said to be there only when it is.

use std::time::{Duration, SystemTime};

use linflow::csi::proto::CreateSnapshotRequest;
use linflow::sandbox::faults::{Action, Matcher, Moment};
use serde_json::json;
use tonic::Code;

use crate::support::{
    NODES, World, create,
    csi::topology,
    eventually, is_open, publish, refused,
    snapshots::{snapshot, snapshot_on, unique},
    soon,
};

/// A refusal of LINSTOR's with that case number.
pub fn linstor_refuses(code: i64) -> Action {
    Action::Refuse { status: 500, ret_code: code - (1 << 62), message: "no".to_owned() }
}

#[tokio::test]
async fn a_snapshot_is_taken_once_and_found_again() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for name in [unique(1).as_str(), "nightly", "A name that LINSTOR would not keep: ü"] {
        let before = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let taken = world.controller.snapshot(snapshot(name, &volume)).await.unwrap();
        assert_eq!((taken.size_bytes, taken.source_volume_id.as_str()), (1 << 30, "data"));
        assert!(taken.ready_to_use && taken.snapshot_id.starts_with("data/") && taken.group_snapshot_id.is_empty());
        // DRBD's data is reached from everywhere.
        assert_eq!(taken.accessible_topology, []);
        assert!(u64::try_from(taken.creation_time.unwrap().seconds).unwrap() >= before);
        assert_eq!(world.controller.snapshot(snapshot(name, &volume)).await.unwrap(), taken);
        assert_eq!(world.another_controller().await.snapshot(snapshot(name, &volume)).await.unwrap(), taken);
        assert_eq!(world.controller.get_snapshot(&taken.snapshot_id).await.unwrap(), taken);
    }
    let found = world.snapshots().await;
    assert_eq!(found.len(), 3);
    let definition = world.definition("data").await.unwrap();
    for one in found {
        assert_eq!(one.props["Aux/linflow/source-incarnation"], definition.props["Aux/linflow/incarnation"]);
        assert_eq!(one.definition_props["Aux/linflow/fs-uuid"], definition.props["Aux/linflow/fs-uuid"]);
    }
}

#[tokio::test]
async fn a_snapshot_says_whether_its_volume_was_formatted_when_it_was_taken() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.controller.snapshot(snapshot("before", &volume)).await.unwrap();
    let uuid = world.format(&volume).await;
    world.controller.snapshot(snapshot("after", &volume)).await.unwrap();
    // A repeat changes nothing of what the snapshot says.
    world.controller.snapshot(snapshot("before", &volume)).await.unwrap();
    let found = world.snapshots().await;
    let formatted = |name: &str| {
        let one = found.iter().find(|one| one.name == name).unwrap();
        one.props.get("Aux/linflow/formatted").cloned()
    };
    assert_eq!((formatted("before"), formatted("after")), (None, Some(uuid)));
}

#[tokio::test]
async fn a_name_is_one_volumes_and_what_another_one_took_under_it_is_taken_back() {
    let world = World::start().await;
    let (one, other) = (world.controller.created("one").await, world.controller.created("other").await);
    let taken = world.controller.snapshot(snapshot("nightly", &one)).await.unwrap();
    for controller in [&world.controller, &world.another_controller().await] {
        let message = refused(controller.snapshot(snapshot("nightly", &other)).await, Code::AlreadyExists);
        assert!(message.contains("one instead of other"), "{message}");
    }
    assert_eq!(world.controller.snapshot_ids().await, std::slice::from_ref(&taken.snapshot_id));
    assert_eq!(world.controller.snapshot(snapshot("nightly", &one)).await.unwrap(), taken);
}

#[tokio::test]
async fn of_two_volumes_that_race_for_a_name_one_gets_it() {
    let world = World::start().await;
    let rival = world.another_controller().await;
    let (one, other) = (world.controller.created("one").await, world.controller.created("other").await);
    for round in 0..10 {
        let name = format!("raced-{round}");
        let raced =
            tokio::join!(world.controller.snapshot(snapshot(&name, &one)), rival.snapshot(snapshot(&name, &other)));
        let winner = match raced {
            (Ok(taken), Err(late)) | (Err(late), Ok(taken)) => {
                assert_eq!(late.code(), Code::AlreadyExists);
                taken
            }
            both => panic!("exactly one wins: {both:?}"),
        };
        let left: Vec<_> = world.snapshots().await.into_iter().filter(|one| one.name == name).collect();
        assert_eq!(left.len(), 1);
        assert_eq!(left[0].resource_name, winner.source_volume_id);
    }
}

#[tokio::test]
async fn two_controllers_that_race_for_a_snapshot_take_one() {
    let world = World::start().await;
    let rival = world.another_controller().await;
    let volume = world.controller.created("data").await;
    for round in 0..10 {
        let wanted = || snapshot(&unique(round), &volume);
        let (one, two) = tokio::join!(world.controller.snapshot(wanted()), rival.snapshot(wanted()));
        assert_eq!(one.unwrap(), two.unwrap());
    }
    assert_eq!(world.snapshots().await.len(), 10);
}

#[tokio::test]
async fn a_volume_is_worked_on_once_at_a_time() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let gate = world.sandbox.faults().gate(Matcher::contains("/snapshot/multi").times(1), Moment::Before);
    let (taken, ()) = tokio::join!(world.controller.snapshot(snapshot("nightly", &volume)), async {
        soon("the snapshot", gate.arrived()).await;
        refused(world.controller.snapshot(snapshot("nightly", &volume)).await, Code::Aborted);
        refused(world.controller.delete_snapshot("data/nightly").await, Code::Aborted);
        refused(world.controller.publish(publish(&volume, "node-1")).await, Code::Aborted);
        gate.release();
    });
    taken.unwrap();
    world.controller.delete_snapshot("data/nightly").await.unwrap();
}

/// The peer asks every S3 remote before it takes a snapshot in the cluster.
#[tokio::test]
async fn peer_weakness_13_a_snapshot_asks_nothing_of_remotes() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.sandbox.faults().inject(Matcher::contains("/remotes"), Action::Hang(Moment::Before));
    let (taken, requests) = world.count(world.controller.snapshot(snapshot("nightly", &volume))).await;
    taken.unwrap();
    assert!(requests.iter().all(|one| !one.path.contains("remotes") && !one.path.contains("backup")), "{requests:?}");
}

/// The peer deletes it, and reports what it has deleted as not ready.
#[tokio::test]
async fn peer_weakness_16_a_failed_snapshot_is_removed_and_taken_again_in_the_same_call() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.fail_snapshots(1);
    let taken = world.controller.snapshot(snapshot("nightly", &volume)).await.unwrap();
    assert!(taken.ready_to_use);
    let left = world.snapshots().await;
    assert!(left.len() == 1 && left[0].is_ready(), "{left:?}");
}

#[tokio::test]
async fn a_snapshot_that_fails_twice_leaves_nothing_and_may_come_again() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.fail_snapshots(2);
    let message = refused(world.controller.snapshot(snapshot("nightly", &volume)).await, Code::Unavailable);
    assert!(message.contains("FAILED_DEPLOYMENT"), "{message}");
    assert_eq!(world.snapshots().await, []);
    assert!(world.controller.snapshot(snapshot("nightly", &volume)).await.unwrap().ready_to_use);
}

#[tokio::test]
async fn a_partial_snapshot_names_the_nodes_that_hold_it_wherever_it_is_told() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let replicas = world.replicas(&volume).await;
    world.crash(&replicas[1]);
    let taken = world.controller.snapshot(snapshot("nightly", &volume)).await.unwrap();
    assert!(taken.ready_to_use);
    assert_eq!(taken.accessible_topology, [topology(&replicas[0])]);
    assert_eq!(world.controller.get_snapshot(&taken.snapshot_id).await.unwrap(), taken);
    // It stays so when the node is back.
    world.restore(&replicas[1]);
    assert_eq!(world.controller.snapshot(snapshot("nightly", &volume)).await.unwrap(), taken);
}

#[tokio::test]
async fn without_drbd_a_snapshot_is_usable_from_its_volumes_node_alone() {
    let world = World::start().await;
    let volume = world.controller.create(create("local").storage_alone().on("node-2")).await.unwrap().volume_id;
    let message =
        refused(world.controller.snapshot(snapshot_on("nightly", &volume, "node-1")).await, Code::ResourceExhausted);
    assert!(message.contains("node-2"), "{message}");
    assert_eq!(world.snapshots().await, []);
    let taken = world.controller.snapshot(snapshot_on("nightly", &volume, "node-2")).await.unwrap();
    assert_eq!(taken.accessible_topology, [topology("node-2")]);
    // What was there before the call is not taken back.
    refused(world.controller.snapshot(snapshot_on("nightly", &volume, "node-1")).await, Code::ResourceExhausted);
    assert_eq!(world.controller.snapshot_ids().await, [taken.snapshot_id]);
}

#[tokio::test]
async fn with_drbd_a_snapshot_is_usable_from_every_node() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for node in NODES {
        let taken = world.controller.snapshot(snapshot_on(&format!("on-{node}"), &volume, node)).await.unwrap();
        assert_eq!(taken.accessible_topology, []);
    }
}

#[tokio::test]
async fn a_volume_that_is_not_there_or_not_ours_has_no_snapshot_taken() {
    let world = World::start().await;
    refused(world.controller.snapshot(snapshot("nightly", "missing")).await, Code::NotFound);
    let spawn = json!({ "resource_definition_name": "theirs", "volume_sizes": [4096] });
    world.change("POST", "/v1/resource-groups/DfltRscGrp/spawn", &spawn).await;
    refused(world.controller.snapshot(snapshot("nightly", "theirs")).await, Code::FailedPrecondition);
    assert_eq!(world.snapshots().await, []);
}

#[tokio::test]
async fn a_volume_that_is_going_away_has_no_snapshot_taken() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.crash(&world.replicas(&volume).await[0]);
    world.controller.delete(&volume).await.unwrap();
    refused(world.controller.snapshot(snapshot("nightly", &volume)).await, Code::Aborted);
}

#[tokio::test]
async fn a_snapshot_of_somebody_else_is_not_shown_not_taken_for_ours_and_not_deleted() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.snapshot_by_hand(&volume, "nightly").await;
    assert_eq!(world.controller.snapshot_ids().await, [""; 0]);
    refused(world.controller.get_snapshot("data/nightly").await, Code::NotFound);
    for refusal in [
        world.controller.snapshot(snapshot("nightly", &volume)).await.map(drop),
        world.controller.delete_snapshot("data/nightly").await,
    ] {
        assert!(refused(refusal, Code::FailedPrecondition).contains("not taken by linflow"));
    }
    assert_eq!(world.snapshots().await.len(), 1);
}

#[tokio::test]
async fn a_refusal_of_linstors_is_told_by_what_can_be_done() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for (code, answer, says) in [
        (979, Code::Unavailable, "not up to date"),
        (994, Code::FailedPrecondition, "LVM_THIN"),
        (980, Code::ResourceExhausted, "no"),
    ] {
        world.sandbox.faults().inject(Matcher::contains("/snapshot/multi").times(1), linstor_refuses(code));
        let message = refused(world.controller.snapshot(snapshot("nightly", &volume)).await, answer);
        assert!(message.contains(says), "{message}");
        assert_eq!(world.snapshots().await, []);
    }
}

#[tokio::test]
async fn a_fault_anywhere_is_not_final_and_the_same_call_again_takes_one_snapshot() {
    for after in [Moment::Before, Moment::After] {
        for request in 0..4 {
            let world = World::start().await;
            let volume = world.controller.created("data").await;
            world.sandbox.faults().inject(Matcher::prefix("/v1/").skip(request).times(1), Action::Drop(after));
            if let Err(status) = world.controller.snapshot(snapshot("nightly", &volume)).await {
                assert!(is_open(&status), "request {request}, {after:?}: {status:?}");
            }
            world.sandbox.faults().clear();
            world.controller.snapshot(snapshot("nightly", &volume)).await.unwrap();
            assert_eq!(world.snapshots().await.len(), 1);
        }
    }
}

#[tokio::test]
async fn a_delete_is_the_same_twice_and_an_unknown_id_is_deleted() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let taken = world.controller.snapshot(snapshot("nightly", &volume)).await.unwrap();
    for id in [taken.snapshot_id.as_str(), &taken.snapshot_id, "data/other", "gone/nightly", "nonsense", "a/b/c", "\0"]
    {
        world.controller.delete_snapshot(id).await.unwrap();
        assert_eq!(world.snapshots().await, []);
    }
    refused(world.controller.delete_snapshot("").await, Code::InvalidArgument);
    refused(world.controller.get_snapshot("").await, Code::InvalidArgument);
    for id in ["data/nightly", "nonsense"] {
        refused(world.controller.get_snapshot(id).await, Code::NotFound);
    }
}

#[tokio::test]
async fn a_snapshot_is_deleted_while_a_node_that_holds_it_is_away() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let taken = world.controller.snapshot(snapshot("nightly", &volume)).await.unwrap();
    world.crash(&world.replicas(&volume).await[0]);
    world.controller.delete_snapshot(&taken.snapshot_id).await.unwrap();
    assert_eq!(world.snapshots().await, []);
}

#[tokio::test]
async fn a_volume_is_not_deleted_before_its_snapshots_which_are_named() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.controller.snapshot(snapshot("nightly", &volume)).await.unwrap();
    world.snapshot_by_hand(&volume, "by-hand").await;
    let message = refused(world.controller.delete(&volume).await, Code::FailedPrecondition);
    assert!(message.contains("by-hand, nightly"), "{message}");
    world.controller.delete_snapshot("data/nightly").await.unwrap();
    refused(world.controller.delete(&volume).await, Code::FailedPrecondition);
    world.remove_by_hand(&volume, "by-hand").await;
    world.controller.delete(&volume).await.unwrap();
}

#[tokio::test]
async fn a_request_that_can_not_be_meant_is_refused_before_anything_is_asked() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let class = |key: &str, value: &str| CreateSnapshotRequest {
        parameters: [(key.to_owned(), value.to_owned())].into(),
        ..snapshot("nightly", &volume)
    };
    let wrong = [
        snapshot("", &volume),
        snapshot("nightly", ""),
        snapshot("nightly", "../data"),
        snapshot("\u{7}", &volume),
        snapshot(&"ü".repeat(129), &volume),
        class("snap.linstor.csi.linbit.com/type", "S3"),
        class("snap.linstor.csi.linbit.com/remote-name", "backup"),
        class("linflow.csi/retention", "1"),
    ];
    for request in wrong {
        let (answer, requests) = world.count(world.controller.snapshot(request)).await;
        refused(answer, Code::InvalidArgument);
        assert!(requests.is_empty(), "{requests:?}");
    }
    world.controller.snapshot(class("snap.linstor.csi.linbit.com/type", "InCluster")).await.unwrap();
}

/// The peer logs a failed request with the credentials in it.
#[tokio::test]
async fn peer_weakness_24_the_secrets_of_a_snapshot_are_in_no_text() {
    let world = World::start().await;
    let secrets: std::collections::BTreeMap<String, String> = [("secret-key".to_owned(), "hunter2".to_owned())].into();
    let request = CreateSnapshotRequest { secrets, ..snapshot("nightly", "missing") };
    assert!(!format!("{request:?}").contains("hunter2"));
    let refusal = world.controller.snapshot(request).await.unwrap_err();
    assert!(!format!("{refusal:?}").contains("hunter2"), "{refusal:?}");
}

#[tokio::test]
async fn work_on_a_snapshot_goes_on_when_its_caller_has_gone() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let gate = world.sandbox.faults().gate(Matcher::contains("/snapshot/multi").times(1), Moment::Before);
    let mut request = tonic::Request::new(snapshot("nightly", &volume));
    request.set_timeout(Duration::from_millis(200));
    world.controller.client.clone().create_snapshot(request).await.unwrap_err();
    soon("the snapshot", gate.arrived()).await;
    gate.release();
    eventually("the snapshot", async || (world.snapshots().await.len() == 1).then_some(())).await;
}
