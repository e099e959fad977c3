//! docs/parameters.md: what a StorageClass may say.

use std::collections::BTreeMap;

use linflow::volume::params::{FAMILIES, Parameters};
use linflow::workflow::{Claim, Instances};

use super::page;

const INTRODUCTION: &str = "\
# StorageClass parameters

<!-- Rendered from the tables in src/volume/params/: `LINFLOW_RENDER=1 cargo test --test docs`. -->

Keys are written as below or with the prefix `linflow.csi/`, in any case. A key that is not known, or is given twice, is INVALID_ARGUMENT:
a misspelt parameter is not lost in silence. Keys that begin with `csi.storage.k8s.io/` are the sidecars' own.

";

/// Three classes, each with what it is for.
const CLASSES: [(&str, &str); 3] = [
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
    let row = |known: &linflow::volume::params::KnownParameter| {
        let cells = [known.key, known.values, known.default, known.meaning, known.example];
        cells.map(str::to_owned).to_vec()
    };
    let table = |family: &linflow::volume::params::Family| {
        let rows: Vec<Vec<String>> = family.parameters.iter().map(row).collect();
        format!("## {}\n\n{}\n", family.title, page::table(&["key", "values", "default", "meaning", "example"], &rows))
    };
    let tables = FAMILIES.map(|family| table(&family));
    let classes = CLASSES.map(|(about, class)| format!("\n{about}\n\n```yaml\n{class}```\n"));
    format!("{INTRODUCTION}{}## Examples\n{}", tables.concat(), classes.concat())
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
    assert_eq!(owned, [(true, None), (false, None), (true, Some(run))]);
}
