//! The words of `linflow volumes` and `linflow runs`. Each doc comment is the text of `--help`.

use super::args::{DirectoryArgs, LinstorArgs};
use clap::{Subcommand, builder::FalseyValueParser};

/// How they end, for their help.
const EXIT: &str = "\
Exit status: 0 done, 1 failed, 3 no such volume or run, 4 refused (it says why and what to do),
64 wrong command line or environment.";

const LIST: &str = "\
Examples:
  linflow volumes list --linstor-url http://linstor
  linflow volumes list --dag etl_daily --scope run
  LS_CONTROLLERS=linstor linflow volumes list --json | jq '.volumes[] | select(.fate == \"waiting\")'";
const SHOW: &str = "\
Examples:
  linflow volumes show lf-0b0d4a4f4dd34b0e8dcd1d5e9c0f6a4c-0
  linflow volumes show --instance airflow --dag etl_daily --run manual__1 --task load --map-index 7";
const RELEASE: &str = "\
Examples:
  linflow volumes release lf-0b0d4a4f4dd34b0e8dcd1d5e9c0f6a4c-0
  linflow volumes release --now --instance airflow --dag etl_daily --scope dag
It is kept as after a run that succeeded, then the reaper removes it; with --now it may go at the
reaper's next look. A new claim overrules it.";
const EXTEND: &str = "\
Examples:
  linflow volumes extend lf-0b0d4a4f4dd34b0e8dcd1d5e9c0f6a4c-0 --for 14days
  linflow volumes extend --dag etl_daily --run manual__1 --until 2027-01-31T00:00:00Z";
const KEEP: &str = "\
Examples:
  linflow volumes keep lf-0b0d4a4f4dd34b0e8dcd1d5e9c0f6a4c-0
A reaper that ended in the middle of its work leaves its final mark. Beside a claim nobody but a person
withdraws it; without a claim the next reaper finishes the removal. A claim counts that is attached, or
that a PersistentVolume names: Kubernetes is asked in a pod with a service account and with --kubeconfig.";
const DELETE: &str = "\
Examples:
  linflow volumes delete lf-0b0d4a4f4dd34b0e8dcd1d5e9c0f6a4c-0
  linflow volumes delete --yes --instance airflow --dag etl_daily --run manual__1
  kubectl exec deploy/linflow-controller -c linflow -- \\
      linflow volumes delete --yes --linstor-url http://linstor --dag etl_daily
Refused while it is claimed, attached or has snapshots, or a PersistentVolume names it. Kubernetes
is asked in a pod with a service account and with --kubeconfig; elsewhere the output says that it
was not: look with kubectl get pv. --forget-claims is for claims that Kubernetes has no more.";
const RUNS_LIST: &str = "\
Examples:
  linflow runs list --linstor-url http://linstor --dag etl_daily";
const RUNS_SHOW: &str = "\
Examples:
  linflow runs show --instance airflow --dag etl_daily --run manual__1";
const FINISH: &str = "\
Examples:
  linflow runs finish --instance airflow --dag etl_daily --run manual__1 --state success
Its volumes of the scopes task and run are kept for their class's retention from now on, then removed.
Any new claim of the run voids it.";
const RESUME: &str = "\
Examples:
  linflow runs resume --instance airflow --dag etl_daily --run manual__1
Takes back what runs finish said: the run was cleared and goes on.";
const RUNS_RELEASE: &str = "\
Examples:
  linflow runs release --instance airflow --dag etl_daily --run manual__1 --now";

