//! Volumes from snapshots and from volumes.

use linflow::sandbox::requests::Request;

use crate::{
    about_one_volume,
    support::{World, create},
    within,
};

/// What was asked and done before it was looked whether the copy stands: from the last change on, all are looks.
fn before_looking(requests: &[Request]) -> &[Request] {
    let changed = requests.iter().rposition(|request| request.method != "GET").unwrap();
    &requests[..=changed]
}

#[tokio::test]
async fn a_restore_takes_at_most_eight_and_looks_and_a_repeat_two() {
    let world = World::start().await;
    let class = |name: &str| if name.starts_with("local") { create(name).storage_alone() } else { create(name) };
    for name in ["replicated", "local"] {
        let volume = world.controller.create(class(name)).await.unwrap().volume_id;
        world.format(&volume).await;
        let snapshot = world.snapshot(&volume, &format!("snap-of-{name}")).await;
        let wanted = class(&format!("{name}-copy")).of_snapshot(&snapshot);
        let (made, fresh) = world.count(world.controller.create(wanted.clone())).await;
        let (again, repeat) = world.count(world.controller.create(wanted)).await;
        assert_eq!(made.unwrap(), again.unwrap());
        // The definition, the snapshot and its nodes are read; five changes follow.
        within(8, &format!("CreateVolume from a snapshot, {name}"), before_looking(&fresh));
        within(10, &format!("CreateVolume from a snapshot, {name}, looks included"), &fresh);
        within(2, &format!("CreateVolume from a snapshot, {name}, again"), &repeat);
        about_one_volume(&fresh);
        about_one_volume(&repeat);
    }
}

#[tokio::test]
async fn a_clone_takes_at_most_six_and_looks_and_a_repeat_four() {
    let world = World::start().await;
    let volume = world.controller.created("data").await;
    world.format(&volume).await;
    let wanted = create("clone").of_volume(&volume);
    let (made, fresh) = world.count(world.controller.create(wanted.clone())).await;
    let (again, repeat) = world.count(world.controller.create(wanted)).await;
    assert_eq!(made.unwrap(), again.unwrap());
    within(6, "CreateVolume from a volume", before_looking(&fresh));
    within(4, "CreateVolume from a volume, again", &repeat);
    about_one_volume(&fresh);
    about_one_volume(&repeat);
}

#[tokio::test]
async fn a_clone_through_a_snapshot_takes_at_most_fourteen_and_looks() {
    let world = World::start().await;
    let volume = world.controller.create(create("data").storage_alone()).await.unwrap().volume_id;
    world.format(&volume).await;
    let wanted = create("clone").storage_alone().of_volume(&volume);
    let (made, fresh) = world.count(world.controller.create(wanted.clone())).await;
    let (again, repeat) = world.count(world.controller.create(wanted)).await;
    assert_eq!(made.unwrap(), again.unwrap());
    // The last is the removal of the snapshot, after the looks at the copy, two side by side.
    within(16, "CreateVolume from a volume that LINSTOR can't clone, looks included", &fresh);
    within(3, "CreateVolume from a volume that LINSTOR can't clone, again", &repeat);
    about_one_volume(&fresh);
    about_one_volume(&repeat);
}
