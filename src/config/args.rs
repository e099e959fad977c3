//! The words of the command line. Each doc comment is the text of `--help`.

use super::manage_args::{RunsArgs, VolumesArgs};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, builder::FalseyValueParser};
use std::ffi::OsString;

/// A CSI driver for LINSTOR that knows which Airflow workflow a volume belongs to
#[derive(Debug, Parser)]
#[command(name = "linflow", version, disable_help_subcommand = true, max_term_width = 100, after_help = EXAMPLES)]
pub struct Args {
    #[command(subcommand)]
    pub(super) command: CommandArgs,
    #[command(flatten)]
    pub(super) log: LogArgs,
}

const EXAMPLES: &str = "\
Examples:
  linflow demo
  linflow sandbox --listen 127.0.0.1:3370 --nodes node-1,node-2,node-3 --state ./sandbox
  linflow all --csi-endpoint unix:///run/linflow/csi.sock --linstor-url http://127.0.0.1:3370 \\
      --node-name node-1

Exit status: 0 done, 1 failed (doctor, volumes and runs have their own), 64 wrong command line or environment (every mistake is listed).";

#[derive(Debug, Subcommand)]
pub(super) enum CommandArgs {
    /// Serve the CSI Identity and Controller services
    #[command(after_help = CONTROLLER_EXAMPLES)]
    Controller(DriverArgs),
    /// Serve the CSI Identity and Node services for this node
    #[command(after_help = NODE_EXAMPLES)]
    Node(DriverArgs),
    /// Serve all CSI services on one socket
    #[command(after_help = ALL_EXAMPLES)]
    All(DriverArgs),
    /// Run the embedded LINSTOR: its REST API over simulated nodes
    #[command(after_help = SANDBOX_EXAMPLES)]
    Sandbox(SandboxArgs),
    /// Show the whole story: create, attach, write, lose a node, read back
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Check a cluster: LINSTOR, its nodes and pools, Kubernetes, this node; each with what to do
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
    /// List, keep and let go the volumes of workflows
    #[command(subcommand, disable_help_subcommand = true)]
    Volumes(VolumesArgs),
    /// List runs with volumes, and say that a run is over
    #[command(subcommand, disable_help_subcommand = true)]
    Runs(RunsArgs),
}

const CONTROLLER_EXAMPLES: &str = "\
Examples:
  linflow controller --csi-endpoint unix:///csi/csi.sock --linstor-url http://linstor-1,http://linstor-2
  LS_CONTROLLERS=linstor+ssl://linstor LS_ROOT_CA_FILE=/tls/ca.crt \\
      linflow controller --csi-endpoint unix:///csi/csi.sock";

const NODE_EXAMPLES: &str = "\
Examples:
  linflow node --csi-endpoint unix:///csi/csi.sock --linstor-url http://linstor \\
      --node-name \"$(hostname)\" --pods /etc/linflow/pods
  linflow node --csi-endpoint unix:///csi/csi.sock --linstor-url http://linstor --node-name node-1 \\
      --kubelet-dir /var/lib/kubelet \\
      --kubelet-csi-path /var/lib/kubelet/plugins/linflow.csi/csi.sock";

const ALL_EXAMPLES: &str = "\
Examples:
  linflow all --csi-endpoint unix:///run/linflow/csi.sock --linstor-url http://127.0.0.1:3370 \\
      --node-name node-1
  linflow all --csi-endpoint unix:///csi/csi.sock --linstor-url http://linstor --node-name node-1 \\
      --airflow-instance prod=airflow,airflow-jobs --admin-listen 127.0.0.1:9808";

const SANDBOX_EXAMPLES: &str = "\
Examples:
  linflow sandbox --listen 127.0.0.1:3370 --nodes node-1,node-2,node-3 --state ./sandbox
  linflow sandbox --listen 127.0.0.1:0 --state ./sandbox --bookkeeping --latency storage
The last line that it prints once it serves: listening on http://ADDR:PORT";

const DEMO_EXAMPLES: &str = "\
Examples:
  linflow demo
  linflow demo --json --keep ./demo-state";

const DOCTOR_EXAMPLES: &str = "\
Examples:
  linflow doctor --linstor-url http://linstor
  linflow doctor --linstor-url http://linstor --node-name \"$(hostname)\"
  LS_CONTROLLERS=linstor linflow doctor --json | jq '.findings[] | select(.level == \"fail\")'
  kubectl exec daemonset/linflow-node -- linflow doctor
  kubectl debug node/node-1 -it --image=IMAGE -- \\
      linflow doctor --role node --node-name node-1 --linstor-url http://linstor --host-root /host

