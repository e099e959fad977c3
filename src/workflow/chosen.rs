//! The directory that the configuration chose, as one type.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::directory::{ClaimManifest, ClaimRef, Directory, DirectoryError, Notice, Object, Pod, PodRef, Presence};
use super::folder::FolderDirectory;

/// The directory that the configuration chose. Cheap to clone.
#[derive(Debug, Clone)]
pub enum AnyDirectory {
    /// None: every look-up says what to configure.
    None,
    /// A folder of manifests (`--pods DIR`).
    Folder(FolderDirectory),
    /// Kubernetes' API server, which this room does not know.
    Kubernetes(Arc<dyn AsObject>),
}

impl AnyDirectory {
    fn chosen(&self) -> Option<&dyn AsObject> {
        match self {
            Self::None => None,
            Self::Folder(folder) => Some(folder),
            Self::Kubernetes(kubernetes) => Some(kubernetes.as_ref()),
        }
    }
}

/// An answer to come, of whoever stands behind a pointer.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// [`Directory`] behind a pointer. Every directory is one.
#[expect(missing_docs, reason = "each is what Directory says")]
pub trait AsObject: Debug + Send + Sync {
    fn pod<'a>(&'a self, pod: &'a PodRef) -> Answer<'a, Result<Pod, DirectoryError>>;
    fn claim<'a>(&'a self, namespace: &'a str, name: &'a str) -> Answer<'a, Result<ClaimManifest, DirectoryError>>;
    fn presence<'a>(&'a self, pod: &'a PodRef) -> Answer<'a, Result<Presence, DirectoryError>>;
    fn handles<'a>(&'a self, driver: &'a str) -> Answer<'a, Result<BTreeSet<String>, DirectoryError>>;
    fn tell<'a>(&'a self, notice: &'a Notice) -> Answer<'a, ()>;
}

impl<T: Directory + Debug> AsObject for T {
    fn pod<'a>(&'a self, pod: &'a PodRef) -> Answer<'a, Result<Pod, DirectoryError>> {
        Box::pin(Directory::pod(self, pod))
    }

    fn claim<'a>(&'a self, namespace: &'a str, name: &'a str) -> Answer<'a, Result<ClaimManifest, DirectoryError>> {
        Box::pin(Directory::claim(self, namespace, name))
    }

    fn presence<'a>(&'a self, pod: &'a PodRef) -> Answer<'a, Result<Presence, DirectoryError>> {
        Box::pin(Directory::presence(self, pod))
    }

    fn handles<'a>(&'a self, driver: &'a str) -> Answer<'a, Result<BTreeSet<String>, DirectoryError>> {
        Box::pin(Directory::handles(self, driver))
    }

    fn tell<'a>(&'a self, notice: &'a Notice) -> Answer<'a, ()> {
        Box::pin(Directory::tell(self, notice))
    }
}

impl Directory for AnyDirectory {
    fn is_configured(&self) -> bool {
        self.chosen().is_some()
    }

    async fn pod(&self, pod: &PodRef) -> Result<Pod, DirectoryError> {
        match self.chosen() {
            Some(directory) => directory.pod(pod).await,
            None => Err(unconfigured(Object::Pod(pod.clone()))),
        }
    }

    async fn claim(&self, namespace: &str, name: &str) -> Result<ClaimManifest, DirectoryError> {
        match self.chosen() {
            Some(directory) => directory.claim(namespace, name).await,
            None => {
                let claim = ClaimRef { namespace: namespace.to_owned(), name: name.to_owned(), uid: None };
                Err(unconfigured(Object::Claim(claim)))
            }
        }
    }

    async fn presence(&self, pod: &PodRef) -> Result<Presence, DirectoryError> {
        match self.chosen() {
            Some(directory) => directory.presence(pod).await,
            None => Err(unconfigured(Object::Pod(pod.clone()))),
        }
    }

    async fn handles(&self, driver: &str) -> Result<BTreeSet<String>, DirectoryError> {
        match self.chosen() {
            Some(directory) => directory.handles(driver).await,
            None => Err(unconfigured(Object::Volumes)),
        }
    }

    async fn tell(&self, notice: &Notice) {
        if let Some(directory) = self.chosen() {
            directory.tell(notice).await;
        }
    }
}

fn unconfigured(object: Object) -> DirectoryError {
    let reason =
        "no directory of pods is configured; start linflow with --kubernetes true, --kubeconfig FILE or --pods DIR";
    DirectoryError::Unavailable { object, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn without_a_directory_the_answer_says_what_to_configure() {
        let pod = PodRef { namespace: "airflow".to_owned(), name: "p".to_owned(), uid: None };
        let error = Directory::pod(&AnyDirectory::None, &pod).await.expect_err("nothing is configured");
        assert!(matches!(&error, DirectoryError::Unavailable { .. }));
        for way in ["--kubernetes true", "--kubeconfig FILE", "--pods DIR"] {
            assert!(error.to_string().contains(way), "{error}");
        }
    }
}
