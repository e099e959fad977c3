//! Checks of storage pools: their state, their room, and whether two nodes have one of the same name.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, known};
use super::finding::{Finding, Found};
use super::words::{count, list, percent, size};
use crate::linstor::Severity;
use crate::linstor::model::{Node, StoragePool, is_same_name};

/// A pool with less than this is told of, percent.
const LITTLE: u64 = 10;
/// A pool that has promised more than it has, with less than this, percent.
const LITTLE_FOR_PROMISES: u64 = 25;

/// The state and the room of each pool.
pub fn storage_pools(facts: &Facts) -> Found {
    let pools = with_disk(facts)?;
    if pools.is_empty() {
        let todo = "give nodes a pool: linstor storage-pool create lvmthin NODE POOL VG/THIN";
        return Ok(vec![Finding::fail("no node has a storage pool", todo)]);
    }
    let nodes = known(&facts.cluster.nodes)?;
    let promised = promised(facts);
    let of = |pool| promised.as_ref().ok().map(|promised| promised.get(&key(pool)).copied().unwrap_or(0));
    let mut found: Vec<Finding> = pools.into_iter().map(|pool| judge(pool, nodes, of(pool))).collect();
    // Without the volumes, which take LINSTOR longest to tell, the room is still worth a look.
    found.extend(promised.err().map(|finding| finding.about("promises")));
    Ok(found)
}

/// The pools that hold data.
fn with_disk(facts: &Facts) -> Result<Vec<&StoragePool>, Finding> {
    Ok(known(&facts.cluster.pools)?.iter().filter(|pool| !pool.is_diskless()).collect())
}

/// Node and pool, in LINSTOR's sense of the same name.
type Key = (String, String);

fn key(pool: &StoragePool) -> Key {
    (pool.node_name.to_ascii_lowercase(), pool.storage_pool_name.to_ascii_lowercase())
}

/// KiB that the volumes in each pool may grow to by their size.
fn promised(facts: &Facts) -> Result<BTreeMap<Key, u64>, Finding> {
    let definitions = known(&facts.cluster.definitions)?;
    let sizes: BTreeMap<(String, u32), u64> = definitions
        .iter()
        .flat_map(|one| one.volume_definitions.iter().map(move |volume| (one, volume)))
        .map(|(one, volume)| ((one.name.to_ascii_lowercase(), volume.volume_number), volume.size_kib))
        .collect();
    let mut promised = BTreeMap::new();
    for resource in known(&facts.cluster.resources)?.iter().filter(|one| !one.is_diskless()) {
        for volume in &resource.volumes {
            let size = sizes.get(&(resource.name.to_ascii_lowercase(), volume.volume_number)).copied().unwrap_or(0);
            let key = (resource.node_name.to_ascii_lowercase(), volume.storage_pool_name.to_ascii_lowercase());
            *promised.entry(key).or_insert(0) += size;
        }
    }
    Ok(promised)
}

fn judge(pool: &StoragePool, nodes: &[Node], promised: Option<u64>) -> Finding {
    let (node, name) = (&pool.node_name, &pool.storage_pool_name);
    judge_state(pool, nodes).unwrap_or_else(|| judge_room(pool, promised)).about(format!("{name} on {node}"))
}

/// What keeps the pool's room from being known, if anything does.
fn judge_state(pool: &StoragePool, nodes: &[Node]) -> Option<Finding> {
    let is_online = nodes.iter().any(|node| is_same_name(&node.name, &pool.node_name) && node.is_online());
    if !is_online {
        return Some(Finding::skipped("its node is not ONLINE"));
    }
    if let Some(error) = pool.reports.iter().find(|report| report.ret_code.severity() == Severity::Error) {
        let todo = format!("repair it on {}: lvs, vgs, zpool status; then linstor storage-pool list", pool.node_name);
        return Some(Finding::fail(error.message.as_str(), todo));
    }
    match (room(pool.free_capacity), room(pool.total_capacity)) {
        (Some(_), Some(1..)) => None,
        (_, Some(0)) => {
            let todo = format!("look on {} at what the pool is made of: lvs, vgs, zpool list", pool.node_name);
            Some(Finding::fail("it has no size", todo))
        }
        _ => Some(Finding::skipped("its satellite has not told its size yet")),
    }
}

fn room(kib: Option<i64>) -> Option<u64> {
    u64::try_from(kib?).ok()
}

fn judge_room(pool: &StoragePool, promised: Option<u64>) -> Finding {
    let (free, total) = (room(pool.free_capacity).unwrap_or(0), room(pool.total_capacity).unwrap_or(0));
    let (left, share) = (percent(free, total), promised.map(|promised| percent(promised, total)));
    let kind = &pool.provider_kind;
    let promises = share.map_or(String::new(), |share| format!(", {share} % promised"));
    let seen = format!("{kind}, {} of {} free ({left} %){promises}", size(free), size(total));
    let todo = "add disks to the pool, or delete or move volumes; a full thin pool fails the writes of all its volumes";
    if free == 0 {
        Finding::fail(seen, todo)
    } else if left < LITTLE || (share.is_some_and(|share| share > 100) && left < LITTLE_FOR_PROMISES) {
        Finding::warn(seen, todo)
    } else {
        Finding::ok(seen)
    }
}

/// Whether a class can name a pool for two replicas.
pub fn pool_names(facts: &Facts) -> Found {
    let pools = with_disk(facts)?;
    let mut nodes: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for pool in pools {
        nodes.entry(pool.storage_pool_name.to_ascii_lowercase()).or_default().insert(&pool.node_name);
    }
    let all: BTreeSet<&str> = nodes.values().flatten().copied().collect();
    if all.len() < 2 {
        return Err(Finding::skipped(format!("{} with a pool", count(all.len(), "node"))));
    }
    let common: Vec<String> = nodes
        .iter()
        .filter(|(_, nodes)| nodes.len() > 1)
        .map(|(name, nodes)| format!("{name} on {}", count(nodes.len(), "node")))
        .collect();
    if common.is_empty() {
        let names: Vec<&str> = nodes.keys().map(String::as_str).collect();
        let todo = "name the pools alike, or leave storagePool out of classes: one that names a pool finds it on one node only";
        return Ok(vec![Finding::warn(format!("no two nodes have a pool of one name: {}", list(&names)), todo)]);
    }
    Ok(vec![Finding::ok(list(&common))])
}

#[cfg(test)]
mod tests;
