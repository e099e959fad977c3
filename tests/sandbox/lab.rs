//! A cluster of three nodes over an in-memory backing, asked through its REST API.

use axum::body::{Body, to_bytes};
use axum::http::Request;
use linflow::sandbox::bytes::{Backing, ReplicaKey};
use linflow::sandbox::model::{Cluster, Layout, SharedCluster};
use linflow::sandbox::router;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;

/// Replicas as texts.
#[derive(Default)]
pub struct Memory(Mutex<State>);

#[derive(Default)]
struct State {
    bytes: HashMap<ReplicaKey, String>,
    snapshots: HashMap<(ReplicaKey, String), String>,
    via: HashMap<ReplicaKey, ReplicaKey>,
    open: HashSet<ReplicaKey>,
    read_only: HashSet<ReplicaKey>,
}

impl State {
    /// Whose bytes a device shows.
    fn source(&self, key: &ReplicaKey) -> ReplicaKey {
        self.via.get(key).unwrap_or(key).clone()
    }
}

impl Backing for Memory {
    fn create(&self, key: &ReplicaKey, _: u64) -> io::Result<String> {
        self.0.lock().unwrap().bytes.entry(key.clone()).or_default();
        Ok(format!("/dev/memory-{}", key.node))
    }

    fn connect(&self, client: &ReplicaKey, peer: &ReplicaKey) -> io::Result<String> {
        self.0.lock().unwrap().via.insert(client.clone(), peer.clone());
        Ok(format!("/dev/memory-{}", client.node))
    }

    fn grow(&self, _: &ReplicaKey, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, key: &ReplicaKey) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        state.bytes.remove(key);
        state.via.remove(key);
        Ok(())
    }

    fn copy(&self, from: &ReplicaKey, to: &ReplicaKey) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let bytes = state.bytes.get(from).cloned().ok_or(io::ErrorKind::NotFound)?;
        state.bytes.insert(to.clone(), bytes);
        Ok(())
    }

    fn snapshot(&self, key: &ReplicaKey, name: &str) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let bytes = state.bytes.get(key).cloned().ok_or(io::ErrorKind::NotFound)?;
        state.snapshots.insert((key.clone(), name.to_owned()), bytes);
        Ok(())
    }

    fn restore(&self, from: &ReplicaKey, name: &str, to: &ReplicaKey) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        let bytes = state.snapshots.get(&(from.clone(), name.to_owned())).cloned().ok_or(io::ErrorKind::NotFound)?;
        state.bytes.insert(to.clone(), bytes);
        Ok(())
    }

    fn remove_snapshot(&self, key: &ReplicaKey, name: &str) -> io::Result<()> {
        self.0.lock().unwrap().snapshots.remove(&(key.clone(), name.to_owned()));
        Ok(())
    }

    fn is_open(&self, key: &ReplicaKey) -> io::Result<bool> {
        Ok(self.0.lock().unwrap().open.contains(key))
    }

    fn set_open(&self, key: &ReplicaKey, open: bool) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if open && state.read_only.contains(key) {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        if open {
            state.open.insert(key.clone())
        } else {
            state.open.remove(key)
        };
        Ok(())
    }

    fn set_writable(&self, key: &ReplicaKey, writable: bool) -> io::Result<()> {
        let mut state = self.0.lock().unwrap();
        if writable {
            state.read_only.remove(key)
        } else {
            state.read_only.insert(key.clone())
        };
        Ok(())
    }

    fn file(&self, _: &ReplicaKey) -> Option<PathBuf> {
        None
    }

    fn snapshot_file(&self, _: &ReplicaKey, _: &str) -> Option<PathBuf> {
        None
    }

    fn is_real(&self) -> bool {
        false
    }
}

/// The cluster and what holds its bytes.
pub struct Lab {
    pub shared: SharedCluster,
    memory: Arc<Memory>,
}

