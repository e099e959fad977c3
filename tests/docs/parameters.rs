//! docs/parameters.md: what a StorageClass may say.

use std::collections::BTreeMap;

use linflow::volume::{
    drbd_options,
    filesystem::{FsType, FsWishes, OptionError},
    params::{FAMILIES, Family, KnownParameter, PASSED_OVER, Parameters, REFUSED, REFUSED_PROPERTIES},
};
use linflow::workflow::{Claim, Instances};

use super::page;

const INTRODUCTION: &str = "\
# StorageClass parameters

<!-- Rendered from the tables in src/volume/params/: `LINFLOW_RENDER=1 cargo test --test docs`. -->

Keys are written as below or with the prefix `linflow.csi/`, in any case; the prefix `linstor.csi.linbit.com/` means the same, so that a class of linstor-csi works as it is. A key that is not known,
or is given twice, also in two spellings, is INVALID_ARGUMENT: a misspelt parameter is not lost in silence. Keys that begin with `csi.storage.k8s.io/` are the sidecars' own.
Truth values are `true` or `false`, also `1`, `t`, `0`, `f`.

What a class came to is kept with each volume (`Aux/linflow/parameters`). CreateVolume for a name that exists is answered with the volume where all of it is the same, and else with ALREADY_EXISTS
and the parameter that differs; overProvision, usePvcName and the way that a class spells things are not compared.

";

const PROPERTIES: &str = "\
## Properties of LINSTOR

