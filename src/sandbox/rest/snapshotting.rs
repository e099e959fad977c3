//! Taking snapshots: of one resource definition, or of several at one moment (`/v1/actions/snapshot/multi`).

use super::json::{self, MALFORMED};
use super::progress::{self, Site};
use super::reply::{Call, Object, Op, Severity};
use super::snapshots::{self, call_about};
use crate::sandbox::model::definition::Definition;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::{Key, check_snapshot};
use crate::sandbox::model::props::{Changes, GivenProps, Props};
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeMap;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/resource-definitions/{definition}/snapshots", get(snapshots::list).post(create))
        .route("/v1/actions/snapshot/multi", post(create_many))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SnapshotCreate {
    name: Option<String>,
    resource_name: Option<String>,
    nodes: Vec<String>,
    snapshot_definition_props: GivenProps,
    #[serde(rename = "resource_definition_props")]
    _resource_definition_props: Option<IgnoredAny>,
    #[serde(rename = "props")]
    _props: Option<IgnoredAny>,
    #[serde(rename = "flags")]
    _flags: Option<IgnoredAny>,
    #[serde(rename = "volume_definitions")]
    _volume_definitions: Option<IgnoredAny>,
    #[serde(rename = "uuid")]
    _uuid: Option<IgnoredAny>,
    #[serde(rename = "snapshots")]
    _snapshots: Option<IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ManySnapshots {
    snapshots: Vec<SnapshotCreate>,
}

async fn create(State(cluster): State<SharedCluster>, Path(name): Path<String>, body: Bytes) -> Response {
    let mut body: SnapshotCreate = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = call_about(Op::Create, &name, body.name.as_deref());
    body.resource_name = Some(name);
    cluster.change(StatusCode::CREATED, call, move |cluster, call| take(cluster, call, &[body])).await
}

async fn create_many(State(cluster): State<SharedCluster>, body: Bytes) -> Response {
    let body: ManySnapshots = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = Call::new(Op::Create, Object::Snapshot, "");
    cluster.change(StatusCode::CREATED, call, move |cluster, call| take(cluster, call, &body.snapshots)).await
}

/// A snapshot that can be taken.
struct Planned {
    definition: Key,
    resource: String,
    name: String,
    nodes: Vec<Key>,
    /// The properties that were given.
    props: Props,
    /// The nodes as they were asked for, where they were.
    asked: Vec<String>,
    offline: Vec<String>,
}

/// Takes all or none: what is refused is refused before the first is taken.
fn take(cluster: &mut Cluster, call: &mut Call, wanted: &[SnapshotCreate]) -> Result<(), Fault> {
    let mut planned: Vec<Planned> = Vec::new();
    for one in wanted {
        let plan = plan(cluster, one)?;
        let same =
            |other: &Planned| (&other.definition, Key::of(&other.name)) == (&plan.definition, Key::of(&plan.name));
        if planned.iter().any(same) {
            return Err(exists(&plan.resource, &plan.name));
        }
        planned.push(plan);
    }
    for (at, plan) in planned.iter().enumerate() {
        if let Err(fault) = cluster.take_snapshot(&plan.definition, &plan.name, &plan.nodes, &plan.props) {
            for taken in &planned[..at] {
                cluster.remove_snapshot(&taken.definition, &Key::of(&taken.name), &taken.nodes)?;
            }
            return Err(fault);
        }
    }
    for plan in &planned {
        registered(cluster, call, plan);
    }
    if cluster.failing_snapshots > 0 {
        cluster.failing_snapshots -= 1;
        return Err(fail(cluster, &planned));
    }
    satellites_took(cluster, call, &planned);
    Ok(())
}

/// The satellites fail: LINSTOR keeps what it has registered, flagged.
fn fail(cluster: &mut Cluster, planned: &[Planned]) -> Fault {
    for plan in planned {
        let definition = cluster.definitions.get_mut(&plan.definition);
        if let Some(snapshot) = definition.and_then(|found| found.snapshots.get_mut(&Key::of(&plan.name))) {
            snapshot.has_failed = true;
        }
    }
    Fault::new(code::UNKNOWN, "Satellites failed to take the snapshot.").reported()
}

fn plan(cluster: &Cluster, wanted: &SnapshotCreate) -> Result<Planned, Fault> {
    let resource = wanted.resource_name.as_deref().unwrap_or("null");
    let definition = cluster.definition(resource)?;
    let name = check_snapshot(wanted.name.as_deref())?;
    if definition.snapshots.contains_key(&Key::of(name)) {
        return Err(exists(resource, name));
    }
    for node in &wanted.nodes {
        check_node(cluster, definition, node).map_err(|fault| {
            fault.detailed(format!("Nodes: {}; {}", wanted.nodes.join(", "), about(resource, name)))
        })?;
    }
    let chosen = |node: &str| wanted.nodes.is_empty() || wanted.nodes.iter().any(|one| Key::of(one) == Key::of(node));
    let (online, offline): (Vec<String>, Vec<String>) =
        definition.diskful().map(|r| r.node.clone()).filter(|n| chosen(n)).partition(|n| cluster.is_online(n));
    if online.is_empty() {
        let message = "No diskful connected satellite for snapshot or no resources.";
        return Err(Fault::new(code::NO_DISK_ONLINE, message)
            .detailed("Snapshots need at least one diskful online satellite.")
            .reported());
    }
    let mut props = Props::new();
    let changes = Changes::setting(wanted.snapshot_definition_props.clone());
    changes.apply(&mut props, &format!("snapshot '{name}'"))?;
    Ok(Planned {
        definition: Key::of(resource),
        resource: definition.name.clone(),
        name: name.to_owned(),
        nodes: online.iter().map(|node| Key::of(node)).collect(),
        props,
        asked: wanted.nodes.clone(),
        offline,
    })
}

fn exists(resource: &str, name: &str) -> Fault {
    let message =
        format!("A snapshot definition with the name '{name}' already exists in resource definition '{resource}'.");
    Fault::new(code::SNAPSHOT_EXISTS, message).because("The SnapshotDefinition already exists")
}

fn about(resource: &str, name: &str) -> String {
    format!("Resource: {resource}, Snapshot: {name}")
}

fn check_node(cluster: &Cluster, definition: &Definition, node: &str) -> Result<(), Fault> {
    cluster.node(node)?;
    let missing = || Fault::new(code::NO_RESOURCE, format!("Resource '{}' on '{node}' has no disk.", definition.name));
    definition.on(node).filter(|resource| !resource.is_diskless()).map(|_| ()).ok_or_else(missing)
}

fn registered(cluster: &Cluster, call: &mut Call, plan: &Planned) {
    let Some(definition) = cluster.definitions.get(&plan.definition) else { return };
    for node in &plan.offline {
        let message = format!(
            "Snapshot for resource '{}' will not be created on node '{node}' because that node is currently offline.",
            plan.resource
        );
        call.warn(0, message);
    }
    let on = if plan.asked.is_empty() { String::new() } else { format!(" on nodes '{}'", plan.asked.join(", ")) };
    let what = format!("napshot '{}' of resource '{}'{on}", plan.name, plan.resource);
    let uuid = definition.snapshots.get(&Key::of(&plan.name)).map(|snapshot| snapshot.uuid.clone()).unwrap_or_default();
    let entry = call.done(code::CREATED, format!("New s{what} registered."));
    entry.details(format!("S{what} UUID is: {uuid}")).with("UUID", uuid);
}

/// What the satellites say: all suspend I/O, all take the snapshot, all resume. They are asked for all resource
/// definitions at once.
fn satellites_took(cluster: &Cluster, call: &mut Call, planned: &[Planned]) {
    let all: Vec<&str> = planned.iter().map(|plan| plan.resource.as_str()).collect();
    let all = all.join(", ");
    let mut nodes: BTreeMap<String, Vec<(&Planned, Option<Site>)>> = BTreeMap::new();
    let sites = |plan: &Planned| {
        let definition = cluster.definitions.get(&plan.definition);
        definition.map(|definition| progress::sites(cluster, definition)).unwrap_or_default()
    };
    for site in planned.iter().flat_map(sites).filter(|site| site.online) {
        let own = |plan| (plan, sites(plan).into_iter().find(|other| other.node == site.node));
        nodes.entry(site.node.clone()).or_insert_with(|| planned.iter().map(own).collect());
    }
    for (before, after, taken) in [
        ("Suspended IO", " for snapshot", false),
        ("Took snapshot", "", true),
        ("Resumed IO", " after snapshot", false),
    ] {
        for (node, plans) in &nodes {
            for (plan, site) in plans {
                touched(cluster, call, plan, (node, site.as_ref()), taken);
            }
            call.done(code::MODIFIED, format!("{before} of '[{all}]' on '{node}'{after}"));
        }
    }
}

fn touched(cluster: &Cluster, call: &mut Call, plan: &Planned, (node, site): (&str, Option<&Site>), taken: bool) {
    let Some(definition) = cluster.definitions.get(&plan.definition) else { return };
    let (resource, name) = (&plan.resource, &plan.name);
    match site {
        Some(site) => progress::adjusted(call, definition, site),
        None => skipped(call, format!("({node}) Skipping processing resource: {resource}")),
    }
    if !plan.nodes.contains(&Key::of(node)) {
        skipped(call, format!("({node}) Skipping processing unknown snapshot '{name}' of resource '{resource}'"));
    } else if taken {
        for number in definition.volumes.keys() {
            let what = format!("with name '{name}' of resource '{resource}', volume number {number}");
            let entry = call.done(code::CREATED, format!("({node}) Snapshot [FILE THIN] {what} created."));
            entry.with("Snapshot", name.clone()).with("RscDfn", resource.clone()).with("VlmNr", number.to_string());
        }
    }
}

fn skipped(call: &mut Call, message: String) {
    call.entry(Severity::Success, Op::Create, Object::Snapshot, 0, message).cause("Resource is already deleted");
}
