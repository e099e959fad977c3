//! Ten thousand of everything: lists stay usable, and a change costs what it changes.

use crate::http::{ask, change};
use crate::seed::{Seed, seed};
use linflow::sandbox::model::props::Props;
use linflow::sandbox::{BackingKind, Sandbox, Settings};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const MANY: usize = 10_000;
/// Far above what was measured (docs/sandbox.md), so that a busy machine passes and a quadratic list does not.
const USABLE: Duration = Duration::from_secs(30);

fn settings(state: &Path) -> Settings {
    Settings {
        listen: ([127, 0, 0, 1], 0).into(),
        nodes: ["node-1", "node-2", "node-3"].map(|node| node.parse().unwrap()).into(),
        state: state.to_owned(),
        pool: "pool".parse().unwrap(),
        pool_kib: 1 << 30,
        backing: BackingKind::Bookkeeping,
    }
}

fn fill(sandbox: &Sandbox, count: usize) {
    let props = |number: usize| -> Props {
        let pairs = [("Aux/csi-name", format!("pvc-{number}")), ("Aux/linflow/driver", "linflow.csi".to_owned())];
        pairs.map(|(key, value)| (key.to_owned(), value)).into()
    };
    let store = |number: usize| Props::from([("formatted".to_owned(), number.to_string())]);
    seed(sandbox, &Seed { count, prefix: "many", props: &props, snapshot: Some("s1"), store: Some(&store) });
}

async fn took(what: &str, work: impl Future<Output = ()>) {
    let begun = Instant::now();
    work.await;
    let took = begun.elapsed();
    println!("{what}: {took:?}");
    assert!(took < USABLE, "{what} took {took:?}");
}

async fn get(url: &str, path: &str, expected: usize) {
    took(path, async {
        let (status, list) = ask(url, "GET", path, Value::Null).await;
        assert_eq!((status, list.as_array().unwrap().len()), (200, expected), "{path}");
    })
    .await;
}

#[tokio::test]
async fn ten_thousand_definitions_snapshots_and_stores_are_listed_filtered_and_added_to() {
    let folder = TempDir::new().unwrap();
    let sandbox = Sandbox::start_kept(settings(folder.path())).await.unwrap();
    let url = sandbox.url();
    took("seeding", async { fill(&sandbox, MANY) }).await;
    took("writing all down", async { change(&url, "PUT", "/v1/key-value-store/first", pair("a")).await }).await;
    get(&url, "/v1/resource-definitions", MANY).await;
    get(&url, "/v1/resource-definitions?with_volume_definitions=true", MANY).await;
    get(&url, "/v1/resource-definitions?props=Aux/csi-name=pvc-77", 1).await;
    get(&url, "/v1/view/snapshots", MANY).await;
    get(&url, "/v1/view/snapshots?limit=100&offset=9950", 50).await;
    get(&url, "/v1/view/resources", MANY).await;
    get(&url, "/v1/view/resources?resources=many00077", 1).await;
    get(&url, "/v1/key-value-store", MANY + 1).await;
    took("a change of a store", async { change(&url, "PUT", "/v1/key-value-store/first", pair("b")).await }).await;
    let path = "/v1/resource-definitions/many00077";
    took("a change of a definition", async { change(&url, "PUT", path, pair("Aux/x")).await }).await;
    let spawn = json!({"resource_definition_name": "one-more", "volume_sizes": [4096]});
    took("a spawn", async { change(&url, "POST", "/v1/resource-groups/DfltRscGrp/spawn", spawn).await }).await;
    sandbox.stop().await.unwrap();
    took("a restart", async {
        let sandbox = Sandbox::start_kept(settings(folder.path())).await.unwrap();
        assert_eq!(sandbox.cluster().lock().definitions.len(), MANY + 1);
    })
    .await;
}

fn pair(key: &str) -> Value {
    json!({"override_props": {key: "value"}})
}

#[tokio::test]
async fn a_change_is_appended_and_nothing_else_is_written_again() {
    let folder = TempDir::new().unwrap();
    let sandbox = Sandbox::start_kept(settings(folder.path())).await.unwrap();
    fill(&sandbox, 200);
    let size = || std::fs::metadata(folder.path().join("cluster.journal")).unwrap().len();
    change(&sandbox.url(), "PUT", "/v1/key-value-store/first", pair("a")).await;
    let (all, begun) = (size(), Instant::now());
    change(&sandbox.url(), "PUT", "/v1/resource-definitions/many00077", pair("Aux/x")).await;
    println!("a change among 200: {:?}, {} bytes", begun.elapsed(), size() - all);
    assert!(size() > all && size() - all < all / 50, "{} of {all} bytes", size() - all);
    // What only looks writes nothing.
    let before = size();
    ask(&sandbox.url(), "GET", "/v1/view/resources", Value::Null).await;
    assert_eq!(size(), before);
    sandbox.stop().await.unwrap();
}
