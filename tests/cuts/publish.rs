use linflow::{
    csi::proto::{
        ControllerPublishVolumeRequest,
        volume_capability::{AccessType, MountVolume, access_mode::Mode},
    },
    sandbox::faults::{Matcher, Moment},
};
use serde_json::Value;
use tonic::{Code, Status};

use crate::{
    state,
    support::{
        Controller, World, create,
        csi::{Create, capability},
        driver::Driver,
        publish, refused, soon,
    },
    walk::{Story, walk},
};

const READER: Mode = Mode::MultiNodeReaderOnly;

/// What the volume has been through before it is attached to node-2.
#[derive(Clone, Copy)]
enum Past {
    Unused,
    /// It is attached to node-1.
    OnOtherNode,
    /// It is attached to node-1, which has died.
    OnDeadNode,
    /// It was detached from node-1 while that was away, and the node is back.
    DetachPending,
}

/// Attaches a volume to node-2.
struct Publish {
    volume: Create,
    past: Past,
    /// How it is attached to node-1.
    before: Mode,
    mode: Mode,
    flags: &'static [&'static str],
}

fn attach(volume: &str, node: &str, mode: Mode) -> ControllerPublishVolumeRequest {
    let mount = MountVolume { fs_type: "ext4".to_owned(), ..MountVolume::default() };
    let capability = capability(mode, AccessType::Mount(mount));
    ControllerPublishVolumeRequest { volume_capability: Some(capability), ..publish(volume, node) }
}

impl Story for Publish {
    fn flags(&self) -> &[&str] {
        self.flags
    }

    async fn arrange(&self, world: &World) -> String {
        let controller = &world.controller;
        let volume = controller.create(self.volume.clone()).await.unwrap().volume_id;
        if !matches!(self.past, Past::Unused) {
            controller.publish(attach(&volume, "node-1", self.before)).await.unwrap();
        }
        if matches!(self.past, Past::OnDeadNode | Past::DetachPending) {
            world.crash("node-1");
        }
        if matches!(self.past, Past::DetachPending) {
            controller.unpublish(&volume, "node-1").await.unwrap();
            world.restore("node-1");
        }
        volume
    }

    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
        controller.publish(attach(volume, "node-2", self.mode)).await.map(drop)
    }
}

/// One writer after another.
fn writing(volume: Create, past: Past) -> Publish {
    Publish { volume, past, before: Mode::SingleNodeWriter, mode: Mode::SingleNodeWriter, flags: &[] }
}

/// A reader on node-2, after that on node-1 or beside it.
fn reading(volume: Create, past: Past) -> Publish {
    Publish { before: READER, mode: READER, ..writing(volume, past) }
}

/// The keys of the one volume's records, without the incarnation.
fn recorded(clean: &Value) -> Vec<&str> {
    assert_eq!(state::count(clean, "/v1/key-value-store"), 1);
    let props = clean["/v1/key-value-store"][0]["props"].as_object().unwrap();
    props.keys().map(|key| key.split_once(">/").unwrap().1).collect()
}

async fn walk_publish(volume: Create, past: Past, least: u64) -> Value {
    let clean = walk(&writing(volume, past), least).await;
    assert_eq!(recorded(&clean), ["attach/node-2", "used"]);
    clean
}

#[tokio::test]
async fn an_attach_to_a_replica_that_is_cut_anywhere_is_completed_by_the_next() {
    walk_publish(create("pvc-1").mib(8).on("node-2"), Past::Unused, 6).await;
}

#[tokio::test]
async fn an_attach_that_makes_a_diskless_client_is_completed_by_the_next() {
    walk_publish(create("pvc-1").mib(8).on("node-1").parameter("placementCount", "1"), Past::Unused, 6).await;
}

#[tokio::test]
async fn an_attach_that_makes_the_tie_breaker_a_client_is_completed_by_the_next() {
    let clean = walk_publish(create("pvc-1").mib(8).on("node-3"), Past::Unused, 6).await;
    assert_eq!(state::flags_on(&clean, "node-2"), ["DISKLESS", "DRBD_DISKLESS"]);
}

#[tokio::test]
async fn an_attach_without_drbd_is_completed_by_the_next() {
    walk_publish(create("pvc-1").mib(8).storage_alone().on("node-2"), Past::Unused, 5).await;
}

