//! Sends what [`super::reaping`] and [`super::keeping`] say.

use std::collections::BTreeSet;

use super::{
    keeping::{Keeping, Kept},
    reaping::{End, Looked, Reaping, Step, Told},
};
use crate::linstor::{Client, name::ResourceName};
use crate::volume::{Error, VolumeId, copy::is_leftover, delete, moment::Moment, standing};
use crate::workflow::{Directory, DirectoryError};

/// Where Kubernetes is asked which volumes its PersistentVolumes name.
pub trait Names: Send + Sync {
    /// The volume handles of all PersistentVolumes of this driver.
    fn names(&self) -> impl Future<Output = Result<BTreeSet<String>, DirectoryError>> + Send;
}

/// A directory, and the driver whose PersistentVolumes count.
#[derive(Debug)]
pub struct Named<'a, D> {
    /// Where to ask.
    pub directory: &'a D,
    /// The driver's name.
    pub driver: &'a str,
}

impl<D: Directory> Names for Named<'_, D> {
    async fn names(&self) -> Result<BTreeSet<String>, DirectoryError> {
        self.directory.handles(self.driver).await
    }
}

/// As a person has it configured; none: nobody is asked, for the person has looked.
impl<N: Names> Names for Option<N> {
    async fn names(&self) -> Result<BTreeSet<String>, DirectoryError> {
        match self {
            Some(names) => names.names().await,
            None => Ok(BTreeSet::new()),
        }
    }
}

/// What stopped a removal; its next step is a look.
#[derive(Debug, thiserror::Error)]
pub enum Halt {
    /// LINSTOR refused, or did not answer.
    #[error(transparent)]
    Volume(#[from] Error),
    /// Kubernetes can't be asked, so nothing goes.
    #[error("{0}; nothing is removed until Kubernetes answers")]
    Directory(#[from] DirectoryError),
}

/// The ids by which these handles name the volume, of whichever claim.
pub fn named(handles: &BTreeSet<String>, resource: &ResourceName) -> BTreeSet<VolumeId> {
    let ids = handles.iter().filter_map(|handle| VolumeId::parse(handle).ok());
    ids.filter(|id| id.resource().as_str() == resource.as_str().to_ascii_lowercase()).collect()
}

/// Goes on with a removal until it ends or halts. After an error it can be gone on with.
pub async fn remove(linstor: &Client, names: &impl Names, reaping: &mut Reaping) -> Result<End, Halt> {
    let resource = reaping.resource().clone();
    let mut last = None;
    loop {
        let outcome = match reaping.step() {
            Step::Look => {
                let looked = look(linstor, names, &resource).await;
                looked.map(|looked| reaping.next(Told::Seen(last.insert(looked))))
            }
            Step::Delete => {
                delete_definition(linstor, &resource, last.as_ref()).await.map(|()| reaping.next(Told::Done))
            }
            change => send(linstor, &resource, change).await.map(|()| reaping.next(Told::Done)),
        };
        match outcome {
            Ok(Some(end)) => return Ok(end),
            Ok(None) => {}
            Err(halt) => {
                reaping.interrupt();
                return Err(halt);
            }
        }
    }
}

/// Keeps a volume that bears a final mark beside a claim.
pub async fn keep(
    linstor: &Client,
    names: &impl Names,
    resource: &ResourceName,
    mut keeping: Keeping,
) -> Result<Kept, Halt> {
    loop {
        let end = match keeping.step() {
            Step::Look => keeping.next(Told::Seen(&look(linstor, names, resource).await?)),
            step => {
                send(linstor, resource, step).await?;
                keeping.next(Told::Done)
            }
        };
        if let Some(kept) = end {
            return Ok(kept);
        }
    }
}

/// PersistentVolumes last: one of a claim that was granted before the mark is seen, and so is its claim.
async fn look(linstor: &Client, names: &impl Names, resource: &ResourceName) -> Result<Looked, Halt> {
    let of_it = std::slice::from_ref(resource);
    let (definition, store) =
        tokio::try_join!(linstor.definition(resource), linstor.kv(resource)).map_err(Error::from)?;
    let mut snapshots = Vec::new();
    for snapshot in linstor.snapshots(of_it).await.map_err(Error::from)? {
        if !is_leftover(linstor, resource, &snapshot).await? {
            snapshots.push(snapshot.name);
        }
    }
    let named = named(&names.names().await?, resource);
    Ok(Looked { now: Moment::now(), definition, store: store.unwrap_or_default(), snapshots, named })
}

async fn delete_definition(linstor: &Client, resource: &ResourceName, last: Option<&Looked>) -> Result<(), Halt> {
    let props = last.and_then(|looked| looked.definition.as_ref()).map(|definition| definition.props.clone());
    delete::remove(linstor, &VolumeId::from(resource.clone()), &props.unwrap_or_default()).await?;
    Ok(())
}

async fn send(linstor: &Client, resource: &ResourceName, step: Step) -> Result<(), Halt> {
    match step {
        Step::Write(change) => standing::write(linstor, resource, &change).await?,
        Step::GiveUp(owner, change) => standing::write(linstor, &owner, &change).await?,
        Step::Forget => {
            linstor.kv_delete(resource).await.map_err(Error::from)?;
        }
        Step::Look | Step::Delete => {}
    }
    Ok(())
}
