//! The snapshot that stands between a volume and its clone where LINSTOR can't clone.
//!
//! It bears the clone's name in a property and not linflow's driver tag, so no list of snapshots shows it and no caller
//! can delete it. It goes when the clone stands, with the clone, or with its source.

use super::{
    original::{Original, missing, not_ready, was_cloned},
    source::{Origin, Source},
};
use crate::linstor::{
    Client, Kind, Object,
    model::{NewSnapshot, Props, Snapshot, ViewQuery, is_same_name},
    name::{ResourceName, SnapshotName},
};
use crate::volume::{Error, filesystem::FsUuid, id::short_hash, snapshot::SnapshotId};
use crate::workflow::tag::{FORMATTED, INTERNAL};

/// What begins its name. No snapshot of a caller's can: what begins with `lf-` is hashed.
const NAME: &str = "lf-copy-";

/// The snapshot for a clone of that name.
pub(super) fn id(source: &ResourceName, copy: &ResourceName) -> SnapshotId {
    let name = SnapshotName::parse(&format!("{NAME}{}", short_hash(copy.as_str())));
    SnapshotId::new(source.clone(), name.expect("lf-copy- and 32 hex digits make a snapshot's name"))
}

/// Takes the snapshot, or finds that an earlier call has. One request.
pub(super) async fn take(linstor: &Client, original: &Original, copy: &ResourceName) -> Result<(), Error> {
    let id = id(original.source.resource(), copy);
    let formatted = original.formatted.iter().map(|uuid| (FORMATTED.to_owned(), uuid.to_string()));
    let props = [(INTERNAL.to_owned(), copy.to_string())].into_iter().chain(formatted).collect();
    let new = NewSnapshot { resource_name: id.resource().clone(), name: id.name().clone(), props };
    match linstor.take_snapshots(&[new]).await {
        Ok(_) => Ok(()),
        Err(error) => match error.kind() {
            Some(Kind::Exists(_) | Kind::HasSnapshots) => Ok(()),
            Some(Kind::NotFound(Object::Definition)) => Err(missing(&original.source, "it does not exist in LINSTOR")),
            Some(Kind::NotConnected | Kind::NotAllUpToDate | Kind::Other(_)) => {
                Err(not_ready(&original.source, error.to_string()))
            }
            _ => Err(error.into()),
        },
    }
}

/// What such a snapshot says of the filesystem; an error where it is none of these.
pub(super) fn formatted(snapshot: &Snapshot) -> Result<Option<FsUuid>, String> {
    if !snapshot.props.contains_key(INTERNAL) {
        return Err(format!("snapshot {} is in the way and not linflow's; remove it", snapshot.name));
    }
    let formatted = snapshot.props.get(FORMATTED).map(|uuid| FsUuid::parse(uuid)).transpose();
    formatted.map_err(|error| format!("its snapshot's property {FORMATTED} is unreadable: {error}"))
}

/// Removes the snapshot of a clone, which the caller has seen. One request.
pub(super) async fn remove_known(linstor: &Client, source: &ResourceName, copy: &ResourceName) -> Result<(), Error> {
    linstor.delete_snapshot(source, id(source, copy).name()).await?;
    Ok(())
}

/// Removes the snapshot of a clone, if it is there. Two requests, or one where it isn't.
pub(super) async fn remove(linstor: &Client, source: &ResourceName, copy: &ResourceName) -> Result<(), Error> {
    let id = id(source, copy);
    let all = linstor.snapshots(std::slice::from_ref(source)).await?;
    // LINSTOR writes an error report when it is asked to delete what isn't there.
    let is_it = |snapshot: &Snapshot| is_same_name(&snapshot.name, id.name().as_str()) && is_internal(&snapshot.props);
    if all.iter().any(is_it) {
        linstor.delete_snapshot(source, id.name()).await?;
    }
    Ok(())
}

fn is_internal(props: &Props) -> bool {
    props.contains_key(INTERNAL)
}

/// Before a volume's definition goes: the snapshot that was taken for it goes first, so that whoever comes again after a
/// cut still knows where it is.
pub(in crate::volume) async fn leave(linstor: &Client, copy: &ResourceName, props: &Props) -> Result<(), Error> {
    match Origin::read(copy, props)?.map(|origin| origin.source) {
        Some(Source::Volume(volume))
            if !props.get("cloned-from").is_some_and(|from| is_same_name(from, volume.resource().as_str())) =>
        {
            remove(linstor, volume.resource(), copy).await
        }
        _ => Ok(()),
    }
}

/// Where snapshots keep a volume from being deleted: removes those of clones that stand, or are gone. Says whether any
/// was removed.
pub(in crate::volume) async fn sweep(linstor: &Client, source: &ResourceName) -> Result<bool, Error> {
    let mut swept = false;
    for snapshot in linstor.snapshots(std::slice::from_ref(source)).await? {
        if is_leftover(linstor, source, &snapshot).await? {
            linstor.delete_snapshot(source, &SnapshotName::parse(&snapshot.name)?).await?;
            swept = true;
        }
    }
    Ok(swept)
}

/// Was the snapshot taken for a clone that does not need it any more? It goes with its source then, and keeps it from
/// nothing. No request where it is another, else two at most.
///
/// # Errors
/// Those of LINSTOR; [`Error::Origin`].
pub async fn is_leftover(linstor: &Client, source: &ResourceName, snapshot: &Snapshot) -> Result<bool, Error> {
    let copy = snapshot.props.get(INTERNAL).and_then(|copy| ResourceName::parse(copy).ok());
    match copy.filter(|copy| is_same_name(&snapshot.name, id(source, copy).name().as_str())) {
        Some(copy) => Ok(!is_needed(linstor, source, &copy).await?),
        None => Ok(false),
    }
}

/// Is there a clone that was begun and has no replica yet?
async fn is_needed(linstor: &Client, source: &ResourceName, copy: &ResourceName) -> Result<bool, Error> {
    let Some(definition) = linstor.definition(copy).await? else { return Ok(false) };
    let is_source = |source_of: &Source| matches!(source_of, Source::Volume(volume) if volume.resource() == source);
    match Origin::read(copy, &definition.props)? {
        Some(origin) if is_source(&origin.source) && !was_cloned(&definition, &origin.source) => {
            let query = ViewQuery { resources: vec![copy.clone()], ..ViewQuery::default() };
            Ok(linstor.resources_view(&query).await?.is_empty())
        }
        _ => Ok(false),
    }
}
