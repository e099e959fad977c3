//! Transport faults and refusals at every request of every verb: the code says whether the matter is over, and the same
//! call again ends it as one clean call would.

use std::time::Duration;

use linflow::sandbox::faults::{Action, Matcher, Moment};
use tonic::Status;

use crate::support::{Controller, World, create, eventually, is_open, publish};

/// More requests than any verb makes.
const MOST: u64 = 7;
/// As many as each verb makes.
const FEWEST: u64 = 3;
/// How long the controller that meets the fault waits for LINSTOR.
const PATIENCE: Duration = Duration::from_millis(200);

/// What a caller may ask for, and what stands before it.
#[derive(Debug, Clone, Copy)]
enum Verb {
    Create,
    CreateNear,
    Delete,
    Publish,
    Unpublish,
    Expand,
    Modify,
}

const VERBS: [Verb; 7] =
    [Verb::Create, Verb::CreateNear, Verb::Delete, Verb::Publish, Verb::Unpublish, Verb::Expand, Verb::Modify];

impl Verb {
    async fn prepare(self, controller: &Controller) {
        if !matches!(self, Self::Create | Self::CreateNear) {
            controller.create(create("data")).await.unwrap();
        }
        if matches!(self, Self::Unpublish) {
            controller.publish(publish("data", "node-3")).await.unwrap();
        }
    }

    async fn call(self, controller: &Controller) -> Result<(), Status> {
        match self {
            Self::Create => controller.create(create("data")).await.map(drop),
            Self::CreateNear => controller.create(create("data").on("node-2")).await.map(drop),
            Self::Delete => controller.delete("data").await,
            Self::Publish => controller.publish(publish("data", "node-3")).await.map(drop),
            Self::Unpublish => controller.unpublish("data", "node-3").await,
            Self::Expand => controller.expand("data", 2 << 30, 0).await.map(drop),
            Self::Modify => controller.modify("data", &[("placementCount", "3"), ("qosReadIops", "500")]).await,
        }
    }
}

/// All that a volume leaves in LINSTOR, without what is random or a time.
#[derive(Debug, PartialEq)]
struct State {
    definition: bool,
    size_kib: Option<u64>,
    limit: Option<String>,
    resources: usize,
    replicas: usize,
    attached: Vec<String>,
    has_store: bool,
}

async fn state(world: &World) -> State {
    let definition = world.definition("data").await;
    State {
        definition: definition.is_some(),
        size_kib: definition.as_ref().and_then(|definition| definition.size_kib()),
        limit: definition.and_then(|definition| definition.props.get("sys/fs/blkio_throttle_read_iops").cloned()),
        resources: world.resources("data").await.len(),
        replicas: world.replicas("data").await.len(),
        attached: world.records("data").await.into_keys().collect(),
        has_store: world.store("data").await.is_some(),
    }
}

/// Runs the verb with the fault at each of its requests in turn, and checks what `broken` says of each failed call.
async fn at_every_request(verb: Verb, fault: &Action, broken: impl AsyncFn(&World, &Status)) {
    let world = World::start().await;
    verb.prepare(&world.controller).await;
    verb.call(&world.controller).await.unwrap();
    let clean = state(&world).await;
    for request in 0..MOST {
        let world = World::start().await;
        verb.prepare(&world.controller).await;
        let controller = world.controller_with(world.impatient_linstor(PATIENCE), PATIENCE).await;
        // The first call of a process asks for LINSTOR's version; here it has been asked.
        eventually("an answer in time", || async { controller.list(0, "").await.ok() }).await;
        world.sandbox.faults().inject(Matcher::prefix("/v1/").skip(request).times(1), fault.clone());
        if let Err(status) = verb.call(&controller).await {
            broken(&world, &status).await;
        }
        let has_hit = world.sandbox.faults().list().iter().any(|rule| rule.hit == 1);
        assert!(has_hit || request >= FEWEST, "{verb:?} made no request number {request}");
        world.sandbox.faults().clear();
        let again = verb.call(&world.controller).await;
        assert!(again.is_ok(), "{verb:?} again after {fault:?} at request {request}: {again:?}");
        assert_eq!(state(&world).await, clean, "{verb:?} after {fault:?} at request {request}");
    }
}

/// Whatever happened on the way, the outcome is not known: the caller must come again.
async fn expect_open_and_repeatable(fault: Action) {
    for verb in VERBS {
        at_every_request(verb, &fault, async |_, status| {
            assert!(is_open(status), "{verb:?} ended with {status:?} after {fault:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn a_lost_request_is_not_final_and_a_repeat_ends_it() {
    expect_open_and_repeatable(Action::Drop(Moment::Before)).await;
}

#[tokio::test]
async fn a_lost_answer_is_not_final_and_a_repeat_ends_it() {
    expect_open_and_repeatable(Action::Drop(Moment::After)).await;
}

#[tokio::test]
async fn peer_weakness_5_a_hang_is_not_final_and_a_repeat_ends_it() {
    expect_open_and_repeatable(Action::Hang(Moment::Before)).await;
}

#[tokio::test]
async fn a_hang_after_the_act_is_not_final_and_a_repeat_ends_it() {
    expect_open_and_repeatable(Action::Hang(Moment::After)).await;
}

#[tokio::test]
async fn an_answer_that_makes_no_sense_is_not_final_and_a_repeat_ends_it() {
    expect_open_and_repeatable(Action::Malformed).await;
}

#[tokio::test]
async fn a_proxys_error_is_not_final_and_a_repeat_ends_it() {
    for at in [Moment::Before, Moment::After] {
        expect_open_and_repeatable(Action::ServerError { status: 502, at }).await;
    }
}

/// A final code after a half-done create would leak a volume, for the provisioner does not come again.
#[tokio::test]
async fn a_refused_create_is_taken_back_or_not_final() {
    // FAIL_NOT_ENOUGH_NODES and FAIL_UNKNOWN_ERROR, in the mask of errors.
    for code in [996, 998] {
        let refusal =
            Action::Refuse { status: 500, ret_code: (-0x4000_0000_0000_0000_i64) | code, message: "no".to_owned() };
        for verb in [Verb::Create, Verb::CreateNear] {
            at_every_request(verb, &refusal, async |world, status| {
                let left = state(world).await;
                let nothing = !left.definition && left.resources == 0 && !left.has_store;
                assert!(is_open(status) || nothing, "{verb:?} ended with {status:?} and left {left:?}");
            })
            .await;
        }
    }
}

#[tokio::test]
async fn an_unreachable_linstor_is_unavailable() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.sandbox.clone().stop().await.unwrap();
    for outcome in [
        world.controller.create(create("other")).await.map(drop),
        world.controller.delete(&volume).await,
        world.controller.publish(publish(&volume, "node-1")).await.map(drop),
        world.controller.unpublish(&volume, "node-1").await,
        world.controller.expand(&volume, 2 << 30, 0).await.map(drop),
        world.controller.modify(&volume, &[("qosReadIops", "500")]).await,
        world.controller.list(0, "").await.map(drop),
        world.controller.capacity(&[], None).await.map(drop),
    ] {
        assert_eq!(outcome.unwrap_err().code(), tonic::Code::Unavailable);
    }
}
