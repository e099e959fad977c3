//! `/healthz` and `/readyz` of each role.

use linflow::sandbox::faults::{Action, Matcher, Moment};

use crate::support::{World, driver::Driver};

const ADMIN: [&str; 2] = ["--admin-listen", "127.0.0.1:0"];
const NODE: [&str; 4] = [ADMIN[0], ADMIN[1], "--node-name", "node-1"];

#[tokio::test]
async fn a_controller_is_ready_while_linstor_answers_and_lives_all_the_same() {
    let world = World::start().await;
    for (role, flags) in [("controller", &ADMIN[..]), ("all", &NODE)] {
        let driver = Driver::start(&world, role, flags).await;
        assert_eq!(driver.page("/readyz").await, (200, "ok\n".to_owned()));
        let faults = world.sandbox.faults();
        faults.inject(Matcher::any(), Action::Drop(Moment::Before));
        let (status, reason) = driver.page("/readyz").await;
        assert_eq!(status, 503);
        assert!(reason.contains("/v1/controller/version") && reason.contains(&world.sandbox.url()), "{reason}");
        assert_eq!(driver.page("/healthz").await.0, 200);
        faults.clear();
        driver.await_page("/readyz", 200, "ok").await;
        driver.kill().await;
    }
}

#[tokio::test]
async fn a_linstor_that_hangs_is_told_within_the_second_of_a_probe() {
    let world = World::start().await;
    let driver = Driver::start(&world, "controller", &ADMIN).await;
    world.sandbox.faults().inject(Matcher::any(), Action::Hang(Moment::Before));
    let answer = tokio::time::timeout(std::time::Duration::from_secs(1), driver.page("/readyz")).await;
    let (status, reason) = answer.expect("a probe is answered within its second");
    assert!(status == 503 && reason.contains("no answer until the deadline"), "{status} {reason}");
}

#[tokio::test]
async fn a_node_is_ready_without_linstor_and_does_not_ask_it() {
    let world = World::start().await;
    let driver = Driver::start(&world, "node", &NODE).await;
    world.sandbox.faults().inject(Matcher::any(), Action::Drop(Moment::Before));
    let (page, asked) = world.count(driver.page("/readyz")).await;
    assert_eq!((page.0, asked.len()), (200, 0));
}
