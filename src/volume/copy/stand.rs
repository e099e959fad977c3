//! Waiting until a copy stands: what LINSTOR says is looked at, never believed alone.

use super::{Copy, Source, original::layers, pour::inherited, temporary};
use crate::linstor::model::{CloneStatus, DRBD, DiskState, Resource, ResourceDefinition, is_same_name};
use crate::volume::{
    Error,
    create::Created,
    expand,
    patience::Patience,
    replicas::{Stopped, held, missing_clients, plan, replicas},
    size::CapacityRange,
};

/// What an earlier request of this call showed of a copy, so that it need not be asked for again.
#[derive(Default)]
pub(super) struct Seen {
    pub definition: Option<ResourceDefinition>,
    /// All its resources.
    pub there: Option<Vec<Resource>>,
}

/// What a look at a copy came to.
enum Look {
    /// All of it is there, with so many KiB.
    Stands(u64),
    /// Its tags are not its own.
    Tags(ResourceDefinition),
    /// Its layers are others than the class has: these.
    Layers(String),
    /// LINSTOR says that it failed.
    Failed,
    /// Something is not there yet.
    Lacks(String),
}

impl Copy<'_> {
    /// Looks until the copy stands, makes it as large as it is to be, places the replicas that the class wants beside
    /// those that were copied, and removes what is not needed any more.
    pub(super) async fn stand(&self, seen: Seen) -> Result<Created, Error> {
        let (is_kib, mut there) = self.await_standing(seen).await?;
        self.grow(is_kib, &there).await?;
        let wanted = self.wanted(&there).await?;
        if self.complete_beside(&there, wanted).await? {
            there = self.create.view().await?;
        }
        let made = self.create.finish(self.origin.size_kib, &there, wanted).await?;
        match self.source {
            Source::Volume(volume) if !self.is_clone => {
                let (linstor, source, copy) = (self.create.linstor, volume.resource(), self.create.resource);
                match self.is_fresh {
                    true => temporary::remove_known(linstor, source, copy).await?,
                    false => temporary::remove(linstor, source, copy).await?,
                }
            }
            _ => {}
        }
        Ok(made)
    }

    /// Answers the size in KiB and the resources of a copy that stands.
    async fn await_standing(&self, mut seen: Seen) -> Result<(u64, Vec<Resource>), Error> {
        let mut patience = Patience::until(self.until);
        loop {
            let (definition, there, status) = self.look(std::mem::take(&mut seen)).await?;
            let lacking = match self.judge(definition, &there, status) {
                Look::Stands(size_kib) => return Ok((size_kib, there)),
                Look::Tags(definition) => {
                    self.put_back(&definition.props).await?;
                    "its tags were its source's".to_owned()
                }
                Look::Layers(is) => return Err(self.other_layers(is).await),
                Look::Failed => return Err(self.failed().await),
                Look::Lacks(seen) => seen,
            };
            if !patience.wait().await {
                return Err(self.create.unfinished(lacking));
            }
        }
    }

    /// What LINSTOR shows of the copy now, but for what was just seen.
    async fn look(
        &self,
        seen: Seen,
    ) -> Result<(Option<ResourceDefinition>, Vec<Resource>, Option<CloneStatus>), Error> {
        let definition = async {
            match seen.definition {
                Some(definition) => Ok(Some(definition)),
                None => self.create.linstor.definition(self.create.resource).await.map_err(Error::from),
            }
        };
        let there = async {
            match seen.there {
                Some(there) => Ok(there),
                None => self.create.view().await,
            }
        };
        tokio::try_join!(definition, there, self.clone_status())
    }

    async fn clone_status(&self) -> Result<Option<CloneStatus>, Error> {
        if !self.is_clone {
            return Ok(None);
        }
        Ok(self.create.linstor.clone_status(self.source.resource(), self.create.resource).await?)
    }

    fn judge(&self, definition: Option<ResourceDefinition>, there: &[Resource], status: Option<CloneStatus>) -> Look {
        let Some(definition) = definition else { return Look::Lacks("it went away".to_owned()) };
        if definition.is_failed() {
            return Look::Failed;
        } else if definition.is_deleting() {
            return Look::Lacks("it is being deleted".to_owned());
        } else if definition.is_cloning() || status == Some(CloneStatus::Cloning) {
            return Look::Lacks("its bytes are still being copied".to_owned());
        } else if status == Some(CloneStatus::Failed) {
            return Look::Lacks("LINSTOR says that the clone failed, or that a node of it is not ONLINE".to_owned());
        } else if let Some(lacking) = lacking(there, &self.origin.nodes) {
            return Look::Lacks(lacking);
        } else if inherited(&definition.props, &self.properties()) {
            return Look::Tags(definition);
        }
        if let Some(layers) = replicas(there).map(layers).find(|is| *is != self.asked_layers()) {
            return Look::Layers(layers);
        }
        definition.size_kib().map_or_else(|| Look::Lacks("it has no size yet".to_owned()), Look::Stands)
    }

    fn asked_layers(&self) -> String {
        self.create.request.placement.stack().join(",")
    }

    /// A snapshot does not tell its layers, and where its volume's class didn't either, only the copy does: what is to be
    /// encrypted must never be given out without.
    async fn other_layers(&self, is: String) -> Error {
        let (from, field, asked) = (self.source.clone(), "layer list", self.asked_layers());
        if !self.is_fresh {
            return Error::Mismatch { name: self.create.request.name.clone(), field, existing: is, asked };
        }
        match self.take_back().await {
            Ok(()) => Error::Incompatible { from, field, is, asked },
            Err(left) => self.create.unfinished(format!("its layers are {is}, and it could not be taken back: {left}")),
        }
    }

    /// A clone that LINSTOR gave up never stands: it goes, and the caller is told.
    async fn failed(&self) -> Error {
        match self.take_back().await {
            Ok(()) => Error::CopyFailed { resource: self.create.resource.clone(), from: self.source.clone() },
            Err(left) => self.create.unfinished(format!("its clone failed, and could not be taken back: {left}")),
        }
    }

    async fn grow(&self, is_kib: u64, there: &[Resource]) -> Result<(), Error> {
        let is_large = |replica: &Resource| {
            let usable = replica.volume(0).and_then(|volume| volume.usable_size_kib());
            !replica.has_layer(DRBD) || usable.is_none_or(|usable| usable >= self.origin.size_kib)
        };
        if is_kib >= self.origin.size_kib && replicas(there).all(is_large) {
            return Ok(());
        }
        let volume = self.create.resource.clone().into();
        let range = CapacityRange::of_kib(self.origin.size_kib);
        let patience = self.until.saturating_duration_since(tokio::time::Instant::now());
        match expand::expand(self.create.linstor, &volume, range, patience).await {
            Ok(_) => Ok(()),
            Err(full @ Error::NoRoomToGrow { .. }) if self.is_fresh => match self.take_back().await {
                Ok(()) => Err(Error::NoRoomForCopy {
                    from: self.source.clone(),
                    size_kib: self.origin.size_kib,
                    why: full.to_string(),
                }),
                Err(left) => Err(self.create.unfinished(format!("{full}; and it could not be taken back: {left}"))),
            },
            Err(open) => Err(self.create.unfinished(open.to_string())),
        }
    }

    /// How many replicas there are to be: a later ControllerModifyVolume may have asked for fewer.
    async fn wanted(&self, there: &[Resource]) -> Result<u32, Error> {
        let wanted = self.create.wanted();
        if self.is_fresh || held(there).len() >= wanted as usize {
            return Ok(wanted);
        }
        Ok(self.create.ledger(&self.tags).await?.replicas.map_or(wanted, |asked| wanted.min(asked)))
    }

    /// Places what the class wants beside that which was copied: replicas, which are filled over the network, and
    /// diskless resources. Says whether anything was asked for.
    async fn complete_beside(&self, there: &[Resource], wanted: u32) -> Result<bool, Error> {
        let request = self.create.request;
        let placer = self.create.placer(&self.tags, self.origin.size_kib);
        let held = held(there);
        let lacks_replicas = held.len() < wanted as usize;
        if lacks_replicas {
            let attempts = match plan(self.create.linstor, request).await {
                Ok(attempts) => attempts,
                Err(error) => return Err(self.create.unfinished(error.to_string())),
            };
            match placer.place(&attempts, wanted, Some(&held)).await {
                Ok(()) => {}
                Err(Stopped { error, .. }) if self.is_fresh && error.is_no_room() => {
                    return Err(self.undo(error).await);
                }
                Err(Stopped { error, .. }) => return Err(self.create.still_open(error)),
            }
        }
        let lacks_diskless = request.placement.diskless_on_remaining == Some(true) && !there.iter().any(is_client);
        if lacks_diskless && !lacks_replicas {
            placer.place_diskless().await.map_err(|error| self.create.still_open(error))?;
        }
        let lacks_clients = !missing_clients(&request.reach.clients, there).is_empty();
        self.create.ensure_clients(&placer, there).await?;
        Ok(lacks_replicas || lacks_diskless || lacks_clients)
    }
}

