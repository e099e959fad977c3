//! The walk over the cuts of one call.

use linflow::sandbox::faults::{Matcher, Moment};
use serde_json::Value;
use tonic::{Code, Status};

use crate::{
    state,
    support::{Controller, World, driver::Driver},
};

/// A call to the controller, with what must stand before it.
pub trait Story {
    /// Brings the cluster to where the call is made, and answers the volume's id.
    async fn arrange(&self, world: &World, controller: &Controller) -> String;

    /// Makes the call.
    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status>;
}

/// Cuts the story's call at each of its requests, which are `least` or more, and compares what the repetition leaves with what
/// one clean call leaves. Answers the latter.
pub async fn walk(story: &impl Story, least: u64) -> Value {
    let clean = play(story, None).await.expect("nothing is cut");
    for moment in [Moment::Before, Moment::After] {
        let mut cuts = 0;
        while let Some(left) = play(story, Some((cuts, moment))).await {
            assert_eq!(state::differences(&clean, &left), Vec::<String>::new(), "cut {moment:?} request {cuts}");
            cuts += 1;
        }
        assert!(cuts >= least, "only {cuts} requests were cut {moment:?}: the walk has lost its way");
    }
    clean
}

/// Plays the story on a new cluster, with its call cut at that request and repeated. None: the call had no such request.
async fn play(story: &impl Story, cut: Option<(u64, Moment)>) -> Option<Value> {
    let world = World::start().await;
    let driver = Driver::start(&world, "controller", &[]).await;
    let controller = driver.controller(&world).await;
    let volume = story.arrange(&world, &controller).await;
    match cut {
        None => story.act(&controller, &volume).await.unwrap(),
        Some((index, moment)) => {
            let gate = world.sandbox.faults().gate(Matcher::any().skip(index).times(1), moment);
            tokio::select! {
                answer = story.act(&controller, &volume) => {
                    answer.unwrap();
                    return None;
                }
                () = gate.arrived() => {}
            }
            driver.kill().await;
            gate.sever();
            let next = Driver::start(&world, "controller", &[]).await;
            repeat(story, &next.controller(&world).await, &volume).await;
        }
    }
    Some(state::of(&world).await)
}

/// Makes the call again, as sidecars do: ABORTED means that the new process itself has just picked up what was pending.
async fn repeat(story: &impl Story, controller: &Controller, volume: &str) {
    loop {
        match story.act(controller, volume).await {
            Err(status) if status.code() == Code::Aborted => {}
            answer => return answer.unwrap(),
        }
    }
}
