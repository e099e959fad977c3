//! (a) A finished filesystem of ours is mounted and never wiped; (d) a raw block volume is never written to; (f) what
//! linflow did not make is mounted as it is.

use linflow::csi::proto::NodeStageVolumeRequest;
use tonic::Code;

use crate::{
    bench::{Bench, FOREIGN_UUID, run, with, with_ext4},
    support::{csi, refused},
};

/// Stages, writes a file, unstages.
async fn leave_data(bench: &Bench) {
    bench.stage().await.unwrap();
    std::fs::write(bench.staging().join("data"), b"kept").unwrap();
    bench.unstage().await;
}

async fn finds_its_data(bench: &Bench) {
    bench.stage().await.unwrap();
    assert_eq!(std::fs::read(bench.staging().join("data")).unwrap(), b"kept");
    assert_eq!(bench.recorded().await.as_ref(), Some(&bench.uuid));
    bench.unstage().await;
}

#[tokio::test]
async fn a_recorded_filesystem_is_mounted_with_its_data() {
    with_ext4(|bench| async move {
        leave_data(&bench).await;
        finds_its_data(&bench).await;
    })
    .await;
}

#[tokio::test]
async fn a_recorded_xfs_is_mounted_with_its_data() {
    with(csi::mount("xfs"), 300, |bench| async move {
        leave_data(&bench).await;
        finds_its_data(&bench).await;
    })
    .await;
}

#[tokio::test]
async fn a_finished_filesystem_whose_record_is_missing_is_recorded_and_keeps_its_data() {
    with_ext4(|bench| async move {
        leave_data(&bench).await;
        bench.set_recorded(None).await;
        finds_its_data(&bench).await;
    })
    .await;
}

#[tokio::test]
async fn a_filesystem_that_was_not_unmounted_is_checked_and_keeps_its_data() {
    with_ext4(|bench| async move {
        leave_data(&bench).await;
        let device = bench.device.to_str().unwrap();
        // Without the bit that says "unmounted cleanly".
        run("debugfs", &["-w", "-R", "set_super_value state 0", device]).await;
        finds_its_data(&bench).await;
    })
    .await;
}

#[tokio::test]
async fn a_staged_volume_is_staged_again_without_a_touch() {
    with_ext4(|bench| async move {
        bench.stage().await.unwrap();
        std::fs::write(bench.staging().join("data"), b"kept").unwrap();
        bench.stage().await.unwrap();
        assert_eq!(std::fs::read(bench.staging().join("data")).unwrap(), b"kept");
        bench.unstage().await;
        assert!(!bench.is_mounted(), "the second stage must not mount a second time");
    })
    .await;
}

#[tokio::test]
async fn a_raw_block_volume_is_never_written_to() {
    with(csi::block(), 16, |bench| async move {
        bench.write_at(0, &[0xa5; 8192]);
        for recorded in [None, Some(FOREIGN_UUID.to_owned())] {
            bench.set_recorded(recorded.as_deref()).await;
            let before = bench.checksum();
            bench.stage().await.unwrap();
            assert_eq!(bench.checksum(), before);
            assert_eq!(bench.recorded().await, recorded);
            bench.unstage().await;
            assert_eq!(bench.checksum(), before);
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_pod_wrote_to_a_raw_block_volume_is_never_formatted_away() {
    with(csi::block(), 16, |bench| async move {
        bench.write_at(0, &[0xa5; 8192]);
        let before = bench.checksum();
        let as_filesystem =
            NodeStageVolumeRequest { volume_capability: Some(csi::mount("ext4")), ..bench.stage_request() };
        let message = refused(bench.node.clone().node_stage_volume(as_filesystem).await, Code::FailedPrecondition);
        assert!(message.contains("not formatted by linflow"), "{message}");
        assert_eq!((bench.checksum(), bench.is_mounted()), (before, false));
    })
    .await;
}

/// Stages as a PersistentVolume that was written by hand: nobody knows an fs-uuid.
async fn stage_static(bench: &Bench) -> Result<(), tonic::Status> {
    let mut request = bench.stage_request();
    request.publish_context.remove("linflow.csi/fs-uuid").expect("a created volume has an fs-uuid");
    bench.node.clone().node_stage_volume(request).await.map(drop)
}

#[tokio::test]
async fn a_static_volume_is_mounted_as_it_is() {
    with_ext4(|bench| async move {
        bench.make_ext4(FOREIGN_UUID, false).await;
        stage_static(&bench).await.unwrap();
        assert!(bench.is_mounted());
        assert_eq!(bench.recorded().await, None);
        bench.unstage().await;
        let device = bench.device.to_str().unwrap();
        assert_eq!(run("blkid", &["-p", "-s", "UUID", "-o", "value", device]).await, FOREIGN_UUID);
    })
    .await;
}

#[tokio::test]
async fn a_static_volume_without_a_filesystem_is_never_formatted() {
    with_ext4(|bench| async move {
        for content in [None, Some([0xa5; 4096])] {
            if let Some(bytes) = content {
                bench.write_at(0, &bytes);
            }
            let before = bench.checksum();
            refused(stage_static(&bench).await, Code::FailedPrecondition);
            assert_eq!(bench.checksum(), before);
            assert!(!bench.is_mounted());
        }
    })
    .await;
}
