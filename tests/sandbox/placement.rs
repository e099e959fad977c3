//! Where the autoplacer puts replicas: select filters over node properties, pools and other resources.

use super::lab::Lab;
use serde_json::{Value, json};

/// Three nodes in the zones a, b and b; the pool `fast`, which is fat, beside `pool` on the second and third.
async fn zoned() -> Lab {
    let lab = Lab::new();
    for (node, zone) in [("node-1", "a"), ("node-2", "b"), ("node-3", "b")] {
        let props = json!({"override_props": {"Aux/zone": zone}}).to_string();
        assert_eq!(lab.ask("PUT", &format!("/v1/nodes/{node}"), &props).await.0, 200);
    }
    for node in ["node-2", "node-3"] {
        let pool = json!({"storage_pool_name": "fast", "provider_kind": "FILE", "props": {"StorDriver/FileDir": "/x"}});
        let (status, answer) = lab.ask("POST", &format!("/v1/nodes/{node}/storage-pools"), &pool.to_string()).await;
        assert_eq!(status, 201, "{answer}");
    }
    lab
}

async fn spawn(lab: &Lab, name: &str, filter: Value) -> (u16, Value) {
    let body = json!({"resource_definition_name": name, "volume_sizes": [4096], "select_filter": filter});
    lab.ask("POST", "/v1/resource-groups/DfltRscGrp/spawn", &body.to_string()).await
}

/// Where replicas and clients of a resource are: node, pool.
async fn places(lab: &Lab, name: &str) -> Vec<(String, String)> {
    let (_, list) = lab.ask("GET", &format!("/v1/view/resources?resources={name}"), "").await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let place = |one: &Value| (text(&one["node_name"]), text(&one["volumes"][0]["storage_pool_name"]));
    list.as_array().unwrap().iter().map(place).collect()
}

/// Spawns and answers the nodes with a disk.
async fn placed(lab: &Lab, name: &str, filter: Value) -> Vec<String> {
    let (status, answer) = spawn(lab, name, filter).await;
    assert_eq!(status, 201, "{answer}");
    let places = places(lab, name).await;
    places.into_iter().filter(|(_, pool)| pool != "DfltDisklessStorPool").map(|(node, _)| node).collect()
}

fn refused(answer: (u16, Value), code: i64) {
    assert_eq!(answer.0, 500, "{}", answer.1);
    assert_eq!(answer.1[0]["ret_code"].as_i64().unwrap() & 0x7fff, code, "{}", answer.1);
}

#[tokio::test]
async fn replicas_stand_on_the_same_or_on_different_values_of_a_nodes_property() {
    let lab = zoned().await;
    let same = json!({"place_count": 2, "replicas_on_same": ["Aux/zone"]});
    assert_eq!(placed(&lab, "same", same).await, ["node-2", "node-3"]);
    let valued = json!({"place_count": 1, "replicas_on_same": ["Aux/zone=a"]});
    assert_eq!(placed(&lab, "valued", valued).await, ["node-1"]);
    let apart = json!({"place_count": 2, "replicas_on_different": ["Aux/zone"]});
    assert!(placed(&lab, "apart", apart).await.contains(&"node-1".to_owned()));
    refused(spawn(&lab, "no", json!({"place_count": 3, "replicas_on_different": ["Aux/zone"]})).await, 996);
    let never = json!({"place_count": 1, "replicas_on_different": ["Aux/zone=b"]});
    assert_eq!(placed(&lab, "never", never).await, ["node-1"]);
}

#[tokio::test]
async fn the_map_of_differences_lets_so_many_replicas_share_a_value() {
    let lab = zoned().await;
    let two = json!({"place_count": 3, "x_replicas_on_different_map": {"Aux/zone": 2}});
    assert_eq!(placed(&lab, "three", two).await.len(), 3);
    let whole = json!({"place_count": 2, "x_replicas_on_different_map": {"Aux/zone": 2}});
    assert_eq!(placed(&lab, "whole", whole).await, ["node-2", "node-3"]);
}

