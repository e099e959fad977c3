//! `/v1/resource-definitions/{definition}/clone`: a definition with the bytes of another one.

use super::Roles;
use super::json::{self, MALFORMED};
use super::progress::{self, Site};
use super::properties;
use super::reply::{Call, Object, Op, Severity};
use crate::sandbox::model::cloning::{CLONED_FROM, Cloning};
use crate::sandbox::model::definition::Definition;
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::layer::Layer;
use crate::sandbox::model::name::{Key, check_resource};
use crate::sandbox::model::props::{Changes, GivenProps};
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/resource-definitions/{definition}/clone", post(create))
        .route("/v1/resource-definitions/{definition}/clone/{name}", get(status))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct CloneCreate {
    name: Option<String>,
    override_props: GivenProps,
    delete_props: Vec<String>,
    delete_namespaces: Vec<String>,
    resource_group: Option<String>,
    #[serde(rename = "external_name")]
    _external_name: Option<IgnoredAny>,
    #[serde(rename = "use_zfs_clone")]
    _use_zfs_clone: Option<IgnoredAny>,
    layer_list: Option<Vec<String>>,
    #[serde(rename = "volume_passphrases")]
    _volume_passphrases: Option<IgnoredAny>,
}

async fn create(State(cluster): State<SharedCluster>, Path(source): Path<String>, body: Bytes) -> Response {
    let body: CloneCreate = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let frame = frame(&source, body.name.as_deref());
    let details = format!("Resource definition: {}", body.name.as_deref().unwrap_or("null"));
    let call = Call::new(Op::Create, Object::Definition, details).about("RscDfn", body.name.clone());
    let mut failed = call.clone();
    let ran = cluster.run(Roles::Current, move |cluster| {
        let mut call = call;
        if let Err(fault) = cluster.definition(&source).map(|_| ()) {
            return Err(nothing_found(fault));
        }
        if let Err(fault) = clone(cluster, &mut call, &source, body) {
            call.refuse(fault, cluster);
        }
        Ok(call)
    });
    match ran.await {
        Ok(Ok(call)) => call.answer_within(StatusCode::CREATED, frame, "messages"),
        Ok(Err(call)) => call.answer(StatusCode::NOT_FOUND),
        Err(fault) => {
            failed.refuse_unreported(fault);
            failed.answer_within(StatusCode::CREATED, frame, "messages")
        }
    }
}

fn nothing_found(fault: Fault) -> Call {
    let mut call = Call::new(Op::None, Object::None, "");
    call.refuse_unreported(fault);
    call
}

/// What is escaped in a path's segment.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// What stands around the messages, of a refusal, too.
fn frame(source: &str, name: Option<&str>) -> Value {
    let name = name.unwrap_or("__invalid_name__");
    let encode = |text: &str| utf8_percent_encode(text, IN_PATH).to_string();
    let location = format!("/v1/resource-definitions/{}/clone/{}", encode(source), encode(name));
    json!({"location": location, "source_name": source, "clone_name": name})
}

