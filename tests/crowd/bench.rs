//! How long hundreds of pods of one run take that come at once: `cargo bench --bench crowd [-- PODS CONTROLLERS LATENCY]`.
//! Fails where the claims take longer than a minute.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a bench fails by panicking, in its helpers too")]

mod crowd;
mod sidecar;
#[path = "../support/mod.rs"]
mod support;

use std::{fmt::Display, time::Duration};

use crowd::{Crowd, members};
use linflow::sandbox::latency::Latency;
use sidecar::Wave;
use support::kubernetes::Kubernetes;

/// How long the claims may take.
const LIMIT: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    // cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let number = |at: usize, usual: usize| words.get(at).map_or(usual, |word| word.parse().unwrap());
    let (pods, controllers) = (number(0, 500), number(1, 2));
    let latency = match words.get(2).map_or("storage", String::as_str) {
        "none" => Latency::None,
        "storage" => Latency::Storage,
        "drbd" => Latency::Drbd,
        other => panic!("{other} was not recorded; choose none, storage or drbd"),
    };
    println!("{pods} pods of one run, controllers: {controllers}, latencies of LINSTOR: {latency:?}");
    let (members, kubernetes) = (members(pods), Kubernetes::new());
    kubernetes.put_crowd(&members);
    let directories = (0..controllers).map(|_| kubernetes.directory()).collect();
    let crowd = Crowd::gather(&members, directories, latency).await;
    let claimed = told("claimed", &crowd, crowd.claim().await);
    let ids = claimed.answers;
    assert_eq!(crowd.recorded(&ids[0]).await, pods);
    assert!(claimed.wall < LIMIT, "the claims took {:?}, and are to take less than {LIMIT:?}", claimed.wall);
    told("attached", &crowd, crowd.attach(&ids).await);
    assert_eq!(crowd.attached(&ids[0]).await, pods);
    told("detached", &crowd, crowd.detach(&ids).await);
    told("released", &crowd, crowd.release(&ids).await);
    assert_eq!((crowd.attached(&ids[0]).await, crowd.recorded(&ids[0]).await), (0, 0));
}

/// Prints a wave.
fn told<T>(what: impl Display, crowd: &Crowd, waves: Vec<Wave<T>>) -> Wave<T> {
    let wave = Wave::of_all(waves);
    let requests = crowd.world.sandbox.requests().take().len();
    let each = requests as f64 / wave.answers.len() as f64;
    println!("{what:>8}: {}; {requests} LINSTOR requests, {each:.2} each", wave.figures());
    wave
}