#[tokio::test]
async fn an_attach_that_gives_a_dead_node_up_is_completed_by_the_next() {
    // A look more, for the proof, and the dead node's record.
    walk_publish(create("pvc-1").mib(8).on("node-1"), Past::OnDeadNode, 8).await;
}

#[tokio::test]
async fn an_attach_that_finds_a_detach_pending_completes_both_wherever_it_is_cut() {
    walk_publish(create("pvc-1").mib(8).on("node-1"), Past::DetachPending, 8).await;
}

#[tokio::test]
async fn a_first_readers_attach_that_is_cut_anywhere_is_completed_by_the_next() {
    let clean = walk(&reading(create("pvc-1").mib(8).on("node-2"), Past::Unused), 6).await;
    assert_eq!(recorded(&clean), ["attach/node-2", "used"]);
}

#[tokio::test]
async fn a_second_readers_attach_that_is_cut_anywhere_is_completed_beside_the_first() {
    let single = || create("pvc-1").mib(8).on("node-1").parameter("placementCount", "1");
    for volume in [create("pvc-1").mib(8).on("node-1"), single()] {
        let clean = walk(&reading(volume, Past::OnOtherNode), 6).await;
        assert_eq!(recorded(&clean), ["attach/node-1", "attach/node-2", "used"]);
    }
}

#[tokio::test]
async fn a_readers_attach_beside_a_dead_readers_that_is_cut_anywhere_is_completed_by_the_next() {
    let clean = walk(&reading(create("pvc-1").mib(8).on("node-1"), Past::OnDeadNode), 6).await;
    assert_eq!(recorded(&clean), ["attach/node-1", "attach/node-2", "used"]);
}

#[tokio::test]
async fn a_writers_attach_that_gives_a_dead_reader_up_is_completed_by_the_next() {
    let story = writing(create("pvc-1").mib(8).on("node-1"), Past::OnDeadNode);
    let clean = walk(&Publish { before: READER, ..story }, 8).await;
    assert_eq!(recorded(&clean), ["attach/node-2", "used"]);
}

#[tokio::test]
async fn an_attach_that_takes_the_last_place_of_its_node_is_completed_by_the_next() {
    let story = writing(create("pvc-1").mib(8).on("node-2"), Past::Unused);
    walk(&Publish { flags: ONE_PLACE, ..story }, 6).await;
}

/// Whatever the cut attach has left: of two volumes that want a node's one place, one gets it.
#[tokio::test]
async fn a_limit_holds_wherever_the_attach_before_was_cut() {
    for moment in [Moment::Before, Moment::After] {
        let mut cuts = 0;
        let mut holders = Vec::new();
        while let Some(holder) = cut_for_the_last_place(cuts, moment).await {
            holders.push(holder);
            cuts += 1;
        }
        assert!(cuts >= 6, "only {cuts} requests were cut {moment:?}");
        assert!(["cut", "other"].iter().all(|either| holders.contains(either)), "{moment:?}: {holders:?}");
    }
}

const ONE_PLACE: &[&str] = &["--max-volumes-per-node", "1"];

/// Cuts an attach at that request; then another volume comes, and the first one again. Answers which of them node-2
/// has; none where there was no such request.
async fn cut_for_the_last_place(index: u64, moment: Moment) -> Option<&'static str> {
    let world = World::start().await;
    for name in ["cut", "other"] {
        world.controller.create(create(name).mib(8).on("node-2")).await.unwrap();
    }
    let driver = Driver::start(&world, "controller", ONE_PLACE).await;
    let controller = driver.controller(&world).await;
    let gate = world.sandbox.faults().gate(Matcher::any().skip(index).times(1), moment);
    let is_cut = async {
        tokio::select! {
            _ = controller.publish(publish("cut", "node-2")) => false,
            () = gate.arrived() => true,
        }
    };
    if !soon("the attach or its cut", is_cut).await {
        return None;
    }
    driver.kill().await;
    gate.sever();
    let next = Driver::start(&world, "controller", ONE_PLACE).await;
    let next = next.controller(&world).await;
    let other = next.publish(publish("other", "node-2")).await;
    let again = next.publish(publish("cut", "node-2")).await;
    let (holder, left_out) = if other.is_ok() { ("other", again) } else { ("cut", other) };
    refused(left_out, Code::ResourceExhausted);
    assert_eq!(world.records(holder).await.len(), 1);
    next.publish(publish(holder, "node-2")).await.unwrap();
    Some(holder)
}
