//! The restore of a snapshot: a definition with the copy's tags, its volumes, its replicas, and its tags once more.

use super::{
    Copy, Copying, Source, choose,
    original::{Original, missing},
    source::Origin,
    temporary,
};
use crate::linstor::{
    self, Kind, Object,
    model::{NewDefinition, Props},
    name::NodeName,
};
use crate::volume::{
    Error,
    attributes::is_attribute,
    create::{CreateRequest, Created},
    record::{self, Ledger},
    said::Said,
    snapshot::SnapshotId,
    spread::Terms,
};
use crate::workflow::tag;

impl Copying<'_> {
    /// Restores a snapshot to a definition that is not there yet.
    pub(super) async fn restore(
        &self,
        request: &CreateRequest,
        terms: &Terms,
        original: &Original,
        snapshot: &SnapshotId,
    ) -> Result<Created, Error> {
        let (fitting, size_kib) = original.fit(request)?;
        let nodes = choose::choose(self.linstor, original, &fitting, terms).await?;
        let names = nodes.iter().map(ToString::to_string).collect();
        let copy = self.plan(&fitting, original, size_kib, names, false)?;
        self.groups.ensure(self.linstor, &fitting.placement).await?;
        let new = NewDefinition {
            name: self.resource.clone(),
            resource_group_name: fitting.placement.group_name(),
            props: copy.properties(),
        };
        match self.linstor.create_definition(&new).await {
            Ok(_) => {}
            Err(error) => match error.kind() {
                // Another creator was faster.
                Some(Kind::Exists(Object::Definition)) => return self.join(request).await,
                Some(Kind::NotFound(Object::Group)) => {
                    self.groups.forget(&fitting.placement);
                    return Err(copy.create.no_group());
                }
                _ => return Err(error.into()),
            },
        }
        copy.pour(snapshot, &nodes, false, &original.props).await?;
        copy.stand(super::stand::Seen::default()).await
    }

    /// Goes on with what another creator has begun meanwhile.
    pub(super) async fn join(&self, request: &CreateRequest) -> Result<Created, Error> {
        match self.linstor.definition(self.resource).await? {
            // It has its tags since it exists, so this ends.
            Some(existing) => Box::pin(self.resume(request, existing)).await,
            None => Err(Error::Unfinished {
                resource: self.resource.clone(),
                seen: "it appeared and went away again".to_owned(),
            }),
        }
    }
}

