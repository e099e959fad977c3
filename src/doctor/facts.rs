//! What was seen of LINSTOR and of this machine, before anything is judged. The checks are functions of it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::finding::Finding;
use super::machine::{Cgroups, Directory};
use crate::kube::Need;
use crate::linstor::model::{MasterPassphrase, Node, Props, Resource, ResourceDefinition, ResourceGroup, StoragePool};
use crate::linstor::name::{NodeName, ResourceName};
use crate::linstor::{ControllerVersion, Error, ShownCertificate};
use crate::node::mounts::MountTable;

/// A fact, or why there is none.
pub type Told<T> = Result<T, Untold>;

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Untold {
    /// It was not asked for, since it could not be of use.
    NotAsked(String),
    /// It was asked for in vain.
    NoAnswer(String),
}

impl From<&Untold> for Finding {
    fn from(untold: &Untold) -> Self {
        match untold {
            Untold::NotAsked(reason) => Self::skipped(reason),
            Untold::NoAnswer(reason) => {
                Self::fail(reason, "run linflow doctor again, with a longer --timeout where time was too short")
            }
        }
    }
}

/// The fact, or the finding that it is missing.
pub fn known<T>(fact: &Told<T>) -> Result<&T, Finding> {
    fact.as_ref().map_err(Finding::from)
}

/// Everything that the checks look at.
#[derive(Debug, Clone)]
pub struct Facts {
    /// When it was looked at, by this machine's clock.
    pub now: SystemTime,
    /// This node's name, as it was given.
    pub node: Option<NodeName>,
    /// Each controller of the list, asked on its own.
    pub controllers: Vec<ControllerFacts>,
    /// Credentials.
    pub credentials: Credentials,
    /// What the active controller said.
    pub cluster: ClusterFacts,
    /// What Kubernetes said.
    pub kubernetes: KubernetesFacts,
    /// What was seen of this machine.
    pub machine: MachineFacts,
}

/// What Kubernetes said.
#[derive(Debug, Clone)]
pub struct KubernetesFacts {
    /// By which way it was asked: the path of a kubeconfig, or the service account.
    pub way: String,
    /// The API server's version.
    pub version: Told<String>,
    /// What linflow needs of it, and whether it may.
    pub rights: Vec<(Need, Told<bool>)>,
}

/// One controller.
#[derive(Debug, Clone)]
pub struct ControllerFacts {
    /// Its URL.
    pub url: String,
    /// What it said when it was asked for its version.
    pub version: Result<ControllerVersion, Error>,
    /// The certificate that it showed; none over http, and where no connection got so far.
    pub certificate: Option<ShownCertificate>,
    /// LINSTOR's identity of the cluster; none where it was not told.
    pub cluster_id: Option<String>,
}

impl ControllerFacts {
    /// Does it encrypt?
    pub fn is_https(&self) -> bool {
        self.url.starts_with("https:")
    }
}

/// What linflow shows to LINSTOR.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Is a token given?
    pub has_token: bool,
    /// Whether LINSTOR answers without the token as well.
    pub answers_without_token: Told<bool>,
    /// When our client certificate runs out; `Ok(None)`: there is none, or it can't be told.
    pub certificate_expires: Told<Option<SystemTime>>,
}

/// What the active controller said about the cluster.
#[derive(Debug, Clone)]
pub struct ClusterFacts {
    /// The nodes.
    pub nodes: Told<Vec<Node>>,
    /// The storage pools of all nodes.
    pub pools: Told<Vec<StoragePool>>,
    /// The controller's properties.
    pub props: Told<Props>,
    /// The resource groups.
    pub groups: Told<Vec<ResourceGroup>>,
    /// The resource definitions, with their volumes.
    pub definitions: Told<Vec<ResourceDefinition>>,
    /// The resources of all nodes.
    pub resources: Told<Vec<Resource>>,
    /// The key-value store: instances by name.
    pub store: Told<BTreeMap<String, Props>>,
    /// The master passphrase.
    pub passphrase: Told<MasterPassphrase>,
    /// A trial of the key-value store.
    pub trial: Told<Trial>,
}

impl ClusterFacts {
    /// None of it was asked for.
    pub fn not_asked(reason: &str) -> Self {
        fn none<T>(reason: &str) -> Told<T> {
            Err(Untold::NotAsked(reason.to_owned()))
        }
        Self {
            nodes: none(reason),
            pools: none(reason),
            props: none(reason),
            groups: none(reason),
            definitions: none(reason),
            resources: none(reason),
            store: none(reason),
            passphrase: none(reason),
            trial: none(reason),
        }
    }
}

/// How far a trial of the key-value store came: an instance was written, read and removed.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The instance.
    pub instance: ResourceName,
    /// Where it ended.
    pub outcome: Result<(), TrialFault>,
    /// LINSTOR's clock as its answer to the write told it.
    pub clock: Option<Clock>,
}

/// What went wrong in a trial of the key-value store.
#[derive(Debug, Clone)]
pub enum TrialFault {
    /// It could not be written.
    Write(Error),
    /// It could not be read.
    Read(Error),
    /// What was read is not what was written.
    Different,
    /// It could not be removed, and may be there still.
    Remove(Error),
}

/// LINSTOR's clock beside ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// Our time when the question left.
    pub asked: SystemTime,
    /// LINSTOR's time when it answered.
    pub theirs: SystemTime,
    /// How long question and answer took.
    pub took: Duration,
}

/// What was seen of this machine.
#[derive(Debug, Clone)]
pub struct MachineFacts {
    /// The version of the DRBD module; none: it is not loaded.
    pub drbd: Told<Option<String>>,
    /// The programs that were not found.
    pub missing_programs: Told<Vec<String>>,
    /// kubelet's directory, and the ones in it.
    pub kubelet: Told<Vec<Directory>>,
    /// The mounts of the namespace that this process is in.
    pub mounts: Told<MountTable>,
    /// The versions of control groups.
    pub cgroups: Told<Cgroups>,
}

impl MachineFacts {
    /// Nothing was looked at.
    pub fn not_asked(reason: &str) -> Self {
        fn none<T>(reason: &str) -> Told<T> {
            Err(Untold::NotAsked(reason.to_owned()))
        }
        Self {
            drbd: none(reason),
            missing_programs: none(reason),
            kubelet: none(reason),
            mounts: none(reason),
            cgroups: none(reason),
        }
    }
}