fn clone(cluster: &mut Cluster, call: &mut Call, source: &str, body: CloneCreate) -> Result<(), Fault> {
    let unnamed = || Fault::new(code::INVALID_RESOURCE_NAME, "No name for the cloned resource was specified.");
    let name = body.name.ok_or_else(unnamed)?;
    check_resource(&name)?;
    let definition = cluster.definition(source)?.clone();
    // Recorded: files without DRBD are not cloned. With DRBD the recorded pools were LVM's, and those are.
    if !definition.is_drbd() {
        return Err(Fault::new(code::NOT_CLONABLE, "Clone source contains unsupported storage pools").reported());
    }
    super::definitions::refuse_existing(cluster, &name)?;
    let group = body
        .resource_group
        .as_ref()
        .map_or(Ok(definition.group.clone()), |group| cluster.group(group).map(|group| group.name.clone()))?;
    let layers = body.layer_list.as_deref().filter(|names| !names.is_empty()).map(Layer::stack).transpose()?;
    let layers = layers.unwrap_or_else(|| definition.stack());
    cluster.check_master_key(&layers)?;
    let changes =
        Changes { set: body.override_props, delete: body.delete_props, delete_namespaces: body.delete_namespaces };
    let mut target = Definition::new(&name, &group, definition.props.clone(), Some(layers), cluster.free_port());
    properties::change(
        call,
        &mut target.props,
        &changes,
        Object::Definition,
        &format!("resource definition '{name}'"),
    )?;
    let before = progress::sites(cluster, &definition);
    cluster.clone_definition(&Key::of(source), target)?;
    let Some(target) = cluster.definitions.get(&Key::of(&name)) else { return Ok(()) };
    for site in before.iter().filter(|site| site.online) {
        progress::adjusted(call, &definition, site);
        call.done(code::MODIFIED, format!("Suspend IO on clone source {}", definition.name));
    }
    registered(call, target);
    for (verb, after) in [("Set snapshot for clone property", ""), ("Resumed IO", " after clone")] {
        for site in before.iter().filter(|site| site.online) {
            progress::adjusted(call, &definition, site);
            call.done(code::MODIFIED, format!("{verb} of '{}' on '{}'{after}", definition.name, site.node));
        }
    }
    satellites_made(call, target, &progress::sites(cluster, target));
    Ok(())
}

fn registered(call: &mut Call, target: &Definition) {
    for resource in target.resources.values() {
        let what = format!("esource '{}' on node '{}'", target.name, resource.node);
        let entry = call.done(code::CREATED, format!("New r{what} registered."));
        entry.details(format!("R{what} UUID is: {}", resource.uuid)).with("UUID", resource.uuid.clone());
        for (number, volume) in &resource.volumes {
            let message = format!("Volume with number '{number}' on r{what} successfully registered");
            let entry = call.also(Object::Volume, code::CREATED, message);
            entry.details(format!("Volume UUID is: {}", volume.uuid));
            entry.with("VlmNr", number.to_string()).with("Node", resource.node.clone());
        }
    }
}

fn satellites_made(call: &mut Call, target: &Definition, sites: &[Site]) {
    let online = || sites.iter().filter(|site| site.online);
    for site in online() {
        if site.disk {
            progress::volumes(call, target, site, code::CREATED);
        } else {
            progress::adjusted(call, target, site);
        }
        call.done(code::MODIFIED, format!("Created resource '{}' on '{}'", target.name, site.node));
    }
    for site in online().filter(|site| !site.disk) {
        let message = format!("({}) Resource '{}' [DRBD] adjusted.", site.node, target.name);
        call.entry(Severity::Success, Op::Modify, Object::Resource, code::MODIFIED, message);
    }
    for site in online() {
        progress::adjusted(call, target, site);
        call.done(code::MODIFIED, format!("Disabled start cloning flag {}", target.name));
    }
}

/// The first who asks hears that it goes on, as everybody does for a while where bytes take time.
async fn status(State(cluster): State<SharedCluster>, Path((source, name)): Path<(String, String)>) -> Response {
    let ran = cluster.run(Roles::Aside, move |cluster| {
        let missing = || Fault::new(code::NO_DEFINITION, "Cloned resource not found.");
        cluster.definition(&source).map_err(|_| missing())?;
        let clone = cluster.definition_mut(&name).map_err(|_| missing())?;
        let from = clone.props.get(CLONED_FROM).filter(|from| Key::of(from) == Key::of(&source));
        from.ok_or_else(missing)?;
        Ok(match clone.cloning {
            Cloning::Done => "COMPLETE",
            Cloning::UntilAsked => {
                clone.cloning = Cloning::Done;
                "CLONING"
            }
            Cloning::Held => "CLONING",
            Cloning::Failed => "FAILED",
        })
    });
    match ran.await.and_then(|told| told) {
        Ok(status) => Json(json!({"status": status})).into_response(),
        Err(fault) => nothing_found(fault).answer(StatusCode::OK),
    }
}
