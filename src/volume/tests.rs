//! The verbs on answers that LINSTOR gives rarely. What it gives every day is tested on the sandbox.

use std::time::Duration;

use serde_json::{Value, json};
use wiremock::matchers::{method, path, path_regex};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::attach::{self, AttachRequest};
use super::limit::Limit;
use super::record::{AccessMode, AccessType, Attachment};
use super::seat::{Seat, attach_entry};
use super::{Error, VolumeId, detach, settle};
use crate::linstor::{Client, Settings, name::NodeName};
use crate::volume::reserve::Reservations;
use crate::workflow::{AnyDirectory, Incarnation, Ownership, Tags};

const FAIL_NOT_FOUND_NODE: i64 = -4611686018427387604;
const FAIL_INVALID_PROPERTY: i64 = -4611686018427387691;

fn incarnation() -> Incarnation {
    Incarnation::from_random([1; 16])
}

fn node() -> NodeName {
    NodeName::parse("node-1").unwrap()
}

fn volume() -> VolumeId {
    VolumeId::parse("vol1").unwrap()
}

fn ok(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

fn refused(status: u16, ret_code: i64) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!([{"ret_code": ret_code, "message": "no"}]))
}

fn attached(detaching: bool) -> Value {
    let attachment = Attachment { access: None, detaching, ..Attachment::of_writer() };
    json!([{"name": "vol1", "props": attach_entry(&incarnation(), &Seat::of(&volume(), &node()), &attachment)}])
}

/// A controller that has the volume, on DRBD, with these records; each answers one question, and the last all that
/// follow.
async fn linstor(records: &[Value]) -> MockServer {
    let server = MockServer::start().await;
    let tags = Tags::new(incarnation(), Ownership::None, "vol1");
    let definition = json!([{
        "name": "vol1", "props": tags.to_properties(), "layer_data": [{"type": "DRBD"}, {"type": "STORAGE"}],
        "volume_definitions": [{"volume_number": 0, "size_kib": 4096}],
    }]);
    let version = json!({"version": "1.33.3", "rest_api_version": "1.27.0"});
    let online = json!([{"name": "node-1", "type": "SATELLITE", "connection_status": "ONLINE"}]);
    for (at, answer) in
        [("/v1/controller/version", &version), ("/v1/resource-definitions", &definition), ("/v1/nodes", &online)]
    {
        Mock::given(method("GET")).and(path(at)).respond_with(ok(answer)).mount(&server).await;
    }
    let (last, before) = records.split_last().unwrap();
    let store = || Mock::given(method("GET")).and(path("/v1/key-value-store/vol1"));
    for once in before {
        store().respond_with(ok(once)).up_to_n_times(1).mount(&server).await;
    }
    store().respond_with(ok(last)).mount(&server).await;
    server
}

async fn answer(server: &MockServer, verb: &str, at: &str, answer: ResponseTemplate) {
    Mock::given(method(verb)).and(path_regex(format!("^{at}$"))).respond_with(answer).mount(server).await;
}

fn client(server: &MockServer) -> Client {
    Client::new(&Settings::new(vec![server.uri().parse().unwrap()])).unwrap()
}

/// The bodies of the changes of the records.
async fn record_changes(server: &MockServer) -> Vec<Value> {
    let requests = server.received_requests().await.unwrap();
    let changes = requests.iter().filter(|request| request.method.as_str() == "PUT");
    changes.map(|request| request.body_json().unwrap()).collect()
}

/// Does a change take the record of the node away?
fn drops_record(change: &Value) -> bool {
    change["delete_props"].as_array().is_some_and(|keys| !keys.is_empty())
}

#[tokio::test]
async fn a_detach_from_a_node_that_linstor_has_lost_drops_its_record() {
    let server = linstor(&[attached(false)]).await;
    answer(&server, "GET", "/v1/view/resources", refused(404, FAIL_NOT_FOUND_NODE)).await;
    answer(&server, "PUT", ".*", ok(&json!([]))).await;
    assert_eq!(detach::detach(&client(&server), &volume(), Some(&node())).await.unwrap(), detach::Detached::default());
    assert!(drops_record(&record_changes(&server).await[0]));
}

/// Attaches the volume where LINSTOR shows no device and answers the making of one with this.
async fn attach_refused(records: &[Value], made: ResponseTemplate) -> (Error, Vec<Value>) {
    let server = linstor(records).await;
    answer(&server, "GET", "/v1/view/resources", ok(&json!([]))).await;
    answer(&server, "PUT", ".*", ok(&json!([]))).await;
    answer(&server, "POST", ".*/make-available", made).await;
    let request = AttachRequest {
        volume: volume(),
        node: node(),
        mode: AccessMode::SingleNodeWriter,
        access: AccessType::Block,
        fs_type: None,
        read_only: false,
    };
    let (client, patience) = (client(&server), Duration::from_secs(1));
    let found = attach::find(&client, &request).await.unwrap();
    let attached = attach::attach(&client, &Limit::default(), &AnyDirectory::None, found, &request, patience).await;
    let error = attached.unwrap_err();
    (error, record_changes(&server).await)
}

#[tokio::test]
async fn a_refused_attach_takes_its_record_back() {
    let (_, changes) = attach_refused(&[json!([]), attached(false)], refused(500, FAIL_INVALID_PROPERTY)).await;
    assert!(!drops_record(&changes[0]) && drops_record(&changes[1]), "{changes:?}");
}

#[tokio::test]
async fn a_refused_repeat_keeps_the_record_of_a_volume_that_may_be_in_use() {
    let (_, changes) = attach_refused(&[attached(false)], refused(500, FAIL_INVALID_PROPERTY)).await;
    assert_eq!(changes, Vec::<Value>::new());
}

#[tokio::test]
async fn a_pending_detach_that_a_new_attach_cancels_meanwhile_takes_nothing_away() {
    // The first look at the record finds the detach, the next one the attach.
    let server = linstor(&[attached(true), attached(false)]).await;
    let client_in_the_way = json!([{
        "name": "vol1", "node_name": "node-1", "flags": ["DISKLESS", "DRBD_DISKLESS"], "state": {"in_use": false},
    }]);
    answer(&server, "GET", "/v1/view/resources", ok(&client_in_the_way)).await;
    answer(&server, "GET", "/v1/key-value-store", ok(&attached(true))).await;
    let settled = settle::settle(&client(&server), &Reservations::default(), &Limit::default()).await.unwrap();
    assert_eq!((settled.done, settled.pending), (0, 0));
    let requests = server.received_requests().await.unwrap();
    assert!(requests.iter().all(|request| request.method.as_str() == "GET"), "{requests:?}");
}