`DrbdOptions/<option>` and `property.linflow.csi/<property>` (or linstor-csi's `property.linstor.csi.linbit.com/<property>`) set a property of LINSTOR on each volume, under its own name, which LINSTOR reads with case:
`property.linflow.csi/DrbdOptions/Net/max-buffers` and `DrbdOptions/Net/max-buffers` are the same. They are written on the resource definition in the request that makes it, beside an administrator's
group too, and a group is never changed. Whether a property exists and takes the value, LINSTOR says: INVALID_ARGUMENT with its words. Whoever reads the definition in LINSTOR sees them: they are no place for a secret.

A class can't set what linflow's own rules rest on, nor what costs data:

";

const NOT_HARMLESS: &str = "
Of DRBD's options a class may set these only as said. Who knows the hardware better (such as `disk-flushes no` over a battery) sets them on LINSTOR's node, storage pool or controller.

";

const FROM_LINSTOR_CSI: &str = "\
## From linstor-csi

A class of linstor-csi 1.12 is taken as it is, with these differences:

- placementCount is 2 where it is left out, not 1; an empty one is 1. `encryption: true` encrypts; linstor-csi passes it over. A list may have commas, too.
- Names of node properties get `Aux/` before them. Where linstor-csi ran with another `--property-namespace`, such as Piraeus' operator does with `Aux/topology`, write the whole name:
  `replicasOnDifferent: Aux/topology/topology.kubernetes.io/zone`.
- A resourceGroup is never changed, so that classes may share one: what the class says goes on its volumes.
- Options of mkfs and mount come from a list, and properties that cost data are refused, as above. linstor-csi passes all of them on.
- `qos.linbit.com/…` limits are LINSTOR's own (`sys/fs/blkio_throttle_…`), not those of a plugin beside it.

";

/// Classes, each with what it is for.
const CLASSES: [(&str, &str); 5] = [
    (
        "Two copies by DRBD in the pool `fast`; the volume can be attached to any node.",
        "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: linflow
provisioner: linflow.csi
parameters:
  layerList: drbd storage
  placementCount: \"2\"
  storagePool: fast
",
    ),
    (
        "One copy without DRBD: as fast as the disk, and reachable on its own node alone, so that the pod's node must be known first.",
        "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: linflow-local
provisioner: linflow.csi
volumeBindingMode: WaitForFirstConsumer
parameters:
  layerList: storage
  storagePool: fast
  fsType: xfs
",
    ),
    (
        "Encrypted, each copy in another zone, and called after its claim. external-provisioner runs with `--extra-create-metadata`.",
        "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: linflow-encrypted
provisioner: linflow.csi
parameters:
  encryption: \"true\"
  replicasOnDifferent: topology.kubernetes.io/zone
  usePvcName: \"true\"
  mountOpts: noatime
",
    ),
    (
        "A class that was written for linstor-csi: only the provisioner is another.",
        "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: linstor-ha
provisioner: linflow.csi
parameters:
  linstor.csi.linbit.com/storagePool: fast
  linstor.csi.linbit.com/autoPlace: \"2\"
  property.linstor.csi.linbit.com/DrbdOptions/auto-quorum: suspend-io
  property.linstor.csi.linbit.com/DrbdOptions/Resource/on-no-data-accessible: suspend-io
  property.linstor.csi.linbit.com/DrbdOptions/Resource/on-suspended-primary-outdated: force-secondary
  property.linstor.csi.linbit.com/DrbdOptions/Net/rr-conflict: retry-connect
",
    ),
    (
        "Volumes of one run of a DAG: only pods of that run get them. external-provisioner runs with `--extra-create-metadata`.",
        "\
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata:
  name: linflow-sales
provisioner: linflow.csi
parameters:
  storagePool: fast
  linflow.csi/scope: run
  linflow.csi/instance: prod
  linflow.csi/dag-id: sales
  linflow.csi/run-id: manual__2026-01-01T00:00:00+00:00
",
    ),
];

/// The whole page.
pub fn render() -> String {
    let tables = FAMILIES.map(|family| table(&family)).concat();
    let classes = CLASSES.map(|(about, class)| format!("\n{about}\n\n```yaml\n{class}```\n")).concat();
    format!(
        "{INTRODUCTION}{tables}{}{PROPERTIES}{}{NOT_HARMLESS}{}\n{FROM_LINSTOR_CSI}{}\n## Examples\n{classes}",
        options(),
        refused_properties(),
        limited_options(),
        refused_keys(),
    )
}

fn table(family: &Family) -> String {
    let row = |known: &KnownParameter| {
        let key = std::iter::once(&known.key).chain(known.aliases).copied().collect::<Vec<_>>().join(", ");
        let cells = [&*key, known.values, known.default, known.meaning, known.example];
        cells.map(str::to_owned).to_vec()
    };
    let rows: Vec<Vec<String>> = family.parameters.iter().map(row).collect();
    let head = ["key", "values", "default", "meaning", "example"];
    format!("## {}\n\n{}\n", family.title, page::table(&head, &rows))
}

/// The allow-lists, as they are told to whoever asks for something else.
fn options() -> String {
    let allowed = |fs_type, mkfs, mount, command| {
        let refused = FsWishes::parse(fs_type, mkfs, mount, command).expect_err("this is on no list");
        match refused {
            OptionError::NotAllowed { allowed, .. } => format!("`{allowed}`"),
            other => other.to_string(),
        }
    };
    let rows = [
        ("fsOpts, ext4", allowed(FsType::Ext4, Some("-Q 1"), None, None)),
        ("fsOpts, xfs", allowed(FsType::Xfs, Some("-Q 1"), None, None)),
        ("mountOpts", allowed(FsType::Xfs, None, Some("nonsense"), None)),
        ("postMountXfsOpts", allowed(FsType::Xfs, None, None, Some("nonsense"))),
    ];
    let rows: Vec<Vec<String>> = rows.into_iter().map(|(key, list)| vec![key.to_owned(), list]).collect();
    format!("## Options of the filesystem\n\n{}\n", page::table(&["parameter", "allowed"], &rows))
}

fn refused_properties() -> String {
    let row = |(property, because): &(&str, &str)| vec![format!("`{property}`"), (*because).to_owned()];
    page::table(&["property", "why not"], &REFUSED_PROPERTIES.iter().map(row).collect::<Vec<_>>())
}

fn limited_options() -> String {
    let row = |(option, harmless, because): (String, &[&str], &str)| {
        let harmless = if harmless.is_empty() { "none".to_owned() } else { harmless.join(", ") };
        vec![format!("`{option}`"), harmless, because.to_owned()]
    };
    page::table(&["option", "values", "else"], &drbd_options::limited().map(row).collect::<Vec<_>>())
}

fn refused_keys() -> String {
    let row = |(key, because): &(&str, &str)| vec![format!("`{key}`"), format!("refused: {because}")];
    let passed_over = |key: &&str| vec![format!("`{key}`"), "passed over with a line in the log".to_owned()];
    let rows: Vec<_> = REFUSED.iter().map(row).chain(PASSED_OVER.iter().map(passed_over)).collect();
    page::table(&["key of linstor-csi", "here"], &rows)
}

#[test]
fn every_class_on_the_page_is_accepted() {
    let owned = CLASSES.map(|(_, class)| {
        let class: BTreeMap<String, serde_norway::Value> = serde_norway::from_str(class).expect("it is YAML");
        let parameters: BTreeMap<String, String> =
            serde_norway::from_value(class["parameters"].clone()).expect("parameters are text");
        let parsed = Parameters::parse(&parameters).expect("known parameters");
        let claim = Claim::parse(&parsed.claim, &Instances::default()).expect("a whole claim");
        (parsed.placement.may_use_drbd(), claim.ownership.workflow().map(ToString::to_string))
    });
    let run = "DAG sales, run manual__2026-01-01T00:00:00+00:00 of Airflow prod".to_owned();
    assert_eq!(owned, [(true, None), (false, None), (true, None), (true, None), (true, Some(run))]);
}
