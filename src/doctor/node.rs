//! Checks of this node: DRBD, programs, kubelet's directory, mounts and control groups.

use std::path::Path;

use super::facts::{Facts, known};
use super::finding::{Finding, Found};
use super::machine::{Cgroups, Directory, DirectoryState};
use super::volumes::limited;
use super::words::{count, list};
use crate::linstor::model::DRBD;

/// The oldest DRBD that LINSTOR's satellites work with.
const OLDEST_DRBD: u32 = 9;

/// Whether the module is loaded, and which.
pub fn drbd_module(facts: &Facts) -> Found {
    let version = known(&facts.machine.drbd)?;
    let Some(version) = version else {
        let todo =
            "modprobe drbd (package drbd-dkms or kmod-drbd of DRBD 9); until then this node takes no replicated volume";
        let elsewhere = facts.cluster.nodes.as_ref().is_ok_and(|all| all.iter().any(|node| node.supports_layer(DRBD)));
        let seen = "not loaded: neither /sys/module/drbd/version nor /proc/drbd tells one";
        return Ok(vec![match elsewhere {
            true => Finding::fail(format!("{seen}, and the cluster replicates with it"), todo),
            false => Finding::warn(seen, todo),
        }]);
    };
    let major: Option<u32> = version.split('.').next().and_then(|major| major.parse().ok());
    Ok(vec![match major {
        Some(major) if major >= OLDEST_DRBD => Finding::ok(format!("DRBD {version}")),
        _ => Finding::fail(
            format!("DRBD {version}, and LINSTOR needs {OLDEST_DRBD}"),
            "install DRBD 9 (drbd-dkms or kmod-drbd) in place of the kernel's own, and load it",
        ),
    }])
}

/// Whether the programs are there that linflow runs.
pub fn programs(facts: &Facts) -> Found {
    let (asked, needed): (Vec<&String>, Vec<&String>) =
        known(&facts.machine.missing_programs)?.iter().partition(|name| name.as_str() == "drbdsetup");
    let mut found = Vec::new();
    if needed.is_empty() {
        found.push(Finding::ok("everything to make, check and grow ext4 and xfs"));
    } else {
        let todo = "install e2fsprogs and xfsprogs beside linflow, in its image where it runs in a pod";
        found.push(Finding::fail(format!("not in PATH: {}", list(&needed)), todo));
    }
    if !asked.is_empty() {
        let todo = "install drbd-utils beside linflow; without it NodeGetVolumeHealth can't say what DRBD knows";
        found.push(Finding::warn("not in PATH: drbdsetup", todo));
    }
    Ok(found)
}

/// kubelet's directory and those in it.
pub fn kubelet_directory(facts: &Facts) -> Found {
    let directories = known(&facts.machine.kubelet)?;
    // Where the first one is not there, neither are those in it.
    let is_there = directories.first().is_some_and(is_directory);
    let told = if is_there { directories.len() } else { 1 };
    Ok(directories.iter().take(told).map(judge_directory).collect())
}

fn is_directory(directory: &Directory) -> bool {
    !matches!(directory.state, DirectoryState::Missing | DirectoryState::Unusable(_))
}

fn judge_directory(directory: &Directory) -> Finding {
    let finding = match &directory.state {
        DirectoryState::There => Finding::ok("there"),
        DirectoryState::Writable => Finding::ok("there, and a file can be made in it"),
        DirectoryState::ReadOnly(error) => Finding::fail(
            format!("no file can be made in it: {error}"),
            "mount it for writing into the pod, and run the node plugin as root",
        ),
        DirectoryState::Missing => Finding::fail(
            "is not there",
            "run this where kubelet runs, with its directory mounted; or name it with --kubelet-dir (kubelet --root-dir)",
        ),
        DirectoryState::Unusable(error) => Finding::fail(error.as_str(), "look at what is mounted or made there"),
    };
    finding.about(directory.path.display().to_string())
}

/// Whether a mount made here is seen by kubelet and pods.
pub fn mount_propagation(facts: &Facts, kubelet_dir: &Path) -> Found {
    if !known(&facts.machine.kubelet)?.first().is_some_and(is_directory) {
        return Err(Finding::skipped(format!("{} is not there", kubelet_dir.display())));
    }
    let table = known(&facts.machine.mounts)?;
    let Some(mount) = table.holding(kubelet_dir) else {
        return Err(Finding::skipped(format!("no mount holds {}", kubelet_dir.display())));
    };
    let place = mount.mount_point.display();
    let finding = if mount.is_shared {
        Finding::ok(format!("shared, by the mount at {place}"))
    } else {
        let todo = format!("mountPropagation: Bidirectional in the pod; on the host: mount --make-rshared {place}");
        Finding::fail(format!("private, by the mount at {place}: what is mounted here no pod will see"), todo)
    };
    Ok(vec![finding.about(kubelet_dir.display().to_string())])
}

/// Whether limits of reading and writing take hold here.
pub fn io_limits(facts: &Facts) -> Found {
    let limited = limited(facts)?;
    let cgroups = *known(&facts.machine.cgroups)?;
    if limited.is_empty() {
        let version = match cgroups {
            Cgroups::Version1 => "control groups of version 1 are there, which limits need",
            Cgroups::Version2 => "control groups are of version 2 alone, where LINSTOR passes limits over",
            Cgroups::None => "no control groups are seen",
        };
        return Err(Finding::skipped(format!("no volume has a limit; {version}")));
    }
    let names: Vec<&str> = limited.into_iter().collect();
    let volumes = format!("{} with a limit: {}", count(names.len(), "volume"), list(&names));
    if cgroups == Cgroups::Version1 {
        return Ok(vec![Finding::ok(format!("control groups of version 1; {volumes}"))]);
    }
    let todo = "boot with systemd.unified_cgroup_hierarchy=0, or take the limits (linflow.csi/qos…) out of the class";
    Ok(vec![Finding::warn(format!("no control groups of version 1, so LINSTOR passes limits over; {volumes}"), todo)])
}

#[cfg(test)]
mod tests;
