//! What is wrong in a cluster, and what the doctor says of it.

use serde_json::json;

use crate::patient::examine;
use crate::support::{POOL_KIB, World, publish};

fn warn(seen: &str) -> (String, String) {
    ("warn".to_owned(), seen.to_owned())
}

fn fail(seen: &str) -> (String, String) {
    ("fail".to_owned(), seen.to_owned())
}

fn ok(seen: &str) -> (String, String) {
    ("ok".to_owned(), seen.to_owned())
}

#[tokio::test]
async fn a_cluster_with_volumes_and_nothing_wrong_is_ok() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    let said = examine(&world, &[]).await;
    assert_eq!(said.exit, 0, "{}", said.stdout);
    assert_eq!(said.of("replication"), [ok("each replica of 1 replicated volume that can be seen is up to date")]);
    assert_eq!(said.of("quorum").last(), Some(&ok("each of 1 replicated volume has it")));
    assert_eq!(said.of("leftovers"), [ok("none; 1 volume, and 0 definitions of others, which linflow leaves alone")]);
}

#[tokio::test]
async fn the_doctor_leaves_the_store_as_it_was_and_with_read_only_writes_nothing() {
    let world = World::start().await;
    for (words, changes) in [(&[][..], 2), (&["--read-only"], 0)] {
        let (said, requests) = world.count(examine(&world, words)).await;
        assert_eq!(said.exit, 0, "{}", said.stdout);
        let wrote = requests.iter().filter(|one| one.method != "GET").count();
        assert_eq!(wrote, changes, "{requests:?}");
        assert_eq!(world.linstor().kv_list().await.unwrap().len(), 0);
        let expected = if changes == 0 { "skipped" } else { "ok" };
        assert_eq!(
            (said.levels("key-value-store"), said.levels("clock")),
            (vec![expected.into()], vec![expected.into()])
        );
    }
}

#[tokio::test]
async fn a_satellite_that_is_away_fails_and_what_depends_on_it_is_told_once() {
    let world = World::start().await;
    world.controller.created("data").await;
    world.crash("node-2");
    let said = examine(&world, &[]).await;
    assert_eq!(said.exit, 2);
    assert_eq!(said.of("satellites"), [ok("2 of 3 ONLINE: node-1, node-3"), fail("node-2: OFFLINE")]);
    assert_eq!(said.levels("drbd-layer"), ["ok"]);
    assert_eq!(said.levels("storage-pools"), ["ok", "skipped", "ok"]);
    assert!(said.levels("replication").iter().all(|level| level != "fail"), "{:?}", said.of("replication"));
    let third =
        "only node-1, node-3 are ONLINE with DRBD: no tie-breaker can be placed, so two replicas have no quorum";
    assert!(said.of("quorum").contains(&warn(third)), "{:?}", said.of("quorum"));
}

#[tokio::test]
async fn a_full_pool_fails_and_one_that_has_promised_too_much_warns() {
    let world = World::start().await;
    world.sandbox.cluster().lock().fill_pool("node-1", POOL_KIB).unwrap();
    world.sandbox.cluster().lock().fill_pool("node-2", POOL_KIB / 10 * 8).unwrap();
    assert_eq!(examine(&world, &[]).await.levels("storage-pools"), ["fail", "ok", "ok"]);
    let sized = json!({"resource_definition_name": "big", "volume_sizes": [12 << 20], "select_filter":
        {"place_count": 1, "node_name_list": ["node-2"]}});
    world.change("POST", "/v1/resource-groups/DfltRscGrp/spawn", &sized).await;
    let said = examine(&world, &[]).await;
    let seen = "pool1 on node-2: FILE_THIN, 1.9 GiB of 10 GiB free (19 %), 120 % promised";
    assert_eq!(said.of("storage-pools")[1], warn(seen));
}

#[tokio::test]
async fn settings_of_quorum_are_read_from_the_controller() {
    let world = World::start().await;
    let props = json!({"override_props": {"DrbdOptions/Resource/on-no-quorum": "suspend-io", "DrbdOptions/Resource/quorum": "off"},
        "delete_props": ["DrbdOptions/auto-add-quorum-tiebreaker"]});
    world.change("POST", "/v1/controller/properties", &props).await;
    let said = examine(&world, &[]).await;
    assert_eq!((said.levels("quorum"), said.exit), (vec!["fail".into(), "warn".into(), "warn".into()], 2));
}

#[tokio::test]
async fn encryption_is_judged_where_something_is_encrypted() {
    let world = World::start().await;
    assert_eq!(examine(&world, &[]).await.levels("encryption"), ["skipped"]);
    let group = json!({"name": "secret", "select_filter": {"layer_stack": ["DRBD", "LUKS", "STORAGE"]}});
    world.change("POST", "/v1/resource-groups", &group).await;
    assert_eq!(examine(&world, &[]).await.levels("encryption"), ["fail"]);
    world.change("POST", "/v1/encryption/passphrase", &json!({"new_passphrase": "of a test"})).await;
    let entered = ok(
        "the master passphrase is entered; 0 volumes, 1 resource group with the LUKS layer; node-1, node-2, node-3 can encrypt",
    );
    assert_eq!(examine(&world, &[]).await.of("encryption"), [entered]);
}

#[tokio::test]
async fn a_replica_that_stands_alone_fails() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let replicas = world.replicas(&volume).await;
    world.sandbox.cluster().lock().disconnect(&volume, &replicas[0]).unwrap();
    let said = examine(&world, &[]).await;
    assert_eq!(said.levels("replication")[0], "fail", "{:?}", said.of("replication"));
    assert!(said.of("replication")[0].1.contains(&format!("{volume} on {}", replicas[0])));
}

#[tokio::test]
async fn a_half_deleted_volume_a_waiting_detach_and_stray_records_are_left_over() {
    let world = World::start().await;
    let (half, attached) = (world.controller.created("half").await, world.controller.created("kept").await);
    let node = world.replicas(&attached).await.remove(0);
    world.controller.publish(publish(&attached, &node)).await.unwrap();
    world.crash(&node);
    world.controller.unpublish(&attached, &node).await.unwrap();
    let holder = world.replicas(&half).await.remove(0);
    if holder != node {
        world.crash(&holder);
    }
    world.change("DELETE", &format!("/v1/resource-definitions/{half}"), &json!(null)).await;
    let stray = json!({"override_props": {format!("{}/used", "ab".repeat(16)): "true"}});
    world.change("PUT", "/v1/key-value-store/pvc-gone", &stray).await;
    let said = examine(&world, &[]).await;
    let leftovers = said.of("leftovers");
    assert!(leftovers.contains(&warn(&format!("1 volume half deleted: {half}"))), "{leftovers:?}");
    assert!(leftovers.contains(&warn(&format!("a detach waits for its node: {attached} at {node}"))), "{leftovers:?}");
    assert!(leftovers.contains(&warn("1 record instance without a volume: pvc-gone")), "{leftovers:?}");
}
