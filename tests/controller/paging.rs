//! ListVolumes at 10,000 volumes: every one exactly once, while others come and go, and few requests.

use std::collections::BTreeMap;

use linflow::sandbox::model::{name::Key, props::Changes};
use serde_json::json;
use tonic::Code;

use crate::support::{Controller, World, create, csi::block, publish, refused};

/// How many volumes make many.
const MANY: usize = 10_000;

/// Fills LINSTOR with volumes like the one that is made and attached first: its definition and its store under so many
/// other names. Answers all names.
async fn fill(world: &World, count: usize) -> Vec<String> {
    let name = |number: usize| format!("pvc-{number:08}-2f1c-4bb0-9d3f-acc0ffee0000");
    let first = world.controller.created(&name(0)).await;
    world.controller.publish(publish(&first, "node-1")).await.unwrap();
    let cluster = world.sandbox.cluster();
    let mut cluster = cluster.lock();
    let made = cluster.definition(&first).unwrap().clone();
    let store = cluster.kv.get(&first).unwrap().props.clone();
    let store: BTreeMap<&str, &str> = store.iter().map(|(key, value)| (&**key, &**value)).collect();
    let store = Changes::setting(serde_json::from_value(json!(store)).unwrap());
    let names: Vec<String> = (0..count).map(name).collect();
    for name in &names[1..] {
        let mut definition = made.clone();
        definition.name.clone_from(name);
        // They take no room.
        definition.resources.clear();
        cluster.definitions.insert(Key::of(name), definition);
        cluster.kv.change(name, &store).unwrap();
    }
    names
}

/// Walks over all pages of that size; `between` runs after each, with how many entries were seen. The pages come from
/// both controllers in turn, if there are two.
async fn walk(controllers: &[&Controller], max: i32, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let (mut seen, mut token) = (Vec::new(), String::new());
    for controller in controllers.iter().cycle() {
        let page = controller.list(max, &token).await.unwrap();
        assert!(page.entries.len() <= usize::try_from(max).unwrap());
        assert!(page.entries.iter().all(|entry| entry.status.as_ref().unwrap().published_node_ids.len() <= 1));
        seen.extend(page.entries.into_iter().map(|entry| entry.volume.unwrap().volume_id));
        if page.next_token.is_empty() {
            return seen;
        }
        assert!(seen.len() < 2 * MANY, "the pages go in circles");
        between(seen.len()).await;
        token = page.next_token;
    }
    unreachable!("there is a controller")
}

/// Fails where one of the steady ones is missing, or any is there twice.
#[track_caller]
fn each_once(seen: &[String], steady: impl IntoIterator<Item = String>) {
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    seen.iter().for_each(|name| *times.entry(name).or_default() += 1);
    let twice: Vec<_> = times.iter().filter(|(_, times)| **times != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    let missing: Vec<String> = steady.into_iter().filter(|name| !times.contains_key(name.as_str())).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[tokio::test]
async fn peer_weakness_1_a_walk_over_ten_thousand_volumes_sees_each_once_and_asks_for_the_list_once() {
    let world = World::start().await;
    let names = fill(&world, MANY).await;
    let (all, requests) = world.count(world.controller.list(0, "")).await;
    assert_eq!((all.unwrap().entries.len(), requests.len()), (MANY, 2));
    let (seen, requests) = world.count(walk(&[&world.controller], 100, async |_| {})).await;
    assert_eq!(seen, names);
    assert_eq!(requests.len(), 2, "a hundred pages took {requests:?}");
}

/// Two controllers on one LINSTOR, so that a page may come from a listing that was made earlier or later than that of
/// the page before.
#[tokio::test]
async fn peer_weakness_1_of_ten_thousand_volumes_none_is_hidden_or_repeated_by_those_that_come_and_go() {
    let world = World::start().await;
    let names = fill(&world, MANY).await;
    let other = world.another_controller().await;
    let goes = |name: &&String| name.ends_with("7-2f1c-4bb0-9d3f-acc0ffee0000");
    let mut going: Vec<&String> = names.iter().filter(goes).collect();
    let steady = || names.iter().filter(|name| !goes(name)).cloned();
    let both = [&world.controller, &other];
    let seen = walk(&both, 1_000, async |count| {
        for name in [format!("aaa-{count}"), format!("pvc-{count:08}-a"), format!("zzz-{count}")] {
            world.controller.create(create(&name).mib(4).capability(block())).await.unwrap();
        }
        // Some before what was seen, some after it.
        let later = going.split_off(going.len() - 50);
        let gone = going.drain(..50).chain(later);
        let cluster = world.sandbox.cluster();
        gone.for_each(|name| drop(cluster.lock().definitions.remove(&Key::of(name))));
    });
    each_once(&seen.await, steady());
}

#[tokio::test]
async fn peer_weakness_1_a_token_that_is_negative_too_long_or_beyond_the_end_harms_nothing() {
    let world = World::start().await;
    for name in ["first", "second"] {
        world.controller.created(name).await;
    }
    let long = "9".repeat(100_000);
    for token in ["-1", "0", "2147483648", "after:-1", "after:", long.as_str(), &format!("after:{long}")] {
        let message = refused(world.controller.list(1, token).await, Code::Aborted);
        assert!(message.contains("start over") && message.len() < 512, "{message}");
    }
    let end = world.controller.list(1, "after:zzz").await.unwrap();
    assert_eq!((end.entries.len(), end.next_token.as_str()), (0, ""));
    refused(world.controller.list(i32::MIN, "").await, Code::InvalidArgument);
    assert_eq!(world.controller.list(i32::MAX, "").await.unwrap().entries.len(), 2);
}

/// Left out, or listed as attached nowhere, it would be detached by whoever compares the list with what should be.
#[tokio::test]
async fn a_record_that_cannot_be_read_fails_the_list_whichever_page_it_is_on() {
    let world = World::start().await;
    for name in ["first", "second", "third"] {
        world.controller.created(name).await;
    }
    let incarnation = world.definition("third").await.unwrap().props["Aux/linflow/incarnation"].clone();
    let broken = json!({"override_props": {format!("{incarnation}/attach/node-1"): "{"}});
    world.change("PUT", "/v1/key-value-store/third", &broken).await;
    for max in [0, 1] {
        let message = refused(world.controller.list(max, "").await, Code::Internal);
        assert!(message.contains("third"), "{message}");
    }
}
