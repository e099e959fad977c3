//! The volume of a task, a run or a DAG: many claims, one definition, and nothing is lost.

use std::collections::BTreeSet;

use linflow::{
    linstor::model::Props,
    volume::{
        claims::{ClaimKey, owned_name, owner_instance},
        ending::{self, Mark, Outcome, RunEnd, Token},
        moment::Moment,
        record::Ledger,
    },
    workflow::{Incarnation, WorkflowRef},
};
use tonic::Code;

use crate::support::{
    World,
    claims::{DAG, RUN, TASK},
    create,
    csi::{Create, block, mount, resource},
    publish, refused,
};

/// A claim of the owner's volume.
fn claim(name: &str, owner: &[(&str, &str)]) -> Create {
    owner.iter().fold(create(name).mib(64), |wanted, (key, value)| wanted.parameter(key, value))
}

fn run() -> WorkflowRef {
    WorkflowRef::parse("airflow/sales/manual__1").unwrap()
}

/// The run's volume of that generation.
fn name(generation: u32) -> String {
    owned_name(&run(), generation).to_string()
}

async fn incarnation(world: &World, resource: &str) -> Incarnation {
    let definition = world.definition(resource).await.unwrap();
    Incarnation::parse(&definition.props["Aux/linflow/incarnation"]).unwrap()
}

async fn ledger(world: &World, resource: &str) -> Ledger {
    let incarnation = incarnation(world, resource).await;
    Ledger::read(resource, &world.store(resource).await.unwrap_or_default(), &incarnation).unwrap()
}

async fn write(world: &World, resource: &str, entry: Props) {
    world.linstor().kv_put(&resource.parse().unwrap(), &entry, &[]).await.unwrap();
}

#[tokio::test]
async fn claims_of_one_owner_have_one_volume_and_each_its_own_id() {
    let world = World::start().await;
    let other = world.another_controller().await;
    for owner in [&TASK[..], RUN, DAG] {
        let mut ids = BTreeSet::new();
        for (name, controller) in [("pvc-1", &world.controller), ("pvc-2", &other), ("pvc-3", &world.controller)] {
            let volume = controller.create(claim(name, owner)).await.unwrap();
            assert_eq!(controller.create(claim(name, owner)).await.unwrap(), volume, "a repeat finds the same");
            assert!(volume.volume_id.ends_with(&format!("-0@{}", ClaimKey::of(name))), "{}", volume.volume_id);
            ids.insert(volume.volume_id);
        }
        let resources: BTreeSet<&str> = ids.iter().map(|id| resource(id)).collect();
        assert_eq!((ids.len(), resources.len()), (3, 1));
        let volume = resources.into_iter().next().unwrap();
        assert_eq!(world.replicas(volume).await.len(), 2);
        assert_eq!(ledger(&world, volume).await.claims.len(), 3);
    }
    assert_eq!(world.controller.list(0, "").await.unwrap().entries.len(), 9, "each claim is a volume to CSI");
}

#[tokio::test]
async fn two_controllers_that_race_for_an_owner_make_one_volume() {
    let world = World::start().await;
    let other = world.another_controller().await;
    let (one, two) = tokio::join!(world.controller.create(claim("pvc-1", RUN)), other.create(claim("pvc-2", RUN)));
    let again = |answer: Result<_, tonic::Status>| assert!(answer.as_ref().err().is_none_or(crate::support::is_open));
    again(one.map(drop));
    again(two.map(drop));
    let one = world.controller.create(claim("pvc-1", RUN)).await.unwrap().volume_id;
    let two = other.create(claim("pvc-2", RUN)).await.unwrap().volume_id;
    assert_eq!((resource(&one), resource(&two)), (&*name(0), &*name(0)));
    assert_eq!((world.replicas(&one).await.len(), ledger(&world, &name(0)).await.claims.len()), (2, 2));
}

#[tokio::test]
async fn a_larger_claim_grows_the_volume_and_a_smaller_one_is_satisfied() {
    let world = World::start().await;
    let made = async |name: &str, required: i64, limit: i64| {
        world.controller.create(claim(name, RUN).bytes(required << 20, limit << 20)).await
    };
    assert_eq!(made("pvc-1", 64, 0).await.unwrap().capacity_bytes, 64 << 20);
    assert_eq!(made("pvc-2", 128, 0).await.unwrap().capacity_bytes, 128 << 20);
    assert_eq!(made("pvc-3", 32, 0).await.unwrap().capacity_bytes, 128 << 20);
    assert_eq!(made("pvc-1", 64, 0).await.unwrap().capacity_bytes, 128 << 20, "the first claim's repeat");
    refused(made("pvc-4", 32, 64).await, Code::OutOfRange);
    refused(made("pvc-5", 1 << 20, 0).await, Code::OutOfRange);
    let definition = world.definition(&name(0)).await.unwrap();
    assert_eq!(definition.size_kib(), Some(128 << 10));
    assert_eq!(ledger(&world, &name(0)).await.claims.len(), 3, "nothing is recorded of what was refused for good");
}

