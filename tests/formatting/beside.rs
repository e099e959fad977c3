//! A pod that only reads beside one that writes: two pods of one claim on one node, from the attach to the detach.

use std::{
    fs::{self, File},
    io::Write,
    path::PathBuf,
};

use linflow::csi::proto::{
    ControllerPublishVolumeRequest, NodePublishVolumeRequest, NodeUnpublishVolumeRequest, VolumeCapability,
    volume_capability::{AccessMode, access_mode::Mode},
};
use tonic::{Code, Status};

use crate::{
    bench::{Bench, NODE, VOLUME, with},
    support::{csi, node::pod, publish, refused},
};

const EROFS: i32 = 30;

impl Bench {
    /// Where a pod of that name sees the volume.
    fn seen_by(&self, name: &str) -> PathBuf {
        self.world.folder().join(name)
    }

    fn pod(&self, name: &str, readonly: bool) -> NodePublishVolumeRequest {
        NodePublishVolumeRequest {
            volume_id: VOLUME.to_owned(),
            publish_context: self.context.clone(),
            staging_target_path: self.staging().display().to_string(),
            target_path: self.seen_by(name).display().to_string(),
            volume_capability: Some(self.capability.clone()),
            readonly,
            volume_context: pod("airflow", name, name),
            ..NodePublishVolumeRequest::default()
        }
    }

    async fn start(&self, name: &str, readonly: bool) -> Result<(), Status> {
        self.node.clone().node_publish_volume(self.pod(name, readonly)).await.map(drop)
    }

    async fn end(&self, name: &str) -> Result<(), Status> {
        let target_path = self.seen_by(name).display().to_string();
        let request = NodeUnpublishVolumeRequest { volume_id: VOLUME.to_owned(), target_path };
        self.node.clone().node_unpublish_volume(request).await.map(drop)
    }
}

/// As Kubernetes asks for a ReadWriteOnce claim.
fn read_write_once(fs_type: &str) -> VolumeCapability {
    let access_mode = Some(AccessMode { mode: Mode::SingleNodeMultiWriter.into() });
    VolumeCapability { access_mode, ..csi::mount(fs_type) }
}

async fn attach_for_the_second_pod(bench: &Bench) {
    let again =
        ControllerPublishVolumeRequest { volume_capability: Some(bench.capability.clone()), ..publish(VOLUME, NODE) };
    let controller = &bench.world.controller;
    assert_eq!(controller.publish(again.clone()).await.unwrap(), bench.context);
    let read_only = ControllerPublishVolumeRequest { readonly: true, ..again };
    refused(controller.publish(read_only).await, Code::AlreadyExists);
    bench.stage().await.unwrap();
}

async fn stand_side_by_side(fs_type: &'static str, mib: i64) {
    with(read_write_once(fs_type), mib, |bench| async move {
        bench.stage().await.unwrap();
        bench.start("writer", false).await.unwrap();
        // Open for writing, as a database has it while the other pod comes.
        let mut rows = File::create(bench.seen_by("writer").join("rows")).unwrap();
        attach_for_the_second_pod(&bench).await;
        bench.start("reader", true).await.unwrap();
        rows.write_all(b"one").unwrap();
        assert_eq!(fs::read(bench.seen_by("reader").join("rows")).unwrap(), b"one");
        let refusal = fs::write(bench.seen_by("reader").join("more"), b"x").unwrap_err();
        assert_eq!(refusal.raw_os_error(), Some(EROFS));
        fs::write(bench.staging().join("staged"), b"x").unwrap();
        // Each target keeps its rights, and neither pod's end is the other's.
        refused(bench.start("reader", false).await, Code::AlreadyExists);
        refused(bench.start("writer", true).await, Code::AlreadyExists);
        bench.end("reader").await.unwrap();
        rows.write_all(b", two").unwrap();
        bench.start("reader", true).await.unwrap();
        drop(rows);
        bench.end("writer").await.unwrap();
        assert_eq!(fs::read(bench.seen_by("reader").join("rows")).unwrap(), b"one, two");
        // The writer comes after the reader this time.
        bench.start("writer", false).await.unwrap();
        fs::write(bench.seen_by("writer").join("rows"), b"three").unwrap();
        assert_eq!(fs::read(bench.seen_by("reader").join("rows")).unwrap(), b"three");
        for name in ["writer", "reader"] {
            bench.end(name).await.unwrap();
            assert!(!bench.seen_by(name).exists());
        }
        bench.unstage().await;
        bench.world.controller.unpublish(VOLUME, NODE).await.unwrap();
        assert!(bench.world.records(VOLUME).await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_reading_pod_stands_beside_a_writing_one_on_ext4() {
    stand_side_by_side("ext4", 16).await;
}

#[tokio::test]
async fn a_reading_pod_stands_beside_a_writing_one_on_xfs() {
    stand_side_by_side("xfs", 300).await;
}
