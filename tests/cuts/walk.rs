//! The walk over the cuts of one call.

use linflow::sandbox::faults::{Matcher, Moment};
use serde_json::Value;
use tonic::{Code, Status};

use crate::{
    state,
    support::{Controller, World, driver::Driver, eventually, soon},
};

/// A call to the controller, with what must stand before it.
pub trait Story {
    /// What the processes that are asked are started with, beside the usual.
    fn flags(&self) -> &[&str] {
        &[]
    }

    /// Brings the cluster to where the call is made, through the world's own controller, and answers the volume's id.
    async fn arrange(&self, world: &World) -> String;

    /// Makes the call.
    async fn act(&self, controller: &Controller, volume: &str) -> Result<(), Status>;
}

/// Cuts the story's call at each of its requests, which are `least` or more, and compares what the repetition leaves
/// with what one clean call leaves. Answers the latter.
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

/// Plays the story on a new cluster, with its call cut at that request and repeated. None: the call had no such
/// request.
async fn play(story: &impl Story, cut: Option<(u64, Moment)>) -> Option<Value> {
    let world = World::start().await;
    let driver = Driver::start(&world, "controller", story.flags()).await;
    let controller = driver.controller(&world).await;
    let volume = story.arrange(&world).await;
    match cut {
        None => story.act(&controller, &volume).await.unwrap(),
        Some((index, moment)) => {
            let gate = world.sandbox.faults().gate(Matcher::any().skip(index).times(1), moment);
            let answered_or_cut = async {
                tokio::select! {
                    answer = story.act(&controller, &volume) => Some(answer),
                    () = gate.arrived() => None,
                }
            };
            if let Some(answer) = soon("the call's answer or its cut", answered_or_cut).await {
                answer.unwrap();
                return None;
            }
            driver.kill().await;
            gate.sever();
            let next = Driver::start(&world, "controller", story.flags()).await;
            repeat(story, &next.controller(&world).await, &volume).await;
        }
    }
    Some(state::of(&world).await)
}

/// Makes the call again, as sidecars do: ABORTED means that the new process itself has just picked up what was pending.
async fn repeat(story: &impl Story, controller: &Controller, volume: &str) {
    let answer = eventually("an answer other than ABORTED", async || match story.act(controller, volume).await {
        Err(status) if status.code() == Code::Aborted => None,
        answer => Some(answer),
    });
    answer.await.unwrap();
}
