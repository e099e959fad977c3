//! How large a volume may be: `query-size-info` of one group and of all.

use super::json::{self, Fields, MALFORMED};
use super::reply::{Call, Object, Op};
use crate::sandbox::model::fault::Fault;
use crate::sandbox::model::group::{Group, SelectFilter};
use crate::sandbox::model::place::{Spot, Wish};
use crate::sandbox::model::pool::OVERSUBSCRIPTION;
use crate::sandbox::model::{Cluster, SharedCluster};
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The routes of this file.
pub fn routes() -> Router<SharedCluster> {
    Router::new()
        .route("/v1/resource-groups/{group}/query-size-info", post(of_group))
        .route("/v1/queries/resource-groups/query-all-size-info", post(of_all))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct QuerySize {
    select_filter: Option<SelectFilter>,
    #[serde(rename = "ignore_cache_older_than_sec")]
    _ignore_cache_older_than_sec: Option<IgnoredAny>,
}

/// Always 200: what is wrong stands in `reports`.
async fn of_group(State(cluster): State<SharedCluster>, Path(name): Path<String>, body: Bytes) -> Response {
    let query: QuerySize = match json::read_or_default(&body, MALFORMED) {
        Ok(query) => query,
        Err(unreadable) => return unreadable.into_response(),
    };
    cluster
        .look(move |cluster| {
            Ok(match cluster.group(&name) {
                Ok(group) => json!({"space_info": space(cluster, group, query.select_filter)}),
                Err(fault) => refusal(fault),
            })
        })
        .await
}

fn refusal(fault: Fault) -> Value {
    let mut call = Call::new(Op::None, Object::None, "");
    call.refuse_unreported(fault);
    json!({"reports": call.entries()})
}

async fn of_all(State(cluster): State<SharedCluster>, body: Bytes) -> Response {
    let query: QuerySize = match json::read_or_default(&body, MALFORMED) {
        Ok(query) => query,
        Err(unreadable) => return unreadable.into_response(),
    };
    cluster
        .look(move |cluster| {
            let info = |group: &Group| {
                (group.name.clone(), json!({"space_info": space(cluster, group, query.select_filter.clone())}))
            };
            Ok(json!({"result": cluster.groups.values().map(info).collect::<Map<_, _>>()}))
        })
        .await
}

/// The largest volume that the next spawn could make, and where it would go. Too few nodes: all is zero.
fn space(cluster: &Cluster, group: &Group, filter: Option<SelectFilter>) -> Value {
    let filter = filter.unwrap_or_default().over(&group.filter).normal();
    let count = filter.place_count.and_then(|count| usize::try_from(count).ok()).unwrap_or(2);
    let taken = BTreeSet::new();
    let wish = Wish { missing: count, total: count, taken: &taken, size_kib: 0, layers: "" };
    let (chosen, rooms) = (cluster.choose(&filter, wish).unwrap_or_default(), cluster.rooms());
    let least = |of: &dyn Fn(&Spot<'_>) -> u64| chosen.iter().map(of).min().unwrap_or(0);
    let ratio = json!(f64::from(OVERSUBSCRIPTION));
    let spawn = |spot: &Spot<'_>| {
        json!({
            "node_name": spot.node.name,
            "stor_pool_name": spot.pool.name,
            "stor_pool_oversubscription_ratio": f64::from(spot.pool.kind.oversubscription()),
        })
    };
    Fields::new()
        .with("max_vlm_size_in_kib", least(&|spot| rooms.largest_volume_kib(spot.node, spot.pool)))
        .with("available_size_in_kib", least(&|spot| rooms.free_kib(spot.node, spot.pool)))
        .with("capacity_in_kib", least(&|spot| spot.pool.size_kib))
        .with("default_max_oversubscription_ratio", &ratio)
        .with("next_spawn_result", chosen.iter().map(spawn).collect::<Vec<_>>())
        .done()
}
