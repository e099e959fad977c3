//! The tag of a volume: whose it is, in the creating request itself, exact, and never changed.

use std::collections::BTreeMap;

use tonic::Code;

use crate::support::{
    World, create,
    csi::{Create, resource},
    publish, refused,
};

const WORKFLOW: [(&str, &str); 5] = [
    ("linflow.csi/instance", "prod"),
    ("linflow.csi/dag-id", "отчёты.日次"),
    ("linflow.csi/run-id", "scheduled__2026-03-01T00:00:00+00:00"),
    ("linflow.csi/task-id", "группа.extract"),
    ("linflow.csi/map-index", "7"),
];
const PROPERTIES: [&str; 5] = ["instance", "dag_id", "run_id", "task_id", "map_index"];

/// A volume of the workflow, as narrow as the first `parts` parameters say.
fn owned(name: &str, parts: usize) -> Create {
    WORKFLOW[..parts].iter().fold(create(name), |create, (key, value)| create.parameter(key, value))
}

async fn properties(world: &World, name: &str) -> BTreeMap<String, String> {
    world.definition(name).await.expect("it was made").props
}

#[tokio::test]
async fn the_workflow_is_written_exactly_and_as_far_as_its_scope_goes() {
    let world = World::start().await;
    let id = "prod/%D0%BE%D1%82%D1%87%D1%91%D1%82%D1%8B.%E6%97%A5%E6%AC%A1";
    for (scope, parts, ids) in [("dag", 2, 2), ("run", 3, 3), ("task", 4, 5), ("task", 5, 5)] {
        let name = format!("{scope}-{parts}");
        let volume = world.controller.create(owned(&name, parts)).await.unwrap().volume_id;
        let props = properties(&world, resource(&volume)).await;
        assert_eq!(props["Aux/linflow/scope"], scope);
        assert!(props["Aux/linflow/workflow-id"].starts_with(id), "{}", props["Aux/linflow/workflow-id"]);
        for (at, property) in PROPERTIES.iter().enumerate() {
            let expected = match at {
                _ if at >= ids => None,
                4 if parts == 4 => Some("-1".to_owned()),
                _ => Some(WORKFLOW[at].1.to_owned()),
            };
            assert_eq!(props.get(&format!("Aux/airflow/{property}")), expected.as_ref(), "{name}: {property}");
        }
    }
}

#[tokio::test]
async fn every_volume_says_who_made_it_and_for_which_claim() {
    let world = World::start().await;
    let claimed = create("data").parameter("csi.storage.k8s.io/pvc/name", "scratch");
    world.controller.create(claimed.parameter("csi.storage.k8s.io/pvc/namespace", "airflow")).await.unwrap();
    let props = properties(&world, "data").await;
    assert_eq!(props["Aux/linflow/driver"], concat!("linflow/", env!("CARGO_PKG_VERSION")));
    assert_eq!((props["Aux/linflow/scope"].as_str(), props["Aux/linflow/csi-name"].as_str()), ("none", "data"));
    assert_eq!(props["Aux/csi.storage.k8s.io/pvc/name"], "scratch");
    assert_eq!(props["Aux/csi.storage.k8s.io/pvc/namespace"], "airflow");
    let random = |key: &str| props[key].bytes().filter(u8::is_ascii_hexdigit).count();
    assert_eq!((random("Aux/linflow/incarnation"), random("Aux/linflow/fs-uuid")), (32, 32));
    world.controller.created("other").await;
    let other = properties(&world, "other").await;
    for key in ["Aux/linflow/incarnation", "Aux/linflow/fs-uuid"] {
        assert_ne!(props[key], other[key]);
    }
}

