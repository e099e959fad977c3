//! What travels with a volume through Kubernetes: the publish_context from attach to the node, and the volume_context
//! for its life.
//!
//! CSI allows each map 4 KiB in all (spec, Size Limits), so exact ids beyond 512 bytes travel as their hash
//! (`workflow::owner`).

use std::{collections::BTreeMap, path::PathBuf};

use super::filesystem::{FsType, FsUuid, FsWishes, OptionError};
use super::known::Known;
use super::record::Attachment;
use crate::workflow::{
    Confirm, Incarnation, OwnerView,
    owner::{self, OwnerError},
};

const DEVICE: &str = "linflow.csi/device";
const DRBD: &str = "linflow.csi/drbd";
const BYTES: &str = "linflow.csi/bytes";
const INCARNATION: &str = "linflow.csi/incarnation";
const FS_UUID: &str = "linflow.csi/fs-uuid";
const READ_ONLY: &str = "linflow.csi/read-only";
const ONLY_READS: &str = "linflow.csi/only-reads";
/// The UID of the pod that the claim was attached for, where that pod was confirmed.
pub const POD_UID: &str = "linflow.csi/pod-uid";
const CONFIRM: &str = "linflow.csi/confirm";
/// The key of the volume_context that names the filesystem where the capability names none.
const FS_TYPE: &str = "linflow.csi/fs-type";

/// The publish_context of a volume whose device is at that path on the node, for this attachment. Whether it was
/// formatted is not in it: that is read live.
pub fn publish_context(known: &Known, device: &str, attachment: &Attachment) -> BTreeMap<String, String> {
    let uuid = known.tags.fs_uuid.iter().map(|uuid| (FS_UUID.to_owned(), uuid.to_string()));
    let fixed = [
        (DEVICE, device.to_owned()),
        (DRBD, known.definition.uses_drbd().to_string()),
        (BYTES, known.bytes().to_string()),
        (INCARNATION, known.tags.incarnation.to_string()),
    ];
    let truths = [(READ_ONLY, !attachment.opens_for_writing()), (ONLY_READS, attachment.on_writable)];
    let truths = truths.into_iter().filter(|(_, is_so)| *is_so).map(|(key, is_so)| (key, is_so.to_string()));
    let uid = attachment.pod.as_ref().and_then(|pod| pod.uid.clone()).map(|uid| (POD_UID, uid));
    let confirm = known.tags.confirm.map(|mode| (CONFIRM, mode.to_string()));
    let said = fixed.into_iter().chain(truths).chain(uid).chain(confirm).map(|(key, value)| (key.to_owned(), value));
    said.chain(uuid).chain(owner::to_map(&known.tags.ownership)).collect()
}

/// A publish_context as the node reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishContext {
    /// The device's path on the node, as LINSTOR tells it.
    pub device: PathBuf,
    /// Is it a DRBD device?
    pub uses_drbd: bool,
    /// The size that was promised, in bytes.
    pub bytes: u64,
    /// Prefix of the volume's records.
    pub incarnation: Incarnation,
    /// The identity of its filesystem; none for a volume that linflow didn't make.
    pub fs_uuid: Option<FsUuid>,
    /// Must the node not write to it? False where nothing is said, as in contexts of older versions.
    pub read_only: bool,
    /// Does this claim only read a volume that other claims write on the same node? Then it is staged for writing, and
    /// what its pods see is read-only.
    pub only_reads: bool,
    /// The UID of the pod that owns the claim, for which alone it was attached; none where no pod owns it.
    pub pod_uid: Option<String>,
    /// The workflow that owns the volume, with long ids shortened to hashes; none: nobody's.
    pub owner: Option<OwnerView>,
    /// How strictly its pods are confirmed, where its class said so.
    pub confirm: Option<Confirm>,
}

