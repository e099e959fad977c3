//! `/v1/resource-groups/{group}/volume-groups`.

use super::json::{self, Fields, MALFORMED};
use super::reply::{Call, Object, Op};
use crate::sandbox::model::fault::{Fault, code};
use crate::sandbox::model::name::Key;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/resource-groups/{group}/volume-groups", get(list).post(create))
        .route("/v1/resource-groups/{group}/volume-groups/{number}", get(single).delete(remove))
}

fn missing(group: &str, number: u32) -> Fault {
    let what = format!("'{group}' with volume number '{number}'");
    Fault::new(code::NO_VOLUME_GROUP, format!("Volume group {what} not found."))
        .because(format!("The specified volume group {what} could not be found in the database"))
        .advise(format!("Create a volume group with the name '{group}' and volume number '{number}' first."))
}

async fn single(State(cluster): State<SharedCluster>, Path((group, number)): Path<(String, u32)>) -> Response {
    cluster
        .look(move |cluster| {
            let uuid = cluster.group(&group)?.volume_groups.get(&number).ok_or_else(|| missing(&group, number))?;
            Ok(Fields::new().kept("volume_number", number).with("uuid", uuid).done())
        })
        .await
}

async fn remove(State(cluster): State<SharedCluster>, Path((group, number)): Path<(String, u32)>) -> Response {
    let call = Call::new(Op::Create, Object::VolumeGroup, format!("Volume groups for resource group '{group}'"))
        .about("VlmGrp", group.clone());
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        let uuid = cluster.group_mut(&group)?.volume_groups.remove(&number).ok_or_else(|| missing(&group, number))?;
        let what = format!("Volume group with number '{number}' of resource group '{group}'");
        let entry = call.done(code::DELETED, format!("{what} deleted."));
        entry.details(format!("{what} UUID was: {uuid}")).with("UUID", uuid);
        Ok(())
    };
    cluster.change(StatusCode::OK, call, work).await
}

async fn list(State(cluster): State<SharedCluster>, Path(group): Path<String>) -> Response {
    cluster
        .look(move |cluster| {
            let render =
                |(number, uuid): (&u32, &String)| Fields::new().kept("volume_number", number).with("uuid", uuid).done();
            Ok(Value::Array(cluster.group(&group)?.volume_groups.iter().map(render).collect()))
        })
        .await
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct VolumeGroup {
    volume_number: Option<u32>,
    #[serde(rename = "props")]
    _props: Option<IgnoredAny>,
    #[serde(rename = "uuid")]
    _uuid: Option<IgnoredAny>,
    #[serde(rename = "flags")]
    _flags: Option<IgnoredAny>,
}

async fn create(State(cluster): State<SharedCluster>, Path(group): Path<String>, body: Bytes) -> Response {
    let body: VolumeGroup = match json::read(&body, MALFORMED) {
        Ok(body) => body,
        Err(unreadable) => return unreadable.into_response(),
    };
    let call = Call::new(Op::Create, Object::VolumeGroup, format!("Volume groups for resource group '{group}'"))
        .about("VlmGrp", group.clone());
    let work = move |cluster: &mut Cluster, call: &mut Call| {
        let has_definitions = cluster.definitions.values().any(|d| Key::of(&d.group) == Key::of(&group));
        let group = cluster.group_mut(&group)?;
        if has_definitions {
            let message = "Volume group cannot be created while the resource group has already resource definitions.";
            return Err(Fault::new(code::DEFINITION_EXISTS, message).reported());
        }
        let number = group.add_volume_group(body.volume_number)?;
        let message = format!("New volume group with number '{number}' of resource group '{}' created.", group.name);
        let entry = call.done(code::CREATED, message);
        entry.with("RscGrp", group.name.clone()).with("VlmNr", number.to_string());
        Ok(())
    };
    cluster.change(StatusCode::CREATED, call, work).await
}