#[tokio::test]
async fn what_contradicts_the_data_is_refused_by_name_and_what_is_a_wish_is_not() {
    let world = World::start().await;
    let first = world.controller.create(claim("pvc-1", RUN)).await.unwrap().volume_id;
    for (wanted, field) in [
        (claim("pvc-2", RUN).mib(512).capability(mount("xfs")), "fsType"),
        (claim("pvc-2", RUN).capability(block()), "access type"),
        (claim("pvc-2", RUN).storage_alone(), "layerList"),
        (claim("pvc-2", RUN).parameter("encryption", "true"), "layerList"),
        (claim("pvc-2", RUN).parameter("allowRemoteVolumeAccess", "false"), "allowRemoteVolumeAccess"),
        (claim("pvc-2", RUN).of_volume(&first), "content source"),
    ] {
        let message = refused(world.controller.create(wanted).await, Code::AlreadyExists);
        assert!(message.contains(field) && message.contains("manual__1"), "{field}: {message}");
    }
    let wish = claim("pvc-2", RUN).parameter("placementCount", "3").parameter("qosReadIops", "100");
    let second = world.controller.create(wish.parameter("mountOpts", "noatime")).await.unwrap();
    assert!(second.volume_context.values().any(|value| value == "noatime"), "{:?}", second.volume_context);
    assert_eq!(world.replicas(&second.volume_id).await.len(), 2);
    assert_eq!(ledger(&world, &name(0)).await.claims.len(), 2);
}

#[tokio::test]
async fn deleting_a_claim_releases_it_and_the_data_stays_for_the_next() {
    let world = World::start().await;
    let first = world.controller.create(claim("pvc-1", RUN)).await.unwrap().volume_id;
    let uuid = world.format(&first).await;
    let second = world.controller.create(claim("pvc-2", RUN)).await.unwrap().volume_id;
    for id in [&first, &first, &second] {
        world.controller.delete(id).await.unwrap();
    }
    let records = ledger(&world, &name(0)).await;
    assert!(records.claims.is_empty() && records.ending.released.is_some() && records.ending.claimed.is_some());
    for _ in 0..2 {
        refused(world.controller.get(&first).await, Code::NotFound);
    }
    let message = refused(world.controller.delete(&name(0)).await, Code::FailedPrecondition);
    assert!(message.contains("linflow volumes release"), "{message}");
    let next = world.controller.create(claim("pvc-3", RUN)).await.unwrap().volume_id;
    assert_eq!(resource(&next), name(0));
    let found = ledger(&world, &name(0)).await;
    assert_eq!((found.formatted.map(|uuid| uuid.to_string()), found.claims.len()), (Some(uuid), 1));
}

#[tokio::test]
async fn a_claim_is_not_released_while_it_is_attached_itself() {
    let world = World::start().await;
    let first = world.controller.create(claim("pvc-1", RUN)).await.unwrap().volume_id;
    let second = world.controller.create(claim("pvc-2", RUN)).await.unwrap().volume_id;
    world.controller.publish(publish(&first, "node-1")).await.unwrap();
    refused(world.controller.delete(&first).await, Code::FailedPrecondition);
    world.controller.delete(&second).await.unwrap();
    world.controller.unpublish(&first, "node-1").await.unwrap();
    world.controller.delete(&first).await.unwrap();
}

/// A definition that LINSTOR can't finish deleting: one of its nodes is away.
async fn leave_deleting(world: &World, volume: &str) -> String {
    let node = world.replicas(volume).await.remove(0);
    world.crash(&node);
    world.linstor().delete_definition(&resource(volume).parse().unwrap()).await.unwrap();
    assert!(world.definition(volume).await.unwrap().is_deleting());
    node
}

#[tokio::test]
async fn what_is_on_its_way_out_is_followed_by_the_next_generation_and_never_used_again() {
    let world = World::start().await;
    let first = world.controller.create(claim("pvc-1", RUN)).await.unwrap().volume_id;
    let node = leave_deleting(&world, &first).await;
    let second = world.controller.create(claim("pvc-2", RUN)).await.unwrap().volume_id;
    assert_eq!(resource(&second), name(1));
    assert!(
        world.store(owner_instance(&run()).as_str()).await.unwrap().keys().any(|key| key.ends_with("generation/1"))
    );
    world.restore(&node);
    crate::support::eventually("the first to go", || async { world.definition(&first).await.is_none().then_some(()) })
        .await;
    for controller in [&world.controller, &world.another_controller().await] {
        assert_eq!(resource(&controller.create(claim("pvc-3", RUN)).await.unwrap().volume_id), name(1));
    }
    // Wholly gone, too: its generation is still the present one, and is made anew.
    world.linstor().delete_definition(&name(1).parse().unwrap()).await.unwrap();
    for controller in [&world.controller, &world.another_controller().await] {
        assert_eq!(resource(&controller.create(claim("pvc-4", RUN)).await.unwrap().volume_id), name(1));
    }
    assert!(world.definition(&name(0)).await.is_none());
}

