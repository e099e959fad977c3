//! Whose targets a device has on this node. The mount table tells: kubelet's paths name the pod and the volume.

use std::path::{Component, Path};

use super::{Error, mounts::MountEntry};

/// The UID of the pod whose target a path is, and the PersistentVolume's name; none: it is none of kubelet's targets.
///
/// A filesystem is at `…/pods/<uid>/volumes/<plugin>/<volume>/…`, a raw device at `…/volumeDevices/publish/<volume>/<uid>`,
/// and what a pod sees of a part of it at `…/pods/<uid>/volume-subpaths/<volume>/…`.
fn parts(path: &Path) -> Option<(&str, Option<&str>)> {
    let names: Vec<&str> = path
        .components()
        .map(|part| match part {
            Component::Normal(name) => name.to_str().unwrap_or_default(),
            _ => "",
        })
        .collect();
    if let [.., "volumeDevices", "publish", volume, uid] = names[..] {
        return Some((uid, Some(volume)));
    }
    let pods = names.iter().position(|name| *name == "pods")?;
    match names[pods + 1..] {
        [uid, "volumes", _, volume, ..] | [uid, "volume-subpaths", volume, ..] => Some((uid, Some(volume))),
        [uid, _, ..] => Some((uid, None)),
        _ => None,
    }
}

/// The UID of the pod whose target a path is.
pub(super) fn pod_of(path: &Path) -> Option<&str> {
    parts(path).map(|(uid, _)| uid)
}

/// Are both targets of one PersistentVolume, so that they are of one claim?
pub(super) fn is_same_volume(one: &Path, other: &Path) -> bool {
    let volume = |path| parts(path).and_then(|(_, volume)| volume);
    volume(one).is_some() && volume(one) == volume(other)
}

/// Refuses the pod with that UID while another one has the device at a target: that may still write, whatever
/// Kubernetes says of it.
pub(super) fn refuse_other_pod<'a>(
    holder: &str,
    mut targets: impl Iterator<Item = &'a MountEntry>,
) -> Result<(), Error> {
    let is_others = |entry: &&MountEntry| pod_of(&entry.mount_point).is_some_and(|uid| uid != holder);
    match targets.find(is_others) {
        None => Ok(()),
        Some(entry) => {
            let uid = pod_of(&entry.mount_point).unwrap_or_default().to_owned();
            Err(Error::HeldByPod { uid, path: entry.mount_point.clone() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kubelets_paths_name_the_pod_and_the_volume() {
        for (path, expected) in [
            ("/var/lib/kubelet/pods/u1/volumes/kubernetes.io~csi/pvc-1/mount", Some(("u1", Some("pvc-1")))),
            ("/host/var/lib/kubelet/pods/u1/volumes/kubernetes.io~csi/pvc-1/mount", Some(("u1", Some("pvc-1")))),
            ("/var/lib/kubelet/pods/u1/volume-subpaths/pvc-1/main/0", Some(("u1", Some("pvc-1")))),
            ("/var/lib/kubelet/plugins/kubernetes.io/csi/volumeDevices/publish/pvc-1/u1", Some(("u1", Some("pvc-1")))),
            ("/var/lib/kubelet/pods/u1/mount", Some(("u1", None))),
            ("/var/lib/kubelet/plugins/kubernetes.io/csi/linflow.csi/0123/globalmount", None),
            ("/pods/target", None),
            ("/mnt", None),
        ] {
            assert_eq!(parts(Path::new(path)), expected, "{path}");
        }
    }

    #[test]
    fn targets_are_of_one_volume_where_kubelet_says_so_and_not_by_chance() {
        let target = |uid: &str, volume: &str| format!("/k/pods/{uid}/volumes/kubernetes.io~csi/{volume}/mount");
        let is_same = |one: &str, other: &str| is_same_volume(Path::new(one), Path::new(other));
        assert!(is_same(&target("u1", "pvc-1"), &target("u2", "pvc-1")));
        assert!(!is_same(&target("u1", "pvc-1"), &target("u1", "pvc-2")));
        assert!(!is_same("/mnt/a", "/mnt/b"));
    }
}