Exit status, by the worst finding: 0 nothing is wrong, 1 a warning, 2 a failure;
3 broken off without a report, 64 wrong command line or environment.";

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Logging")]
pub(super) struct LogArgs {
    /// How log lines look on stderr: text or json
    #[arg(long, global = true, env = "LINFLOW_LOG_FORMAT", value_name = "FORMAT", default_value = "text")]
    pub(super) log_format: String,
    /// What to log: a level, or levels by module such as info,linflow::linstor=debug [default: info; of demo,
    /// doctor, volumes and runs: error]
    #[arg(long, global = true, env = "LINFLOW_LOG", value_name = "FILTER")]
    pub(super) log: Option<String>,
}

#[derive(Debug, Default, clap::Args)]
pub(super) struct DriverArgs {
    /// The socket to serve CSI on: unix:///PATH (also CSI_ENDPOINT)
    #[arg(long, env = "LINFLOW_CSI_ENDPOINT", value_name = "ENDPOINT")]
    pub(super) csi_endpoint: Option<String>,
    /// This node's name, as LINSTOR knows it; node and all need it
    #[arg(long, env = "LINFLOW_NODE_NAME", value_name = "NAME")]
    pub(super) node_name: Option<String>,
    /// The driver's name, as StorageClasses name it
    #[arg(long, env = "LINFLOW_DRIVER_NAME", value_name = "NAME", default_value = "linflow.csi")]
    pub(super) driver_name: String,
    #[command(flatten)]
    pub(super) directory: DirectoryArgs,
    /// Whether a node looks up the pods that a volume's attachment does not name, which needs the right to get pods: true
    /// or false; a controller and all always do [default: false]
    #[arg(long, env = "LINFLOW_POD_LOOKUPS", value_name = "BOOL")]
    pub(super) pod_lookups: Option<String>,
    /// An Airflow instance and the namespaces that its pods run in; give it once per instance (or ; between them)
    #[arg(long, env = "LINFLOW_AIRFLOW_INSTANCE", value_name = "NAME=NAMESPACE[,…]", value_delimiter = ';')]
    pub(super) airflow_instance: Vec<String>,
    /// What happens where a pod isn't of the owner of its volume, unless the volume's StorageClass says (confirm):
    /// enforce (it is refused), audit (it is logged and counted) or off [default: enforce]
    #[arg(long, env = "LINFLOW_CONFIRM", value_name = "MODE")]
    pub(super) confirm: Option<String>,
    /// Serve /healthz, /readyz and /metrics here, such as 127.0.0.1:9808
    #[arg(long, env = "LINFLOW_ADMIN_LISTEN", value_name = "ADDR")]
    pub(super) admin_listen: Option<String>,
    /// The most volumes that a node may have attached, 1 to 1048575: a node tells the scheduler, and a controller refuses
    /// more; give both the same [default: no limit]
    #[arg(long, env = "LINFLOW_MAX_VOLUMES_PER_NODE", value_name = "N", allow_negative_numbers = true)]
    pub(super) max_volumes_per_node: Option<String>,
    /// Whether each storage pool of this node is a topology segment, linflow.csi/pool-POOL=true: true or false
    /// [default: true]
    #[arg(long, env = "LINFLOW_TOPOLOGY_POOLS", value_name = "BOOL")]
    pub(super) topology_pools: Option<String>,
    /// Whether a node without DRBD takes no volumes, and is not registered with kubelet: true or false [default: false]
    #[arg(long, env = "LINFLOW_REQUIRE_DRBD", value_name = "BOOL")]
    pub(super) require_drbd: Option<String>,
    /// How long calls that run may take to end after SIGTERM; a pod's terminationGracePeriodSeconds must be longer
    #[arg(long, env = "LINFLOW_DRAIN_TIMEOUT", value_name = "DURATION", default_value = "25s")]
    pub(super) drain_timeout: String,
    /// Register with kubelet, whose directory this is (its --root-dir), as this process sees it: node and all serve a
    /// socket for kubelet in DIR/plugins_registry, so that no registrar is needed beside them; such as /var/lib/kubelet
    /// [default: don't register]
    #[arg(long, env = "LINFLOW_KUBELET_DIR", value_name = "DIR")]
    pub(super) kubelet_dir: Option<String>,
    /// The CSI socket's path as kubelet sees it, on the host [default: the path of --csi-endpoint]
    #[arg(long, env = "LINFLOW_KUBELET_CSI_PATH", value_name = "PATH")]
    pub(super) kubelet_csi_path: Option<String>,
    #[command(flatten)]
    pub(super) lifetime: LifetimeArgs,
    #[command(flatten)]
    pub(super) linstor: LinstorArgs,
}