#[tokio::test]
async fn replicas_keep_away_from_named_resources_and_from_those_whose_name_fits() {
    let lab = zoned().await;
    placed(&lab, "db-1", json!({"place_count": 1, "node_name_list": ["node-1"]})).await;
    placed(&lab, "web", json!({"place_count": 1, "node_name_list": ["node-2"]})).await;
    let named = json!({"place_count": 1, "not_place_with_rsc": ["DB-1", "web"]});
    assert_eq!(placed(&lab, "named", named).await, ["node-3"]);
    let regex = json!({"place_count": 2, "not_place_with_rsc_regex": "DB-[0-9]+"});
    assert_eq!(placed(&lab, "r2", regex).await, ["node-2", "node-3"]);
    // The whole name has to fit.
    refused(spawn(&lab, "r3", json!({"place_count": 3, "not_place_with_rsc_regex": "db-.*"})).await, 996);
    assert_eq!(placed(&lab, "r4", json!({"place_count": 3, "not_place_with_rsc_regex": "db"})).await.len(), 3);
    refused(spawn(&lab, "r5", json!({"place_count": 1, "not_place_with_rsc_regex": "("})).await, 998);
}

#[tokio::test]
async fn replicas_stand_in_the_pools_and_kinds_of_pools_that_the_filter_names() {
    let lab = zoned().await;
    placed(&lab, "fast", json!({"place_count": 2, "storage_pool_list": ["none", "FAST"]})).await;
    let fast = |node: &str| (node.to_owned(), "fast".to_owned());
    assert_eq!(places(&lab, "fast").await[1..], [fast("node-2"), fast("node-3")]);
    refused(spawn(&lab, "no", json!({"place_count": 3, "storage_pool": "fast"})).await, 996);
    placed(&lab, "fat", json!({"place_count": 1, "provider_list": ["FILE"]})).await;
    assert_eq!(places(&lab, "fat").await[0].1, "fast");
    // Thin and fat are not mixed: three nodes have thin pools, two have fat ones.
    placed(&lab, "every", json!({"place_count": 3})).await;
    assert!(places(&lab, "every").await.iter().all(|(_, pool)| pool == "pool"));
    refused(spawn(&lab, "lvm", json!({"place_count": 1, "provider_list": ["LVM"]})).await, 996);
}

#[tokio::test]
async fn a_fat_pool_promises_its_room_once_and_counts_whole_volumes() {
    let lab = zoned().await;
    let free = async || {
        let (_, pool) = lab.ask("GET", "/v1/nodes/node-2/storage-pools/fast", "").await;
        assert_eq!(pool["static_traits"]["Provisioning"], "Fat");
        pool["free_capacity"].as_u64().unwrap()
    };
    let before = free().await;
    placed(&lab, "fast", json!({"place_count": 1, "storage_pool": "fast", "node_name_list": ["node-2"]})).await;
    assert_eq!(free().await, before - 4096);
    let filter = json!({"select_filter": {"place_count": 1, "storage_pool": "fast", "node_name_list": ["node-2"]}});
    let (_, sizes) = lab.ask("POST", "/v1/resource-groups/DfltRscGrp/query-size-info", &filter.to_string()).await;
    assert_eq!(sizes["space_info"]["max_vlm_size_in_kib"], before - 4096);
}

#[tokio::test]
async fn clients_go_on_all_other_nodes_where_that_is_asked_for() {
    let lab = zoned().await;
    placed(&lab, "vol", json!({"place_count": 1, "diskless_on_remaining": true})).await;
    let (_, list) = lab.ask("GET", "/v1/view/resources?resources=vol", "").await;
    let clients = list.as_array().unwrap().iter().filter(|one| one["flags"] == json!(["DISKLESS", "DRBD_DISKLESS"]));
    assert_eq!(clients.count(), 2, "{list}");
    let elsewhere = json!({"place_count": 1, "diskless_on_remaining": true, "storage_pool_diskless_list": ["other"]});
    placed(&lab, "alone", elsewhere).await;
    assert_eq!(places(&lab, "alone").await.len(), 1);
}

