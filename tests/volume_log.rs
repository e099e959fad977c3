//! What the verbs of a volume log. In a process of its own, as support/log.rs says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use linflow::sandbox::faults::{Action, Matcher};
use support::{World, create, is_open, log::Log};

/// A warning, by its two highest bits, of the kind of a change to a definition.
const WARNING: i64 = i64::MIN + 1;

/// Such as that limits are passed over where a satellite has control groups of version 2. The volume was made, so that
/// no code can tell.
#[tokio::test]
async fn a_warning_of_linstors_is_logged_whichever_verb_it_answers() {
    let (log, _guard) = Log::catch();
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    let warned = |message: &str| Action::Refuse { status: 200, ret_code: WARNING, message: message.to_owned() };
    for (path, message) in [("/spawn", "no limits when made"), ("/autoplace", "no limits when placed")] {
        world.sandbox.faults().inject(Matcher::contains(path).times(1), warned(message));
    }
    // Nothing was done behind the warning, so that there is nothing to see afterwards.
    let unseen = world.controller.create(create("other").mutable("qosReadIops", "7")).await.unwrap_err();
    assert!(is_open(&unseen), "{unseen:?}");
    let wish = [("qosReadIops", "7"), ("placementCount", "3")];
    world.sandbox.faults().inject(
        Matcher::contains("/resource-definitions/data").method(&axum::http::Method::PUT).times(1),
        warned("no limits when modified"),
    );
    let impatient = world.controller_with(world.linstor(), std::time::Duration::from_millis(100)).await;
    impatient.modify(&volume, &wish).await.unwrap_err();
    for message in ["no limits when made", "no limits when placed", "no limits when modified"] {
        let told = log.lines().into_iter().filter(|line| line.contains("WARN") && line.contains(message));
        assert_eq!(told.count(), 1, "{message}: {:#?}", log.lines());
    }
}
