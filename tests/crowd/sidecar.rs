//! The sidecars that call a controller: so many calls at once, each with a deadline, and again after a pause that doubles.

use std::{
    collections::BTreeMap,
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{sync::Semaphore, task::JoinSet, time::sleep};
use tonic::{Request, Status};

use crate::support::is_open;

/// How a sidecar calls, where nobody tells it otherwise.
#[derive(Clone, Copy)]
pub struct Sidecar {
    /// How many calls it makes at once.
    workers: usize,
    /// How long it waits for an answer.
    deadline: Duration,
}

/// external-provisioner (`--worker-threads`, `--timeout`).
pub const PROVISIONER: Sidecar = Sidecar { workers: 100, deadline: Duration::from_secs(10) };
/// external-attacher.
pub const ATTACHER: Sidecar = Sidecar { workers: 10, deadline: Duration::from_secs(15) };

/// The first pause before a call comes again, and the longest (`--retry-interval-start`, `--retry-interval-max`).
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(300)];

/// What came of many items.
#[derive(Default)]
pub struct Wave<T> {
    /// The answers, as they came.
    pub answers: Vec<T>,
    /// When the last one had come.
    pub wall: Duration,
    /// When each had come, from the begin of all.
    pub served: Vec<Duration>,
    /// How long each call took, those included that had to come again.
    pub calls: Vec<Duration>,
    /// How many calls had to come again, by code.
    pub again: BTreeMap<String, usize>,
}

/// What came of one item: its answer, how long its calls took, and the codes of those that had to come again.
struct Served<T> {
    answer: T,
    calls: Vec<Duration>,
    again: Vec<String>,
}

impl Sidecar {
    /// Calls for each item, by its number, until it is served. A code that ends the matter fails.
    pub async fn serve<T, F, C>(self, items: impl IntoIterator<Item = usize>, call: C) -> Wave<T>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Status>> + Send + 'static,
        C: Fn(usize, Duration) -> F + Clone + Send + Sync + 'static,
    {
        let (begun, workers) = (Instant::now(), Arc::new(Semaphore::new(self.workers)));
        let mut under_way = JoinSet::new();
        for item in items {
            let (workers, call) = (Arc::clone(&workers), call.clone());
            under_way
                .spawn(async move { (self.serve_one(&workers, || call(item, self.deadline)).await, begun.elapsed()) });
        }
        let mut wave = Wave {
            answers: Vec::new(),
            wall: Duration::ZERO,
            served: Vec::new(),
            calls: Vec::new(),
            again: BTreeMap::new(),
        };
        while let Some(served) = under_way.join_next().await {
            let (served, at) = served.unwrap();
            wave.answers.push(served.answer);
            wave.served.push(at);
            wave.calls.extend(served.calls);
            for code in served.again {
                *wave.again.entry(code).or_default() += 1;
            }
        }
        wave.wall = begun.elapsed();
        wave
    }

    async fn serve_one<T, F: Future<Output = Result<T, Status>>>(
        self,
        workers: &Semaphore,
        call: impl Fn() -> F,
    ) -> Served<T> {
        let (mut calls, mut again, [mut pause, longest]) = (Vec::new(), Vec::new(), PAUSES);
        loop {
            let worker = workers.acquire().await.unwrap();
            let begun = Instant::now();
            let answer = call().await;
            calls.push(begun.elapsed());
            drop(worker);
            match answer {
                Ok(answer) => return Served { answer, calls, again },
                Err(status) => {
                    assert!(is_open(&status), "{status:?}");
                    again.push(format!("{:?}", status.code()));
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }
}

impl<T> Wave<T> {
    /// Of several sidecars that worked side by side.
    pub fn of_all(waves: impl IntoIterator<Item = Self>) -> Self {
        waves.into_iter().reduce(Self::beside).unwrap()
    }

    fn beside(mut self, other: Self) -> Self {
        self.answers.extend(other.answers);
        self.wall = self.wall.max(other.wall);
        self.served.extend(other.served);
        self.calls.extend(other.calls);
        for (code, count) in other.again {
            *self.again.entry(code).or_default() += count;
        }
        self
    }

    /// What is printed of it.
    pub fn figures(&self) -> String {
        let [calls_50, calls_99, calls_100] = percentiles(&self.calls);
        let [served_50, served_99, _] = percentiles(&self.served);
        let again: usize = self.again.values().sum();
        format!(
            "{:>5} in {:>6.1} s, half of them in {served_50:.1} s, 99 % in {served_99:.1} s; {} calls of {calls_50:.2} s (p50), \
             {calls_99:.2} s (p99), {calls_100:.2} s at most; {again} came again {:?}",
            self.answers.len(),
            self.wall.as_secs_f64(),
            self.calls.len(),
            self.again,
        )
    }
}

/// The median, that of 99 %, and the longest, in seconds.
fn percentiles(times: &[Duration]) -> [f64; 3] {
    let mut times = times.to_vec();
    times.sort();
    [50, 99, 100].map(|percent| times[(times.len() * percent).div_ceil(100) - 1].as_secs_f64())
}

/// A request with the sidecar's deadline.
pub fn within<T>(deadline: Duration, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}
