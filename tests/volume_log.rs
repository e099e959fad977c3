//! What the verbs of a volume log. In a process of its own, as support/log.rs says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod support;

use linflow::{
    node::scripted::ScriptedHost,
    sandbox::faults::{Action, Matcher},
    workflow::Testimony,
};
use support::{
    World,
    claims::{Owned, Pods, RUN},
    create, is_open,
    log::Log,
    node::{OnNode, pod},
    witness::{Scripted, contradicted, unknown},
};

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

/// The line of a permit says whether a witness stands behind it, and what the witness denies is told at the pod.
#[tokio::test]
async fn who_confirmed_a_pod_is_logged_and_what_a_witness_denies_becomes_an_event() {
    let (log, _guard) = Log::catch();
    let (world, pods, witness) = (World::start().await, Pods::none(), Scripted::new(Testimony::Silent));
    pods.put("try-1", "manual__1", "Running");
    let owned = Owned::make(&world, create("data").mib(64).on("node-1"), RUN).await;
    let host = ScriptedHost::new();
    let on_node = OnNode::attach_with(&world, &owned.first, "node-1", host, pods.directory(), |parts| {
        parts.witness = witness.clone();
    });
    let on_node = on_node.await;
    on_node.stage().await.unwrap();
    let denied = ["WARN", "pod denied", "rule=witnessed", "Airflow says that the task has ended"];
    let waiting = ["WARN", "pod denied", "rule=witnessed", "Airflow does not answer"];
    for (says, words, is_told) in [
        (Testimony::Silent, &["INFO", "pod permitted", "rule=owner"][..], false),
        (Testimony::Confirmed, &["INFO", "pod permitted", "rule=witnessed"], false),
        (unknown(), &waiting, false),
        (contradicted(), &denied, true),
    ] {
        witness.will_say(says);
        let before = log.lines().len();
        // What comes of it is tests/witness.rs's to see.
        let _ = on_node.publish(&pod("airflow", "try-1", "uid-try-1")).await;
        let lines = log.lines().split_off(before);
        let is_said = |line: &String| words.iter().all(|word| line.contains(word));
        assert_eq!(lines.iter().filter(|line| is_said(line)).count(), 1, "{words:?}: {lines:#?}");
        assert_eq!(lines.iter().any(|line| line.contains("VolumeRefused")), is_told, "{lines:#?}");
    }
}
