//! The settings of `linflow sandbox` and `linflow demo`.

use super::{
    args::{DemoArgs, SandboxArgs},
    error::{Mistakes, Wrong},
    text,
};
use crate::{
    linstor::name::{NodeName, PoolName},
    sandbox::latency::Latency,
};
use std::{
    collections::BTreeSet,
    io::{self, IsTerminal},
    net::SocketAddr,
    path::PathBuf,
};

/// The settings of the embedded LINSTOR.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxConfig {
    /// Where to serve the REST API; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The simulated nodes, 1 to 64, no name twice.
    pub nodes: Vec<NodeName>,
    /// The folder for state and the replicas' files; made where absent.
    pub state: PathBuf,
    /// The storage pool that each node has.
    pub pool: PoolName,
    /// The size of each node's pool in bytes, 64 MiB to 1024 TiB.
    pub pool_bytes: u64,
    /// Whether to keep books only, without files and loop devices.
    pub bookkeeping: bool,
    /// How long requests take.
    pub latency: Latency,
}

/// When to print in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Color {
    /// On a terminal.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl Color {
    /// Whether standard output gets colour now.
    pub fn is_for_stdout(self) -> bool {
        match self {
            Self::Always => true,
            Self::Never => false,
            // https://no-color.org: present and not empty, whatever its value.
            Self::Auto => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|it| it.is_empty()),
        }
    }
}

/// The settings of the demo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DemoConfig {
    /// Where to keep the sandbox's state; `None`: a temporary folder that is removed.
    pub keep: Option<PathBuf>,
    /// Whether to print one JSON object a step.
    pub json: bool,
    /// When to print in colour.
    pub color: Color,
}

/// Parses the sandbox's settings, noting each mistake.
pub(super) fn sandbox(args: &SandboxArgs, mistakes: &mut Mistakes) -> Option<SandboxConfig> {
    let listen = mistakes.check("--listen", &args.listen, text::listen_address(&args.listen));
    let nodes = mistakes.check("--nodes", &args.nodes.join(","), nodes(&args.nodes));
    let remedy = "name a folder for the cluster's state, such as --state ./sandbox-state";
    let state = mistakes.require("--state", text::given(&args.state), remedy, text::state_folder);
    let pool = mistakes.check("--pool", &args.pool, text::linstor_name(PoolName::parse(&args.pool)));
    let pool_bytes = mistakes.check("--pool-size", &args.pool_size, text::size(&args.pool_size, 64 << 20..=1 << 50));
    let latency = mistakes.check("--latency", &args.latency, latency(&args.latency));
    Some(SandboxConfig {
        listen: listen?,
        nodes: nodes?,
        state: state?,
        pool: pool?,
        pool_bytes: pool_bytes?,
        bookkeeping: args.bookkeeping,
        latency: latency?,
    })
}

/// Parses the demo's settings, noting each mistake.
pub(super) fn demo(args: &DemoArgs, mistakes: &mut Mistakes) -> Option<DemoConfig> {
    let keep = mistakes.optional("--keep", text::given(&args.keep), text::state_folder);
    let color = mistakes.check("--color", &args.color, color(&args.color));
    Some(DemoConfig { keep: keep?, json: args.json, color: color? })
}

fn nodes(names: &[String]) -> Result<Vec<NodeName>, Wrong> {
    let nodes: Vec<NodeName> =
        names.iter().map(|name| text::linstor_name(NodeName::parse(name))).collect::<Result<_, _>>()?;
    // LINSTOR compares names without case.
    let distinct: BTreeSet<String> = nodes.iter().map(|node| node.as_str().to_ascii_lowercase()).collect();
    if distinct.len() < nodes.len() {
        return Err(Wrong::new("names a node twice", "give each node its own name; case makes no difference"));
    }
    if !(1..=64).contains(&nodes.len()) {
        return Err(Wrong::new("is not 1 to 64 nodes", "name 1 to 64 nodes"));
    }
    Ok(nodes)
}

/// How long requests take.
fn latency(text: &str) -> Result<Latency, Wrong> {
    match text {
        "none" => Ok(Latency::None),
        "storage" => Ok(Latency::Storage),
        "drbd" => Ok(Latency::Drbd),
        _ => Err(Wrong::new("was not recorded", "choose none, storage or drbd")),
    }
}

/// When to print in colour.
pub(super) fn color(text: &str) -> Result<Color, Wrong> {
    match text {
        "auto" => Ok(Color::Auto),
        "always" => Ok(Color::Always),
        "never" => Ok(Color::Never),
        _ => Err(Wrong::new("is not a choice of colour", "choose auto, always or never")),
    }
}