#[tokio::test]
async fn a_filter_may_ask_for_more_replicas_and_is_kept_by_its_group() {
    let lab = zoned().await;
    let group = json!({"name": "zones", "select_filter": {
        "place_count": 1, "replicas_on_different": ["Aux/zone"], "layer_stack": ["DRBD", "STORAGE"],
    }});
    assert_eq!(lab.ask("POST", "/v1/resource-groups", &group.to_string()).await.0, 201);
    let body = json!({"resource_definition_name": "vol", "volume_sizes": [4096]}).to_string();
    assert_eq!(lab.ask("POST", "/v1/resource-groups/zones/spawn", &body).await.0, 201);
    let more = json!({"select_filter": {"additional_place_count": 1}}).to_string();
    assert_eq!(lab.ask("POST", "/v1/resource-definitions/vol/autoplace", &more).await.0, 201);
    refused(lab.ask("POST", "/v1/resource-definitions/vol/autoplace", &more).await, 996);
    let sizes = "/v1/resource-groups/zones/query-size-info";
    let (_, two) = lab.ask("POST", sizes, r#"{"select_filter": {"place_count": 2}}"#).await;
    assert_eq!(two["space_info"]["next_spawn_result"].as_array().unwrap().len(), 2);
    let (_, three) = lab.ask("POST", sizes, r#"{"select_filter": {"place_count": 3}}"#).await;
    assert_eq!(three["space_info"]["max_vlm_size_in_kib"], 0);
}

#[tokio::test]
async fn a_replica_on_a_named_node_goes_into_the_named_pool() {
    let lab = zoned().await;
    placed(&lab, "vol", json!({"place_count": 1, "node_name_list": ["node-1"]})).await;
    let make = |pool: &str| json!({"resource": {"props": {"StorPoolName": pool}}}).to_string();
    let at = |node: &str| format!("/v1/resource-definitions/vol/resources/{node}");
    assert_eq!(lab.ask("POST", &at("node-2"), &make("Fast")).await.0, 201);
    assert_eq!(places(&lab, "vol").await[1].1, "fast");
    let (_, _) = lab.ask("DELETE", &at("node-2"), "").await;
    let (_, _) = lab.ask("DELETE", &at("node-3"), "").await;
    let (status, answer) = lab
        .ask(
            "POST",
            "/v1/resource-definitions/vol/resources",
            &json!([{
                "resource": {"node_name": "node-3", "props": {"StorPoolName": "none"}}
            }])
            .to_string(),
        )
        .await;
    assert_eq!(status, 404, "{answer}");
}

#[tokio::test]
async fn nodes_are_found_by_their_properties() {
    let lab = zoned().await;
    let found = async |filter: &str| {
        let (_, nodes) = lab.ask("GET", &format!("/v1/nodes?props={filter}"), "").await;
        nodes.as_array().unwrap().len()
    };
    assert_eq!((found("Aux%2Fzone%3Db").await, found("Aux%2Fzone").await, found("Aux%2Frack").await), (2, 3, 0));
    let gone = json!({"delete_namespaces": ["Aux"]}).to_string();
    assert_eq!(lab.ask("PUT", "/v1/nodes/node-2", &gone).await.0, 200);
    assert_eq!(found("Aux%2Fzone").await, 2);
}

#[tokio::test]
async fn properties_outside_linstors_list_are_refused_on_groups_definitions_and_nodes() {
    let lab = zoned().await;
    placed(&lab, "vol", json!({"place_count": 1})).await;
    let unknown = json!({"override_props": {"No/Such": "x"}}).to_string();
    let known = json!({"override_props": {
        "Aux/a": "1", "DrbdOptions/Net/protocol": "C", "FileSystem/Type": "xfs", "StorDriver/x": "y",
        "sys/fs/blkio_throttle_read": "1048576",
    }});
    for path in ["/v1/resource-groups/DfltRscGrp", "/v1/resource-definitions/vol", "/v1/nodes/node-1"] {
        refused(lab.ask("PUT", path, &unknown).await, 213);
        assert_eq!(lab.ask("PUT", path, &known.to_string()).await.0, 200);
        let (_, seen) = lab.ask("GET", path, "").await;
        assert_eq!(seen["props"]["sys/fs/blkio_throttle_read"], "1048576");
    }
    let group = json!({"name": "new", "props": {"No/Such": "x"}}).to_string();
    refused(lab.ask("POST", "/v1/resource-groups", &group).await, 213);
}
