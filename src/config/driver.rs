//! The settings of the CSI roles: controller, node and all.

use super::{
    Environment,
    args::DriverArgs,
    error::{Mistakes, Wrong},
    linstor::{self, LinstorConfig},
    text,
};
use crate::linstor::name::NodeName;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
    path::PathBuf,
};

/// What every CSI role needs.
#[derive(Debug, Clone)]
pub struct DriverConfig {
    /// The path of the unix socket to serve on, absolute, at most 107 bytes.
    pub csi_endpoint: PathBuf,
    /// The name that the driver answers to.
    pub driver_name: DriverName,
    /// How to reach LINSTOR.
    pub linstor: LinstorConfig,
    /// The folder of Pod and PersistentVolumeClaim manifests; it existed at start.
    pub pods: Option<PathBuf>,
    /// The Airflow instances, by name; no namespace is in two.
    pub airflow_instances: Vec<AirflowInstance>,
    /// Where to serve `/healthz` and `/readyz`; `None`: nowhere.
    pub admin_listen: Option<SocketAddr>,
}

/// What a role with the Node service needs besides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// This node, as LINSTOR knows it.
    pub name: NodeName,
    /// The most volumes that may be attached here, 1 to 1048575 (the range of a DRBD minor); `None`: no limit is told.
    pub max_volumes: Option<u32>,
}

/// An Airflow instance and the namespaces that its pods run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AirflowInstance {
    /// The instance's name: the first part of a workflow's identity.
    pub name: String,
    /// Its namespaces, at least one.
    pub namespaces: BTreeSet<String>,
}

/// A CSI driver's name: at most 63 characters of `[A-Za-z0-9.-]`, the first and last a letter or digit (CSI, GetPluginInfo).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DriverName(String);

impl DriverName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Result<Self, Wrong> {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if is_bounded(text, 63, inner) {
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
    let pods = mistakes.optional("--pods", text::given(&args.pods), text::existing_folder);
    let airflow_instances = instances(&args.airflow_instance, mistakes);
    let admin_listen = mistakes.optional("--admin-listen", text::given(&args.admin_listen), text::listen_address);
    Some(DriverConfig {
        csi_endpoint: csi_endpoint?,
        driver_name: driver_name?,
        linstor: linstor?,
        pods: pods?,
        airflow_instances: airflow_instances?,
        admin_listen: admin_listen?,
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
    let max_volumes = mistakes.optional("--max-volumes-per-node", text::given(&args.max_volumes_per_node), |text| {
        text::number(text, 1..=0xf_ffff)
    });
    Some((driver?, NodeConfig { name: name?, max_volumes: max_volumes? }))
}

/// The instances by name. A namespace in two of them could not tell whose a pod is.
fn instances(texts: &[String], mistakes: &mut Mistakes) -> Option<Vec<AirflowInstance>> {
    let flag = "--airflow-instance";
    let mut by_name: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut owner_of: BTreeMap<String, String> = BTreeMap::new();
    let mut all_well = true;
    for text in texts.iter().filter(|text| !text.is_empty()) {
        let Some((name, namespaces)) = mistakes.check(flag, text, instance(text)) else {
            all_well = false;
            continue;
        };
        for namespace in namespaces {
            let owner = owner_of.entry(namespace.clone()).or_insert_with(|| name.clone());
            if *owner != name {
                let reason = format!("gives namespace {namespace} to a second instance, after {owner}");
                mistakes.check::<()>(flag, text, Err(Wrong::new(reason, "give each namespace to one instance")));
                all_well = false;
            }
            by_name.entry(name.clone()).or_default().insert(namespace);
        }
    }
    all_well.then(|| by_name.into_iter().map(|(name, namespaces)| AirflowInstance { name, namespaces }).collect())
}

fn instance(text: &str) -> Result<(String, Vec<String>), Wrong> {
    let remedy = "write it as NAME=NAMESPACE[,NAMESPACE…], such as prod=airflow,airflow-jobs";
    let (name, namespaces) = text.split_once('=').ok_or_else(|| Wrong::new("has no =", remedy))?;
    if !is_bounded(name, 63, |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')) {
        return Err(Wrong::new(format!("has the instance name {name:?}, not 1 to 63 of A-Z a-z 0-9 - _ ."), remedy));
    }
    let namespaces: Vec<String> = namespaces.split(',').map(str::to_owned).collect();
    match namespaces.iter().find(|namespace| !is_namespace(namespace)) {
        Some(bad) => Err(Wrong::new(format!("has {bad:?}, which is not a Kubernetes namespace"), remedy)),
        None => Ok((name.to_owned(), namespaces)),
    }
}

/// An RFC 1123 label, as Kubernetes names namespaces.
fn is_namespace(text: &str) -> bool {
    is_bounded(text, 63, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// 1 to `max` characters, the first and last a letter or digit, those between accepted by `inner`.
fn is_bounded(text: &str, max: usize, inner: impl Fn(char) -> bool) -> bool {
    (1..=max).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.ends_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(inner)
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
    fn instances_of_one_name_join_and_a_shared_namespace_is_refused() {
        let parse = |texts: &[&str]| {
            let mut mistakes = Mistakes::default();
            let texts: Vec<String> = texts.iter().map(|&text| text.to_owned()).collect();
            instances(&texts, &mut mistakes).ok_or_else(|| mistakes.into_errors().len())
        };
        let namespaces = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        assert_eq!(parse(&["prod=a", "prod=b"]), Ok(vec![AirflowInstance { name: "prod".to_owned(), namespaces }]));
        assert_eq!(parse(&["prod=a", "dev=a"]), Err(1));
        assert_eq!(parse(&["prod", "=a", "dev=A", "dev=a,", "x y=a"]), Err(5));
    }
}
