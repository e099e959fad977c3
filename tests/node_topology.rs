//! NodeGetInfo: the segments of a node, as LINSTOR has them now or had them last.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use linflow::{
    csi::proto::{NodeGetInfoRequest, node_client::NodeClient},
    linstor::Client,
    node::scripted::ScriptedHost,
    sandbox::faults::{Action, Matcher, Moment},
    volume::topology::TopologySettings,
    workflow::AnyDirectory,
};
use support::{World, csi::map};
use tonic::transport::Channel;

/// A node whose last knowledge is in the world's folder, where it is in a file at all.
struct Telling {
    node: &'static str,
    linstor: Client,
    pools: bool,
    file: Option<PathBuf>,
}

impl Telling {
    fn new(world: &World) -> Self {
        Self { node: "node-1", linstor: world.linstor(), pools: true, file: Some(world.folder().join("topology")) }
    }

    async fn start(self, world: &World) -> NodeClient<Channel> {
        let mut parts = world.node_parts(self.node, ScriptedHost::new(), AnyDirectory::None);
        parts.linstor = self.linstor;
        parts.topology = TopologySettings { pools: self.pools, file: self.file };
        world.serve_node(parts).await
    }
}

async fn segments(node: &NodeClient<Channel>) -> BTreeMap<String, String> {
    let told = node.clone().node_get_info(NodeGetInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(told.node_id, "node-1");
    told.accessible_topology.unwrap().segments
}

/// LINSTOR refuses every question.
fn shut(world: &World) {
    let refuse = Action::Refuse { status: 500, ret_code: -4611686018427386908, message: "not now".to_owned() };
    world.sandbox.faults().inject(Matcher::any(), refuse);
}

const NAME: (&str, &str) = ("linflow.csi/hostname", "node-1");
const POOL: (&str, &str) = ("linflow.csi/pool-pool1", "true");

#[tokio::test]
async fn a_nodes_name_pools_and_labels_are_its_segments() {
    let world = World::start().await;
    world.add_pool("node-1", "fast").await;
    world.add_pool("node-1", "odd_").await;
    world.add_pool("node-2", "other").await;
    for (key, value) in [
        ("Aux/topology/topology.kubernetes.io/zone", "north"),
        ("Aux/rack", "7"),
        // What Kubernetes says of its node wins.
        ("Aux/topology/row", "1"),
        ("Aux/row", "2"),
        // Kubernetes could not have these as labels.
        ("Aux/a b", "x"),
        ("Aux/note", "two words"),
        ("Aux/deep/er/key", "x"),
        ("Aux/RACK", "8"),
        // These say nothing of a place, or would pass for ours.
        ("Aux/linflow/note", "x"),
        ("Aux/airflow/dag_id", "x"),
        ("Aux/linflow.csi/hostname", "node-9"),
        ("Aux/topology/linflow.csi/pool-lost", "true"),
    ] {
        world.label("node-1", key, value).await;
    }
    let node = Telling::new(&world).start(&world).await;
    let expected =
        [NAME, POOL, ("linflow.csi/pool-fast", "true"), ("topology.kubernetes.io/zone", "north"), ("row", "1")];
    let mut told = segments(&node).await;
    // Of two keys that differ in case alone, CSI allows one.
    let racks = ["rack", "RACK"].map(|key| told.remove(key));
    assert_eq!(racks.iter().flatten().count(), 1, "{racks:?}");
    assert_eq!(told, map(&expected));
}

#[tokio::test]
async fn a_change_is_seen_without_a_restart_in_two_requests_about_the_node() {
    let world = World::start().await;
    let node = Telling::new(&world).start(&world).await;
    assert_eq!(segments(&node).await, map(&[NAME, POOL]));
    world.label("node-1", "Aux/zone", "a").await;
    let (told, requests) = world.count(segments(&node)).await;
    assert_eq!(told, map(&[NAME, POOL, ("zone", "a")]));
    let mut asked: Vec<String> = requests.iter().map(|one| format!("{}?{}", one.path, one.query)).collect();
    asked.sort();
    assert_eq!(asked, ["/v1/nodes?nodes=node-1", "/v1/view/storage-pools?nodes=node-1&cached=true"]);
}

#[tokio::test]
async fn pools_are_left_out_where_the_operator_says_so() {
    let world = World::start().await;
    let node = Telling { pools: false, ..Telling::new(&world) }.start(&world).await;
    let (told, requests) = world.count(segments(&node)).await;
    assert_eq!((told, requests.len()), (map(&[NAME]), 1));
}

#[tokio::test]
async fn without_linstor_the_last_knowledge_is_told_after_a_restart_too() {
    let world = World::start().await;
    world.label("node-1", "Aux/zone", "a").await;
    let known = map(&[NAME, POOL, ("zone", "a")]);
    let (node, forgetful) =
        (Telling::new(&world).start(&world).await, Telling { file: None, ..Telling::new(&world) }.start(&world).await);
    assert_eq!((segments(&node).await, segments(&forgetful).await), (known.clone(), known.clone()));
    shut(&world);
    assert_eq!((segments(&node).await, segments(&forgetful).await), (known.clone(), known.clone()));
    let restarted = Telling::new(&world).start(&world).await;
    assert_eq!(segments(&restarted).await, known);
    let forgetful = Telling { file: None, ..Telling::new(&world) }.start(&world).await;
    assert_eq!(segments(&forgetful).await, map(&[NAME]));
    world.sandbox.faults().clear();
    world.label("node-1", "Aux/zone", "b").await;
    assert_eq!(segments(&forgetful).await, map(&[NAME, POOL, ("zone", "b")]));
    assert_eq!(segments(&restarted).await, map(&[NAME, POOL, ("zone", "b")]));
}

#[tokio::test]
async fn silence_is_waited_for_in_bounds_and_never_an_error() {
    let world = World::start().await;
    world.sandbox.faults().inject(Matcher::any(), Action::Hang(Moment::Before));
    let linstor = world.impatient_linstor(Duration::from_millis(200));
    let node = Telling { linstor, ..Telling::new(&world) }.start(&world).await;
    assert_eq!(segments(&node).await, map(&[NAME]));
}

#[tokio::test]
async fn a_file_that_is_another_nodes_or_cannot_be_read_or_written_is_passed_over() {
    let world = World::start().await;
    let file = world.folder().join("topology");
    let started = async || Telling::new(&world).start(&world).await;
    shut(&world);
    for text in ["{", r#"{"node": "node-2", "segments": {"zone": "b"}}"#] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(segments(&started().await).await, map(&[NAME]), "{text}");
    }
    std::fs::remove_file(&file).unwrap();
    std::fs::create_dir(&file).unwrap();
    assert_eq!(segments(&started().await).await, map(&[NAME]));
    world.sandbox.faults().clear();
    assert_eq!(segments(&started().await).await, map(&[NAME, POOL]));
}

#[tokio::test]
async fn a_node_that_linstor_does_not_know_yet_is_its_name() {
    let world = World::start().await;
    let mut parts = world.node_parts("node-9", ScriptedHost::new(), AnyDirectory::None);
    parts.topology.file = Some(world.folder().join("topology"));
    let mut node = world.serve_node(parts).await;
    let told = node.node_get_info(NodeGetInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(told.accessible_topology.unwrap().segments, map(&[("linflow.csi/hostname", "node-9")]));
}
