//! The autoplacer: which nodes get a replica.

use super::Cluster;
use super::fault::{Fault, code};
use super::group::SelectFilter;
use super::name::Key;
use super::node::Node;
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

impl Cluster {
    /// Chooses nodes for the replicas that are missing, roomiest first; LINSTOR's complaint where there are too few.
    pub fn choose_nodes(&self, filter: &SelectFilter, wish: Wish<'_>) -> Result<Vec<Key>, Fault> {
        let fitting: Vec<&Node> = self.fitting(filter, wish.size_kib).collect();
        let taken: Vec<&Node> = wish.taken.iter().filter_map(|key| self.nodes.get(key)).collect();
        let free: Vec<&Node> = fitting.into_iter().filter(|n| !wish.taken.contains(&Key::of(&n.name))).collect();
        let chosen = pick(filter, &free, taken, wish.missing);
        chosen.map(|nodes| nodes.iter().map(|node| Key::of(&node.name)).collect()).ok_or_else(|| refuse(filter, wish))
    }

    /// The nodes that have room and a pool that will do, roomiest first.
    pub fn fitting(&self, filter: &SelectFilter, size_kib: u64) -> impl Iterator<Item = &Node> {
        let (pools, avoided) = (filter.pools(), self.avoided(filter));
        let listed: Option<BTreeSet<Key>> = filter
            .node_name_list
            .as_ref()
            .filter(|l| !l.is_empty())
            .map(|list| list.iter().map(|n| Key::of(n)).collect());
        let kinds = filter.provider_list.clone().unwrap_or_default();
        let mut nodes: Vec<_> = self
            .nodes
            .iter()
            .filter(|(key, node)| {
                node.is_online()
                    && (pools.is_empty() || pools.contains(&node.pool.name.to_uppercase()))
                    && listed.as_ref().is_none_or(|list| list.contains(key))
                    && (kinds.is_empty() || kinds.iter().any(|kind| kind == "FILE_THIN"))
                    && !avoided.contains(key)
                    && self.largest_volume_kib(node) >= size_kib
            })
            .map(|(_, node)| (std::cmp::Reverse(self.largest_volume_kib(node)), node))
            .collect();
        nodes.sort_by_key(|(room, _)| *room);
        nodes.into_iter().map(|(_, node)| node)
    }

    /// The nodes on which a resource is that must not be near.
    fn avoided(&self, filter: &SelectFilter) -> BTreeSet<Key> {
        let named = filter.not_place_with_rsc.iter().flatten().chain(&filter.not_place_with_rsc_regex);
        let definitions = named.filter_map(|name| self.definitions.get(&Key::of(name)));
        definitions.flat_map(|definition| definition.resources.keys().cloned()).collect()
    }
}

/// The first `missing` nodes, in order, that go together with each other and with those taken.
fn pick<'a>(filter: &SelectFilter, free: &[&'a Node], taken: Vec<&'a Node>, missing: usize) -> Option<Vec<&'a Node>> {
    if missing == 0 {
        return Some(Vec::new());
    }
    free.iter().enumerate().find_map(|(at, node)| {
        let mut together = taken.clone();
        together.push(*node);
        if !go_together(filter, &together) {
            return None;
        }
        let mut rest = pick(filter, &free[at + 1..], together, missing - 1)?;
        rest.insert(0, *node);
        Some(rest)
    })
}

fn go_together(filter: &SelectFilter, nodes: &[&Node]) -> bool {
    let values = |key: &str| nodes.iter().map(|node| node.props.get(key).cloned()).collect::<Vec<_>>();
    let same = |wish: &String| match wish.split_once('=') {
        Some((key, value)) => values(key).iter().all(|v| v.as_deref() == Some(value)),
        None => values(wish).windows(2).all(|pair| pair[0] == pair[1] && pair[0].is_some()),
    };
    let different = |wish: &String| {
        let values = values(wish.split_once('=').map_or(wish, |(key, _)| key));
        values.iter().collect::<BTreeSet<_>>().len() == values.len()
    };
    filter.replicas_on_same.iter().flatten().all(same) && filter.replicas_on_different.iter().flatten().all(different)
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
