//! ListSnapshots: every snapshot of ours once, whatever comes and goes meanwhile.

use std::collections::{BTreeMap, BTreeSet};

use linflow::csi::proto::ListSnapshotsRequest;
use linflow::sandbox::model::name::Key;
use tonic::Code;

use crate::support::{
    Controller, World, refused,
    snapshots::{snapshot, unique},
};

/// All pages of that size; `between` runs after each.
async fn pages(controller: &Controller, max: i32, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let request =
            ListSnapshotsRequest { max_entries: max, starting_token: token, ..ListSnapshotsRequest::default() };
        let page = controller.list_snapshots(request).await.unwrap();
        assert!(page.entries.len() <= usize::try_from(max).unwrap());
        seen.extend(page.entries.into_iter().map(|entry| entry.snapshot.unwrap().snapshot_id));
        assert!(seen.len() < 20_000, "the pages go in circles");
        if page.next_token.is_empty() {
            return seen;
        }
        between(seen.len()).await;
        token = page.next_token;
    }
}

async fn ids(controller: &Controller, snapshot_id: &str, source_volume_id: &str) -> Vec<String> {
    let request = ListSnapshotsRequest {
        snapshot_id: snapshot_id.to_owned(),
        source_volume_id: source_volume_id.to_owned(),
        ..ListSnapshotsRequest::default()
    };
    let list = controller.list_snapshots(request).await.unwrap();
    list.entries.into_iter().map(|entry| entry.snapshot.unwrap().snapshot_id).collect()
}

#[tokio::test]
async fn filters_hold_together_and_what_is_unknown_is_an_empty_list() {
    let world = World::start().await;
    let controller = &world.controller;
    for volume in ["one", "two"] {
        controller.created(volume).await;
        for name in ["first", "second"] {
            controller.snapshot(snapshot(&format!("{name}-{volume}"), volume)).await.unwrap();
        }
    }
    assert_eq!(controller.snapshot_ids().await.len(), 4);
    assert_eq!(ids(controller, "one/first-one", "").await, ["one/first-one"]);
    assert_eq!(ids(controller, "", "two").await, ["two/first-two", "two/second-two"]);
    assert_eq!(ids(controller, "one/first-one", "one").await, ["one/first-one"]);
    let unknown = [("one/first-one", "two"), ("one/third", ""), ("", "three"), ("nonsense", ""), ("", "../one")];
    for (snapshot_id, source) in unknown {
        assert_eq!(ids(controller, snapshot_id, source).await, [""; 0], "{snapshot_id:?} {source:?}");
    }
}

/// The peer's cached list by source knows neither limit nor offset: more than was asked for, and a token without end.
#[tokio::test]
async fn peer_weakness_7_pages_of_one_volumes_snapshots_hold_what_was_asked_for_and_end() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for name in ["aa", "bb", "cc"] {
        world.controller.snapshot(snapshot(name, &volume)).await.unwrap();
    }
    let page = |token: &str, max_entries| ListSnapshotsRequest {
        max_entries,
        starting_token: token.to_owned(),
        source_volume_id: volume.clone(),
        ..ListSnapshotsRequest::default()
    };
    let first = world.controller.list_snapshots(page("", 2)).await.unwrap();
    assert_eq!(first.entries.len(), 2);
    let last = world.controller.list_snapshots(page(&first.next_token, 2)).await.unwrap();
    assert_eq!((last.entries.len(), last.next_token.as_str()), (1, ""));
    refused(world.controller.list_snapshots(page("", -1)).await, Code::InvalidArgument);
    for token in ["nonsense", "2", "after:", "after:data", "after:data/a b"] {
        refused(world.controller.list_snapshots(page(token, 1)).await, Code::Aborted);
    }
}

#[tokio::test]
async fn ten_thousand_snapshots_are_each_on_one_page_while_others_come_and_go() {
    const STEADY: [&str; 2] = ["bb", "dd"];
    const MOVING: [&str; 3] = ["aa", "cc", "ee"];
    let world = World::start().await;
    for volume in STEADY.into_iter().chain(MOVING) {
        world.controller.created(volume).await;
    }
    let mut steady = BTreeSet::new();
    for volume in STEADY {
        steady.extend(seed(&world, volume, 5_000));
    }
    let seen = pages(&world.controller, 1_500, async |count| {
        for volume in MOVING {
            let number = u32::try_from(count).unwrap();
            let taken = world.controller.snapshot(snapshot(&unique(number), volume)).await.unwrap();
            if count > 4_000 {
                world.controller.delete_snapshot(&taken.snapshot_id).await.unwrap();
            }
        }
    })
    .await;
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    seen.iter().for_each(|id| *times.entry(id).or_default() += 1);
    assert!(times.values().all(|times| *times == 1), "a snapshot is on two pages");
    let missing: Vec<_> = steady.iter().filter(|id| !times.contains_key(id.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Gives a volume so many snapshots, as so many calls would leave them; answers their ids.
fn seed(world: &World, volume: &str, count: usize) -> Vec<String> {
    let cluster = world.sandbox.cluster();
    let mut cluster = cluster.lock();
    let key = Key::of(volume);
    let incarnation = cluster.definitions[&key].props["Aux/linflow/incarnation"].clone();
    let props = [("driver", "linflow/0"), ("snapshot-name", "seeded"), ("source-incarnation", &incarnation)];
    let props = props.map(|(name, value)| (format!("Aux/linflow/{name}"), value.to_owned())).into();
    let node = Key::of(&cluster.definitions[&key].diskful().next().unwrap().node);
    let names: Vec<String> = (0..count).map(|number| format!("steady-{number:05}")).collect();
    for name in &names {
        cluster.take_snapshot(&key, name, std::slice::from_ref(&node), &props).unwrap();
    }
    names.into_iter().map(|name| format!("{volume}/{name}")).collect()
}

#[tokio::test]
async fn a_damaged_snapshot_hides_no_other() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    for name in ["bad", "good"] {
        world.controller.snapshot(snapshot(name, &volume)).await.unwrap();
    }
    let damage = serde_json::json!({ "override_props": { "Aux/linflow/source-incarnation": "?" } });
    world.change("PUT", "/v1/resource-definitions/data/snapshots/bad", &damage).await;
    assert_eq!(world.controller.snapshot_ids().await, ["data/good"]);
    refused(world.controller.get_snapshot("data/bad").await, Code::Internal);
    refused(world.controller.delete_snapshot("data/bad").await, Code::Internal);
    assert_eq!(world.snapshots().await.len(), 2);
}
