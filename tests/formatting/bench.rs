//! A volume without DRBD on node-1, attached there: its device, its record, and the Node service that stages it.

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{Read, Seek, SeekFrom, Write},
    path::PathBuf,
    sync::Arc,
};

use linflow::{
    csi::proto::{
        NodeStageVolumeRequest, NodeUnstageVolumeRequest, VolumeCapability, node_client::NodeClient,
        volume_capability::AccessType,
    },
    node::linux::LinuxHost,
    sandbox::BackingKind,
    workflow::AnyDirectory,
};
use serde_json::json;
use sha2::{Digest, Sha256};
use tonic::{Status, transport::Channel};

use crate::support::{
    World,
    bytes::{is_root, mounts_below, put_away_after, say},
    create, csi, publish,
};

pub const VOLUME: &str = "pvc-1";
pub const NODE: &str = "node-1";
/// An identity that no volume has.
pub const FOREIGN_UUID: &str = "11111111-2222-4333-8444-555555555555";

/// The bench of one test.
pub struct Bench {
    pub world: Arc<World>,
    pub node: NodeClient<Channel>,
    pub context: BTreeMap<String, String>,
    pub capability: VolumeCapability,
    pub device: PathBuf,
    /// The volume's fs-uuid; empty for raw block, which has none.
    pub uuid: String,
}

/// Runs a test on a bench with an ext4 volume of 16 MiB.
pub async fn with_ext4<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Arc<Bench>) -> F + Send + 'static) {
    with(csi::mount("ext4"), 16, test).await;
}

/// Runs a test on a bench, and puts away what it leaves mounted and attached, also when it fails.
pub async fn with<F: Future<Output = ()> + Send + 'static>(
    capability: VolumeCapability,
    mib: i64,
    test: impl FnOnce(Arc<Bench>) -> F + Send + 'static,
) {
    on_real_bytes(move |world| async move { test(Arc::new(Bench::set_up(world, capability, mib).await)).await }).await;
}

/// Runs a test on a world with real bytes, and puts away what it leaves mounted and attached, also when it fails.
pub async fn on_real_bytes<F: Future<Output = ()> + Send + 'static>(test: impl FnOnce(Arc<World>) -> F) {
    if !is_root() {
        return say("SKIPPED a formatting state: devices and mounts need root");
    }
    let world = Arc::new(World::start_on(BackingKind::Loop).await);
    put_away_after(world.clone(), test(world)).await;
}

impl Bench {
    async fn set_up(world: Arc<World>, capability: VolumeCapability, mib: i64) -> Self {
        let request = create(VOLUME).mib(mib).storage_alone().on(NODE).capability(capability.clone());
        world.controller.create(request).await.unwrap();
        let mut attach = publish(VOLUME, NODE);
        attach.volume_capability = Some(capability.clone());
        let context = world.controller.publish(attach).await.unwrap();
        let host = LinuxHost::new(world.folder().join("locks"));
        let node = world.node(NODE, host, AnyDirectory::None).await;
        let device = PathBuf::from(&context["linflow.csi/device"]);
        let uuid =
            world.definition(VOLUME).await.unwrap().props.get("Aux/linflow/fs-uuid").cloned().unwrap_or_default();
        let bench = Self { world, node, context, capability, device, uuid };
        std::fs::create_dir(bench.staging()).unwrap();
        bench
    }

    pub fn staging(&self) -> PathBuf {
        self.world.folder().join("staging")
    }

    /// What kubelet sends for NodeStageVolume.
    pub fn stage_request(&self) -> NodeStageVolumeRequest {
        NodeStageVolumeRequest {
            volume_id: VOLUME.to_owned(),
            publish_context: self.context.clone(),
            staging_target_path: self.staging().display().to_string(),
            volume_capability: Some(self.capability.clone()),
            ..NodeStageVolumeRequest::default()
        }
    }

    pub async fn stage(&self) -> Result<(), Status> {
        self.node.clone().node_stage_volume(self.stage_request()).await.map(drop)
    }

    pub async fn unstage(&self) {
        let staging_target_path = self.staging().display().to_string();
        let request = NodeUnstageVolumeRequest { volume_id: VOLUME.to_owned(), staging_target_path };
        self.node.clone().node_unstage_volume(request).await.unwrap();
    }

    /// The `formatted` record.
    pub async fn recorded(&self) -> Option<String> {
        self.world.store(VOLUME).await.unwrap_or_default().get(&self.record_key()).cloned()
    }

    /// Writes or removes the `formatted` record, as an administrator would.
    pub async fn set_recorded(&self, uuid: Option<&str>) {
        let change = match uuid {
            Some(uuid) => json!({ "override_props": { self.record_key(): uuid } }),
            None => json!({ "delete_props": [self.record_key()] }),
        };
        self.world.change("PUT", &format!("/v1/key-value-store/{VOLUME}"), &change).await;
    }

    fn record_key(&self) -> String {
        format!("{}/formatted", self.context["linflow.csi/incarnation"])
    }

    /// Whether something is mounted at the staging path.
    pub fn is_mounted(&self) -> bool {
        mounts_below(self.world.folder()).contains(&self.staging())
    }

    /// A hash of all that is on the device.
    pub fn checksum(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        OpenOptions::new().read(true).open(&self.device).unwrap().read_to_end(&mut bytes).unwrap();
        Sha256::digest(&bytes).to_vec()
    }

    /// Writes bytes to the device, as a former owner of its blocks did.
    pub fn write_at(&self, offset: u64, bytes: &[u8]) {
        let mut device = OpenOptions::new().write(true).open(&self.device).unwrap();
        device.seek(SeekFrom::Start(offset)).unwrap();
        device.write_all(bytes).unwrap();
        device.sync_all().unwrap();
    }

    /// An ext4 filesystem of this identity, with linflow's mark or without.
    pub async fn make_ext4(&self, uuid: &str, is_marked: bool) {
        let label = if is_marked { "linflow" } else { "" };
        run("mkfs.ext4", &["-q", "-F", "-U", uuid, "-L", label, self.device.to_str().unwrap()]).await;
    }

    /// Type, UUID and label of the filesystem on the device.
    pub async fn filesystem(&self) -> [String; 3] {
        let device = self.device.to_str().unwrap();
        let [mut fs_type, mut uuid, mut label] = [const { String::new() }; 3];
        for (tag, found) in [("TYPE", &mut fs_type), ("UUID", &mut uuid), ("LABEL", &mut label)] {
            *found = run("blkid", &["-p", "-s", tag, "-o", "value", device]).await;
        }
        [fs_type, uuid, label]
    }

    /// What [`Self::filesystem`] says of a finished one of ours.
    pub fn finished(&self, fs_type: &str) -> [String; 3] {
        [fs_type.to_owned(), self.uuid.clone(), "linflow".to_owned()]
    }

    /// The filesystem that the capability asks for.
    pub fn fs_type(&self) -> &str {
        match &self.capability.access_type {
            Some(AccessType::Mount(mount)) => &mount.fs_type,
            _ => "",
        }
    }
}

/// Runs a program that must succeed, and tells what it wrote.
pub async fn run(program: &str, arguments: &[&str]) -> String {
    let output = tokio::process::Command::new(program).args(arguments).output().await.unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
