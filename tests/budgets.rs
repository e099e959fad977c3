//! What each call may cost: LINSTOR requests, counted at the sandbox (docs/architecture.md, Budgets).

mod support;

use linflow::sandbox::requests::Request;
use support::{World, create, csi::block, publish};

/// Fails where more requests were made than allowed, or one whose cost grows with the cluster.
#[track_caller]
fn within(budget: usize, what: &str, requests: &[Request]) {
    let list: Vec<String> = requests.iter().map(|one| format!("{} {}?{}", one.method, one.path, one.query)).collect();
    assert!(requests.len() <= budget, "{what} took {} requests, not {budget}: {list:#?}", requests.len());
    println!("{what}: {} of {budget}", requests.len());
}

/// Fails where a request asks for more than one volume's things: a whole list, which takes longer in a larger cluster.
#[track_caller]
fn about_one_volume(requests: &[Request]) {
    for Request { method, path, query } in requests.iter().filter(|one| one.method == "GET") {
        let is_list = path.trim_end_matches('/').rsplit('/').next().is_some_and(|last| {
            matches!(last, "resource-definitions" | "resources" | "nodes" | "key-value-store" | "resource-groups" | "storage-pools")
        });
        let names_one = ["resource_definitions=", "resources=", "nodes=", "props="].iter().any(|key| query.contains(key));
        assert!(!is_list || names_one, "{method} {path}?{query} asks for the whole list");
    }
}

#[tokio::test]
async fn a_fresh_create_takes_at_most_four_requests_and_a_repeat_three() {
    let world = World::start().await;
    for (number, wanted) in [create("drbd"), create("local").storage_alone(), create("raw").capability(block())].into_iter().enumerate() {
        let (made, fresh) = world.count(world.controller.create(wanted.clone())).await;
        let (again, repeat) = world.count(world.controller.create(wanted)).await;
        assert_eq!(made.unwrap(), again.unwrap());
        within(4, &format!("fresh CreateVolume {number}"), &fresh);
        within(3, &format!("repeated CreateVolume {number}"), &repeat);
        about_one_volume(&fresh);
        about_one_volume(&repeat);
    }
}
