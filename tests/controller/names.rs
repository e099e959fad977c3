//! Any name that CSI allows becomes a volume of its own; nothing of others is taken for ours.

use std::collections::BTreeSet;

use serde_json::json;
use tonic::Code;

use crate::support::{World, create, csi::block, publish, refused};

#[tokio::test]
async fn names_of_every_accepted_kind_become_volumes_of_their_own() {
    let world = World::start().await;
    let longest = "n".repeat(128);
    let one_shorter = "n".repeat(127);
    let wide = "体".repeat(128);
    let names = [
        "data",
        "Data",
        "DATA",
        "data ",
        " data",
        "da ta",
        "a",
        "7",
        "-",
        "..",
        "../data",
        "data/x",
        "data%2Fx",
        "lf-data",
        "naïve",
        "nai\u{308}ve",
        "名前",
        "🦀",
        "a\tb",
        "a\nb",
        "it's \"quoted\"",
        &longest,
        &one_shorter,
        &wide,
    ];
    let mut ids = BTreeSet::new();
    for name in names {
        let wanted = create(name).mib(4).capability(block());
        let volume = world.controller.create(wanted.clone()).await.unwrap_or_else(|error| panic!("{name:?}: {error}"));
        assert!(ids.insert(volume.volume_id.to_lowercase()), "{name:?} has the id of another: {}", volume.volume_id);
        assert_eq!(world.controller.create(wanted).await.unwrap(), volume, "{name:?} again");
        let definition = world.definition(&volume.volume_id).await.unwrap();
        assert_eq!(definition.props["Aux/linflow/csi-name"], name);
    }
}

#[tokio::test]
async fn a_name_that_csi_forbids_is_refused() {
    let world = World::start().await;
    for name in ["", "a\0b", "a\u{7}b", "a\u{85}b", &"n".repeat(129)] {
        refused(world.controller.create(create(name)).await, Code::InvalidArgument);
    }
    assert!(world.controller.list(0, "").await.unwrap().entries.is_empty());
}

#[tokio::test]
async fn a_plain_name_stays_and_every_other_becomes_a_hash() {
    let world = World::start().await;
    let pvc = "pvc-8d7c2a4e-0f4b-4a3c-9a52-3a8d1d2f7e11";
    assert_eq!(world.controller.created(pvc).await, pvc);
    let hashed = world.controller.created("Sales Report").await;
    assert!(hashed.starts_with("lf-") && hashed.len() == 35, "{hashed}");
    // The id of one volume as the name of another doesn't meet it.
    assert_ne!(world.controller.created(&hashed).await, hashed);
}

#[tokio::test]
async fn ids_that_no_volume_can_have_are_refused_by_every_call() {
    let world = World::start().await;
    let controller = &world.controller;
    for id in ["..", "../data", "a/b", "a\0b", "x y", ""] {
        refused(controller.delete(id).await, Code::InvalidArgument);
        refused(controller.publish(publish(id, "node-1")).await, Code::InvalidArgument);
        refused(controller.unpublish(id, "node-1").await, Code::InvalidArgument);
        refused(controller.get(id).await, Code::InvalidArgument);
    }
    let volume = controller.created("data").await;
    for node in ["..", "a/b", "a\0b"] {
        refused(controller.publish(publish(&volume, node)).await, Code::InvalidArgument);
        refused(controller.unpublish(&volume, node).await, Code::InvalidArgument);
    }
}

/// A definition and records that another made, under a name that a CSI volume would get.
async fn foreign(world: &World) {
    let spawn = json!({"resource_definition_name": "theirs", "volume_sizes": [4096], "resource_definition_props": {"Aux/owner": "them"},
        "select_filter": {"place_count": 1, "layer_stack": ["STORAGE"]}});
    world.change("POST", "/v1/resource-groups/DfltRscGrp/spawn", &spawn).await;
    world.change("PUT", "/v1/key-value-store/theirs", &json!({"override_props": {"note": "keep"}})).await;
}

#[tokio::test]
async fn a_definition_that_is_not_ours_is_never_adopted_changed_or_deleted() {
    let world = World::start().await;
    foreign(&world).await;
    let before = (world.definition("theirs").await, world.resources("theirs").await, world.store("theirs").await);
    let controller = &world.controller;
    for wanted in [create("theirs").mib(4), create("theirs").mib(4).storage_alone()] {
        let message = refused(controller.create(wanted).await, Code::FailedPrecondition);
        assert!(message.contains("theirs") && message.contains("not made by linflow"), "{message}");
    }
    refused(controller.delete("theirs").await, Code::FailedPrecondition);
    refused(controller.publish(publish("theirs", "node-1")).await, Code::FailedPrecondition);
    refused(controller.unpublish("theirs", "node-1").await, Code::FailedPrecondition);
    refused(controller.get("theirs").await, Code::FailedPrecondition);
    assert!(controller.list(0, "").await.unwrap().entries.is_empty());
    let after = (world.definition("theirs").await, world.resources("theirs").await, world.store("theirs").await);
    assert_eq!(before, after);
}

#[tokio::test]
async fn a_key_value_store_that_is_not_ours_outlives_the_volume_of_its_name() {
    let world = World::start().await;
    let note = json!({"override_props": {"note": "keep"}});
    world.change("PUT", "/v1/key-value-store/shared", &note).await;
    let volume = world.controller.created("shared").await;
    assert_eq!(volume, "shared");
    world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    world.controller.unpublish(&volume, "node-1").await.unwrap();
    world.controller.delete(&volume).await.unwrap();
    assert!(world.definition("shared").await.is_none());
    let left = world.store("shared").await.expect("what isn't ours stays");
    assert!(left.keys().any(|key| key.trim_start_matches('/') == "note"), "{left:?}");
}
