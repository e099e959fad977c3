//! (b) `formatted` unset, and nothing finished of ours on the device: it is wiped and formatted, and recorded before the
//! mount.

use crate::{
    bench::{Bench, FOREIGN_UUID, with, with_ext4},
    support::csi,
};

async fn formats_it(bench: &Bench) {
    assert_eq!(bench.recorded().await, None);
    bench.stage().await.unwrap();
    assert_eq!(bench.filesystem().await, bench.finished(bench.fs_type()));
    assert_eq!(bench.recorded().await.as_ref(), Some(&bench.uuid));
    assert!(bench.is_mounted());
    // Nothing of what was there is to be seen, and it can be written.
    let found: Vec<_> = std::fs::read_dir(bench.staging()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(found.iter().all(|name| name == "lost+found"), "{found:?}");
    std::fs::write(bench.staging().join("data"), b"new").unwrap();
    bench.unstage().await;
    assert!(!bench.is_mounted());
}

#[tokio::test]
async fn a_blank_device_is_formatted_and_recorded() {
    with_ext4(|bench| async move { formats_it(&bench).await }).await;
}

#[tokio::test]
async fn a_blank_device_is_formatted_with_xfs_where_that_is_asked_for() {
    with(csi::mount("xfs"), 300, |bench| async move { formats_it(&bench).await }).await;
}

#[tokio::test]
async fn a_recycled_device_with_someone_elses_filesystem_is_formatted() {
    with_ext4(|bench| async move {
        bench.make_ext4(FOREIGN_UUID, true).await;
        formats_it(&bench).await;
    })
    .await;
}

#[tokio::test]
async fn a_recycled_device_with_data_of_an_unknown_kind_is_formatted() {
    with_ext4(|bench| async move {
        bench.write_at(700, b"whatever was here");
        bench.write_at((16 << 20) - 4096, &[0xa5; 4096]);
        formats_it(&bench).await;
    })
    .await;
}

#[tokio::test]
async fn a_filesystem_of_ours_whose_making_was_never_finished_is_made_anew() {
    with_ext4(|bench| async move {
        bench.make_ext4(&bench.uuid, false).await;
        formats_it(&bench).await;
    })
    .await;
}
