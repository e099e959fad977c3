//! The settings of `linflow volumes` and `linflow runs`.

use super::{
    Color, Environment,
    directory::{self, DirectoryConfig},
    driver::DriverName,
    error::{Mistakes, Wrong},
    linstor,
    manage_args::{
        DeleteArgs, ExtendArgs, FilterArgs, NamingArgs, OutputArgs, RunArgs, RunsArgs, SelectArgs, VolumesArgs,
    },
    sandbox, text,
};
use crate::linstor::{Settings, name::ResourceName};
use crate::workflow::{DagId, Filter, IdError, Instance, MapIndex, RunId, Scope, TaskId};
use std::time::{Duration, SystemTime};

/// A person's word about volumes or runs.
#[derive(Debug, Clone)]
pub struct ManageConfig {
    /// How to reach LINSTOR.
    pub linstor: Settings,
    /// Whether to print one JSON object instead of text.
    pub json: bool,
    /// When to print in colour.
    pub color: Color,
    /// What to do.
    pub action: Action,
}

/// Which volumes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// These; empty: those that the filter takes.
    pub names: Vec<ResourceName>,
    /// And of these only such.
    pub filter: Filter,
}

/// A run, all of it given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunSelection {
    /// The Airflow deployment.
    pub instance: Instance,
    /// The DAG.
    pub dag: DagId,
    /// The run.
    pub run: RunId,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// List volumes.
    ListVolumes(Filter),
    /// Show volumes.
    ShowVolumes(Selection),
    /// Let volumes go; the second: at once.
    ReleaseVolumes(Selection, bool),
    /// Hold volumes until then.
    ExtendVolumes(Selection, Until),
    /// Withdraw final marks.
    KeepVolumes(Selection, Naming),
    /// Delete volumes.
    DeleteVolumes(Deletion),
    /// List runs.
    ListRuns(Filter),
    /// Show the volumes of a run.
    ShowRun(RunSelection),
    /// A run is over; the second: it succeeded.
    FinishRun(RunSelection, bool),
    /// A run goes on.
    ResumeRun(RunSelection),
    /// Let the volumes of a run go; the second: at once.
    ReleaseRun(RunSelection, bool),
}

/// Which volumes to delete, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deletion {
    /// Which.
    pub selection: Selection,
    /// Without a question.
    pub is_sure: bool,
    /// Forget the claims that are recorded.
    pub forgets_claims: bool,
    /// Where is asked whether a PersistentVolume names them.
    pub naming: Naming,
}

/// Where is asked which volumes PersistentVolumes name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Naming {
    /// Who is asked.
    pub directory: DirectoryConfig,
    /// The driver whose PersistentVolumes count.
    pub driver_name: DriverName,
}

/// Until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// That time.
    Time(SystemTime),
    /// So long from now on.
    After(Duration),
}

/// Parses the settings of `linflow volumes`, noting each mistake.
pub(super) fn volumes(args: &VolumesArgs, env: Environment<'_>, mistakes: &mut Mistakes) -> Option<ManageConfig> {
    let (action, output) = match args {
        VolumesArgs::List(args) => (filter(&args.filter, mistakes).map(Action::ListVolumes), &args.output),
        VolumesArgs::Show(args) => (selection(args, mistakes).map(Action::ShowVolumes), &args.output),
        VolumesArgs::Release(args) => {
            let selected = selection(&args.select, mistakes);
            (selected.map(|selected| Action::ReleaseVolumes(selected, args.now)), &args.select.output)
        }
        VolumesArgs::Extend(args) => {
            let (selected, until) = (selection(&args.select, mistakes), until(args, mistakes));
            (selected.zip(until).map(|(selected, until)| Action::ExtendVolumes(selected, until)), &args.select.output)
        }
        VolumesArgs::Keep(args) => {
            let (selected, naming) = (selection(&args.select, mistakes), naming(&args.naming, env, mistakes));
            (selected.zip(naming).map(|(selected, naming)| Action::KeepVolumes(selected, naming)), &args.select.output)
        }
        VolumesArgs::Delete(args) => (deletion(args, env, mistakes).map(Action::DeleteVolumes), &args.select.output),
    };
    manage(action, output, env, mistakes)
}

/// Parses the settings of `linflow runs`, noting each mistake.
pub(super) fn runs(args: &RunsArgs, env: Environment<'_>, mistakes: &mut Mistakes) -> Option<ManageConfig> {
    let (action, output) = match args {
        RunsArgs::List(args) => (filter(&args.filter, mistakes).map(Action::ListRuns), &args.output),
        RunsArgs::Show(args) => (run(args, mistakes).map(Action::ShowRun), &args.output),
        RunsArgs::Finish(args) => {
            let remedy = "say how the run ended: --state success or --state failed";
            let state = mistakes.require("--state", text::given(&args.state), remedy, succeeded);
            let run = run(&args.run, mistakes);
            (run.zip(state).map(|(run, state)| Action::FinishRun(run, state)), &args.run.output)
        }
        RunsArgs::Resume(args) => (run(args, mistakes).map(Action::ResumeRun), &args.output),
        RunsArgs::Release(args) => {
            (run(&args.run, mistakes).map(|run| Action::ReleaseRun(run, args.now)), &args.run.output)
        }
    };
    manage(action, output, env, mistakes)
}

