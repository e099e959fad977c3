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
use axum::response::Response;
use axum::routing::get;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new().route("/v1/resource-groups/{group}/volume-groups", get(list).post(create))
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
        Err(answer) => return answer,
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