impl Copy<'_> {
    /// Fills the definition: the record of its filesystem, its volumes, its replicas, and its own tags again.
    /// `copied`: the properties that LINSTOR puts over the copy's.
    pub(super) async fn pour(
        &self,
        snapshot: &SnapshotId,
        nodes: &[NodeName],
        has_volume: bool,
        copied: &Props,
    ) -> Result<(), Error> {
        let (linstor, to) = (self.create.linstor, self.create.resource);
        let (from, name) = (snapshot.resource(), snapshot.name());
        self.record_formatted().await?;
        if !has_volume {
            let restored = linstor.restore_volume_definitions(from, name, to).await;
            self.check_step(restored, Object::VolumeDefinition).await?;
        }
        let restored = linstor.restore_resources(from, name, to, nodes).await;
        self.check_step(restored, Object::Resource).await?;
        self.put_back(copied).await
    }

    /// Puts the copy's own properties over those that LINSTOR copied from the source.
    pub(super) async fn put_back(&self, copied: &Props) -> Result<(), Error> {
        let properties = self.properties();
        let strays = strays(copied, &properties);
        let changed = self.create.linstor.modify_definition(self.create.resource, &properties, &strays).await;
        changed.map(drop).map_err(|error| self.create.still_open(error))
    }

    /// What is there already, another call has made. After a refusal nothing may be left.
    async fn check_step<T>(&self, step: Result<T, linstor::Error>, made: Object) -> Result<(), Error> {
        match step {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == Some(Kind::Exists(made)) => Ok(()),
            Err(error) => Err(self.undo(error).await),
        }
    }

    /// The snapshot that it is restored from.
    pub(super) fn snapshot(&self) -> SnapshotId {
        match self.source {
            Source::Snapshot(id) => id.clone(),
            Source::Volume(volume) => temporary::id(volume.resource(), self.create.resource),
        }
    }

    /// After a refusal, while nobody was told of the copy: takes it back, so that the answer may be final.
    pub(super) async fn undo(&self, error: linstor::Error) -> Error {
        if error.refusal().is_none() {
            return Error::Linstor(error);
        }
        match self.take_back().await {
            Ok(()) if error.is_no_room() => self.no_room(error),
            Ok(()) => match error.kind() {
                Some(Kind::NoMasterKey) => {
                    Error::NoPassphrase { resource: self.create.resource.clone(), source: error }
                }
                Some(Kind::NotFound(_)) => missing(self.source, "it went away meanwhile"),
                _ => Error::Linstor(error),
            },
            Err(left) => self.create.unfinished(format!("{error}; and it could not be taken back: {left}")),
        }
    }

    /// Removes the definition of this incarnation, unless it was ever attached, and looks that it is gone.
    pub(super) async fn take_back(&self) -> Result<(), Error> {
        let (linstor, resource) = (self.create.linstor, self.create.resource);
        let is_it = |props: &Props| matches!(Origin::read(resource, props), Ok(Some(origin)) if origin.incarnation == self.origin.incarnation);
        let (definition, store) = tokio::try_join!(linstor.definition(resource), linstor.kv(resource))?;
        let Some(definition) = definition.filter(|definition| is_it(&definition.props)) else { return Ok(()) };
        let store = store.unwrap_or_default();
        let mut ledger = Ledger::read(resource.as_str(), &store, &self.origin.incarnation)?;
        // The one record that a copy has before anybody was told of it.
        ledger.formatted = ledger.formatted.filter(|uuid| Some(uuid) != self.origin.formatted.as_ref());
        if ledger != Ledger::default() {
            return Err(self.create.unfinished("it has been used".to_owned()));
        }
        temporary::leave(linstor, resource, &definition.props).await?;
        linstor.delete_definition(resource).await?;
        if linstor.definition(resource).await?.is_some_and(|definition| is_it(&definition.props)) {
            return Err(Error::Deleting(resource.clone()));
        }
        if !store.is_empty() && record::is_ours(&store) {
            linstor.kv_delete(resource).await?;
        }
        Ok(())
    }

    pub(super) fn no_room(&self, source: linstor::Error) -> Error {
        let placement = self.create.request.placement.describe();
        // A copy stands where the bytes are: what would fit over all nodes says nothing about it.
        Error::NoRoom { size_kib: self.origin.size_kib, placement, largest_kib: None, source }
    }
}

/// The namespaces that are linflow's.
const OURS: [&str; 3] = ["Aux/linflow/", "Aux/airflow/", "Aux/csi.storage.k8s.io/"];

/// The properties that a source has and its copy has not: linflow's own, those that the source's class set, and its
/// attributes, which a VolumeAttributesClass may have changed since.
pub(super) fn strays(copied: &Props, own: &Props) -> Vec<String> {
    let of_class = Said::property_keys(copied);
    let is_told = |key: &&String| is_ours(key) || of_class.contains(key) || is_attribute(key);
    copied.keys().filter(is_told).filter(|key| !own.contains_key(*key)).cloned().collect()
}

fn is_ours(key: &str) -> bool {
    OURS.iter().any(|space| key.starts_with(space))
}

/// Does a copy say what is its source's to say: whose it is, and what it was copied from? What its own class set may
/// have been changed since.
pub(super) fn inherited(props: &Props, own: &Props) -> bool {
    let is_told = |key: &String| {
        let tags = [tag::WORKFLOW_ID, tag::REMOTE_ACCESS, tag::CLIENTS, tag::CONFIRM, tag::RETAIN, tag::REAP_UNPROVEN];
        let is_tag = tags.contains(&key.as_str());
        key.starts_with(OURS[1]) || key.starts_with(OURS[2]) || key.starts_with(tag::COPY) || is_tag
    };
    own.iter().filter(|(key, _)| is_ours(key)).any(|(key, value)| props.get(key) != Some(value))
        || props.keys().any(|key| is_told(key) && !own.contains_key(key))
}
