//! kill -9 of the node plugin while it formats: a real process, and the same call to the next one.

use std::path::Path;

use linflow::sandbox::faults::{Matcher, Moment};

use crate::{
    bench::{Bench, VOLUME, run, with_ext4},
    support::{driver::Driver, soon},
};

/// A `linflow node` process.
async fn plugin(bench: &Bench) -> Driver {
    Driver::start(&bench.world, "node", &["--node-name", crate::bench::NODE]).await
}

/// Stages through a process and kills it at its k-th request, before that was acted on or after; false: there was no
/// such request, and the volume is staged.
async fn stage_cut(bench: &Bench, index: u64, moment: Moment) -> bool {
    let driver = plugin(bench).await;
    let gate = bench.world.sandbox.faults().gate(Matcher::any().skip(index).times(1), moment);
    let mut node = driver.node().await;
    let answered_or_cut = async {
        tokio::select! {
            answer = node.node_stage_volume(bench.stage_request()) => Some(answer),
            () = gate.arrived() => None,
        }
    };
    if let Some(answer) = soon("the stage's answer or its cut", answered_or_cut).await {
        answer.unwrap();
        return false;
    }
    driver.kill().await;
    gate.sever();
    true
}

async fn stages_after_all(bench: &Bench) {
    let next = plugin(bench).await;
    next.node().await.node_stage_volume(bench.stage_request()).await.unwrap();
    assert!(bench.is_mounted());
    assert_eq!(bench.recorded().await.as_ref(), Some(&bench.uuid));
    std::fs::write(bench.staging().join("data"), b"new").unwrap();
    bench.unstage().await;
    assert_eq!(bench.filesystem().await, bench.finished(bench.fs_type()));
    let store = bench.world.store(VOLUME).await.unwrap();
    assert_eq!(store.len(), 3, "an attach record with its mark, the formatted record and nothing else: {store:?}");
}

/// As it was when it was new.
async fn make_blank(bench: &Bench) {
    bench.set_recorded(None).await;
    let size: u64 = run("blockdev", &["--getsize64", bench.device.to_str().unwrap()]).await.parse().unwrap();
    let zeros = vec![0; 1 << 20];
    (0..size / (1 << 20)).for_each(|mebibyte| bench.write_at(mebibyte << 20, &zeros));
}

#[tokio::test]
async fn a_stage_that_is_cut_at_any_of_its_requests_is_completed_by_the_next() {
    with_ext4(|bench| async move {
        for moment in [Moment::Before, Moment::After] {
            let mut cuts = 0;
            while stage_cut(&bench, cuts, moment).await {
                assert!(!bench.is_mounted(), "nothing is mounted before its record is confirmed");
                stages_after_all(&bench).await;
                make_blank(&bench).await;
                cuts += 1;
            }
            assert!(cuts >= 3, "only {cuts} requests were cut {moment:?}: read, write, read back");
            bench.unstage().await;
            make_blank(&bench).await;
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_finished_before_the_kill_is_not_made_again() {
    with_ext4(|bench| async move {
        // The second request is the record's: mkfs and mark are done.
        assert!(stage_cut(&bench, 1, Moment::Before).await);
        assert_eq!((bench.recorded().await, bench.filesystem().await), (None, bench.finished("ext4")));
        leave_a_trace(&bench).await;
        let next = plugin(&bench).await;
        next.node().await.node_stage_volume(bench.stage_request()).await.unwrap();
        assert_eq!(std::fs::read(bench.staging().join("trace")).unwrap(), b"kept");
        assert_eq!(bench.recorded().await.as_ref(), Some(&bench.uuid));
    })
    .await;
}

#[tokio::test]
async fn a_stage_is_finished_after_sigterm_before_the_process_ends() {
    with_ext4(|bench| async move {
        let mut driver = plugin(&bench).await;
        // The second request is the record's: the filesystem is made, and nothing is mounted.
        let gate = bench.world.sandbox.faults().gate(Matcher::any().skip(1).times(1), Moment::Before);
        let (mut node, request) = (driver.node().await, bench.stage_request());
        let call = tokio::spawn(async move { node.node_stage_volume(request).await });
        soon("the held request", gate.arrived()).await;
        driver.terminate();
        driver.await_log("SIGTERM").await;
        assert!(!driver.has_ended() && !bench.is_mounted());
        gate.release();
        call.await.unwrap().unwrap();
        assert!(driver.ended().await.success() && bench.is_mounted());
        assert_eq!(bench.recorded().await.as_ref(), Some(&bench.uuid));
    })
    .await;
}

/// A file that a second mkfs would take away.
async fn leave_a_trace(bench: &Bench) {
    let staging = bench.staging();
    let at = |path: &Path| path.to_str().unwrap().to_owned();
    run("mount", &["-t", "ext4", &at(&bench.device), &at(&staging)]).await;
    std::fs::write(staging.join("trace"), b"kept").unwrap();
    run("umount", &[&at(&staging)]).await;
}