#[tokio::test]
async fn a_definition_of_that_name_that_is_not_the_owners_is_never_adopted() {
    let world = World::start().await;
    let made = world.controller.create(claim("pvc-1", RUN)).await.unwrap().volume_id;
    let props = world.definition(&made).await.unwrap().props;
    let change = |key: &str, value: &str| serde_json::json!({"override_props": {key: value}});
    let path = format!("/v1/resource-definitions/{}", name(0));
    world.change("PUT", &path, &change("Aux/airflow/run_id", "manual__2")).await;
    world.change("PUT", &path, &change("Aux/linflow/workflow-id", "airflow/sales/manual__2")).await;
    let message = refused(world.controller.create(claim("pvc-2", RUN)).await, Code::AlreadyExists);
    assert!(message.contains("workflow"), "{message}");
    let keys: Vec<&String> = props.keys().filter(|key| key.starts_with("Aux/")).collect();
    world.change("PUT", &path, &serde_json::json!({"delete_props": keys})).await;
    refused(world.controller.create(claim("pvc-2", RUN)).await, Code::FailedPrecondition);
    assert!(world.definition(&name(0)).await.is_some() && world.definition(&name(1)).await.is_none());
}

#[tokio::test]
async fn a_claim_voids_the_proof_of_the_end_and_backs_off_from_a_final_mark() {
    let world = World::start().await;
    let first = world.controller.create(claim("pvc-1", RUN)).await.unwrap().volume_id;
    world.controller.delete(&first).await.unwrap();
    let (incarnation, time) = (incarnation(&world, &name(0)).await, Moment::now());
    let mark = Mark { by: "reaper".to_owned(), time };
    let end = RunEnd { state: Outcome::Success, time, by: "test".to_owned() };
    write(&world, &name(0), ending::single_entry(&incarnation, ending::ENDED, &end)).await;
    write(&world, &name(0), ending::single_entry(&incarnation, ending::CANDIDATE, &mark)).await;
    let token = Token::random().unwrap();
    write(&world, &name(0), ending::final_entry(&incarnation, &token, &mark)).await;
    let message = refused(world.controller.create(claim("pvc-2", RUN)).await, Code::Aborted);
    assert!(message.contains("reaper"), "{message}");
    let seen = ledger(&world, &name(0)).await;
    assert!(seen.claims.is_empty() && seen.ending.ended.is_none() && seen.ending.candidate.is_none());
    assert!(world.store(&name(0)).await.unwrap().keys().all(|key| !key.contains("/claim/")), "its record is gone");
    // The reaper goes on: the next generation is made when the resource is gone.
    world.linstor().delete_definition(&name(0).parse().unwrap()).await.unwrap();
    write(&world, owner_instance(&run()).as_str(), linflow::volume::generation::give_up(0).set).await;
    assert_eq!(resource(&world.controller.create(claim("pvc-2", RUN)).await.unwrap().volume_id), name(1));
}

#[tokio::test]
async fn what_is_done_by_one_claim_is_done_for_all_and_a_released_one_is_not_found() {
    let world = World::start().await;
    let first = world.controller.create(claim("pvc-1", RUN)).await.unwrap().volume_id;
    let second = world.controller.create(claim("pvc-2", RUN)).await.unwrap().volume_id;
    assert_eq!(world.controller.expand(&first, 128 << 20, 0).await.unwrap().capacity_bytes, 128 << 20);
    assert_eq!(world.controller.get(&second).await.unwrap().volume.unwrap().capacity_bytes, 128 << 20);
    world.controller.modify(&second, &[("placementCount", "3")]).await.unwrap();
    assert_eq!(world.replicas(&first).await.len(), 3);
    assert_eq!(world.controller.health(&first).await.unwrap(), []);
    let snapshot = world.controller.snapshot(crate::support::snapshots::snapshot("snap-1", &first)).await.unwrap();
    assert_eq!(snapshot.source_volume_id, first);
    let of = linflow::csi::proto::ListSnapshotsRequest { source_volume_id: second.clone(), ..Default::default() };
    let listed = world.controller.list_snapshots(of).await.unwrap().entries;
    assert_eq!(listed.into_iter().map(|one| one.snapshot.unwrap().source_volume_id).collect::<Vec<_>>(), [&*second]);
    world.controller.create(create("copy").mib(128).of_volume(&first)).await.unwrap();
    world.controller.create(create("restored").mib(128).of_snapshot(&snapshot.snapshot_id)).await.unwrap();
    world.controller.delete(&second).await.unwrap();
    refused(world.controller.expand(&second, 256 << 20, 0).await, Code::NotFound);
    refused(world.controller.modify(&second, &[("placementCount", "2")]).await, Code::NotFound);
    refused(world.controller.health(&second).await, Code::NotFound);
    refused(world.controller.publish(publish(&second, "node-1")).await, Code::NotFound);
    refused(world.controller.create(create("late").mib(128).of_volume(&second)).await, Code::NotFound);
    world.controller.get(&first).await.unwrap();
}
