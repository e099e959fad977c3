//! ListVolumes, ControllerGetVolume and GetCapacity: what is there, where it is attached, what fits.

use std::collections::BTreeMap;

use tonic::Code;

use crate::support::{Controller, POOL, POOL_KIB, World, create, csi::block, publish, refused};

/// All pages of that size; `between` runs after each.
async fn pages(controller: &Controller, max: i32, mut between: impl AsyncFnMut(usize)) -> Vec<String> {
    let (mut seen, mut token) = (Vec::new(), String::new());
    loop {
        let page = controller.list(max, &token).await.unwrap();
        assert!(page.entries.len() <= usize::try_from(max).unwrap());
        seen.extend(page.entries.into_iter().map(|entry| entry.volume.unwrap().volume_id));
        assert!(seen.len() < 100, "the pages go in circles: {seen:?}");
        if page.next_token.is_empty() {
            return seen;
        }
        between(seen.len()).await;
        token = page.next_token;
    }
}

async fn make(world: &World, name: &str) {
    world.controller.create(create(name).mib(4).capability(block())).await.unwrap();
}

#[tokio::test]
async fn every_volume_is_on_exactly_one_page() {
    let world = World::start().await;
    let names: Vec<String> = (0..11).map(|number| format!("volume-{number:02}")).collect();
    for name in names.iter().rev() {
        make(&world, name).await;
    }
    for max in [1, 3, 10, 11, 12] {
        assert_eq!(pages(&world.controller, max, async |_| {}).await, names, "pages of {max}");
    }
    let all = world.controller.list(0, "").await.unwrap();
    assert_eq!((all.entries.len(), all.next_token.as_str()), (11, ""));
    let last = all.entries.last().unwrap().volume.clone().unwrap();
    assert_eq!(last.capacity_bytes, 4 << 20);
}

#[tokio::test]
async fn volumes_that_come_and_go_neither_hide_nor_repeat_others() {
    let world = World::start().await;
    let steady: Vec<String> = (0..12).map(|number| format!("volume-{number:02}-steady")).collect();
    for name in &steady {
        make(&world, name).await;
    }
    make(&world, "volume-00-goes").await;
    make(&world, "volume-05-goes").await;
    // After each page one comes before what was seen, one after it, and the last one seen goes.
    let seen = pages(&world.controller, 3, async |count| {
        make(&world, &format!("aaa-{count}")).await;
        make(&world, &format!("zzz-{count}")).await;
        for gone in ["volume-00-goes", "volume-05-goes"] {
            world.controller.delete(gone).await.unwrap();
        }
    })
    .await;
    let mut times: BTreeMap<&str, usize> = BTreeMap::new();
    seen.iter().for_each(|name| *times.entry(name).or_default() += 1);
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    assert!(steady.iter().all(|name| times.contains_key(name.as_str())), "{times:?}");
}

#[tokio::test]
async fn the_volume_that_a_token_names_may_be_gone() {
    let world = World::start().await;
    for name in ["first", "second", "third"] {
        make(&world, name).await;
    }
    let page = world.controller.list(1, "").await.unwrap();
    world.controller.delete("first").await.unwrap();
    let rest = world.controller.list(0, &page.next_token).await.unwrap();
    assert_eq!(rest.entries.len(), 2);
}

#[tokio::test]
async fn a_token_that_makes_no_sense_is_aborted_and_a_negative_count_refused() {
    let world = World::start().await;
    make(&world, "data").await;
    for token in ["nonsense", "17", "after:", "after:..", "after:a b", "\0"] {
        let message = refused(world.controller.list(1, token).await, Code::Aborted);
        assert!(message.contains("start over"), "{message}");
    }
    refused(world.controller.list(-1, "").await, Code::InvalidArgument);
}

#[tokio::test]
async fn published_nodes_come_from_the_attach_records() {
    let world = World::start().await;
    for name in ["attached", "dead", "free", "moved"] {
        world.controller.created(name).await;
    }
    world.controller.publish(publish("attached", "node-2")).await.unwrap();
    world.controller.publish(publish("moved", "node-2")).await.unwrap();
    world.controller.unpublish("moved", "node-2").await.unwrap();
    world.controller.publish(publish("moved", "node-1")).await.unwrap();
    world.controller.publish(publish("dead", "node-3")).await.unwrap();
    world.crash("node-3");
    world.controller.unpublish("dead", "node-3").await.unwrap();
    let list = world.controller.list(0, "").await.unwrap();
    let listed: Vec<(String, Vec<String>)> = list
        .entries
        .into_iter()
        .map(|entry| (entry.volume.unwrap().volume_id, entry.status.unwrap().published_node_ids))
        .collect();
    let expected =
        [("attached", vec!["node-2"]), ("dead", vec!["node-3"]), ("free", vec![]), ("moved", vec!["node-1"])];
    let expected =
        expected.map(|(name, nodes)| (name.to_owned(), nodes.into_iter().map(str::to_owned).collect::<Vec<_>>()));
    assert_eq!(listed, expected);
    for (name, nodes) in expected {
        let got = world.controller.get(&name).await.unwrap();
        assert_eq!(got.status.unwrap().published_node_ids, nodes);
        assert_eq!(got.volume.unwrap().capacity_bytes, 1 << 30);
    }
    refused(world.controller.get("missing").await, Code::NotFound);
}

#[tokio::test]
async fn the_capacity_is_what_linstor_says_would_fit() {
    let world = World::start().await;
    let pool = i64::try_from(POOL_KIB).unwrap() << 10;
    for parameters in
        [vec![], vec![("layerList", "storage")], vec![("storagePool", POOL)], vec![("placementCount", "3")]]
    {
        let free = world.controller.capacity(&parameters, None).await.unwrap();
        assert!((1..=pool).contains(&free.available_capacity), "{parameters:?}: {free:?}");
        let largest = free.maximum_volume_size.unwrap();
        let wanted = parameters.iter().fold(create("data"), |create, (key, value)| create.parameter(key, value));
        let too_large = wanted.clone().capability(block()).bytes(largest + (1 << 30), 0);
        refused(world.controller.create(too_large).await, Code::ResourceExhausted);
        world.controller.create(wanted.capability(block()).bytes(largest, 0)).await.unwrap();
        world.controller.delete("data").await.unwrap();
    }
    for parameters in [vec![("storagePool", "nowhere")], vec![("placementCount", "4")]] {
        assert_eq!(world.controller.capacity(&parameters, None).await.unwrap().available_capacity, 0, "{parameters:?}");
    }
}

#[tokio::test]
async fn without_drbd_the_capacity_is_that_of_the_node() {
    let world = World::start().await;
    world.sandbox.cluster().lock().fill_pool("node-1", POOL_KIB).unwrap();
    let on = |node| world.controller.capacity(&[("layerList", "storage")], Some(node));
    assert_eq!(on("node-1").await.unwrap().available_capacity, 0);
    assert!(on("node-2").await.unwrap().available_capacity > 0);
    assert!(
        world.controller.capacity(&[], Some("node-1")).await.unwrap().available_capacity > 0,
        "reached over the network"
    );
}