fn manage(
    action: Option<Action>,
    output: &OutputArgs,
    env: Environment<'_>,
    mistakes: &mut Mistakes,
) -> Option<ManageConfig> {
    let linstor = linstor::validate(&output.linstor, env, mistakes);
    let color = mistakes.check("--color", &output.color, sandbox::color(&output.color));
    Some(ManageConfig { linstor: linstor?, json: output.json, color: color?, action: action? })
}

fn id<T>(
    flag: &'static str,
    given: &Option<String>,
    parse: fn(&str) -> Result<T, IdError>,
    mistakes: &mut Mistakes,
) -> Option<Option<T>> {
    let parse = |text: &str| parse(text).map_err(|error| Wrong::new(error.to_string(), "write it as Airflow does"));
    mistakes.optional(flag, text::given(given), parse)
}

fn filter(args: &FilterArgs, mistakes: &mut Mistakes) -> Option<Filter> {
    let instance = id("--instance", &args.instance, Instance::parse, mistakes);
    let dag = id("--dag", &args.dag, DagId::parse, mistakes);
    let run = id("--run", &args.run, RunId::parse, mistakes);
    let task = id("--task", &args.task, TaskId::parse, mistakes);
    let map_index = id("--map-index", &args.map_index, MapIndex::parse, mistakes);
    let scope = mistakes.optional("--scope", text::given(&args.scope), scope);
    Some(Filter { instance: instance?, dag: dag?, run: run?, task: task?, map_index: map_index?, scope: scope? })
}

fn scope(text: &str) -> Result<Scope, Wrong> {
    match text.parse() {
        Ok(scope @ (Scope::Task | Scope::Run | Scope::Dag)) => Ok(scope),
        _ => Err(Wrong::new("is not a scope that a workflow has", "choose task, run or dag")),
    }
}

/// Volumes that somebody changes are named: nobody means all of a cluster's.
fn selection(args: &SelectArgs, mistakes: &mut Mistakes) -> Option<Selection> {
    let names: Vec<Option<ResourceName>> = args
        .names
        .iter()
        .map(|name| mistakes.check("VOLUME", name, text::linstor_name(ResourceName::parse(name))))
        .collect();
    let filter = filter(&args.filter, mistakes);
    let (names, filter): (Vec<_>, _) = (names.into_iter().collect::<Option<_>>()?, filter?);
    if names.is_empty() && filter == Filter::default() {
        let remedy = "name volumes, or their workflow with --instance, --dag, --run, --task, --map-index, --scope";
        return mistakes.check_unshown("VOLUME", Err(Wrong::new("is missing", remedy)));
    }
    Some(Selection { names, filter })
}

fn deletion(args: &DeleteArgs, env: Environment<'_>, mistakes: &mut Mistakes) -> Option<Deletion> {
    let selection = selection(&args.select, mistakes);
    let naming = naming(&args.naming, env, mistakes);
    Some(Deletion { selection: selection?, is_sure: args.yes, forgets_claims: args.forget_claims, naming: naming? })
}

fn naming(args: &NamingArgs, env: Environment<'_>, mistakes: &mut Mistakes) -> Option<Naming> {
    let directory = directory::directory(&args.directory, env, mistakes);
    let driver_name = mistakes.check("--driver-name", &args.driver_name, DriverName::parse(&args.driver_name));
    Some(Naming { directory: directory?, driver_name: driver_name? })
}

fn run(args: &RunArgs, mistakes: &mut Mistakes) -> Option<RunSelection> {
    let remedy = "name the run with --instance, --dag and --run";
    let missing = |flag, given: &Option<String>, mistakes: &mut Mistakes| {
        if text::given(given).is_none() {
            mistakes.check_unshown::<()>(flag, Err(Wrong::new("is missing", remedy)));
        }
    };
    missing("--instance", &args.instance, mistakes);
    missing("--dag", &args.dag, mistakes);
    missing("--run", &args.run, mistakes);
    let instance = id("--instance", &args.instance, Instance::parse, mistakes);
    let dag = id("--dag", &args.dag, DagId::parse, mistakes);
    let run = id("--run", &args.run, RunId::parse, mistakes);
    Some(RunSelection { instance: instance??, dag: dag??, run: run?? })
}

fn succeeded(text: &str) -> Result<bool, Wrong> {
    match text {
        "success" => Ok(true),
        "failed" => Ok(false),
        _ => Err(Wrong::new("is not how a run ends", "choose success or failed")),
    }
}

fn until(args: &ExtendArgs, mistakes: &mut Mistakes) -> Option<Until> {
    let time = mistakes.optional("--until", text::given(&args.until), |text| {
        humantime::parse_rfc3339(text)
            .map(Until::Time)
            .map_err(|_| Wrong::new("is not a time", "write it as 2027-01-31T00:00:00Z"))
    });
    let span = mistakes.optional("--for", text::given(&args.span), |text| {
        humantime::parse_duration(text)
            .map(Until::After)
            .map_err(|_| Wrong::new("is not a duration", "write it as 14days or 36h"))
    });
    match (time?, span?) {
        (Some(until), None) | (None, Some(until)) => Some(until),
        _ => mistakes.check_unshown(
            "--until",
            Err(Wrong::new("or --for is to be given, and not both", "say until when, such as --for 14days")),
        ),
    }
}
