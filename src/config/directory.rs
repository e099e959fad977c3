//! Where Kubernetes is asked: at its API server, in a folder, or nowhere.

use std::path::PathBuf;

use super::{
    Environment,
    args::DirectoryArgs,
    error::{Mistakes, Wrong},
    text,
};
use crate::kube::Place;

/// Where Kubernetes is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryConfig {
    /// Nowhere.
    None,
    /// A folder of Pod and PersistentVolumeClaim manifests; it existed at start.
    Folder(PathBuf),
    /// The API server.
    Kubernetes(Place),
}

/// What the three flags come to: a flag that says where wins over what is found.
pub(super) fn directory(
    args: &DirectoryArgs,
    environment: Environment<'_>,
    mistakes: &mut Mistakes,
) -> Option<DirectoryConfig> {
    let (pods, file) = (text::given(&args.pods), text::given(&args.kubeconfig));
    let folder = mistakes.optional("--pods", pods, text::existing_folder);
    let asks = mistakes.optional("--kubernetes", text::given(&args.kubernetes), text::truth);
    let place = mistakes.optional("--kubeconfig", file, kubeconfig);
    let (folder, asks, place) = (folder?, asks?, place?);
    let is_pod = environment("KUBERNETES_SERVICE_HOST").is_some_and(|host| !host.is_empty());
    match (folder, place, asks) {
        (Some(_), Some(_), _) => refuse(mistakes, "--pods", pods, "excludes --kubeconfig", "give one of them"),
        (Some(_), None, Some(true)) => {
            refuse(mistakes, "--pods", pods, "excludes --kubernetes true", "give one of them")
        }
        (Some(folder), ..) => Some(DirectoryConfig::Folder(folder)),
        (None, Some(_), Some(false)) => {
            refuse(mistakes, "--kubeconfig", file, "excludes --kubernetes false", "give one of them")
        }
        (None, Some(place), _) => Some(DirectoryConfig::Kubernetes(place)),
        (None, None, Some(true)) if !is_pod => {
            let remedy =
                "run linflow in a pod that its service account's token is mounted in, or give --kubeconfig FILE";
            refuse(
                mistakes,
                "--kubernetes",
                Some("true"),
                "needs a pod, and KUBERNETES_SERVICE_HOST is not set",
                remedy,
            )
        }
        (None, None, Some(true)) => Some(DirectoryConfig::Kubernetes(Place::InCluster)),
        (None, None, None) if is_pod && Place::has_service_account() => {
            Some(DirectoryConfig::Kubernetes(Place::InCluster))
        }
        (None, None, _) => Some(DirectoryConfig::None),
    }
}

fn refuse(
    mistakes: &mut Mistakes,
    flag: &'static str,
    value: Option<&str>,
    reason: &str,
    remedy: &str,
) -> Option<DirectoryConfig> {
    mistakes.check(flag, value.unwrap_or_default(), Err(Wrong::new(reason, remedy)))
}

fn kubeconfig(path: &str) -> Result<Place, Wrong> {
    Place::kubeconfig(path).map_err(|reason| {
        Wrong::new(format!("can't be used ({reason})"), "name a kubeconfig with a current-context, such as kubectl's")
    })
}
