//! A sandbox over restarts: its state folder, opened and compared with what was asked for.

use super::backing::LoopBacking;
use super::journal::Journal;
use super::model::Cluster;
use super::model::kept::Row;
use super::model::name::Key;
use super::{BackingKind, Settings, StartError, build};
use std::collections::BTreeSet;

/// The cluster of a state folder, or a new one that is kept there from now on.
///
/// The folder's nodes, the name of their first pool and whether there are bytes have to be as asked for; the size of the
/// first pools becomes the one asked for.
pub fn build_kept(settings: &Settings) -> Result<Cluster, StartError> {
    let resume = |source| StartError::Resume { state: settings.state.clone(), source };
    let has_bytes = settings.backing != BackingKind::Bookkeeping && LoopBacking::is_allowed();
    // The journal locks the folder before anything is touched in it.
    let opened = Journal::open::<Vec<Row>>(&settings.state, has_bytes)?;
    let Some(lines) = opened.lines.filter(|lines| !lines.is_empty()) else {
        let mut cluster = build(settings, true)?;
        cluster.keep(opened.journal).map_err(|error| resume(error.into()))?;
        return Ok(cluster);
    };
    let bytes = |has| if has { "devices" } else { "bookkeeping alone" };
    same(settings, bytes(opened.journal.header().has_bytes), bytes(has_bytes))?;
    let mut cluster = build(settings, true)?;
    let asked = shape(&cluster);
    cluster.load(lines);
    same(settings, &shape(&cluster), &asked)?;
    cluster.resume(opened.journal).map_err(resume)?;
    cluster.resize_pools(settings.pool_kib).map_err(|error| resume(error.into()))?;
    Ok(cluster)
}

/// The nodes and the names of their first pools, in words.
fn shape(cluster: &Cluster) -> String {
    let nodes: Vec<&str> = cluster.nodes.values().map(|node| node.name.as_str()).collect();
    let pools: BTreeSet<Key> =
        cluster.nodes.values().filter_map(|node| node.pools.first()).map(|pool| Key::of(&pool.name)).collect();
    let pools: Vec<&str> = pools.iter().map(Key::as_str).collect();
    format!("the nodes {} and the pool {}", nodes.join(", "), pools.join(", "))
}

fn same(settings: &Settings, there: &str, asked: &str) -> Result<(), StartError> {
    if there == asked {
        return Ok(());
    }
    Err(StartError::Different { state: settings.state.clone(), there: there.to_owned(), asked: asked.to_owned() })
}
