//! An owner's volume is as large as the largest claim of it asked for.

use tokio::time::Instant;

use crate::linstor::model::{Resource, ResourceDefinition};
use crate::volume::{
    Error,
    create::{Create, Created},
    expand,
    replicas::replicas,
    size::KIB,
};

/// What a claim means for the size of a volume that is there.
pub(super) struct Growth {
    /// KiB that it is to have; none: its size is not known yet.
    target_kib: Option<u64>,
    /// The resources, where they were looked at.
    pub there: Option<Vec<Resource>>,
}

/// What the volume is to grow to, and whether its pools can hold that: a refusal is final, so it comes before the claim
/// is recorded. Two requests where it grows, else none.
pub(super) async fn check(create: &Create<'_>, existing: &ResourceDefinition) -> Result<Growth, Error> {
    let Some(is_kib) = existing.size_kib() else { return Ok(Growth { target_kib: None, there: None }) };
    let target_kib = create.request.range.grow_kib(is_kib)?;
    if target_kib == is_kib {
        return Ok(Growth { target_kib: Some(target_kib), there: None });
    }
    let there = create.view().await?;
    if replicas(&there).next().is_some() {
        expand::check_growth(create.linstor, &create.request.id(), existing, &there, target_kib).await?;
    }
    Ok(Growth { target_kib: Some(target_kib), there: Some(there) })
}

impl Growth {
    /// Grows the volume where that is wanted, and looks until all replicas are as large as it was promised.
    pub async fn grow(
        &self,
        create: &Create<'_>,
        existing: &ResourceDefinition,
        there: &[Resource],
        created: Created,
        until: Instant,
    ) -> Result<Created, Error> {
        let Some(target_kib) = self.target_kib else { return Ok(created) };
        let volume = create.request.id();
        if existing.size_kib() == Some(target_kib) {
            expand::await_size(create.linstor, &volume, existing, there, target_kib, until).await?;
        } else {
            expand::grow(create.linstor, &volume, target_kib, until).await?;
        }
        Ok(Created { bytes: target_kib * KIB, ..created })
    }
}