#[tokio::test]
async fn the_tag_is_in_the_request_that_makes_the_volume() {
    let world = World::start().await;
    let (made, requests) = world.count(world.controller.create(owned("data", 3))).await;
    let volume = made.unwrap().volume_id;
    let resource = resource(&volume);
    let writes: Vec<String> =
        requests.iter().filter(|one| one.method != "GET").map(|one| format!("{} {}", one.method, one.path)).collect();
    let group = world.definition(resource).await.unwrap().resource_group_name;
    let wanted = [
        "POST /v1/resource-groups".to_owned(),
        format!("POST /v1/resource-groups/{group}/spawn"),
        format!("PUT /v1/key-value-store/{resource}"),
    ];
    assert_eq!(writes, wanted, "but for the claim's record nothing is written before or after it");
}

#[tokio::test]
async fn a_tag_never_changes_while_the_volume_lives() {
    let world = World::start().await;
    let volume = world.controller.create(owned("data", 3)).await.unwrap().volume_id;
    let tag = || async {
        properties(&world, resource(&volume))
            .await
            .into_iter()
            .filter(|(key, _)| key.starts_with("Aux/"))
            .collect::<Vec<_>>()
    };
    let before = tag().await;
    world.controller.create(owned("data", 3)).await.unwrap();
    for node in ["node-1", "node-2", "node-3"] {
        world.controller.publish(publish(&volume, node)).await.unwrap();
        world.controller.unpublish(&volume, node).await.unwrap();
    }
    assert_eq!(tag().await, before);
}

#[tokio::test]
async fn a_name_with_another_workflow_is_another_volume() {
    let world = World::start().await;
    let mut volumes = std::collections::BTreeSet::new();
    for claim in [
        owned("data", 3),
        owned("data", 2),
        owned("data", 4),
        create("data"),
        owned("data", 3).parameter("linflow.csi/run-id", "manual__1"),
    ] {
        let volume = world.controller.create(claim).await.unwrap().volume_id;
        volumes.insert(resource(&volume).to_owned());
    }
    assert_eq!(volumes.len(), 5, "{volumes:?}");
}

#[tokio::test]
async fn a_scope_whose_owner_is_not_named_is_refused_and_never_widened() {
    let world = World::start().await;
    for (scope, parts) in [("task", 3), ("run", 2), ("dag", 1), ("dag", 3), ("none", 2), ("pod", 2)] {
        let message = refused(
            world.controller.create(owned("data", parts).parameter("scope", scope)).await,
            Code::InvalidArgument,
        );
        assert!(message.contains("scope"), "{message}");
    }
    let orphan = create("data").parameter("linflow.csi/run-id", "manual__1");
    refused(world.controller.create(orphan).await, Code::InvalidArgument);
    assert!(world.definition("data").await.is_none());
}

#[tokio::test]
async fn a_namespace_outside_the_instance_is_denied() {
    let world = World::start().await;
    let outside = owned("data", 2).parameter("csi.storage.k8s.io/pvc/namespace", "somebody-else");
    let message = refused(world.controller.create(outside).await, Code::PermissionDenied);
    assert!(message.contains("somebody-else") && message.contains("prod"), "{message}");
    assert!(world.definition("data").await.is_none());
}

#[tokio::test]
async fn an_id_beyond_512_characters_is_known_by_its_hash_and_kept_exactly() {
    let world = World::start().await;
    let (dag, run) = ("д".repeat(250), "п".repeat(250));
    let wanted = create("data").parameter("instance", "prod").parameter("dag-id", &dag).parameter("run-id", &run);
    let volume = world.controller.create(wanted.clone()).await.unwrap().volume_id;
    let props = properties(&world, resource(&volume)).await;
    assert!(props["Aux/linflow/workflow-id"].starts_with("sha256:"));
    assert_eq!((&props["Aux/airflow/dag_id"], &props["Aux/airflow/run_id"]), (&dag, &run));
    let context = world.controller.publish(publish(&volume, "node-1")).await.unwrap();
    let bytes: usize = context.iter().map(|(key, value)| key.len() + value.len()).sum();
    assert!(bytes <= 4096, "publish_context has {bytes} bytes; CSI allows 4096");
    assert_eq!(world.controller.create(wanted).await.unwrap().volume_id, volume);
}
