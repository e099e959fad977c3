//! CreateVolume of an owner's volume: many claims, one definition.
//!
//! A claim that finds none makes it and is recorded at once: nobody reaps what was never claimed. One that finds it
//! writes itself and looks ([`standing`](super::standing)), for a reaper may be removing it. Whoever comes again
//! completes what a broken call left undone.
//!
//! Fresh: look (or make the group), spawn, record, generation, view: five requests, and one where the first replica's
//! node is named. Another claim: look, record and records ‖ view: four. Again: look, records ‖ view. A process that has not
//! met the volume yet looks at its generation, too, and one that has not met the claim writes it again.
//!
//! A copy is made as any other ([`super::copy`]), and claimed as another's volume when it stands. Until then it is nobody's,
//! and each claim of the owner that asks for the same source may see it through: the one that began it may be gone.

mod claiming;
mod error;
mod fit;
mod fork;
mod generation;
mod growth;
mod known;
pub(super) mod release;

use std::time::Duration;

use tokio::time::Instant;

use super::{Error, claims::owned_name, create::CreateRequest, create::Created, groups::Groups};
use crate::linstor::{Client, model::ResourceDefinition};
use crate::workflow::WorkflowRef;
use claiming::Claiming;
pub use error::OwnedError;
pub use known::Owners;
pub use release::Kept;

/// How many generations one call goes through. More than one is superseded only where each waits for a lost node.
const MOST_STEPS: usize = 8;

/// What came of a claim at one generation.
enum Step {
    /// It has the volume.
    Made(Box<Created>),
    /// Another creator was faster.
    Found(Box<ResourceDefinition>),
    /// Nothing is made of this generation any more; that one is the present one.
    Superseded(u32),
}

/// Makes the owner's volume, or gives the request its claim of it. Waits for what grows or is copied, at most `patience`.
///
/// # Errors
/// Those of [`create`](super::create::create); `OtherTerms` where the volume's data can't be had as it is asked for,
/// `Reaping`, `HeldByRun`, and those of [`expand`](super::expand::expand).
pub(super) async fn create(
    linstor: &Client,
    groups: &Groups,
    owners: &Owners,
    request: &CreateRequest,
    owner: &WorkflowRef,
    patience: Duration,
) -> Result<Created, Error> {
    let until = Instant::now() + patience;
    let is_copy = request.source.is_some() || request.claim.from.is_some();
    let look = async {
        // As for any volume: of a class that this process has not met the spawn itself tells. A copy is not spawned.
        let is_first = !is_copy && !groups.is_known(&request.placement);
        if is_first { Ok(None) } else { generation::latest(linstor, owner).await }
    };
    let (found, placement) = tokio::try_join!(look, groups.heed(linstor, &request.placement))?;
    let request = request.heeding(placement)?;
    let (generation, mut existing) = match found {
        Some((generation, found)) => (generation, Some(found)),
        // Bytes are not copied to a name that may have been given up.
        None if is_copy => (generation::current(linstor, owner).await?, None),
        // Most owners have had no other. Where they had, that is seen before anybody is told of a volume.
        None => (0, None),
    };
    let mut request = CreateRequest { resource: owned_name(owner, generation), ..request };
    for _ in 0..MOST_STEPS {
        let sourced = fork::sourced(linstor, &request, owner, existing.as_ref()).await?;
        let claiming = Claiming { linstor, groups, owners, request: &sourced, owner, until };
        let step = match existing.take() {
            Some(existing) => Box::pin(claiming.join(existing)).await?,
            None => claiming.begin().await?,
        };
        match step {
            // CSI is told of the source that it named, and of no other.
            Step::Made(created) => return Ok(Created { source: request.source, ..*created }),
            Step::Found(found) => existing = Some(*found),
            Step::Superseded(generation) => {
                request.resource = owned_name(owner, generation);
                existing = linstor.definition(&request.resource).await?;
            }
        }
    }
    Err(Error::Deleting(request.resource))
}