#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Volumes of workflows")]
pub(super) struct LifetimeArgs {
    /// How often a controller looks for volumes of workflows that nobody needs any more, 1s to 1day; 0: never. It removes
    /// nothing where Kubernetes can't be asked
    #[arg(long, env = "LINFLOW_REAP_INTERVAL", value_name = "DURATION", default_value = "5m")]
    pub(super) reap_interval: String,
    /// Only log what would be removed: true or false [default: false]
    #[arg(long, env = "LINFLOW_REAP_DRY_RUN", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(super) reap_dry_run: Option<String>,
    /// The most volumes that are removed a minute, 1 to 1000
    #[arg(
        long,
        env = "LINFLOW_REAP_PER_MINUTE",
        value_name = "N",
        allow_negative_numbers = true,
        default_value = "10"
    )]
    pub(super) reap_per_minute: String,
    /// Serve POST /v1/runs/finish and /v1/runs/resume here, by which Airflow's side says that a run is over, such as
    /// 0.0.0.0:9809; a controller does
    #[arg(long, env = "LINFLOW_RUNS_LISTEN", value_name = "ADDR")]
    pub(super) runs_listen: Option<String>,
    /// A file with the bearer token of that call, read at each
    #[arg(long, env = "LINFLOW_RUNS_TOKEN_FILE", value_name = "FILE")]
    pub(super) runs_token_file: Option<String>,
}

#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "LINSTOR")]
pub(super) struct LinstorArgs {
    /// LINSTOR controllers; a bare host means http on 3370, or https on 3371 where certificates are given (also
    /// LS_CONTROLLERS)
    #[arg(long, env = "LINFLOW_LINSTOR_URL", value_name = "URL[,URL…]", value_delimiter = ',')]
    pub(super) linstor_url: Vec<String>,
    /// The CA that signed the controllers' certificates: a PEM file, or PEM text (also LS_ROOT_CA, LS_ROOT_CA_FILE)
    #[arg(long, env = "LINFLOW_ROOT_CA", value_name = "PEM")]
    pub(super) root_ca: Option<String>,
    /// Our client certificate: a PEM file, or PEM text (also LS_USER_CERTIFICATE, LS_USER_CERTIFICATE_FILE)
    #[arg(long, env = "LINFLOW_USER_CERTIFICATE", value_name = "PEM")]
    pub(super) user_certificate: Option<String>,
    /// Its private key: a PEM file, or PEM text (also LS_USER_KEY, LS_USER_KEY_FILE)
    #[arg(long, env = "LINFLOW_USER_KEY", value_name = "PEM")]
    pub(super) user_key: Option<String>,
    /// A file with LINSTOR's bearer token, read again when it changes (also LS_BEARER_TOKEN_FILE)
    #[arg(long, env = "LINFLOW_BEARER_TOKEN_FILE", value_name = "FILE")]
    pub(super) bearer_token_file: Option<String>,
    /// The most requests in flight at once, 1 to 256; the rest wait in order
    #[arg(
        long,
        env = "LINFLOW_LINSTOR_IN_FLIGHT",
        value_name = "N",
        allow_negative_numbers = true,
        default_value = "16"
    )]
    pub(super) linstor_in_flight: String,
    /// How long a read may take, such as 15s
    #[arg(long, env = "LINFLOW_LINSTOR_READ_TIMEOUT", value_name = "DURATION", default_value = "15s")]
    pub(super) linstor_read_timeout: String,
    /// How long a change may take before its outcome counts as unknown, such as 90s
    #[arg(long, env = "LINFLOW_LINSTOR_WRITE_TIMEOUT", value_name = "DURATION", default_value = "90s")]
    pub(super) linstor_write_timeout: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct SandboxArgs {
    /// The address to serve LINSTOR's REST API on; port 0 takes a free one
    #[arg(long, env = "LINFLOW_SANDBOX_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:3370")]
    pub(super) listen: String,
    /// The names of the simulated nodes, 1 to 64
    #[arg(
        long,
        env = "LINFLOW_SANDBOX_NODES",
        value_name = "NAME[,NAME…]",
        default_value = "node-1,node-2,node-3",
        value_delimiter = ','
    )]
    pub(super) nodes: Vec<String>,
    /// The folder for the cluster's state and the replicas' files
    #[arg(long, env = "LINFLOW_SANDBOX_STATE", value_name = "DIR")]
    pub(super) state: Option<String>,
    /// The storage pool that each node has
    #[arg(long, env = "LINFLOW_SANDBOX_POOL", value_name = "NAME", default_value = "pool")]
    pub(super) pool: String,
    /// The size of each node's pool, 64MiB to 1024TiB; its files are sparse
    #[arg(long, env = "LINFLOW_SANDBOX_POOL_SIZE", value_name = "SIZE", default_value = "20GiB")]
    pub(super) pool_size: String,
    /// Keep books only: no files, no loop devices, no root needed
    #[arg(long, env = "LINFLOW_SANDBOX_BOOKKEEPING", value_parser = FalseyValueParser::new())]
    pub(super) bookkeeping: bool,
    /// How long requests take: none (no longer than needed), storage (as LINSTOR was recorded to take with STORAGE alone) or
    /// drbd (with DRBD on emulated CPUs: a spawn takes half a minute)
    #[arg(long, env = "LINFLOW_SANDBOX_LATENCY", value_name = "WHOSE", default_value = "none")]
    pub(super) latency: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    /// Keep the sandbox's state in this folder instead of removing it
    #[arg(long, env = "LINFLOW_DEMO_KEEP", value_name = "DIR")]
    pub(super) keep: Option<String>,
    /// Print one JSON object a step instead of text
    #[arg(long, env = "LINFLOW_DEMO_JSON", value_parser = FalseyValueParser::new())]
    pub(super) json: bool,
    /// Colour: auto (on a terminal), always or never
    #[arg(long, env = "LINFLOW_COLOR", value_name = "WHEN", default_value = "auto")]
    pub(super) color: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// Whose needs to check: controller (LINSTOR and the cluster), node (LINSTOR and this machine) or all
    /// [default: all where --node-name is given, else controller]
    #[arg(long, env = "LINFLOW_DOCTOR_ROLE", value_name = "ROLE")]
    pub(super) role: Option<String>,
    /// This node's name, as LINSTOR knows it; the roles node and all need it
    #[arg(long, env = "LINFLOW_NODE_NAME", value_name = "NAME")]
    pub(super) node_name: Option<String>,
    /// kubelet's directory on this node
    #[arg(long, env = "LINFLOW_KUBELET_DIR", value_name = "DIR", default_value = "/var/lib/kubelet")]
    pub(super) kubelet_dir: String,
    /// Where the node's root directory is, such as /host in a pod of kubectl debug [default: here]
    #[arg(long, env = "LINFLOW_DOCTOR_HOST_ROOT", value_name = "DIR")]
    pub(super) host_root: Option<String>,
    /// How long one question, or one look at the node, may take
    #[arg(long, env = "LINFLOW_DOCTOR_TIMEOUT", value_name = "DURATION", default_value = "10s")]
    pub(super) timeout: String,
    /// Write nothing: neither a key in LINSTOR's store nor a file below kubelet's directory, for a moment
    #[arg(long, env = "LINFLOW_DOCTOR_READ_ONLY", value_parser = FalseyValueParser::new())]
    pub(super) read_only: bool,
    /// The driver's name, after which its Lease is called
    #[arg(long, env = "LINFLOW_DRIVER_NAME", value_name = "NAME", default_value = "linflow.csi")]
    pub(super) driver_name: String,
    #[command(flatten)]
    pub(super) directory: DirectoryArgs,
    /// Print one JSON object instead of text
    #[arg(long, env = "LINFLOW_DOCTOR_JSON", value_parser = FalseyValueParser::new())]
    pub(super) json: bool,
    /// Colour: auto (on a terminal), always or never
    #[arg(long, env = "LINFLOW_COLOR", value_name = "WHEN", default_value = "auto")]
    pub(super) color: String,
    #[command(flatten)]
    pub(super) linstor: LinstorArgs,
}