fn is_client(one: &Resource) -> bool {
    one.is_diskless() && !one.is_tie_breaker() && !one.is_deleting()
}

/// What a copy lacks to be given out. LINSTOR calls a clone complete while a replica has a quarter of its bytes
/// (recordings/linstor-drbd/d08), so every replica that was copied must say itself that it is up to date. One that was
/// placed beside them may still be filling.
fn lacking(there: &[Resource], nodes: &[String]) -> Option<String> {
    let is_copied = |replica: &&Resource| nodes.iter().any(|node| is_same_name(node, &replica.node_name));
    let copied: Vec<&Resource> = replicas(there).filter(is_copied).collect();
    // LINSTOR may have moved all of them since.
    let copied = if copied.is_empty() { replicas(there).collect() } else { copied };
    if copied.is_empty() {
        return Some("it has no replica yet".to_owned());
    }
    copied.into_iter().find_map(|replica| Some(format!("on {} {}", replica.node_name, hindrance(replica)?)))
}

fn hindrance(replica: &Resource) -> Option<String> {
    let Some(volume) = replica.volume(0) else { return Some("there is no volume yet".to_owned()) };
    if !replica.is_live() {
        Some("the satellite does not answer".to_owned())
    } else if volume.device_path.is_none() {
        Some("there is no device yet".to_owned())
    } else if volume.flags.iter().any(|flag| flag == "CLONING" || flag == "CLONING_START") {
        Some("its bytes are still being copied".to_owned())
    } else if !replica.has_layer(DRBD) {
        None
    } else {
        match volume.disk_state() {
            Some(DiskState::UpToDate) => None,
            Some(disk) => Some(format!("its disk is {disk}")),
            None => Some("its disk is not known".to_owned()),
        }
    }
}
