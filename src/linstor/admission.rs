//! How many requests may be under way at once.
//!
//! LINSTOR's control plane is a single writer: more requests at once only queue there, where they can't be taken back.
//! Here they wait in order of arrival, and one whose deadline passes meanwhile was never sent.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

/// The door to LINSTOR.
#[derive(Debug)]
pub(super) struct Admission {
    /// Fair: permits are given in the order in which they were asked for.
    places: Semaphore,
    limit: usize,
    waiting: AtomicUsize,
}

/// How busy the way to LINSTOR is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// Requests that wait for their turn.
    pub waiting: usize,
    /// Requests under way.
    pub under_way: usize,
    /// How many may be under way at once.
    pub limit: usize,
}

/// One who waits, for as long as that lasts.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn among(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    /// Lets `limit` requests in at once, at least one.
    pub(super) fn new(limit: usize) -> Self {
        let limit = limit.max(1);
        Self { places: Semaphore::new(limit), limit, waiting: AtomicUsize::new(0) }
    }

    /// Waits for a place, which is free again when the permit is dropped. None: the deadline passed first.
    pub(super) async fn enter(&self, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        let _waiting = Waiting::among(&self.waiting);
        let place = timeout_at(deadline, self.places.acquire()).await.ok()?;
        Some(place.expect("the semaphore is never closed"))
    }

    /// Who waits and who is inside, now.
    pub(super) fn queue(&self) -> Queue {
        let under_way = self.limit.saturating_sub(self.places.available_permits());
        Queue { waiting: self.waiting.load(Ordering::Relaxed), under_way, limit: self.limit }
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
        assert_eq!(Admission::new(0).queue().limit, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_queue_is_counted_and_who_gives_up_leaves_it() {
        let door = Admission::new(2);
        let queue = |waiting, under_way| Queue { waiting, under_way, limit: 2 };
        let first = door.enter(soon()).await.unwrap();
        let _second = door.enter(soon()).await.unwrap();
        let third = door.enter(soon());
        tokio::pin!(third);
        assert!(tokio::time::timeout(Duration::from_millis(1), &mut third).await.is_err());
        assert_eq!(door.queue(), queue(1, 2));
        assert!(door.enter(Instant::now()).await.is_none());
        assert_eq!(door.queue(), queue(1, 2));
        drop(first);
        let _third = third.await.unwrap();
        assert_eq!(door.queue(), queue(0, 2));
    }
}