/// Where Kubernetes is asked.
#[derive(Debug, Default, clap::Args)]
pub(super) struct DirectoryArgs {
    /// A folder of Pod, PersistentVolumeClaim and PersistentVolume manifests (YAML) to look in, in place of Kubernetes
    #[arg(long, env = "LINFLOW_PODS", value_name = "DIR")]
    pub(super) pods: Option<String>,
    /// Whether to ask Kubernetes' API server, by the service account of the pod that linflow runs in: true or false
    /// [default: true where such an account is mounted, and neither --pods nor --kubeconfig is given]
    #[arg(long, env = "LINFLOW_KUBERNETES", value_name = "BOOL")]
    pub(super) kubernetes: Option<String>,
    /// Ask the API server that this kubeconfig's current context names; for a linflow outside of Kubernetes
    #[arg(long, env = "LINFLOW_KUBECONFIG", value_name = "FILE")]
    pub(super) kubeconfig: Option<String>,
}

impl Args {
    /// Splits the words, environment included. Errors: clap's, with its text for the person; `--help` and `--version`
    /// come as one too.
    pub fn from_words<W: Into<OsString> + Clone>(words: impl IntoIterator<Item = W>) -> Result<Self, clap::Error> {
        let mut command = Self::without_env_values(Self::command());
        let matches = command.try_get_matches_from_mut(words)?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
    }

    /// Help names the variables, not their values: they may hold keys.
    fn without_env_values(command: clap::Command) -> clap::Command {
        command.mut_args(|arg| arg.hide_env_values(true)).mut_subcommands(Self::without_env_values)
    }
}
