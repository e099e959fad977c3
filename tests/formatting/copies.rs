//! (e) A copy is mounted as what its source was at the copy's moment, beside its source too, and on every node that has
//! a replica of it. Real bytes, and two filesystems of one UUID on one machine.

use std::{fs, path::PathBuf, sync::Arc};

use linflow::{
    csi::proto::{NodeStageVolumeRequest, NodeUnstageVolumeRequest, node_client::NodeClient},
    node::linux::LinuxHost,
    workflow::AnyDirectory,
};
use tonic::transport::Channel;

use crate::{
    bench::on_real_bytes,
    support::{World, create, csi::Create, csi::mount, publish},
};

/// A volume that is attached to a node and staged there.
struct Staged {
    world: Arc<World>,
    node: NodeClient<Channel>,
    volume: String,
    name: String,
    folder: PathBuf,
}

impl Staged {
    async fn on(world: &Arc<World>, volume: &str, name: &str, fs_type: &str) -> Self {
        let mut attach = publish(volume, name);
        attach.volume_capability = Some(mount(fs_type));
        let publish_context = world.controller.publish(attach).await.unwrap();
        // The nodes are one machine, so that they share its locks.
        let node = world.node(name, LinuxHost::new(world.folder().join("locks")), AnyDirectory::None).await;
        let folder = world.folder().join(format!("{volume}-on-{name}"));
        fs::create_dir_all(&folder).unwrap();
        let request = NodeStageVolumeRequest {
            volume_id: volume.to_owned(),
            publish_context,
            staging_target_path: folder.display().to_string(),
            volume_capability: Some(mount(fs_type)),
            ..NodeStageVolumeRequest::default()
        };
        node.clone().node_stage_volume(request).await.unwrap();
        Self { world: Arc::clone(world), node, volume: volume.to_owned(), name: name.to_owned(), folder }
    }

    fn write(&self, text: &str) {
        fs::write(self.folder.join("file"), text).unwrap();
        nix::unistd::sync();
    }

    #[track_caller]
    fn holds(&self, text: &str) {
        assert_eq!(fs::read_to_string(self.folder.join("file")).unwrap(), text);
    }

    async fn leave(mut self) {
        let staging_target_path = self.folder.display().to_string();
        let request = NodeUnstageVolumeRequest { volume_id: self.volume.clone(), staging_target_path };
        self.node.node_unstage_volume(request).await.unwrap();
        self.world.controller.unpublish(&self.volume, &self.name).await.unwrap();
    }
}

/// Copies a volume that is in use, both ways, and reads the copies.
async fn copies_hold_their_moment(world: Arc<World>, fs_type: &'static str, class: fn(Create) -> Create) {
    let mib = if fs_type == "xfs" { 300 } else { 16 };
    let wanted = |name: &str| class(create(name).mib(mib).capability(mount(fs_type)));
    let volume = world.controller.create(wanted("data")).await.unwrap().volume_id;
    let nodes = world.replicas(&volume).await;
    let source = Staged::on(&world, &volume, &nodes[0], fs_type).await;
    source.write("before");
    let snapshot = world.snapshot(&volume, "snap-1").await;
    source.write("after");
    let restored = world.controller.create(wanted("restored").of_snapshot(&snapshot)).await.unwrap().volume_id;
    let clone = world.controller.create(wanted("clone").of_volume(&volume)).await.unwrap().volume_id;
    source.write("later");
    for node in &nodes {
        let (one, other) =
            (Staged::on(&world, &restored, node, fs_type).await, Staged::on(&world, &clone, node, fs_type).await);
        one.holds("before");
        other.holds("after");
        source.holds("later");
        one.leave().await;
        other.leave().await;
    }
    let own = Staged::on(&world, &restored, &nodes[0], fs_type).await;
    own.write("its own");
    source.holds("later");
    own.leave().await;
    source.leave().await;
}

#[tokio::test]
async fn copies_of_ext4_hold_their_moment_on_every_node() {
    on_real_bytes(|world| copies_hold_their_moment(world, "ext4", |class| class)).await;
}

#[tokio::test]
async fn copies_of_xfs_hold_their_moment_on_every_node() {
    on_real_bytes(|world| copies_hold_their_moment(world, "xfs", |class| class)).await;
}

/// LINSTOR can't clone there: a snapshot stands between.
#[tokio::test]
async fn copies_without_drbd_hold_their_moment_where_they_are() {
    on_real_bytes(|world| copies_hold_their_moment(world, "ext4", |class| class.storage_alone().on("node-2"))).await;
}

/// The filesystem is grown when the copy is staged.
#[tokio::test]
async fn a_copy_that_is_larger_than_its_source_has_the_room() {
    on_real_bytes(|world| async move {
        let volume = world.controller.create(create("data").mib(16)).await.unwrap().volume_id;
        let node = world.replicas(&volume).await.remove(0);
        let source = Staged::on(&world, &volume, &node, "ext4").await;
        source.write("kept");
        let copy = world.controller.create(create("copy").mib(96).of_volume(&volume)).await.unwrap().volume_id;
        let larger = Staged::on(&world, &copy, &node, "ext4").await;
        larger.holds("kept");
        fs::write(larger.folder.join("more"), vec![1; 48 << 20]).unwrap();
        larger.leave().await;
        source.leave().await;
    })
    .await;
}

/// Nothing was finished on the source, so the copy is made new and never said to have lost its data.
#[tokio::test]
async fn a_copy_of_what_was_never_formatted_is_formatted_itself() {
    on_real_bytes(|world| async move {
        let volume = world.controller.create(create("data").mib(16)).await.unwrap().volume_id;
        let copy = world.controller.create(create("copy").mib(16).of_volume(&volume)).await.unwrap().volume_id;
        let node = world.replicas(&copy).await.remove(0);
        let staged = Staged::on(&world, &copy, &node, "ext4").await;
        staged.write("new");
        staged.leave().await;
    })
    .await;
}
