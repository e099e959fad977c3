//! The settings of the CSI roles: controller, node and all.

use super::{
    Environment,
    args::DriverArgs,
    directory::{self, DirectoryConfig},
    error::{Mistakes, Wrong},
    lifetime::{self, LifetimeConfig},
    linstor, text,
};
use crate::{
    linstor::{Settings, name::NodeName},
    workflow::{Confirm, Instances, confirm::NotAMode, instances::InstancesError},
};
use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};

/// What every CSI role needs.
#[derive(Debug, Clone)]
pub struct DriverConfig {
    /// The path of the unix socket to serve on, absolute, at most 107 bytes.
    pub csi_endpoint: PathBuf,
    /// The name that the driver answers to.
    pub driver_name: DriverName,
    /// How to reach LINSTOR.
    pub linstor: Settings,
    /// Where Kubernetes is asked about pods and claims.
    pub directory: DirectoryConfig,
    /// Which Airflow instance a namespace belongs to.
    pub airflow_instances: Instances,
    /// How strictly pods are confirmed where a volume's class doesn't say.
    pub confirm: Confirm,
    /// Where to serve `/healthz`, `/readyz` and `/metrics`; `None`: nowhere.
    pub admin_listen: Option<SocketAddr>,
    /// How long calls that run may take to end after a signal.
    pub drain_timeout: Duration,
    /// The most volumes that may be attached to a node, 1 to 1048575 (the range of a DRBD minor); `None`: no limit.
    pub max_volumes_per_node: Option<u32>,
    /// What a controller does about volumes that nobody needs any more.
    pub lifetime: LifetimeConfig,
}

/// What a role with the Node service needs besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// This node, as LINSTOR knows it.
    pub name: NodeName,
    /// Is each of its storage pools a topology segment?
    pub topology_pools: bool,
    /// Is a node without DRBD kept from kubelet?
    pub requires_drbd: bool,
    /// May a node look pods up at Kubernetes' API server?
    pub looks_up_pods: bool,
    /// How to register with kubelet; `None`: somebody else does it.
    pub kubelet: Option<KubeletConfig>,
}

/// Where kubelet is, and what it sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubeletConfig {
    /// The socket that it finds the driver by, as this process sees it; absolute, at most 107 bytes.
    pub socket: PathBuf,
    /// The CSI socket, as kubelet sees it; absolute, at most 107 bytes.
    pub csi_path: PathBuf,
}

/// A CSI driver's name: at most 63 characters of `[A-Za-z0-9.-]`, the first and last a letter or digit (CSI,
/// GetPluginInfo).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverName(String);

impl DriverName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn parse(text: &str) -> Result<Self, Wrong> {
        let is_well_bounded = [text.chars().next(), text.chars().next_back()]
            .iter()
            .all(|end| end.is_some_and(|end| end.is_ascii_alphanumeric()));
        let is_well_formed = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
        if is_well_bounded && is_well_formed && text.len() <= 63 {
            return Ok(Self(text.to_owned()));
        }
        let remedy = "use 1 to 63 of A-Z a-z 0-9 . -, the first and last a letter or digit, such as linflow.csi";
        Err(Wrong::new("is not a CSI driver's name", remedy))
    }
}

impl fmt::Display for DriverName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Parses the settings of a role without the Node service, noting each mistake.
pub(super) fn controller(
    args: &DriverArgs,
    environment: Environment<'_>,
    mistakes: &mut Mistakes,
) -> Option<DriverConfig> {
    // CSI_ENDPOINT is the variable that the CSI specification has orchestrators set ("Environment Variables").
    let from_csi = environment("CSI_ENDPOINT");
    let endpoint = text::given(&args.csi_endpoint).or(text::given(&from_csi));
    let remedy = "say where to serve CSI, such as --csi-endpoint unix:///run/linflow/csi.sock";
    let csi_endpoint = mistakes.require("--csi-endpoint", endpoint, remedy, text::socket_path);
    let driver_name = mistakes.check("--driver-name", &args.driver_name, DriverName::parse(&args.driver_name));
    let linstor = linstor::validate(&args.linstor, environment, mistakes);
    let directory = directory::directory(&args.directory, environment, mistakes);
    let airflow_instances = instances(&args.airflow_instance, mistakes);
    let confirm = mistakes.optional("--confirm", text::given(&args.confirm), mode);
    let admin_listen = mistakes.optional("--admin-listen", text::given(&args.admin_listen), text::listen_address);
    let drain = mistakes.check("--drain-timeout", &args.drain_timeout, text::timeout(&args.drain_timeout));
    let limit = text::given(&args.max_volumes_per_node);
    let limit = mistakes.optional("--max-volumes-per-node", limit, |text| text::number(text, 1..=0xf_ffff));
    let asks_kubernetes = matches!(directory, Some(DirectoryConfig::Kubernetes(_)));
    let lifetime = lifetime::validate(&args.lifetime, asks_kubernetes, mistakes);
    Some(DriverConfig {
        csi_endpoint: csi_endpoint?,
        driver_name: driver_name?,
        linstor: linstor?,
        directory: directory?,
        airflow_instances: airflow_instances?,
        confirm: confirm?.unwrap_or_default(),
        admin_listen: admin_listen?,
        drain_timeout: drain?,
        max_volumes_per_node: limit?,
        lifetime: lifetime?,
    })
}

