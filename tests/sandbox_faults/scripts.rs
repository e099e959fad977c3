//! The admin endpoint.

use std::sync::{Arc, Mutex};

use linflow::sandbox::faults::{NodeFaults, Rule, node_router};
use serde_json::{Value, json};

use crate::server::{Server, read, soon};

#[tokio::test]
async fn scripts_add_list_and_remove_rules() {
    let server = Server::start().await;
    let rule = r#"{"when":{"path":{"contains":"act"},"times":1},"then":{"drop":"after"}}"#;
    let added = server.send("POST", "/sandbox/faults", rule).await;
    assert!(added.starts_with("HTTP/1.1 201") && added.ends_with(r#"{"id":0}"#), "{added}");
    assert_eq!(server.act().await, "");
    assert_eq!(server.acted(), 1);

    let listed = server.send("GET", "/sandbox/faults", "").await;
    let listed: Value = serde_json::from_str(listed.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!((&listed[0]["hit"], &listed[0]["is_spent"]), (&json!(1), &json!(true)));
    let again: Rule = serde_json::from_value(json!({ "when": listed[0]["when"], "then": listed[0]["then"] })).unwrap();
    assert_eq!(again, serde_json::from_str(rule).unwrap());

    assert!(server.send("DELETE", "/sandbox/faults/7", "").await.starts_with("HTTP/1.1 404"));
    assert!(server.send("DELETE", "/sandbox/faults", "").await.starts_with("HTTP/1.1 204"));
    assert!(server.faults.list().is_empty());
    server.stop().await;
}

#[tokio::test]
async fn a_script_holds_a_request_and_lets_it_go_on() {
    let server = Server::start().await;
    server.send("POST", "/sandbox/faults", r#"{"then":{"gate":"after"}}"#).await;
    let stream = server.connect("POST", "/act", "").await;
    soon(server.acts.subscribe().wait_for(|acts| *acts == 1)).await.unwrap();
    assert!(server.send("DELETE", "/sandbox/faults/0", "").await.starts_with("HTTP/1.1 204"));
    assert!(read(stream).await.ends_with("done"));
    server.stop().await;
}

#[tokio::test]
async fn a_rule_that_makes_no_sense_is_refused() {
    let server = Server::start().await;
    for (rule, status) in [
        (r#"{"then":"explode"}"#, "422"),
        (r#"{"when":{"paths":"any"},"then":"malformed"}"#, "422"),
        (r#"{"then":{"server_error":{"status":7,"at":"before"}}}"#, "400"),
    ] {
        let answer = server.send("POST", "/sandbox/faults", rule).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    assert!(server.faults.list().is_empty());
    server.stop().await;
}

/// Records what befell whom.
#[derive(Default)]
struct Nodes(Mutex<Vec<String>>);

impl Nodes {
    fn note(&self, event: &str, node: &str) -> Result<(), String> {
        if node != "node-1" {
            return Err(format!("there is no node {node}"));
        }
        self.0.lock().unwrap().push(format!("{event} {node}"));
        Ok(())
    }
}

impl NodeFaults for Nodes {
    fn crash(&self, node: &str) -> Result<(), String> {
        self.note("crash", node)
    }

    fn freeze(&self, node: &str) -> Result<(), String> {
        self.note("freeze", node)
    }

    fn thaw(&self, node: &str) -> Result<(), String> {
        self.note("thaw", node)
    }

    fn restore(&self, node: &str) -> Result<(), String> {
        self.note("restore", node)
    }
}

#[tokio::test]
async fn scripts_crash_freeze_thaw_and_restore_nodes() {
    let nodes = Arc::new(Nodes::default());
    let server = Server::start_with(node_router(nodes.clone())).await;
    for event in ["crash", "freeze", "thaw", "restore"] {
        let answer = server.send("POST", &format!("/sandbox/nodes/node-1/{event}"), "").await;
        assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    }
    assert_eq!(*nodes.0.lock().unwrap(), ["crash node-1", "freeze node-1", "thaw node-1", "restore node-1"]);

    let unknown = server.send("POST", "/sandbox/nodes/node-9/crash", "").await;
    assert!(unknown.starts_with("HTTP/1.1 409") && unknown.contains("no node node-9"), "{unknown}");
    let nonsense = server.send("POST", "/sandbox/nodes/node-1/explode", "").await;
    assert!(nonsense.starts_with("HTTP/1.1 404"), "{nonsense}");
    assert_eq!(nodes.0.lock().unwrap().len(), 4);
    server.stop().await;
}
