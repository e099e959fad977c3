//! Autoplace: replicas where the filter allows them. Used by spawn and by changes of a group too.

use super::json::{self, MALFORMED};
use super::progress::{self, Site};
use super::reply::{Call, Object, Op, Severity};
use crate::sandbox::model::definition::Definition;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::group::SelectFilter;
use crate::sandbox::model::layer::Layer;
use crate::sandbox::model::name::Key;
use crate::sandbox::model::node::DISKLESS_POOL;
use crate::sandbox::model::place::Spot;
use crate::sandbox::model::pool::Pool;
use crate::sandbox::model::resource::Kind;
use crate::sandbox::model::tiebreaker::AutoChange;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new().route("/v1/resource-definitions/{definition}/autoplace", post(autoplace))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AutoPlace {
    diskless_on_remaining: bool,
    select_filter: SelectFilter,
    layer_list: Option<Vec<String>>,
    #[serde(rename = "snap_names")]
    _snap_names: Option<IgnoredAny>,
    #[serde(rename = "copy_all_snaps")]
    _copy_all_snaps: Option<IgnoredAny>,
}

async fn autoplace(State(cluster): State<SharedCluster>, Path(name): Path<String>, body: Bytes) -> Response {
    let body: AutoPlace = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let call =
        Call::new(Op::Create, Object::Resource, format!("Auto-placing resource: {name}")).about("RscDfn", name.clone());
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        let definition = cluster.definition(&name)?;
        let key = Key::of(&definition.name);
        let base = cluster.group(&definition.group).map(|group| group.filter.clone()).unwrap_or_default();
        let mut filter = body.select_filter.over(&base).normal();
        filter.layer_stack = body.layer_list.or(filter.layer_stack);
        filter.diskless_on_remaining = Some(body.diskless_on_remaining || filter.diskless_on_remaining == Some(true));
        match missing(definition, &filter) {
            Some(missing) => place(cluster, call, &key, &filter, missing),
            None => {
                already_placed(call, definition, &filter);
                Ok(())
            }
        }
    };
    cluster.change(StatusCode::CREATED, call, work).await
}

/// How many replicas are missing; `None` where enough are there.
fn missing(definition: &Definition, filter: &SelectFilter) -> Option<usize> {
    let have = definition.diskful().count();
    let count = |count: Option<i64>| count.and_then(|count| usize::try_from(count).ok());
    let wanted = match count(filter.additional_place_count) {
        Some(more) => have + more,
        None => count(filter.place_count).unwrap_or(2),
    };
    wanted.checked_sub(have).filter(|missing| *missing > 0)
}

fn already_placed(call: &mut Call, definition: &Definition, filter: &SelectFilter) {
    let nodes: Vec<String> = definition.diskful().map(|resource| format!("'{}'", resource.node)).collect();
    let (name, count, nodes) = (&definition.name, nodes.len(), nodes.join(", "));
    let context = call.context().to_owned();
    let wanted = filter.place_count.and_then(|wanted| usize::try_from(wanted).ok());
    if wanted == Some(count) {
        let message = format!("Resource '{name}' was already deployed on {count} nodes. Skipping.");
        call.warn(code::ALREADY_DEPLOYED, message).details(format!("Used nodes: {nodes}\n{context}"));
    } else {
        let message = format!(
            "The resource '{name}' was already deployed on {count} nodes: {nodes}. The resource would have to be deleted \
             from nodes to reach the placement count."
        );
        call.warn(code::ALREADY_DEPLOYED, message).details(context);
    }
}

/// Adds `missing` replicas where the filter allows, and says so. Nothing is changed where too few nodes fit.
pub fn place(
    cluster: &mut Cluster,
    call: &mut Call,
    key: &Key,
    filter: &SelectFilter,
    missing: usize,
) -> Result<(), Fault> {
    let Some(definition) = cluster.definitions.get(key) else { return Ok(()) };
    let layers = chosen_layers(definition, filter)?;
    cluster.check_master_key(&layers)?;
    let names = layers.iter().map(|layer| layer.name()).collect::<Vec<_>>().join(",");
    let taken = progress::taken_by(definition);
    let spots = cluster.choose(filter, progress::wish(definition, missing, &taken, &names))?;
    let places: Vec<Place> = spots.iter().map(Place::of).collect();
    cluster.set_layers(key, layers);
    let before = cluster.definitions.get(key).map(|d| progress::sites(cluster, d)).unwrap_or_default();
    let first = before.is_empty();
    for place in &places {
        add_replica(cluster, call, key, place)?;
    }
    if first {
        cluster.mark_initial(key);
    }
    announce(cluster, call, key, &places);
    if filter.diskless_on_remaining == Some(true) {
        add_clients(cluster, call, key, filter)?;
    }
    let changes = settle(cluster, call, key, first)?;
    let nodes: Vec<Key> = places.into_iter().map(|place| place.node).collect();
    report(cluster, call, key, &before, &nodes, &changes);
    Ok(())
}

/// Where a replica goes: the autoplacer's choice, on its own feet.
struct Place {
    node: Key,
    pool: String,
}

impl Place {
    fn of(spot: &Spot<'_>) -> Self {
        Self { node: Key::of(&spot.node.name), pool: spot.pool.name.clone() }
    }
}