impl Lab {
    pub fn new() -> Self {
        let memory = Arc::new(Memory::default());
        let nodes = ["node-1", "node-2", "node-3"].map(String::from).into();
        let layout = Layout { nodes, pool: "pool", pool_kib: 1 << 20, state: Path::new("/nowhere") };
        Self { shared: SharedCluster::new(Cluster::new(&layout, memory.clone())), memory }
    }

    /// With a volume `vol` that has replicas on these nodes.
    pub async fn with_volume(nodes: &[&str]) -> Self {
        let lab = Self::new();
        let filter = json!({"place_count": nodes.len(), "node_name_list": nodes});
        let body = json!({"resource_definition_name": "vol", "volume_sizes": [4096], "select_filter": filter});
        let (status, answer) = lab.ask("POST", "/v1/resource-groups/DfltRscGrp/spawn", &body.to_string()).await;
        assert_eq!(status, 201, "{answer}");
        lab
    }

    pub async fn ask(&self, method: &str, uri: &str, body: &str) -> (u16, Value) {
        let request = Request::builder().method(method).uri(uri).body(Body::from(body.to_owned())).unwrap();
        let answer = router(self.shared.clone()).oneshot(request).await.unwrap();
        let status = answer.status().as_u16();
        let bytes = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap())
    }

    pub async fn available(&self, node: &str) {
        let uri = format!("/v1/resource-definitions/vol/resources/{node}/make-available");
        let (status, answer) = self.ask("POST", &uri, "{}").await;
        assert_eq!(status, 200, "{answer}");
    }

    pub async fn resource(&self, node: &str) -> Value {
        let (_, list) = self.ask("GET", &format!("/v1/view/resources?resources=vol&nodes={node}"), "").await;
        list[0].clone()
    }

    pub async fn disk_state(&self, node: &str) -> String {
        self.resource(node).await["volumes"][0]["state"]["disk_state"].as_str().unwrap().to_owned()
    }

    pub async fn quorum(&self) -> String {
        let (_, definition) = self.ask("GET", "/v1/resource-definitions/vol", "").await;
        definition["props"]["DrbdOptions/Resource/quorum"].as_str().unwrap().to_owned()
    }

    fn key(node: &str) -> ReplicaKey {
        ReplicaKey { node: node.into(), resource: "vol".into(), volume: 0 }
    }

    /// A mount, of which the sandbox is not told.
    pub fn open_unseen(&self, node: &str) -> io::Result<()> {
        self.memory.set_open(&Self::key(node), true)
    }

    /// An unmount, of which it is not told.
    pub fn close_unseen(&self, node: &str) {
        self.memory.set_open(&Self::key(node), false).unwrap();
    }

    pub fn open(&self, node: &str) -> io::Result<()> {
        let opened = self.open_unseen(node);
        self.shared.lock().refresh_all().unwrap();
        opened
    }

    pub fn close(&self, node: &str) {
        self.close_unseen(node);
        self.shared.lock().refresh_all().unwrap();
    }

    pub fn write(&self, node: &str, text: &str) {
        let mut state = self.memory.0.lock().unwrap();
        let key = state.source(&Self::key(node));
        state.bytes.insert(key, text.to_owned());
    }

    pub fn read(&self, node: &str) -> String {
        let state = self.memory.0.lock().unwrap();
        state.bytes[&state.source(&Self::key(node))].clone()
    }

    /// What a replica of any resource holds.
    pub fn read_of(&self, resource: &str, node: &str) -> String {
        let state = self.memory.0.lock().unwrap();
        let key = ReplicaKey { node: node.into(), resource: resource.into(), volume: 0 };
        state.bytes[&state.source(&key)].clone()
    }

    /// Freezes a node, noticed at once.
    pub fn freeze(&self, node: &str) {
        let mut cluster = self.shared.lock();
        cluster.freeze_noticed_after = Duration::ZERO;
        cluster.freeze(node).unwrap();
        cluster.refresh_all().unwrap();
    }
}