#[derive(Debug, Subcommand)]
pub(super) enum VolumesArgs {
    /// List the volumes of workflows with what is to become of them
    #[command(after_help = with_exit(LIST))]
    List(ListArgs),
    /// Show all that is recorded of volumes
    #[command(after_help = with_exit(SHOW))]
    Show(SelectArgs),
    /// Say that volumes are not needed any more
    #[command(after_help = with_exit(RELEASE))]
    Release(ReleaseArgs),
    /// Hold volumes until a time, whatever speaks for their end
    #[command(after_help = with_exit(EXTEND))]
    Extend(ExtendArgs),
    /// Withdraw a reaper's final mark that stands beside a claim
    #[command(after_help = with_exit(KEEP))]
    Keep(KeepArgs),
    /// Delete volumes with their data
    #[command(after_help = with_exit(DELETE))]
    Delete(DeleteArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum RunsArgs {
    /// List the runs that have volumes
    #[command(after_help = with_exit(RUNS_LIST))]
    List(ListArgs),
    /// Show the volumes of a run
    #[command(after_help = with_exit(RUNS_SHOW))]
    Show(RunArgs),
    /// Say that a run is over: its volumes go when their retention has passed
    #[command(after_help = with_exit(FINISH))]
    Finish(FinishArgs),
    /// Say that a run that was over goes on
    #[command(after_help = with_exit(RESUME))]
    Resume(RunArgs),
    /// Say that the volumes of a run are not needed any more
    #[command(after_help = with_exit(RUNS_RELEASE))]
    Release(ReleaseRunArgs),
}

fn with_exit(examples: &str) -> String {
    format!("{examples}\n{EXIT}")
}

#[derive(Debug, Default, clap::Args)]
pub(super) struct FilterArgs {
    /// Only those of this Airflow instance
    #[arg(long, value_name = "NAME")]
    pub(super) instance: Option<String>,
    /// Only those of this DAG (dag_id)
    #[arg(long, value_name = "ID")]
    pub(super) dag: Option<String>,
    /// Only those of this run (run_id)
    #[arg(long, value_name = "ID")]
    pub(super) run: Option<String>,
    /// Only those of this task (task_id)
    #[arg(long, value_name = "ID")]
    pub(super) task: Option<String>,
    /// Only those of this copy of a mapped task
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(super) map_index: Option<String>,
    /// Only those of this scope: task, run or dag
    #[arg(long, value_name = "SCOPE")]
    pub(super) scope: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(super) struct OutputArgs {
    /// Print one JSON object instead of text
    #[arg(long, env = "LINFLOW_JSON", value_parser = FalseyValueParser::new())]
    pub(super) json: bool,
    /// Colour: auto (on a terminal), always or never
    #[arg(long, env = "LINFLOW_COLOR", value_name = "WHEN", default_value = "auto")]
    pub(super) color: String,
    #[command(flatten)]
    pub(super) linstor: LinstorArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct SelectArgs {
    /// The volumes by their names in LINSTOR; or name them by their workflow
    #[arg(value_name = "VOLUME")]
    pub(super) names: Vec<String>,
    #[command(flatten)]
    pub(super) filter: FilterArgs,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReleaseArgs {
    /// Let them go at the reaper's next look
    #[arg(long)]
    pub(super) now: bool,
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExtendArgs {
    /// Hold them until then, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
    /// Hold them for so long from now on, such as 14days
    #[arg(long = "for", value_name = "DURATION")]
    pub(super) span: Option<String>,
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct DeleteArgs {
    /// Don't ask; without a terminal nothing is deleted otherwise
    #[arg(long)]
    pub(super) yes: bool,
    /// Forget the claims that are recorded of them: for claims that Kubernetes has no more
    #[arg(long)]
    pub(super) forget_claims: bool,
    #[command(flatten)]
    pub(super) naming: NamingArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct KeepArgs {
    #[command(flatten)]
    pub(super) naming: NamingArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct NamingArgs {
    /// The driver whose PersistentVolumes are asked for
    #[arg(long, env = "LINFLOW_DRIVER_NAME", value_name = "NAME", default_value = "linflow.csi")]
    pub(super) driver_name: String,
    #[command(flatten)]
    pub(super) directory: DirectoryArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// The run's Airflow instance
    #[arg(long, value_name = "NAME")]
    pub(super) instance: Option<String>,
    /// The run's DAG (dag_id)
    #[arg(long, value_name = "ID")]
    pub(super) dag: Option<String>,
    /// The run (run_id)
    #[arg(long, value_name = "ID")]
    pub(super) run: Option<String>,
    #[command(flatten)]
    pub(super) output: OutputArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct FinishArgs {
    /// How it ended: success or failed
    #[arg(long, value_name = "STATE")]
    pub(super) state: Option<String>,
    #[command(flatten)]
    pub(super) run: RunArgs,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReleaseRunArgs {
    /// Let them go at the reaper's next look
    #[arg(long)]
    pub(super) now: bool,
    #[command(flatten)]
    pub(super) run: RunArgs,
}
