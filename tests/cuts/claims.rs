//! Claims of an owner's volume that come to a node and leave it, beside another one and alone.

use serde_json::{Value, json};
use tonic::Status;

use crate::{
    state,
    support::{
        Controller, World,
        claims::{DAG, Owned, RUN, TASK, pod_named, seat},
        create, publish,
    },
    walk::{Story, walk},
};

/// What is done with the claim `own` on node-2, where the volume is a diskless client.
#[derive(Clone, Copy, PartialEq)]
enum Act {
    Attach,
    Detach,
}

struct Claim {
    /// Of which scope.
    owner: &'static [(&'static str, &'static str)],
    act: Act,
    /// Has another claim the volume there?
    is_shared: bool,
    is_node_dead: bool,
}

impl Story for Claim {
    async fn arrange(&self, world: &World) -> String {
        let wanted = create("data").mib(8).on("node-1").parameter("placementCount", "1");
        let owned = Owned::make(world, wanted, self.owner).await;
        // Without a directory the run of a DAG's pod can't be told.
        let pod = (self.owner.len() != DAG.len()).then(|| pod_named("own"));
        let (own, other) = (owned.claim("own", pod).await, owned.claim("other", None).await);
        if self.is_shared {
            world.controller.publish(publish(&other, "node-2")).await.unwrap();
        }
        if self.act == Act::Detach {
            world.controller.publish(publish(&own, "node-2")).await.unwrap();
        }
        if self.is_node_dead {
            world.crash("node-2");
        }
        own
    }

    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status> {
        match self.act {
            Act::Attach => controller.publish(publish(volume, "node-2")).await.map(drop),
            Act::Detach => controller.unpublish(volume, "node-2").await,
        }
    }
}

/// Walks the story; answers the attach records that are left, and how many resources there are.
async fn walk_claim(act: Act, is_shared: bool, is_node_dead: bool, least: u64) -> (Vec<(String, Value)>, usize) {
    walk_claim_of(RUN, act, is_shared, is_node_dead, least).await
}

async fn walk_claim_of(
    owner: &'static [(&'static str, &'static str)],
    act: Act,
    is_shared: bool,
    is_node_dead: bool,
    least: u64,
) -> (Vec<(String, Value)>, usize) {
    let clean = walk(&Claim { owner, act, is_shared, is_node_dead }, least).await;
    let records = clean["/v1/key-value-store"][0]["props"].as_object().unwrap().iter();
    let attached = records.filter_map(|(key, record)| Some((key.split_once("/attach/")?.1.to_owned(), record.clone())));
    (attached.collect(), state::count(&clean, "/v1/view/resources"))
}

/// The seat of a claim on node-2.
fn on_node_2(name: &str) -> String {
    seat("node-2", &format!("@{}", linflow::volume::claims::ClaimKey::of(name)))
}

fn seats(attached: &[(String, Value)]) -> Vec<&str> {
    attached.iter().map(|(seat, _)| seat.as_str()).collect()
}

#[tokio::test]
async fn a_claims_attach_that_is_cut_anywhere_is_completed_by_the_next() {
    for owner in [&TASK[..], RUN, DAG] {
        let (attached, resources) = walk_claim_of(owner, Act::Attach, false, false, 6).await;
        assert_eq!((seats(&attached), resources), (vec![&on_node_2("own")[..]], 2));
    }
}

#[tokio::test]
async fn a_claims_attach_beside_another_that_is_cut_anywhere_is_completed_by_the_next() {
    let (attached, resources) = walk_claim(Act::Attach, true, false, 5).await;
    let mut both = [on_node_2("own"), on_node_2("other")];
    both.sort();
    assert_eq!((seats(&attached), resources), (both.iter().map(String::as_str).collect(), 2));
}

#[tokio::test]
async fn the_last_claims_detach_that_is_cut_anywhere_is_completed_by_the_next() {
    for owner in [&TASK[..], RUN, DAG] {
        let (attached, resources) = walk_claim_of(owner, Act::Detach, false, false, 6).await;
        assert_eq!((seats(&attached), resources), (Vec::new(), 1));
    }
}

#[tokio::test]
async fn a_claims_detach_beside_another_that_is_cut_anywhere_leaves_that_one_its_device() {
    let (attached, resources) = walk_claim(Act::Detach, true, false, 4).await;
    assert_eq!((seats(&attached), resources), (vec![&on_node_2("other")[..]], 2));
}

#[tokio::test]
async fn a_claims_detach_from_a_dead_node_is_left_pending_wherever_it_is_cut() {
    for is_shared in [false, true] {
        let (attached, resources) = walk_claim(Act::Detach, is_shared, true, 5).await;
        let pending: Vec<&str> = attached
            .iter()
            .filter(|(_, record)| record["detaching"] == json!(true))
            .map(|(seat, _)| &seat[..])
            .collect();
        assert_eq!((pending, resources), (vec![&on_node_2("own")[..]], 2));
        assert_eq!(attached.len(), 1 + usize::from(is_shared));
    }
}
