//! How strictly a pod is confirmed before it gets an owner's volume: enforced, audited or not at all.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use linflow::{metrics::Metrics, node::scripted::ScriptedHost, workflow::Confirm};
use support::{
    World, create,
    csi::resource,
    kubernetes::{Kubernetes, name_of, recorded},
    node::{OnNode, pod},
    refused,
};
use tonic::{Code, Status};

const EXTRACT: &str = "af3_ke_normal_scheduled";

/// A node on which pods of any kind ask for a volume of DAG sales.
struct Scene {
    on_node: OnNode,
    metrics: Metrics,
    _world: World,
    kubernetes: Kubernetes,
}

impl Scene {
    /// `class` and `driver`: what they say of confirmation.
    async fn start(class: Option<&str>, driver: Confirm) -> Self {
        let (world, metrics, kubernetes) = (World::start().await, Metrics::new("linflow.csi"), Kubernetes::new());
        kubernetes.put("pod", &recorded(EXTRACT));
        let wanted = create("data").mib(64).parameter("instance", "airflow").parameter("dag-id", "sales");
        let wanted = class.into_iter().fold(wanted, |wanted, mode| wanted.parameter("confirm", mode));
        let volume = world.controller.create(wanted).await.unwrap().volume_id;
        let tag = world.definition(resource(&volume)).await.unwrap().props.get("Aux/linflow/confirm").cloned();
        assert_eq!(tag.as_deref(), class, "the tag says what the class said");
        let (host, directory) = (ScriptedHost::new(), kubernetes.directory());
        let on_node = OnNode::attach_with(&world, &volume, "node-1", host, directory, |parts| {
            (parts.confirm, parts.doubts) = (driver, metrics.doubts());
        });
        let on_node = on_node.await;
        on_node.stage().await.unwrap();
        Self { on_node, metrics, _world: world, kubernetes }
    }

    /// Publishes for the recorded pod, which is of another DAG.
    async fn publish(&self) -> Result<(), Status> {
        self.on_node.publish(&pod("airflow", &name_of(EXTRACT), "u1")).await
    }

    /// How many such pods were counted in that mode, by the field that differs.
    fn counted(&self, mode: &str, field: &str) -> u64 {
        let sample = format!("linflow_pod_doubts_total{{at=\"mount\",mode=\"{mode}\",field=\"{field}\"}} ");
        let page = self.metrics.page();
        page.lines().find_map(|line| line.strip_prefix(&sample)).map_or(0, |count| count.parse().unwrap())
    }

    fn is_nobody_counted(&self) -> bool {
        !self.metrics.page().contains("linflow_pod_doubts_total{")
    }
}

#[tokio::test]
async fn enforced_a_strange_pod_is_denied_and_counted_by_the_field() {
    for (class, driver) in
        [(None, Confirm::Enforce), (Some("enforce"), Confirm::Off), (Some("enforce"), Confirm::Audit)]
    {
        let scene = Scene::start(class, driver).await;
        let message = refused(scene.publish().await, Code::PermissionDenied);
        assert!(message.contains("sales") && message.contains("etl_daily") && message.contains("dag_id"), "{message}");
        assert!(!scene.on_node.is_published().await);
        assert_eq!((scene.counted("enforce", "dag_id"), scene.counted("audit", "dag_id")), (1, 0));
    }
}

#[tokio::test]
async fn audited_a_strange_pod_gets_the_volume_and_is_counted() {
    for (class, driver) in [(None, Confirm::Audit), (Some("audit"), Confirm::Enforce)] {
        let scene = Scene::start(class, driver).await;
        scene.publish().await.unwrap();
        assert!(scene.on_node.is_published().await);
        assert_eq!((scene.counted("audit", "dag_id"), scene.counted("enforce", "dag_id")), (1, 0));
    }
}

#[tokio::test]
async fn audited_a_pod_that_cannot_be_looked_up_gets_the_volume_and_is_counted() {
    let scene = Scene::start(Some("audit"), Confirm::Enforce).await;
    scene.kubernetes.remove("pod");
    scene.publish().await.unwrap();
    assert_eq!(scene.counted("audit", "unseen"), 1);
}

#[tokio::test]
async fn enforced_a_pod_that_cannot_be_looked_up_waits() {
    let scene = Scene::start(None, Confirm::Enforce).await;
    scene.kubernetes.remove("pod");
    refused(scene.publish().await, Code::Unavailable);
    assert!(!scene.on_node.is_published().await);
    assert_eq!(scene.counted("enforce", "unseen"), 1);
}

#[tokio::test]
async fn where_nobody_looks_every_pod_gets_the_volume_and_none_is_counted() {
    for (class, driver) in [(None, Confirm::Off), (Some("off"), Confirm::Enforce)] {
        let scene = Scene::start(class, driver).await;
        scene.kubernetes.remove("pod");
        scene.publish().await.unwrap();
        assert!(scene.on_node.is_published().await && scene.is_nobody_counted());
    }
}

#[tokio::test]
async fn a_mode_that_was_tampered_with_on_the_way_is_refused() {
    let mut scene = Scene::start(Some("enforce"), Confirm::Off).await;
    scene.on_node.context.insert("linflow.csi/confirm".to_owned(), "never".to_owned());
    let message = refused(scene.publish().await, Code::InvalidArgument);
    assert!(message.contains("linflow.csi/confirm"), "{message}");
    assert!(!scene.on_node.is_published().await);
}
