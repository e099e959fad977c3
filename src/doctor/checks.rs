//! Every check, in the order of the report. docs/doctor.md explains each, by the same names.

use serde::Serialize;

use super::facts::Facts;
use super::finding::{Finding, Found};
use super::{connection, encryption, kubernetes, node, pools, quorum, satellites, store, volumes};
use crate::config::{DoctorConfig, DoctorRole};

/// What a check is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Group {
    /// The way to LINSTOR; every role needs it.
    Linstor,
    /// The cluster as a whole, which the controller serves.
    Cluster,
    /// The way to Kubernetes; every role needs it.
    Kubernetes,
    /// This node.
    Node,
}

impl Group {
    /// All of them, in the order of the report.
    pub const ALL: [Self; 4] = [Self::Linstor, Self::Cluster, Self::Kubernetes, Self::Node];

    /// Its heading in the report.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Linstor => "LINSTOR",
            Self::Cluster => "Cluster",
            Self::Kubernetes => "Kubernetes",
            Self::Node => "This node",
        }
    }

    /// Is it looked at in this role?
    pub fn is_of(self, role: DoctorRole) -> bool {
        match self {
            Self::Linstor | Self::Kubernetes => true,
            Self::Cluster => role != DoctorRole::Node,
            Self::Node => role != DoctorRole::Controller,
        }
    }
}

/// One check.
#[derive(Debug)]
pub struct Check {
    /// Its name, which scripts may rely on.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    judge: fn(&Facts, &DoctorConfig) -> Found,
}

/// What one check found.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The check's name.
    pub check: &'static str,
    /// What it is about.
    pub group: Group,
    /// At least one.
    pub findings: Vec<Finding>,
}

const fn check(name: &'static str, group: Group, judge: fn(&Facts, &DoctorConfig) -> Found) -> Check {
    Check { name, group, judge }
}

/// All checks.
pub const CHECKS: [Check; 22] = [
    check("linstor-reachable", Group::Linstor, |facts, _| connection::reachable(facts)),
    check("linstor-version", Group::Linstor, |facts, _| connection::version(facts)),
    check("linstor-tls", Group::Linstor, |facts, _| connection::tls(facts)),
    check("linstor-token", Group::Linstor, |facts, _| connection::token(facts)),
    check("key-value-store", Group::Linstor, |facts, _| store::key_value_store(facts)),
    check("clock", Group::Linstor, |facts, _| store::clock(facts)),
    check("satellites", Group::Cluster, |facts, _| satellites::satellites(facts)),
    check("drbd-layer", Group::Cluster, |facts, _| satellites::drbd_layer(facts)),
    check("storage-pools", Group::Cluster, |facts, _| pools::storage_pools(facts)),
    check("pool-names", Group::Cluster, |facts, _| pools::pool_names(facts)),
    check("quorum", Group::Cluster, |facts, _| quorum::quorum(facts)),
    check("replication", Group::Cluster, |facts, _| volumes::replication(facts)),
    check("encryption", Group::Cluster, |facts, _| encryption::encryption(facts)),
    check("leftovers", Group::Cluster, |facts, _| volumes::leftovers(facts)),
    check("kubernetes-api", Group::Kubernetes, |facts, _| kubernetes::api(facts)),
    check("kubernetes-rights", Group::Kubernetes, |facts, _| kubernetes::rights(facts)),
    check("node-known", Group::Node, |facts, _| satellites::node_known(facts)),
    check("drbd-module", Group::Node, |facts, _| node::drbd_module(facts)),
    check("programs", Group::Node, |facts, _| node::programs(facts)),
    check("kubelet-directory", Group::Node, |facts, _| node::kubelet_directory(facts)),
    check("mount-propagation", Group::Node, |facts, config| node::mount_propagation(facts, &config.kubelet_dir)),
    check("io-limits", Group::Node, |facts, _| node::io_limits(facts)),
];

/// Runs the checks of the role on what was seen.
pub fn run(facts: &Facts, config: &DoctorConfig) -> Vec<Checked> {
    let chosen = CHECKS.iter().filter(|check| check.group.is_of(config.role));
    chosen
        .map(|check| {
            let findings = (check.judge)(facts, config).unwrap_or_else(|finding| vec![finding]);
            Checked { check: check.name, group: check.group, findings }
        })
        .collect()
}
