//! Waiting for a condition.

use std::{future::Future, time::Duration};
use tokio::time::{Instant, sleep};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Asks until there is an answer, with growing pauses; `None` when the deadline has passed without one. Errors end the
/// wait.
pub(super) async fn await_some<T, E, F>(deadline: Instant, mut ask: impl FnMut() -> F) -> Result<Option<T>, E>
where
    F: Future<Output = Result<Option<T>, E>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        if let Some(answer) = ask().await? {
            return Ok(Some(answer));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(None);
        }
        sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test(start_paused = true)]
    async fn the_wait_ends_with_the_answer_or_with_the_deadline() {
        let asked = Cell::new(0);
        let ask = |after: u32| {
            asked.set(asked.get() + 1);
            let answer = (asked.get() > after).then_some(asked.get());
            async move { Ok::<_, ()>(answer) }
        };
        let deadline = Instant::now() + Duration::from_secs(5);
        assert_eq!(await_some(deadline, || ask(3)).await, Ok(Some(4)));
        assert!(Instant::now() < deadline);

        assert_eq!(await_some(deadline, || ask(u32::MAX)).await, Ok(None));
        assert_eq!(Instant::now(), deadline);
    }
}
