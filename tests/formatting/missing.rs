//! (c) `formatted` set, and no finished filesystem of ours on the device: data is missing, a person must look, nothing
//! is written.

use tonic::Code;

use crate::{
    bench::{Bench, FOREIGN_UUID, with_ext4},
    support::refused,
};

async fn leaves_it(bench: &Bench, recorded: &str) {
    bench.set_recorded(Some(recorded)).await;
    let before = bench.checksum();
    let message = refused(bench.stage().await, Code::FailedPrecondition);
    assert!(message.contains(recorded), "the message must name the filesystem that is missing: {message}");
    assert_eq!(bench.checksum(), before);
    assert!(!bench.is_mounted());
    assert_eq!(bench.recorded().await.as_deref(), Some(recorded));
}

#[tokio::test]
async fn a_blank_device_of_a_recorded_filesystem_is_left_as_it_is() {
    with_ext4(|bench| async move { leaves_it(&bench, &bench.uuid).await }).await;
}

#[tokio::test]
async fn a_foreign_filesystem_in_place_of_a_recorded_one_is_left_as_it_is() {
    with_ext4(|bench| async move {
        bench.make_ext4(FOREIGN_UUID, true).await;
        leaves_it(&bench, &bench.uuid).await;
    })
    .await;
}

#[tokio::test]
async fn data_of_an_unknown_kind_in_place_of_a_recorded_filesystem_is_left_as_it_is() {
    with_ext4(|bench| async move {
        bench.write_at(700, b"whatever is here");
        leaves_it(&bench, &bench.uuid).await;
    })
    .await;
}

#[tokio::test]
async fn a_half_made_filesystem_in_place_of_a_recorded_one_is_left_as_it_is() {
    with_ext4(|bench| async move {
        bench.make_ext4(&bench.uuid, false).await;
        leaves_it(&bench, &bench.uuid).await;
    })
    .await;
}

#[tokio::test]
async fn a_record_of_another_filesystem_stops_everything() {
    with_ext4(|bench| async move {
        leaves_it(&bench, FOREIGN_UUID).await;
        bench.make_ext4(&bench.uuid, true).await;
        leaves_it(&bench, FOREIGN_UUID).await;
    })
    .await;
}

#[tokio::test]
async fn a_finished_filesystem_of_another_type_than_asked_for_is_left_as_it_is() {
    with_ext4(|bench| async move {
        bench.stage().await.unwrap();
        bench.unstage().await;
        let before = bench.checksum();
        let mut request = bench.stage_request();
        request.volume_capability = Some(crate::support::csi::mount("xfs"));
        refused(bench.node.clone().node_stage_volume(request).await, Code::FailedPrecondition);
        assert_eq!(bench.checksum(), before);
        assert!(!bench.is_mounted());
    })
    .await;
}
