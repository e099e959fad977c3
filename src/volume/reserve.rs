//! One operation per volume at a time, within this process.
//!
//! An optimisation only: two controllers may serve one cluster, so nothing's safety rests on it (docs/decisions.md,
//! Records). CSI lets a plugin answer ABORTED to a second call for a volume (spec, Concurrency), which the sidecars
//! take as "still running" and repeat.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Mutex as Turn, OwnedMutexGuard},
    time::timeout,
};

use crate::linstor::name::ResourceName;

/// The volumes that are being worked on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Reservations(Arc<Mutex<HashMap<ResourceName, Arc<Turn<()>>>>>);

/// Another operation on the volume is running.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another operation on volume {0} is still running; call again")]
pub struct Busy(ResourceName);

/// The right to work on one volume; dropping it gives it to who waits longest.
#[derive(Debug)]
pub struct Reservation {
    _turn: OwnedMutexGuard<()>,
}

impl Reservations {
    /// Reserves the volume, or says that it is taken.
    pub fn reserve(&self, resource: &ResourceName) -> Result<Reservation, Busy> {
        let turn = self.turn(resource).try_lock_owned();
        turn.map(|turn| Reservation { _turn: turn }).map_err(|_| Busy(resource.clone()))
    }

    /// Reserves all of them, or none and says which is taken.
    pub fn reserve_all(&self, resources: &[ResourceName]) -> Result<Vec<Reservation>, Busy> {
        resources.iter().map(|resource| self.reserve(resource)).collect()
    }

    /// Reserves the volume in the order of the callers, each of whom waits so long at most.
    pub async fn reserve_within(&self, resource: &ResourceName, patience: Duration) -> Result<Reservation, Busy> {
        let turn = timeout(patience, self.turn(resource).lock_owned()).await;
        turn.map(|turn| Reservation { _turn: turn }).map_err(|_| Busy(resource.clone()))
    }

    /// The volume's turn. Those that nobody has and nobody waits for are forgotten.
    fn turn(&self, resource: &ResourceName) -> Arc<Turn<()>> {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| Arc::strong_count(turn) > 1);
        Arc::clone(turns.entry(resource.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_operation_on_a_volume_is_busy_until_the_first_ends() {
        let reservations = Reservations::default();
        let (one, other) = (ResourceName::parse("vol1").unwrap(), ResourceName::parse("vol2").unwrap());
        let first = reservations.reserve(&one).unwrap();
        assert!(reservations.reserve(&one).is_err());
        assert!(reservations.reserve(&other).is_ok());
        drop(first);
        assert!(reservations.reserve(&one).is_ok());
    }

    #[test]
    fn several_are_reserved_together_or_not_at_all() {
        let reservations = Reservations::default();
        let all = ["vol1", "vol2", "vol3"].map(|name| ResourceName::parse(name).unwrap());
        let last = reservations.reserve(&all[2]).unwrap();
        assert!(reservations.reserve_all(&all).is_err());
        drop(last);
        let held = reservations.reserve_all(&all).unwrap();
        assert_eq!((held.len(), reservations.reserve(&all[0]).is_err()), (3, true));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_gets_the_volume_in_order_or_is_told_that_it_is_busy() {
        let (reservations, one) = (Reservations::default(), ResourceName::parse("vol1").unwrap());
        let first = reservations.reserve(&one).unwrap();
        let begun = tokio::time::Instant::now();
        assert!(reservations.reserve_within(&one, Duration::from_secs(3)).await.is_err());
        assert_eq!(begun.elapsed(), Duration::from_secs(3));
        let (order, number) = (Mutex::new(Vec::new()), &reservations);
        let wait = |number_of: usize| {
            let (order, one) = (&order, &one);
            async move {
                let turn = number.reserve_within(one, Duration::from_secs(3)).await;
                order.lock().unwrap().push((number_of, turn.is_ok()));
            }
        };
        tokio::join!(wait(1), wait(2), wait(3), async { drop(first) });
        assert_eq!(*order.lock().unwrap(), [(1, true), (2, true), (3, true)]);
        assert!(reservations.reserve(&one).is_ok());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_a_volume_that_nobody_works_on() {
        let reservations = Reservations::default();
        for number in 0..10 {
            let name = ResourceName::parse(&format!("vol{number}")).unwrap();
            drop(reservations.reserve_within(&name, Duration::from_secs(1)).await.unwrap());
        }
        assert_eq!(reservations.0.lock().unwrap().len(), 1);
    }
}
