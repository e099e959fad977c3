//! This node: its name, and a machine whose root is below a folder.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use tempfile::TempDir;

use crate::{
    patient::{Said, examine},
    support::World,
};

/// Everything that a node needs, below a folder.
pub fn sound_machine() -> TempDir {
    let root = TempDir::new().unwrap();
    let write = |path: &str, text: &str| {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write("sys/module/drbd/version", "9.3.3\n");
    write("sys/fs/cgroup/cgroup.controllers", "io memory\n");
    let mounts =
        "27 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n28 27 254:1 / /var/lib/kubelet rw shared:2 - xfs /dev/vdb rw\n";
    write("proc/1/mountinfo", mounts);
    for program in
        ["mkfs.ext4", "mkfs.xfs", "tune2fs", "xfs_admin", "e2fsck", "resize2fs", "xfs_growfs", "xfs_io", "drbdsetup"]
    {
        write(&format!("usr/sbin/{program}"), "");
        let path = root.path().join("usr/sbin").join(program);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for folder in ["plugins_registry", "plugins", "pods"] {
        fs::create_dir_all(root.path().join("var/lib/kubelet").join(folder)).unwrap();
    }
    root
}

async fn examine_machine(world: &World, root: &Path, words: &[&str]) -> Said {
    let at = ["--node-name", "node-1", "--host-root", root.to_str().unwrap()];
    examine(world, &[&at, words].concat()).await
}

#[tokio::test]
async fn a_sound_node_of_a_sound_cluster_is_ok() {
    let (world, machine) = (World::start().await, sound_machine());
    let said = examine_machine(&world, machine.path(), &[]).await;
    assert_eq!(said.exit, 0, "{}", said.stdout);
    let left = fs::read_dir(machine.path().join("var/lib/kubelet/plugins_registry")).unwrap().count();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_role_chooses_the_checks_and_what_linstor_is_asked() {
    let (world, machine) = (World::start().await, sound_machine());
    let (said, requests) = world.count(examine_machine(&world, machine.path(), &["--role", "node"])).await;
    assert_eq!(said.exit, 0, "{}", said.stdout);
    let has = |check| !said.levels(check).is_empty();
    assert!(has("linstor-reachable") && has("node-known") && has("kubelet-directory"));
    assert!(!has("satellites") && !has("quorum") && !has("leftovers"));
    assert!(!requests.iter().any(|one| one.path == "/v1/view/resources"), "{requests:?}");
    let said = examine_machine(&world, machine.path(), &["--role", "controller"]).await;
    assert!(said.levels("node-known").is_empty() && !said.levels("quorum").is_empty());
}

#[tokio::test]
async fn each_thing_that_a_node_lacks_fails_its_check() {
    let world = World::start().await;
    for (check, lacks) in [
        ("drbd-module", "sys/module/drbd/version"),
        ("programs", "usr/sbin/mkfs.xfs"),
        ("kubelet-directory", "var/lib/kubelet/plugins_registry"),
        ("mount-propagation", "proc/1/mountinfo"),
    ] {
        let machine = sound_machine();
        let path = machine.path().join(lacks);
        if path.is_dir() {
            fs::remove_dir(path).unwrap()
        } else {
            fs::remove_file(path).unwrap()
        }
        let said = examine_machine(&world, machine.path(), &[]).await;
        assert_eq!(said.exit, 2, "{check}");
        assert!(said.levels(check).contains(&"fail".to_owned()), "{check}: {}", said.stdout);
    }
}

#[tokio::test]
async fn a_private_mount_of_kubelets_directory_fails() {
    let (world, machine) = (World::start().await, sound_machine());
    let mounts =
        "27 1 254:0 / / rw shared:1 - ext4 /dev/vda rw\n28 27 254:1 / /var/lib/kubelet rw master:2 - xfs /dev/vdb rw\n";
    fs::write(machine.path().join("proc/1/mountinfo"), mounts).unwrap();
    let said = examine_machine(&world, machine.path(), &[]).await;
    assert_eq!((said.levels("mount-propagation"), said.exit), (vec!["fail".to_owned()], 2));
    let elsewhere = examine_machine(&world, machine.path(), &["--kubelet-dir", "/var/lib/other"]).await;
    assert_eq!(elsewhere.levels("kubelet-directory"), ["fail"]);
    assert_eq!(elsewhere.levels("mount-propagation"), ["skipped"]);
}

#[tokio::test]
async fn a_node_that_linstor_does_not_know_is_told_which_it_knows() {
    let (world, machine) = (World::start().await, sound_machine());
    let root = machine.path().to_str().unwrap();
    let said = examine(&world, &["--node-name", "worker-7", "--host-root", root]).await;
    let seen = "worker-7: LINSTOR does not know it; it knows node-1, node-2, node-3".to_owned();
    assert_eq!((said.of("node-known"), said.exit), (vec![("fail".to_owned(), seen)], 2));
}
