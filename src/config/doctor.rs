//! The settings of `linflow doctor`.

use super::{
    Color, Environment,
    args::DoctorArgs,
    directory::{self, DirectoryConfig},
    driver::DriverName,
    error::{Mistakes, Wrong},
    linstor, sandbox, text,
};
use crate::linstor::{Settings, name::NodeName};
use serde::Serialize;
use std::{path::PathBuf, time::Duration};

/// Whose needs are checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DoctorRole {
    /// The controller's: LINSTOR and the cluster.
    Controller,
    /// A node's: LINSTOR and this machine.
    Node,
    /// Both.
    All,
}

/// The settings of the doctor.
#[derive(Debug, Clone)]
pub struct DoctorConfig {
    /// Whose needs to check.
    pub role: DoctorRole,
    /// How to reach LINSTOR.
    pub linstor: Settings,
    /// This node, as LINSTOR knows it; there is one unless the role is the controller's.
    pub node: Option<NodeName>,
    /// kubelet's directory, absolute.
    pub kubelet_dir: PathBuf,
    /// Where the machine's root directory is; `None`: here.
    pub host_root: Option<PathBuf>,
    /// Where Kubernetes is asked.
    pub directory: DirectoryConfig,
    /// The driver's name.
    pub driver_name: DriverName,
    /// Whose rights the account is to have that Kubernetes is asked by. That of a node's pod has no controller's, though
    /// LINSTOR is looked at as a controller does there.
    pub account: DoctorRole,
    /// How long one question, or one look at the machine, may take.
    pub timeout: Duration,
    /// Whether nothing at all may be written.
    pub read_only: bool,
    /// Whether to print one JSON object instead of text.
    pub json: bool,
    /// When to print in colour.
    pub color: Color,
}

/// Parses the doctor's settings, noting each mistake.
pub(super) fn doctor(args: &DoctorArgs, environment: Environment<'_>, mistakes: &mut Mistakes) -> Option<DoctorConfig> {
    let role = mistakes.optional("--role", text::given(&args.role), role);
    let linstor = linstor::validate(&args.linstor, environment, mistakes);
    let node = text::given(&args.node_name);
    let node = mistakes.optional("--node-name", node, |name| text::linstor_name(NodeName::parse(name)));
    let kubelet_dir = mistakes.check("--kubelet-dir", &args.kubelet_dir, absolute(&args.kubelet_dir));
    let host_root = mistakes.optional("--host-root", text::given(&args.host_root), text::existing_folder);
    let directory = directory::directory(&args.directory, environment, mistakes);
    let driver_name = mistakes.check("--driver-name", &args.driver_name, DriverName::parse(&args.driver_name));
    let timeout = mistakes.check("--timeout", &args.timeout, text::timeout(&args.timeout));
    let color = mistakes.check("--color", &args.color, sandbox::color(&args.color));
    let (role, node) = (role?, node?);
    // Who names a node wants to hear of it: so it is without a flag in the node's pod, and with the LINSTOR flags alone
    // anywhere else.
    let account = role.unwrap_or(if node.is_some() { DoctorRole::Node } else { DoctorRole::Controller });
    let role = role.unwrap_or(if node.is_some() { DoctorRole::All } else { DoctorRole::Controller });
    if role != DoctorRole::Controller && node.is_none() {
        let remedy = "name this node as LINSTOR knows it, such as --node-name node-1, or check --role controller";
        return mistakes.check_unshown("--node-name", Err(Wrong::new("is missing", remedy)));
    }
    Some(DoctorConfig {
        role,
        linstor: linstor?,
        node,
        kubelet_dir: kubelet_dir?,
        host_root: host_root?,
        directory: directory?,
        driver_name: driver_name?,
        account,
        timeout: timeout?,
        read_only: args.read_only,
        json: args.json,
        color: color?,
    })
}

fn role(text: &str) -> Result<DoctorRole, Wrong> {
    match text {
        "controller" => Ok(DoctorRole::Controller),
        "node" => Ok(DoctorRole::Node),
        "all" => Ok(DoctorRole::All),
        _ => Err(Wrong::new("is not a role", "choose controller, node or all")),
    }
}

fn absolute(text: &str) -> Result<PathBuf, Wrong> {
    let path = PathBuf::from(text);
    if path.is_absolute() {
        return Ok(path);
    }
    Err(Wrong::new("is not an absolute path", "name kubelet's directory, such as /var/lib/kubelet"))
}