/// Parses the settings of a role with the Node service, noting each mistake.
pub(super) fn with_node(
    args: &DriverArgs,
    environment: Environment<'_>,
    mistakes: &mut Mistakes,
) -> Option<(DriverConfig, NodeConfig)> {
    let driver = controller(args, environment, mistakes);
    let remedy = "name this node as LINSTOR knows it, such as --node-name node-1";
    let name = mistakes
        .require("--node-name", text::given(&args.node_name), remedy, |name| text::linstor_name(NodeName::parse(name)));
    let topology_pools = mistakes.optional("--topology-pools", text::given(&args.topology_pools), text::truth);
    let requires_drbd = mistakes.optional("--require-drbd", text::given(&args.require_drbd), text::truth);
    let looks_up_pods = mistakes.optional("--pod-lookups", text::given(&args.pod_lookups), text::truth);
    let (topology_pools, requires_drbd) = (topology_pools?.unwrap_or(true), requires_drbd?.unwrap_or(false));
    let (dir, seen) = (text::given(&args.kubelet_dir), text::given(&args.kubelet_csi_path));
    let socket = mistakes.optional("--kubelet-dir", dir, |dir| registration_socket(dir, &args.driver_name));
    let seen = mistakes.optional("--kubelet-csi-path", seen, text::socket_path);
    let (driver, seen) = (driver?, seen?);
    let csi_path = seen.unwrap_or_else(|| driver.csi_endpoint.clone());
    let kubelet = socket?.map(|socket| KubeletConfig { socket, csi_path });
    Some((
        driver,
        NodeConfig {
            name: name?,
            topology_pools,
            requires_drbd,
            looks_up_pods: looks_up_pods?.unwrap_or(false),
            kubelet,
        },
    ))
}

/// Where kubelet looks for drivers. Kubelet sends the socket's path, percent-encoded, as HTTP/2's `:authority`: no valid one
/// (a host has no `%`), so that the library below tonic refuses the call before we see it. With an `@` the path is user
/// information, which may be encoded, and what follows is a host.
fn registration_socket(kubelet_dir: &str, driver_name: &str) -> Result<PathBuf, Wrong> {
    let remedy = "give kubelet's --root-dir, such as /var/lib/kubelet";
    if !kubelet_dir.starts_with('/') {
        return Err(Wrong::new("is not an absolute path", remedy));
    }
    let dir = kubelet_dir.trim_end_matches('/');
    text::socket_path(&format!("{dir}/plugins_registry/{driver_name}@reg.sock")).map_err(|_| {
        Wrong::new(format!("is too long for the path of a socket {driver_name}@reg.sock below it"), remedy)
    })
}

fn mode(text: &str) -> Result<Confirm, Wrong> {
    text.trim().parse().map_err(|error: NotAMode| Wrong::new(error.to_string(), "write enforce, audit or off"))
}

/// Each item is parsed for itself, so that each mistake is told, and then all together: a namespace belongs to one
/// instance.
fn instances(texts: &[String], mistakes: &mut Mistakes) -> Option<Instances> {
    let flag = "--airflow-instance";
    let texts: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    if texts.is_empty() {
        return Some(Instances::default());
    }
    let items: Vec<Option<Instances>> =
        texts.iter().map(|text| mistakes.check(flag, text, parse_instances(text))).collect();
    let all = texts.join(",");
    if items.iter().all(Option::is_some) { mistakes.check(flag, &all, parse_instances(&all)) } else { None }
}

fn parse_instances(text: &str) -> Result<Instances, Wrong> {
    text.parse()
        .map_err(|error: InstancesError| Wrong::new(error.to_string(), "an example is prod=airflow,airflow-jobs"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_driver_name_starts_and_ends_with_a_letter_or_digit() {
        for good in ["linflow.csi", "a", "L-1.csi.example.org", &"d".repeat(63)] {
            assert!(DriverName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a.", "a_b", "a/b", "é", &"d".repeat(64)] {
            assert!(DriverName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn kubelet_finds_a_driver_in_its_directory_by_an_absolute_path_that_fits_a_socket() {
        let path = "/var/lib/kubelet/plugins_registry/linflow.csi@reg.sock";
        for dir in ["/var/lib/kubelet", "/var/lib/kubelet/"] {
            assert_eq!(registration_socket(dir, "linflow.csi"), Ok(PathBuf::from(path)));
        }
        for (dir, name) in [("var/lib/kubelet", "a"), ("/var/lib/kubelet-2", &"d".repeat(63)), (&"/d".repeat(40), "a")]
        {
            assert!(registration_socket(dir, name).is_err(), "{dir} {name}");
        }
    }

    #[test]
    fn each_bad_instance_is_told_and_a_namespace_in_two_is_refused() {
        let parse = |texts: &[&str]| {
            let mut mistakes = Mistakes::default();
            let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            instances(&texts, &mut mistakes).ok_or_else(|| mistakes.into_errors().len())
        };
        let found = parse(&["prod=a", "prod=b,c"]).expect("they are well written").of("c");
        assert_eq!(found.map(|instance| instance.to_string()), Ok("prod".to_owned()));
        assert_eq!(parse(&["", ""]), Ok(Instances::default()));
        assert_eq!(parse(&["prod=a", "dev=a"]), Err(1));
        assert_eq!(parse(&["prod", "=a", "dev=a,"]), Err(3));
    }
}
