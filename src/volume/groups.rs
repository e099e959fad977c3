//! The resource groups that this process knows to exist.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use super::{Error, place::Placement};
use crate::linstor::{Client, model::NewResourceGroup, name::GroupName};

/// Generated groups that LINSTOR has, as far as this process has seen. Cheap to clone.
///
/// Only saves requests: a group that was removed meanwhile makes LINSTOR refuse the spawn, and is forgotten then.
#[derive(Debug, Clone, Default)]
pub struct Groups(Arc<Mutex<HashSet<GroupName>>>);

impl Groups {
    /// Makes the generated group of this placement, where it isn't known to be there. An administrator's group is never
    /// made.
    pub async fn ensure(&self, linstor: &Client, placement: &Placement) -> Result<(), Error> {
        let name = placement.group_name();
        if self.is_known(placement) {
            return Ok(());
        }
        match linstor.create_resource_group(&new_group(placement)).await {
            Ok(_) => {}
            // Its name is a hash of what it holds and it is never modified: one of that name is this one.
            Err(error) if error.is_exists() => {}
            Err(error) => return Err(error.into()),
        }
        self.known().insert(name);
        Ok(())
    }

    /// Need nothing be made? An administrator's group is never made, and a generated one only once.
    pub fn is_known(&self, placement: &Placement) -> bool {
        placement.group.is_some() || self.known().contains(&placement.group_name())
    }

    /// The placement with what an administrator's group says; a generated group says nothing that the placement
    /// doesn't.
    pub async fn heed(&self, linstor: &Client, placement: &Placement) -> Result<Placement, Error> {
        let Some(name) = &placement.group else { return Ok(placement.clone()) };
        let group = linstor.resource_group(name).await?.ok_or_else(|| Error::NoSuchGroup(name.clone()))?;
        Ok(placement.heed(&group))
    }

    /// Forgets a group that LINSTOR said it doesn't have.
    pub fn forget(&self, placement: &Placement) {
        self.known().remove(&placement.group_name());
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashSet<GroupName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn new_group(placement: &Placement) -> NewResourceGroup {
    NewResourceGroup {
        name: placement.group_name(),
        description: placement.describe(),
        props: Default::default(),
        select_filter: placement.filter(),
    }
}