/// A publish_context that can't be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContextError {
    /// An entry is missing or broken.
    #[error("publish_context has no usable {0}: pass the one that ControllerPublishVolume answered")]
    Entry(&'static str),
    /// The owner is broken.
    #[error(transparent)]
    Owner(#[from] OwnerError),
}

impl PublishContext {
    /// Reads the map that CSI carried.
    pub fn from_map(map: &BTreeMap<String, String>) -> Result<Self, ContextError> {
        let get = |key: &'static str| map.get(key).ok_or(ContextError::Entry(key));
        let bad = ContextError::Entry;
        let is_so = |key| map.get(key).map_or(Ok(false), |value| value.parse()).map_err(|_| bad(key));
        Ok(Self {
            device: get(DEVICE)?.into(),
            uses_drbd: get(DRBD)?.parse().map_err(|_| bad(DRBD))?,
            bytes: get(BYTES)?.parse().map_err(|_| bad(BYTES))?,
            incarnation: Incarnation::parse(get(INCARNATION)?).map_err(|_| bad(INCARNATION))?,
            fs_uuid: map.get(FS_UUID).map(|uuid| FsUuid::parse(uuid)).transpose().map_err(|_| bad(FS_UUID))?,
            read_only: is_so(READ_ONLY)?,
            only_reads: is_so(ONLY_READS)?,
            pod_uid: map.get(POD_UID).cloned(),
            owner: owner::from_map(map)?,
            confirm: map.get(CONFIRM).map(|mode| mode.parse()).transpose().map_err(|_| bad(CONFIRM))?,
        })
    }
}

/// The key of the volume_context with what the class asks of mkfs: [`mkfs`](super::filesystem::mkfs).
pub const FS_OPTIONS: &str = "linflow.csi/fs-opts";
/// The key with the class's mount options: [`options`](super::filesystem::options).
pub const MOUNT_OPTIONS: &str = "linflow.csi/mount-opts";
/// The key with the class's command for a mounted xfs: [`xfs`](super::filesystem::xfs).
pub const POST_MOUNT_XFS: &str = "linflow.csi/post-mount-xfs-opts";

/// What a volume_context says of the filesystem, parsed by the same lists as the class was: between the two it was in
/// other hands.
pub fn wishes_of(volume_context: &BTreeMap<String, String>, fs_type: FsType) -> Result<FsWishes, OptionError> {
    let get = |key: &str| volume_context.get(key).map(String::as_str);
    FsWishes::parse(fs_type, get(FS_OPTIONS), get(MOUNT_OPTIONS), get(POST_MOUNT_XFS))
}

/// The entries of a volume_context that [`wishes_of`] reads.
pub fn wishes_to_map(wishes: &FsWishes) -> BTreeMap<String, String> {
    let post_mount = wishes.post_mount.as_ref().map(ToString::to_string).unwrap_or_default();
    let all = [
        (FS_OPTIONS, wishes.mkfs.to_string()),
        (MOUNT_OPTIONS, wishes.mount.to_string()),
        (POST_MOUNT_XFS, post_mount),
    ];
    let said = all.into_iter().filter(|(_, text)| !text.is_empty());
    said.map(|(key, text)| (key.to_owned(), text)).collect()
}

/// The volume_context of a new volume.
pub fn volume_context(wishes: Option<&FsWishes>) -> BTreeMap<String, String> {
    let Some(wishes) = wishes else { return BTreeMap::new() };
    let mut context = wishes_to_map(wishes);
    context.insert(FS_TYPE.to_owned(), wishes.mkfs.fs_type().to_string());
    context
}

/// The filesystem that a volume_context names.
pub fn fs_type_of(volume_context: &BTreeMap<String, String>) -> Option<&str> {
    volume_context.get(FS_TYPE).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::linstor::model::{ResourceDefinition, VolumeDefinition};
    use crate::volume::{VolumeId, record::Ledger};
    use crate::workflow::{Ownership, PodRef, Tags};

    fn known() -> Known {
        let tags = Tags {
            fs_uuid: Some(FsUuid::from_random([7; 16])),
            ..Tags::new(Incarnation::from_random([1; 16]), Ownership::None, "vol1")
        };
        let volume_definitions = vec![VolumeDefinition { size_kib: 1024, ..VolumeDefinition::default() }];
        let definition = ResourceDefinition { volume_definitions, ..ResourceDefinition::default() };
        Known { volume: VolumeId::parse("vol1").unwrap(), definition, tags, ledger: Ledger::default() }
    }

    #[test]
    fn the_node_reads_what_the_controller_wrote() {
        let writer = Attachment::of_writer();
        let read = PublishContext::from_map(&publish_context(&known(), "/dev/drbd1000", &writer)).unwrap();
        assert_eq!((read.device.to_str(), read.bytes, read.uses_drbd), (Some("/dev/drbd1000"), 1 << 20, false));
        assert_eq!((read.incarnation, read.fs_uuid), (known().tags.incarnation, known().tags.fs_uuid));
        assert_eq!((read.owner, read.read_only), (None, false));
        let reader = Attachment { read_only: true, ..writer };
        let read = PublishContext::from_map(&publish_context(&known(), "/dev/drbd1000", &reader)).unwrap();
        assert_eq!((read.read_only, read.only_reads, read.pod_uid), (true, false, None));
    }

    #[test]
    fn a_claim_that_reads_what_others_write_does_not_make_the_device_read_only_and_names_its_pod() {
        let pod = PodRef { namespace: "airflow".into(), name: "p".into(), uid: Some("u1".into()) };
        let beside = Attachment { read_only: true, on_writable: true, pod: Some(pod), ..Attachment::of_writer() };
        let read = PublishContext::from_map(&publish_context(&known(), "/dev/drbd1000", &beside)).unwrap();
        assert_eq!((read.read_only, read.only_reads, read.pod_uid.as_deref()), (false, true, Some("u1")));
    }

    #[test]
    fn a_missing_or_broken_key_is_named() {
        for key in [DEVICE, DRBD, BYTES, INCARNATION] {
            let mut map = publish_context(&known(), "/dev/drbd1000", &Attachment::of_writer());
            map.remove(key);
            assert_eq!(PublishContext::from_map(&map), Err(ContextError::Entry(key)));
        }
        for key in [FS_UUID, READ_ONLY, ONLY_READS, CONFIRM] {
            let mut map = publish_context(&known(), "/dev/drbd1000", &Attachment::of_writer());
            map.insert(key.into(), "none".into());
            assert_eq!(PublishContext::from_map(&map), Err(ContextError::Entry(key)));
        }
    }

    #[test]
    fn what_a_class_asks_of_a_filesystem_comes_back_and_what_was_tampered_with_does_not() {
        let wishes = FsWishes::parse(FsType::Xfs, Some("-i size=512"), Some("noatime"), Some("extsize 2m")).unwrap();
        let mut map = wishes_to_map(&wishes);
        assert_eq!(map.len(), 3);
        assert_eq!(wishes_of(&map, FsType::Xfs), Ok(wishes));
        map.insert(FS_OPTIONS.into(), "-d name=/etc/passwd".into());
        assert!(matches!(wishes_of(&map, FsType::Xfs), Err(OptionError::NotAllowed { .. })));
        assert!(wishes_to_map(&FsWishes::none(FsType::Ext4)).is_empty());
    }
}
