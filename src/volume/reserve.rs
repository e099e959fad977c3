//! One operation per volume at a time, within this process.
//!
//! An optimisation only: two controllers may serve one cluster, so nothing's safety rests on it (docs/decisions.md,
//! Records). CSI lets a plugin answer ABORTED to a second call for a volume (spec, Concurrency), which the sidecars
//! take as "still running" and repeat.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use crate::linstor::name::ResourceName;

/// The volumes that are being worked on. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Reservations(Arc<Mutex<HashSet<ResourceName>>>);

/// Another operation on the volume is running.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("another operation on volume {0} is still running; call again")]
pub struct Busy(ResourceName);

/// The right to work on one volume; dropping it gives it back.
#[derive(Debug)]
pub struct Reservation {
    held: Reservations,
    resource: ResourceName,
}

impl Reservations {
    /// Reserves the volume, or says that it is taken.
    pub fn reserve(&self, resource: &ResourceName) -> Result<Reservation, Busy> {
        let is_new = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(resource.clone());
        let reservation = || Reservation { held: self.clone(), resource: resource.clone() };
        if is_new { Ok(reservation()) } else { Err(Busy(resource.clone())) }
    }

    /// Reserves all of them, or none and says which is taken.
    pub fn reserve_all(&self, resources: &[ResourceName]) -> Result<Vec<Reservation>, Busy> {
        resources.iter().map(|resource| self.reserve(resource)).collect()
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.held.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.resource);
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
}
