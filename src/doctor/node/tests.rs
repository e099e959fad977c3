use super::*;
use crate::doctor::finding::Level::{Fail, Ok as Fine, Skipped, Warn};
use crate::doctor::samples::{self, found, levels};

#[test]
fn drbd_9_is_needed_where_the_cluster_replicates() {
    for (version, level) in [(Some("9.3.3"), Fine), (Some("8.4.11"), Fail), (Some("new"), Fail), (None, Fail)] {
        let mut facts = samples::healthy();
        facts.machine.drbd = Ok(version.map(str::to_owned));
        assert_eq!(levels(drbd_module(&facts)), [level], "{version:?}");
    }
    let mut facts = samples::healthy();
    facts.machine.drbd = Ok(None);
    facts.cluster.nodes.as_mut().unwrap().iter_mut().for_each(|node| node.resource_layers.clear());
    assert_eq!(levels(drbd_module(&facts)), [Warn]);
}

#[test]
fn a_missing_program_fails_and_a_missing_drbdsetup_warns() {
    let missing = |names: &[&str]| {
        let mut facts = samples::healthy();
        facts.machine.missing_programs = Ok(names.iter().map(|name| (*name).to_owned()).collect());
        levels(programs(&facts))
    };
    assert_eq!(missing(&[]), [Fine]);
    assert_eq!(missing(&["drbdsetup"]), [Fine, Warn]);
    assert_eq!(missing(&["mkfs.xfs"]), [Fail]);
    assert_eq!(missing(&["mkfs.xfs", "drbdsetup"]), [Fail, Warn]);
}

#[test]
fn each_directory_is_judged_and_of_a_missing_one_no_more_is_said() {
    let second = |state: DirectoryState| {
        let mut facts = samples::healthy();
        facts.machine.kubelet.as_mut().unwrap()[1].state = state;
        levels(kubelet_directory(&facts))
    };
    assert_eq!(second(DirectoryState::Writable), [Fine, Fine]);
    assert_eq!(second(DirectoryState::Missing), [Fine, Fail]);
    assert_eq!(second(DirectoryState::ReadOnly("full".to_owned())), [Fine, Fail]);
    assert_eq!(second(DirectoryState::Unusable("a file".to_owned())), [Fine, Fail]);
    let mut facts = samples::healthy();
    facts.machine.kubelet.as_mut().unwrap()[0].state = DirectoryState::Missing;
    assert_eq!(levels(kubelet_directory(&facts)), [Fail]);
    assert_eq!(levels(mount_propagation(&facts, Path::new("/var/lib/kubelet"))), [Skipped]);
}

#[test]
fn the_mount_that_holds_the_directory_must_be_shared() {
    let judge = |fields: &str, path: &str| {
        let mut facts = samples::healthy();
        facts.machine.mounts = Ok(samples::mounts(fields));
        found(mount_propagation(&facts, Path::new(path))).remove(0)
    };
    assert_eq!(judge("shared:1", "/var/lib/kubelet").level, Fine);
    let private = judge("master:1", "/var/lib/kubelet");
    assert_eq!(private.level, Fail);
    assert!(private.todo.unwrap().contains("Bidirectional"));
    assert_eq!(judge("", "/var/lib/kubelet").level, Fail);
    assert_eq!(judge("", "/var/lib/other").level, Fine, "it is in the root's mount, which is shared");
}

#[test]
fn control_groups_matter_where_a_volume_has_a_limit() {
    let judge = |cgroups, is_limited: bool| {
        let mut facts = samples::healthy();
        facts.machine.cgroups = Ok(cgroups);
        if is_limited {
            let props = &mut facts.cluster.definitions.as_mut().unwrap()[0].props;
            props.insert("sys/fs/blkio_throttle_read".to_owned(), "1".to_owned());
        }
        levels(io_limits(&facts))
    };
    assert_eq!(judge(Cgroups::Version2, false), [Skipped]);
    assert_eq!(judge(Cgroups::Version1, true), [Fine]);
    assert_eq!(judge(Cgroups::Version2, true), [Warn]);
    assert_eq!(judge(Cgroups::None, true), [Warn]);
}
