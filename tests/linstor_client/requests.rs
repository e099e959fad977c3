//! What exactly is sent.

use linflow::linstor::Client;
use linflow::linstor::model::{
    AutoPlace, DefinitionQuery, NewResourceGroup, Page, PropFilter, Props, SelectFilter, Spawn, ViewQuery,
};
use linflow::linstor::name::{GroupName, NodeName, PoolName, ResourceName};
use serde_json::{Value, json};
use wiremock::MockServer;

use crate::server::{asked, client, controller_that_answers, json as answer};

fn volume(name: &str) -> ResourceName {
    ResourceName::parse(name).unwrap()
}

fn node(name: &str) -> NodeName {
    NodeName::parse(name).unwrap()
}

fn group() -> GroupName {
    GroupName::parse("rg1").unwrap()
}

async fn server(body: &str) -> (MockServer, Client) {
    let server = controller_that_answers(answer(200, body)).await;
    let client = client(&[&server.uri()]);
    (server, client)
}

/// The bodies that were sent.
async fn bodies(server: &MockServer) -> Vec<Value> {
    let all = server.received_requests().await.unwrap();
    all.iter().filter(|request| !request.body.is_empty()).map(|request| request.body_json().unwrap()).collect()
}

#[tokio::test]
async fn lists_are_filtered_by_repeated_parameters() {
    let (server, client) = server("[]").await;
    let query = ViewQuery { resources: vec![volume("v1"), volume("v2")], nodes: vec![node("n1"), node("n2")] };
    client.resources_view(&query).await.unwrap();
    client.nodes(&[&node("n1"), &node("n2")]).await.unwrap();
    client.storage_pools(&[&node("n1")], &[&PoolName::parse("pool").unwrap()]).await.unwrap();
    assert_eq!(
        asked(&server).await,
        [
            "GET /v1/view/resources?resources=v1&resources=v2&nodes=n1&nodes=n2",
            "GET /v1/nodes?nodes=n1&nodes=n2",
            "GET /v1/view/storage-pools?nodes=n1&storage_pools=pool&cached=true",
        ]
    );
}

#[tokio::test]
async fn definitions_are_asked_for_with_their_volumes() {
    let (server, client) = server("[]").await;
    let query = DefinitionQuery {
        names: vec![volume("v1"), volume("v2")],
        props: vec![PropFilter::Has("Aux/a".to_owned()), PropFilter::Is("Aux/b".to_owned(), "1&2=ü".to_owned())],
        page: Some(Page { limit: 10, offset: 20 }),
    };
    client.definitions(&query).await.unwrap();
    assert_eq!(
        asked(&server).await,
        ["GET /v1/resource-definitions?with_volume_definitions=true&resource_definitions=v1&resource_definitions=v2\
          &props=Aux%2Fa&props=Aux%2Fb%3D1%262%3D%C3%BC&limit=10&offset=20"]
    );
}

#[tokio::test]
async fn a_definition_is_found_by_name_whatever_its_case() {
    let (_server, client) = server(include_str!("../fixtures/linstor/definitions_drbd.json")).await;
    let found = client.definition(&volume("VOL1")).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.size_kib()), ("vol1", Some(98304)));
    assert_eq!(client.definition(&volume("other")).await.unwrap(), None);
}

#[tokio::test]
async fn a_key_value_instance_is_found_by_name_whatever_its_case() {
    let (_server, client) = server(include_str!("../fixtures/linstor/kv.json")).await;
    let pairs = client.kv(&volume("CSI-Volumes")).await.unwrap().unwrap();
    assert_eq!(pairs["ns/k"], "v");
    assert_eq!(client.kv_list().await.unwrap()["csi-volumes"], pairs);
}

#[tokio::test]
async fn changes_of_definitions_are_sent_as_linstor_reads_them() {
    let (server, client) = server("[]").await;
    client.create_volume_definition(&volume("v1"), 8).await.unwrap();
    client.resize(&volume("v1"), 0, 16).await.unwrap();
    client.delete_definition(&volume("v1")).await.unwrap();
    client.make_available(&volume("v1"), &node("n1"), true).await.unwrap();
    client.delete_resource(&volume("v1"), &node("n1")).await.unwrap();
    let filter = SelectFilter { place_count: Some(2), ..SelectFilter::default() };
    client.autoplace(&volume("v1"), &AutoPlace { select_filter: filter, ..AutoPlace::default() }).await.unwrap();
    assert_eq!(
        asked(&server).await,
        [
            "POST /v1/resource-definitions/v1/volume-definitions",
            "PUT /v1/resource-definitions/v1/volume-definitions/0",
            "DELETE /v1/resource-definitions/v1",
            "POST /v1/resource-definitions/v1/resources/n1/make-available",
            "DELETE /v1/resource-definitions/v1/resources/n1?keep_tiebreaker=true",
            "POST /v1/resource-definitions/v1/autoplace",
        ]
    );
    assert_eq!(
        bodies(&server).await,
        [
            json!({ "volume_definition": { "volume_number": 0, "size_kib": 8 } }),
            json!({ "size_kib": 16 }),
            json!({ "diskful": true }),
            json!({ "select_filter": { "place_count": 2 } }),
        ]
    );
}

#[tokio::test]
async fn a_group_and_what_is_spawned_from_it_are_sent_as_linstor_reads_them() {
    let (server, client) = server("[]").await;
    let select_filter = SelectFilter { layer_stack: vec!["STORAGE".to_owned()], ..SelectFilter::default() };
    let new = NewResourceGroup { name: group(), description: String::new(), props: Props::new(), select_filter };
    client.create_resource_group(&new).await.unwrap();
    let spawn = Spawn {
        resource_definition_name: volume("v1"),
        volume_sizes: vec![8],
        select_filter: None,
        definitions_only: true,
        resource_definition_props: [("Aux/dag".to_owned(), "ü".to_owned())].into(),
    };
    client.spawn(&group(), &spawn).await.unwrap();
    assert_eq!(asked(&server).await, ["POST /v1/resource-groups", "POST /v1/resource-groups/rg1/spawn"]);
    assert_eq!(
        bodies(&server).await,
        [
            json!({ "name": "rg1", "select_filter": { "layer_stack": ["STORAGE"] } }),
            json!({ "resource_definition_name": "v1", "volume_sizes": [8], "definitions_only": true,
                    "resource_definition_props": { "Aux/dag": "ü" } }),
        ]
    );
}

#[tokio::test]
async fn key_value_changes_go_out_in_one_request() {
    let (server, client) = server("[]").await;
    let set = [("a".to_owned(), "1".to_owned())].into();
    client.kv_put(&volume("v1"), &set, &["b".to_owned()]).await.unwrap();
    client.kv_delete(&volume("v1")).await.unwrap();
    assert_eq!(asked(&server).await, ["PUT /v1/key-value-store/v1", "DELETE /v1/key-value-store/v1"]);
    assert_eq!(bodies(&server).await, [json!({ "override_props": { "a": "1" }, "delete_props": ["b"] })]);
}

#[tokio::test]
async fn requests_say_who_sends_them() {
    let (server, client) = server("[]").await;
    client.nodes(&[]).await.unwrap();
    let all = server.received_requests().await.unwrap();
    let agent = all[0].headers["user-agent"].to_str().unwrap();
    assert_eq!(agent, concat!("linflow/", env!("CARGO_PKG_VERSION")));
}
