//! Kubernetes as a folder of manifests: recorded pods, and claims as the ephemeral volume controller makes them.

use std::path::Path;

use linflow::workflow::{AnyDirectory, FolderDirectory};
use tempfile::TempDir;

use super::{Create, create};

/// A folder of manifests.
pub struct Kubernetes(TempDir);

/// A claim in the making.
#[derive(Clone)]
pub struct Pvc<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its UID, of which external-provisioner makes the volume's CSI name.
    pub uid: &'a str,
    /// Its annotations.
    pub annotations: &'a [(&'a str, &'a str)],
    /// Name and UID of the pod that owns it.
    pub owner: Option<(&'a str, &'a str)>,
}

/// A claim of that UID in namespace airflow, of which nothing else is known.
pub fn pvc(uid: &str) -> Pvc<'_> {
    Pvc { name: "data", namespace: "airflow", uid, annotations: &[], owner: None }
}

impl Pvc<'_> {
    /// What external-provisioner asks of linflow for it.
    pub fn request(&self) -> Create {
        create(&format!("pvc-{}", self.uid))
            .parameter("csi.storage.k8s.io/pvc/name", self.name)
            .parameter("csi.storage.k8s.io/pvc/namespace", self.namespace)
    }
}

impl Kubernetes {
    /// Nothing is there.
    pub fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// It, as a service looks at it.
    pub fn directory(&self) -> AnyDirectory {
        AnyDirectory::Folder(FolderDirectory::new(self.path()))
    }

    /// Writes a manifest as exporters do: whole, then renamed into place.
    pub fn put(&self, name: &str, text: &str) {
        let (draft, file) = (self.path().join(format!(".{name}.draft")), self.path().join(format!("{name}.yaml")));
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, file).unwrap();
    }

    /// Takes a manifest away.
    pub fn remove(&self, name: &str) {
        std::fs::remove_file(self.path().join(format!("{name}.yaml"))).unwrap();
    }

    /// A pod as it was recorded, with a UID.
    pub fn put_pod(&self, recording: &str, uid: &str) {
        self.put(recording, &with_uid(&recorded(recording), uid));
    }

    /// A claim.
    pub fn put_claim(&self, pvc: &Pvc<'_>) {
        let Pvc { name, namespace, uid, annotations, owner } = pvc;
        let annotations: String = annotations.iter().map(|(key, value)| format!("    {key}: {value:?}\n")).collect();
        let owner = owner.map_or(String::new(), |(name, uid)| {
            format!(
                "  ownerReferences:\n  - {{apiVersion: v1, kind: Pod, name: {name}, uid: {uid}, controller: true}}\n"
            )
        });
        self.put(
            &format!("claim-{name}"),
            &format!(
                "kind: PersistentVolumeClaim\nmetadata:\n  name: {name}\n  namespace: {namespace}\n  uid: {uid}\n  \
                 annotations:\n{annotations}{owner}"
            ),
        );
    }
}

/// The manifest of a pod as Airflow made it, without a UID.
pub fn recorded(recording: &str) -> String {
    let path = format!("{}/tests/fixtures/airflow-pods/{recording}.yaml", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// The manifest with a UID.
pub fn with_uid(manifest: &str, uid: &str) -> String {
    manifest.replacen("\nmetadata:\n", &format!("\nmetadata:\n  uid: {uid}\n"), 1)
}

/// The name of a recorded pod.
pub fn name_of(recording: &str) -> String {
    let manifest = recorded(recording);
    let name = manifest.lines().find_map(|line| line.strip_prefix("  name: ")).expect("a pod has a name");
    name.to_owned()
}
