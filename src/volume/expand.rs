//! ControllerExpandVolume: a volume grows, and never shrinks.
//!
//! Growing: definition ‖ view, what fits, the new size, and looks until it is there: four requests and the looks. A
//! repeat: definition ‖ view. LINSTOR answers 200 to a growth that no pool can hold and, without DRBD, to a shrink of a
//! mounted volume: neither is ever asked of it.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::{
    Error,
    capacity::default_group,
    id::VolumeId,
    known::{check_claim, check_ours},
    patience::Patience,
    size::{CapacityRange, KIB},
};
use crate::linstor::{
    self, Client, Kind, Object,
    model::{DRBD, DiskState, Resource, ResourceDefinition, SelectFilter, SizeQuery, ViewQuery},
};

/// The volume of a definition: linflow makes one in each.
const VOLUME_NUMBER: u32 = 0;

/// Grows the volume until it is in the range, and waits, at most `patience`, until LINSTOR shows it so on all replicas.
/// Answers its size in bytes: the one it has where that is large enough.
///
/// # Errors
/// `NotFound`, `Foreign`, `Deleting`; `Size` where the range holds no size that is not a shrink; `NoRoomToGrow`;
/// `NotGrown` where a replica is away or behind, or has not grown in time.
pub async fn expand(
    linstor: &Client,
    volume: &VolumeId,
    range: CapacityRange,
    patience: Duration,
) -> Result<u64, Error> {
    let expand = Expand { linstor, volume, until: Instant::now() + patience };
    let seen = expand.look().await?;
    check_claim(linstor, volume, &check_ours(&seen.definition, volume.resource())?).await?;
    let is_kib = seen.definition.size_kib().ok_or_else(|| expand.incomplete("it has no size yet"))?;
    let target_kib = range.grow_kib(is_kib)?;
    if target_kib > is_kib {
        expand.check_replicas(&seen)?;
        expand.check_room(&seen, target_kib - is_kib).await?;
        expand.resize(target_kib).await?;
        expand.await_grown(target_kib, None).await?;
    } else {
        expand.await_grown(target_kib, Some(seen)).await?;
    }
    Ok(target_kib * KIB)
}

/// Could the volume grow to that size as it is, with the resources that are there? Nothing is changed. One request, and
/// one for each further name of a pool.
///
/// # Errors
/// `NotGrown`, `NoRoomToGrow`, `Unfinished`.
pub(super) async fn check_growth(
    linstor: &Client,
    volume: &VolumeId,
    definition: &ResourceDefinition,
    there: &[Resource],
    target_kib: u64,
) -> Result<(), Error> {
    let expand = Expand { linstor, volume, until: Instant::now() };
    let seen = Seen::new(definition.clone(), there.to_vec());
    expand.check_replicas(&seen)?;
    let is_kib = seen.definition.size_kib().unwrap_or_default();
    expand.check_room(&seen, target_kib.saturating_sub(is_kib)).await
}

/// Grows a volume for which [`check_growth`] said yes, and waits until it has that size.
pub(super) async fn grow(linstor: &Client, volume: &VolumeId, target_kib: u64, until: Instant) -> Result<(), Error> {
    let expand = Expand { linstor, volume, until };
    expand.resize(target_kib).await?;
    expand.await_grown(target_kib, None).await
}

/// Waits until a volume that an earlier call may have grown has that size; `there`: its resources as they were just seen.
pub(super) async fn await_size(
    linstor: &Client,
    volume: &VolumeId,
    definition: &ResourceDefinition,
    there: &[Resource],
    size_kib: u64,
    until: Instant,
) -> Result<(), Error> {
    let seen = Seen::new(definition.clone(), there.to_vec());
    Expand { linstor, volume, until }.await_grown(size_kib, Some(seen)).await
}

/// A volume at one moment.
struct Seen {
    definition: ResourceDefinition,
    /// Those with a disk that aren't being deleted.
    replicas: Vec<Resource>,
}

impl Seen {
    fn new(definition: ResourceDefinition, mut there: Vec<Resource>) -> Self {
        there.retain(|replica| !replica.is_diskless() && !replica.is_deleting());
        Self { definition, replicas: there }
    }
}

struct Expand<'a> {
    linstor: &'a Client,
    volume: &'a VolumeId,
    until: Instant,
}

