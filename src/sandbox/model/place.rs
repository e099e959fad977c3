//! The autoplacer: which nodes get a replica, and in which of their pools.

use super::Cluster;
use super::fault::{Fault, code};
use super::group::SelectFilter;
use super::name::Key;
use super::node::Node;
use super::pool::Pool;
use super::space::Rooms;
use super::together;
use std::cmp::Reverse;
use std::collections::BTreeSet;

/// What is to be placed.
#[derive(Debug, Clone, Copy)]
pub struct Wish<'a> {
    /// How many replicas are missing.
    pub missing: usize,
    /// How many there shall be in all; LINSTOR repeats it.
    pub total: usize,
    /// Where there are some already.
    pub taken: &'a BTreeSet<Key>,
    /// How large each is, KiB.
    pub size_kib: u64,
    /// The layer stack, in LINSTOR's names.
    pub layers: &'a str,
}

/// A pool on a node.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    /// The node.
    pub node: &'a Node,
    /// One of its pools.
    pub pool: &'a Pool,
}

impl Cluster {
    /// Chooses pools for the replicas that are missing, roomiest first; LINSTOR's complaint where there are too few.
    pub fn choose<'a>(&'a self, filter: &SelectFilter, wish: Wish<'_>) -> Result<Vec<Spot<'a>>, Fault> {
        let taken: Vec<&Node> = wish.taken.iter().filter_map(|key| self.nodes.get(key)).collect();
        together::check_taken(filter, &taken)?;
        let fitting = self.fitting(filter, wish.size_kib, &self.rooms())?;
        let free: Vec<Spot<'a>> =
            fitting.into_iter().filter(|s| !wish.taken.contains(&Key::of(&s.node.name))).collect();
        let chosen = pick(filter, &free, &taken, &[], wish.missing);
        chosen.ok_or_else(|| refuse(filter, wish))
    }

    /// The pools that have room and will do, on nodes that will do, roomiest first.
    pub fn fitting(&self, filter: &SelectFilter, size_kib: u64, rooms: &Rooms<'_>) -> Result<Vec<Spot<'_>>, Fault> {
        let (pools, avoided) = (filter.pools(), self.avoided(filter)?);
        let listed: BTreeSet<Key> = filter.node_name_list.iter().flatten().map(|name| Key::of(name)).collect();
        let nodes = self.nodes.iter().filter(|(key, node)| {
            node.is_online()
                && (listed.is_empty() || listed.contains(key))
                && !avoided.contains(key)
                && together::is_allowed(filter, node)
        });
        let kinds: Vec<&String> = filter.provider_list.iter().flatten().collect();
        let fits = |spot: &Spot<'_>| {
            (pools.is_empty() || pools.contains(&spot.pool.name.to_uppercase()))
                && (kinds.is_empty() || kinds.iter().any(|kind| *kind == spot.pool.kind.name()))
                && rooms.largest_volume_kib(spot.node, spot.pool) >= size_kib
        };
        let spots = nodes.flat_map(|(_, node)| node.pools.iter().map(move |pool| Spot { node, pool }));
        let mut spots: Vec<Spot<'_>> = spots.filter(fits).collect();
        spots.sort_by_key(|spot| Reverse(rooms.largest_volume_kib(spot.node, spot.pool)));
        Ok(spots)
    }

    /// The nodes on which a resource is that must not be near, named or by an expression that fits its whole name.
    fn avoided(&self, filter: &SelectFilter) -> Result<BTreeSet<Key>, Fault> {
        let named = filter.not_place_with_rsc.iter().flatten();
        let mut definitions: Vec<_> = named.filter_map(|name| self.definitions.get(&Key::of(name))).collect();
        if let Some(pattern) = filter.not_place_with_rsc_regex.as_ref().filter(|pattern| !pattern.is_empty()) {
            let whole = regex::bytes::RegexBuilder::new(&format!("^(?:{pattern})$"))
                .case_insensitive(true)
                .unicode(false)
                .build()
                .map_err(|error| Fault::new(code::UNKNOWN, format!("An unknown error occurred: {error}")).reported())?;
            definitions.extend(self.definitions.values().filter(|d| whole.is_match(d.name.as_bytes())));
        }
        Ok(definitions.into_iter().flat_map(|definition| definition.resources.keys().cloned()).collect())
    }
}

/// The first `missing` pools, in order, that go together with each other and with the nodes taken.
fn pick<'a>(
    filter: &SelectFilter,
    free: &[Spot<'a>],
    taken: &[&Node],
    chosen: &[Spot<'a>],
    missing: usize,
) -> Option<Vec<Spot<'a>>> {
    let nodes: Vec<&Node> = taken.iter().copied().chain(chosen.iter().map(|spot| spot.node)).collect();
    if missing == 0 {
        return together::is_whole(filter, &nodes).then(|| chosen.to_vec());
    }
    free.iter().enumerate().find_map(|(at, spot)| {
        // One pool of a node, and no mix of thin and fat.
        let apart = chosen.iter().any(|other| other.node.name == spot.node.name || other.pool.kind != spot.pool.kind);
        if apart || !together::may_join(filter, &nodes, spot.node) {
            return None;
        }
        let longer: Vec<Spot<'a>> = chosen.iter().chain([spot]).copied().collect();
        pick(filter, &free[at + 1..], taken, &longer, missing - 1)
    })
}

/// LINSTOR's complaint: the same for too few nodes and for too small ones.
fn refuse(filter: &SelectFilter, wish: Wish<'_>) -> Fault {
    let pools = filter.storage_pool_list.clone().or_else(|| filter.storage_pool.clone().map(|pool| vec![pool]));
    let pools = pools.map(|pools| format!(" * has a deployed storage pool named [{}]\n", pools.join(", ")));
    let details = format!(
        "Not enough nodes fulfilling the following auto-place criteria:\n{} * the storage pools have to have at least \
         '{}' free space\n * the node is online\n\nAuto-place configuration details:\n   Replica count: {}\n   \
         Additional replica count: {}\n   Layer stack:\n      {}\n",
        pools.unwrap_or_default(),
        wish.size_kib,
        wish.total,
        wish.missing,
        wish.layers,
    );
    Fault::new(code::NOT_ENOUGH_NODES, "Not enough available nodes").detailed(details)
}
