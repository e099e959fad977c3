//! `/v1/resource-groups/{group}/spawn`: definition, volumes and replicas in one call.

use super::json::{self, MALFORMED, Whole};
use super::placing;
use super::properties;
use super::reply::{Call, Object, Op};
use crate::sandbox::model::definition::{Definition, VolumeDefinition};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::group::{Group, SelectFilter};
use crate::sandbox::model::layer::Layer;
use crate::sandbox::model::name::{Key, check_resource};
use crate::sandbox::model::props::{Changes, GivenProps, Props};
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
    Router::new().route("/v1/resource-groups/{group}/spawn", post(spawn))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Spawn {
    resource_definition_name: Option<String>,
    #[serde(rename = "resource_definition_external_name")]
    _external_name: Option<IgnoredAny>,
    volume_sizes: Vec<Whole>,
    select_filter: Option<SelectFilter>,
    partial: bool,
    definitions_only: bool,
    #[serde(rename = "peer_slots")]
    _peer_slots: Option<IgnoredAny>,
    #[serde(rename = "volume_passphrases")]
    _volume_passphrases: Option<IgnoredAny>,
    resource_definition_props: GivenProps,
}

async fn spawn(State(cluster): State<SharedCluster>, Path(group): Path<String>, body: Bytes) -> Response {
    let body: Spawn = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = Call::new(Op::Create, Object::Group, format!("Resource group: {group}"))
        .about("RscDfn", body.resource_definition_name.clone())
        .about("RscGrp", group.clone());
    cluster.change(StatusCode::CREATED, call, move |cluster, call| run(cluster, call, &group, body)).await
}

fn run(cluster: &mut Cluster, call: &mut Call, group: &str, body: Spawn) -> Result<(), Fault> {
    let group = cluster.group(group)?.clone();
    let Some(name) = body.resource_definition_name else {
        let message =
            format!("Registration of resource group '{}' failed: Resource name must not be null!", group.name);
        return Err(Fault::new(code::UNKNOWN, message).reported());
    };
    check_resource(&name)?;
    super::definitions::refuse_existing(cluster, &name)?;
    check_sizes(call, &group, body.volume_sizes.len(), body.partial)?;
    let filter = body.select_filter.unwrap_or_default().over(&group.filter).normal();
    let definition =
        define(cluster, call, &group, &filter, (&name, &body.volume_sizes, body.resource_definition_props))?;
    let key = Key::of(&name);
    let mut sizes: Vec<u32> = definition.volumes.keys().copied().collect();
    sizes.sort_unstable();
    for number in sizes {
        let message =
            format!("Volume definition with number '{number}' successfully  created in resource definition '{name}'.");
        call.also(Object::VolumeDefinition, code::CREATED, message).with("VlmNr", number.to_string());
    }
    let entry = call.also(Object::Definition, code::CREATED, format!("New resource definition '{name}' created."));
    entry
        .details(format!("Resource definition '{name}' UUID is: {}", definition.uuid))
        .with("UUID", definition.uuid.clone());
    cluster.definitions.insert(key.clone(), definition);
    cluster.number_volumes(&key);
    if body.definitions_only {
        let message =
            format!("Resource definition {name} and {} created but no resources deployed", body.volume_sizes.len());
        call.info(code::NOT_SPAWNED, message).cause("--definitions-only was set");
        return Ok(());
    }
    let count = filter.place_count.and_then(|count| usize::try_from(count).ok()).unwrap_or(2);
    placing::place(cluster, call, &key, &filter, count).inspect_err(|_| {
        // Too few nodes, or too small ones: LINSTOR leaves no definition behind.
        cluster.definitions.remove(&key);
    })
}

/// As many sizes as volume groups, unless in partial mode, which a group without volume groups is always in.
fn check_sizes(call: &mut Call, group: &Group, sizes: usize, partial: bool) -> Result<(), Fault> {
    let groups = group.volume_groups.len();
    if groups == 0 {
        let message = "Resource-group doesn't have any volume-groups, automatically assume partial mode.";
        call.info(0, message);
        return Ok(());
    }
    if partial || groups == sizes {
        return Ok(());
    }
    let name = &group.name;
    let message = format!("Invalid count of volume sizes to spawn resource group '{name}'");
    Err(Fault::new(code::INVALID_SIZE_COUNT, message)
        .detailed(format!(
            "The resource group '{name}' has {groups} Volume groups, but only {sizes} sizes were provided."
        ))
        .advise("Either provide the correct count of volume sizes or use the 'partial' option"))
}

type Wanted<'a> = (&'a str, &'a [Whole], GivenProps);

/// The definition with its volumes, not yet in the cluster.
fn define(
    cluster: &Cluster,
    call: &mut Call,
    group: &Group,
    filter: &SelectFilter,
    wanted: Wanted<'_>,
) -> Result<Definition, Fault> {
    let (name, sizes, props) = wanted;
    let layers = filter.layer_stack.as_deref().filter(|names| !names.is_empty()).map(Layer::stack).transpose()?;
    let layers = layers.unwrap_or_else(|| vec![Layer::Drbd, Layer::Storage]);
    let mut definition = Definition::new(name, &group.name, Props::new(), Some(layers), cluster.free_port());
    let what = format!("resource definition '{name}'");
    properties::change(call, &mut definition.props, &Changes::setting(props), Object::Definition, &what)?;
    for (number, size) in (0..).zip(sizes) {
        let size_kib = definition.check_size(number, size.0)?;
        definition.volumes.insert(number, VolumeDefinition::new(size_kib, None, Props::new()));
    }
    Ok(definition)
}