impl Expand<'_> {
    async fn look(&self) -> Result<Seen, Error> {
        let resource = self.volume.resource();
        let query = ViewQuery { resources: vec![resource.clone()], ..ViewQuery::default() };
        let look = async { tokio::try_join!(self.linstor.definition(resource), self.linstor.resources_view(&query)) };
        let (definition, there) = look.await?;
        let definition = definition.ok_or_else(|| Error::NotFound(self.volume.clone()))?;
        check_ours(&definition, resource)?;
        Ok(Seen::new(definition, there))
    }

    /// Every replica must be there and up to date: DRBD refuses to grow else, and without DRBD LINSTOR answers 200 and
    /// leaves a replica small.
    fn check_replicas(&self, seen: &Seen) -> Result<(), Error> {
        if seen.replicas.is_empty() {
            return Err(self.incomplete("it has no replica yet"));
        }
        match seen.replicas.iter().find_map(|replica| Some((replica, hindrance(replica)?))) {
            Some((replica, seen)) => Err(self.not_grown(replica, seen)),
            None => Ok(()),
        }
    }

    /// Does the growth fit into the very pools that the replicas are in? One request for each name of a pool, which is
    /// one as a rule.
    async fn check_room(&self, seen: &Seen, more_kib: u64) -> Result<(), Error> {
        let mut pools: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for replica in &seen.replicas {
            let pool = replica.volume(VOLUME_NUMBER).map_or("", |volume| volume.storage_pool_name.as_str());
            pools.entry(pool).or_default().push(replica.node_name.clone());
        }
        for (pool, nodes) in pools {
            let largest_kib = self.largest_kib(pool, &nodes, &seen.definition).await?;
            if more_kib > largest_kib {
                let (volume, nodes) = (self.volume.clone(), nodes.join(", "));
                return Err(Error::NoRoomToGrow { volume, more_kib, largest_kib, pool: pool.to_owned(), nodes });
            }
        }
        Ok(())
    }

    /// The largest volume that the pool would hold on each of these nodes, over-provisioning counted, as GetCapacity
    /// tells it too.
    async fn largest_kib(&self, pool: &str, nodes: &[String], definition: &ResourceDefinition) -> Result<u64, Error> {
        let filter = SelectFilter {
            place_count: u32::try_from(nodes.len()).ok(),
            node_name_list: nodes.to_vec(),
            storage_pool_list: vec![pool.to_owned()],
            layer_stack: definition.layers().map(str::to_owned).collect(),
            ..SelectFilter::default()
        };
        let query = SizeQuery { select_filter: Some(filter), ..SizeQuery::default() };
        let space = self.linstor.query_size(&default_group(), &query).await?;
        Ok(u64::try_from(space.max_vlm_size_in_kib).unwrap_or_default())
    }

    async fn resize(&self, size_kib: u64) -> Result<(), Error> {
        let resized = self.linstor.resize(self.volume.resource(), VOLUME_NUMBER, size_kib).await;
        resized.map(drop).map_err(|error: linstor::Error| match error.kind() {
            Some(Kind::NotFound(Object::Definition | Object::VolumeDefinition)) => Error::NotFound(self.volume.clone()),
            _ => error.into(),
        })
    }

    /// A 200 proves nothing: looks until the definition and every replica have the size. `seen`: what was just seen.
    async fn await_grown(&self, size_kib: u64, seen: Option<Seen>) -> Result<(), Error> {
        let (mut patience, mut seen) = (Patience::until(self.until), seen);
        loop {
            let now = match seen.take() {
                Some(seen) => seen,
                None => self.look().await?,
            };
            let Some(lacking) = self.lacking(&now, size_kib) else { return Ok(()) };
            if !patience.wait().await {
                return Err(lacking);
            }
        }
    }

    /// What is not as large yet.
    fn lacking(&self, seen: &Seen, size_kib: u64) -> Option<Error> {
        let is_kib = seen.definition.size_kib().unwrap_or_default();
        if is_kib < size_kib {
            return Some(self.incomplete(&format!("it has {is_kib} KiB and is to have {size_kib}")));
        }
        let small = |replica: &Resource| is_growing(replica, size_kib);
        let replica = seen.replicas.iter().find(|replica| small(replica))?;
        Some(self.not_grown(replica, format!("it has not grown to {size_kib} KiB")))
    }

    fn not_grown(&self, replica: &Resource, seen: String) -> Error {
        Error::NotGrown { volume: self.volume.clone(), node: replica.node_name.clone(), seen }
    }

    fn incomplete(&self, seen: &str) -> Error {
        Error::Unfinished { resource: self.volume.resource().clone(), seen: seen.to_owned() }
    }
}

/// Why a replica can't grow now.
fn hindrance(replica: &Resource) -> Option<String> {
    if !replica.is_live() {
        return Some("its satellite does not answer".to_owned());
    }
    let disk = replica.disk_state(VOLUME_NUMBER).filter(|disk| *disk != DiskState::UpToDate)?;
    Some(format!("its disk is {disk}"))
}

/// Is the replica's volume smaller than that, or still being worked on? Without DRBD thin files tell what is allocated
/// instead of their size, so their flags alone count; DRBD's devices are a little larger than asked for.
fn is_growing(replica: &Resource, size_kib: u64) -> bool {
    let Some(volume) = replica.volume(VOLUME_NUMBER) else { return true };
    let is_flagged = volume.flags.iter().any(|flag| flag == "RESIZE" || flag == "DRBD_RESIZE");
    let is_small = || volume.usable_size_kib().is_some_and(|usable| usable < size_kib);
    is_flagged || replica.has_layer(DRBD) && replica.is_live() && is_small()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn replica(layer: &str, usable_kib: u64, flags: &[&str]) -> Resource {
        serde_json::from_value(json!({
            "node_name": "node-1",
            "state": {},
            "layer_object": { "type": layer },
            "volumes": [{
                "volume_number": 0,
                "flags": flags,
                "layer_data_list": [{ "type": layer, "data": { "usable_size_kib": usable_kib } }],
            }],
        }))
        .unwrap()
    }

    /// recordings/linstor-drbd/d08: 135100 for 131072.
    #[test]
    fn a_drbd_device_that_is_a_little_larger_than_asked_has_grown_and_a_smaller_one_has_not() {
        assert!(!is_growing(&replica("DRBD", 135_100, &[]), 131_072));
        assert!(is_growing(&replica("DRBD", 102_340, &[]), 131_072));
        assert!(is_growing(&replica("DRBD", 135_100, &["DRBD_RESIZE"]), 131_072));
    }

    /// recordings/linstor/15_resize: a thin file of 64 MiB says 4476 KiB.
    #[test]
    fn a_thin_file_without_drbd_is_judged_by_its_flags_alone() {
        assert!(!is_growing(&replica("STORAGE", 4476, &[]), 131_072));
        assert!(is_growing(&replica("STORAGE", 4476, &["RESIZE"]), 131_072));
    }

    #[test]
    fn a_replica_without_its_satellite_can_not_grow() {
        let live = replica("STORAGE", 8, &[]);
        assert_eq!(hindrance(&live), None);
        assert!(hindrance(&Resource { state: None, ..live }).is_some());
    }
}
