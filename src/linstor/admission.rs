//! How many requests may be under way at once.
//!
//! LINSTOR's control plane is a single writer: more requests at once only queue there, where they can't be taken back.
//! Here they wait in order of arrival, and one whose deadline passes meanwhile was never sent.

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// The door to LINSTOR.
#[derive(Debug)]
pub(super) struct Admission {
    /// Fair: permits are given in the order in which they were asked for.
    places: Semaphore,
    limit: usize,
}

impl Admission {
    /// Lets `limit` requests in at once, at least one.
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self { places: Semaphore::new(limit), limit }
    }

    /// Waits for a place, which is free again when the permit is dropped. None: the deadline passed first.
    pub(super) async fn enter(&self, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        let place = timeout_at(deadline, self.places.acquire()).await.ok()?;
        Some(place.expect("the semaphore is never closed"))
    }

    /// How many places there are.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(60)
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_whose_deadline_passes_while_it_waits_is_not_let_in() {
        let door = Admission::new(1);
        let _inside = door.enter(soon()).await.unwrap();
        assert!(door.enter(Instant::now() + Duration::from_millis(5)).await.is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_is_free_again_when_the_permit_is_dropped() {
        let door = Admission::new(1);
        drop(door.enter(soon()).await.unwrap());
        assert!(door.enter(soon()).await.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn requests_are_let_in_in_the_order_of_their_arrival() {
        let door = Arc::new(Admission::new(1));
        let order = Arc::new(Mutex::new(Vec::new()));
        let inside = door.enter(soon()).await.unwrap();
        let mut waiting = Vec::new();
        for number in 0..8 {
            let (door, order) = (door.clone(), order.clone());
            waiting.push(tokio::spawn(async move {
                let _inside = door.enter(soon()).await.unwrap();
                order.lock().unwrap().push(number);
            }));
            tokio::task::yield_now().await;
        }
        drop(inside);
        for task in waiting {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn a_limit_of_zero_lets_one_in() {
        assert_eq!(Admission::new(0).limit(), 1);
    }
}