/// `diskless_on_remaining`: every other node that can be reached gets a client, unless the diskless pools that may be
/// used are others.
fn add_clients(cluster: &mut Cluster, call: &mut Call, key: &Key, filter: &SelectFilter) -> Result<(), Fault> {
    let pools: Vec<&String> = filter.storage_pool_diskless_list.iter().flatten().collect();
    let Some(definition) = cluster.definitions.get(key).filter(|definition| definition.is_drbd()) else {
        return Ok(());
    };
    if !pools.is_empty() && !pools.iter().any(|pool| Key::of(pool) == Key::of(DISKLESS_POOL)) {
        return Ok(());
    }
    let left = cluster.nodes.iter().filter(|(node, state)| {
        state.is_online() && definition.resources.get(node).is_none_or(|r| r.kind == Kind::TieBreaker)
    });
    for node in left.map(|(node, _)| node.clone()).collect::<Vec<Key>>() {
        match cluster.resource_mut(key, &node) {
            Some(tie_breaker) => tie_breaker.kind = Kind::Client,
            None => cluster.add_resource(key, &node, Kind::Client, None)?,
        }
        call.also(Object::Resource, code::CREATED, progress::STOR_POOL_SET);
    }
    Ok(())
}

fn chosen_layers(definition: &Definition, filter: &SelectFilter) -> Result<Vec<Layer>, Fault> {
    match (&definition.layers, &filter.layer_stack) {
        (Some(layers), _) => Ok(layers.clone()),
        (None, Some(names)) if !names.is_empty() => Layer::stack(names),
        (None, _) => Ok(definition.stack()),
    }
}

/// A tie-breaker's node gets a disk for its diskless resource; any other a new resource.
fn add_replica(cluster: &mut Cluster, call: &mut Call, key: &Key, place: &Place) -> Result<(), Fault> {
    let (node, pool) = (&place.node, Some(place.pool.as_str()));
    let there = cluster.definitions.get(key).is_some_and(|definition| definition.resources.contains_key(node));
    if there {
        cluster.give_disk(key, node, pool)?
    } else {
        cluster.add_resource(key, node, Kind::Diskful, pool)?
    }
    call.also(Object::Resource, code::CREATED, progress::STOR_POOL_SET);
    Ok(())
}

fn announce(cluster: &Cluster, call: &mut Call, key: &Key, places: &[Place]) {
    let Some(definition) = cluster.definitions.get(key) else { return };
    let used = places.iter().filter_map(|place| {
        let node = cluster.nodes.get(&place.node)?;
        Some((node.name.as_str(), node.pool(&place.pool)?))
    });
    let used: Vec<(&str, &Pool)> = used.collect();
    let texts: Vec<String> = used.iter().map(|(node, pool)| format!("'{node} ({})'", pool.name)).collect();
    let entry = call
        .done(code::CREATED, format!("Resource '{}' successfully autoplaced on {} nodes", definition.name, used.len()));
    entry.details(format!("Used nodes (storage pool name): {}", texts.join(", ")));
    for (at, (node, pool)) in used.iter().enumerate() {
        let kind = format!("{},{}", pool.name, pool.kind.name());
        entry.with(format!("StoragePool/{at}/0"), kind).with(format!("Node/{at}"), *node);
    }
}

/// What LINSTOR adds by itself after replicas were placed.
fn settle(cluster: &mut Cluster, call: &mut Call, key: &Key, first: bool) -> Result<Vec<AutoChange>, Fault> {
    let Some(definition) = cluster.definitions.get_mut(key) else { return Ok(Vec::new()) };
    if first && definition.is_drbd() && definition.diskful().count() > 1 {
        definition.props.insert("DrbdOptions/auto-verify-alg".to_owned(), "crct10dif".to_owned());
        call.info(0, format!("Updated {} DRBD auto verify algorithm to 'crct10dif'", definition.name));
    }
    let name = definition.name.clone();
    let changes = cluster.keep_quorum(key)?;
    progress::auto_changes(call, &name, &changes);
    Ok(changes)
}

/// What the satellites say: peers first, then the new replicas, then the tie-breaker.
fn report(cluster: &Cluster, call: &mut Call, key: &Key, before: &[Site], nodes: &[Key], changes: &[AutoChange]) {
    let Some(definition) = cluster.definitions.get(key) else { return };
    let all = progress::sites(cluster, definition);
    let is_new = |site: &&Site| nodes.contains(&Key::of(&site.node));
    let new: Vec<&Site> = all.iter().filter(is_new).collect();
    let names: Vec<&str> = new.iter().map(|site| site.node.as_str()).collect();
    let tie_breaker = progress::new_tie_breaker(changes);
    for site in before.iter().filter(|site| site.online && !is_new(site)) {
        progress::adjusted(call, definition, site);
        progress::peer_added(call, definition, &site.node, &names);
    }
    if let Some(site) = all.iter().find(|site| Some(site.node.as_str()) == tie_breaker) {
        progress::adjusted(call, definition, site);
        progress::peer_added(call, definition, &site.node, &names);
    }
    for site in &new {
        progress::volumes(call, definition, site, code::CREATED);
        if definition.is_drbd() {
            progress::adjusted(call, definition, site);
        }
        call.done(code::MODIFIED, format!("Created resource '{}' on '{}'", definition.name, site.node));
    }
    if definition.volumes.is_empty() {
        call.warn(code::NOT_FOUND, format!("No volumes have been defined for resource '{}'", definition.name));
    }
    if definition.is_drbd() {
        drbd_came_up(call, definition, &all, &new, before.is_empty());
    }
    if let Some(node) = tie_breaker {
        progress::tie_breaker_joined(call, definition, &all, node);
    }
}

fn drbd_came_up(call: &mut Call, definition: &Definition, all: &[Site], new: &[&Site], first: bool) {
    new.iter().for_each(|site| progress::ready(call, definition, &site.node));
    for site in all.iter().filter(|_| first) {
        let message = format!("({}) Resource '{}' [DRBD] adjusted.", site.node, definition.name);
        call.entry(Severity::Success, Op::Modify, Object::Resource, code::MODIFIED, message);
    }
}
