//! LINSTOR away or confused at stage: kubelet is told to come again, and nothing is lost.

use axum::http::Method;
use linflow::sandbox::faults::{Action, Matcher, Moment};

use crate::{
    bench::{FOREIGN_UUID, VOLUME, with_ext4},
    support::{is_open, soon},
};

fn record_requests(method: &Method) -> Matcher {
    Matcher::prefix(&format!("/v1/key-value-store/{VOLUME}")).method(method)
}

#[tokio::test]
async fn without_an_answer_about_the_record_nothing_is_formatted() {
    with_ext4(|bench| async move {
        let before = bench.checksum();
        let faults = bench.world.sandbox.faults();
        faults.inject(record_requests(&Method::GET), Action::Drop(Moment::Before));
        let status = bench.stage().await.unwrap_err();
        assert!(is_open(&status), "{status}");
        assert_eq!(bench.checksum(), before);
        assert!(!bench.is_mounted());
        faults.clear();
        bench.stage().await.unwrap();
        assert_eq!(bench.recorded().await.as_ref(), Some(&bench.uuid));
    })
    .await;
}

#[tokio::test]
async fn a_record_that_could_not_be_written_is_written_by_the_next_stage_before_the_mount() {
    with_ext4(|bench| async move {
        for moment in [Moment::Before, Moment::After] {
            let faults = bench.world.sandbox.faults();
            faults.inject(record_requests(&Method::PUT), Action::Drop(moment));
            let status = bench.stage().await.unwrap_err();
            assert!(is_open(&status), "{status}");
            assert!(!bench.is_mounted());
            faults.clear();
            // It was finished; a second mkfs would change it.
            assert_eq!(bench.filesystem().await, bench.finished("ext4"));
            bench.stage().await.unwrap();
            assert_eq!(bench.recorded().await.as_ref(), Some(&bench.uuid));
            std::fs::write(bench.staging().join("data"), b"kept").unwrap();
            bench.unstage().await;
            bench.set_recorded(None).await;
        }
        bench.stage().await.unwrap();
        assert_eq!(std::fs::read(bench.staging().join("data")).unwrap(), b"kept");
    })
    .await;
}

#[tokio::test]
async fn a_record_that_reads_back_otherwise_stops_the_mount() {
    with_ext4(|bench| async move {
        for other in [Some(FOREIGN_UUID), None] {
            bench.set_recorded(None).await;
            // The first question comes before the decision, the second after the record was written.
            let gate =
                bench.world.sandbox.faults().gate(record_requests(&Method::GET).skip(1).times(1), Moment::Before);
            let stage = tokio::spawn({
                let bench = bench.clone();
                async move { bench.stage().await }
            });
            soon("the look at the written record", gate.arrived()).await;
            assert_eq!(bench.recorded().await.as_ref(), Some(&bench.uuid));
            bench.set_recorded(other).await;
            gate.release();
            let status = stage.await.unwrap().unwrap_err();
            assert!(status.message().contains(&bench.uuid), "{status}");
            assert!(!bench.is_mounted());
        }
    })
    .await;
}
