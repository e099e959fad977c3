//! `linflow volumes` and `linflow runs`: what a person sees of workflows' volumes, and says about them. LINSTOR is asked
//! directly; Kubernetes only before data is deleted.

mod act;
mod table;
mod word;

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use self::table::{Row, RunRow, Style};
use super::survey::{Survey, Surveyed};
use super::word::RunRef;
use crate::config::{Action, ManageConfig, RunSelection, Selection};
use crate::linstor::{Client, SettingsError};
use crate::volume::{Error, ending::Outcome, moment::Moment};
use crate::workflow::{AnyDirectory, Filter};

/// The exit status where no such volume or run is there.
pub const EXIT_NONE: u8 = 3;
/// The exit status where something was refused.
pub const EXIT_REFUSED: u8 = 4;

/// Why a command came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// LINSTOR can't be asked with these settings.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// LINSTOR refused, did not answer, or holds what can't be read.
    #[error(transparent)]
    Volume(#[from] Error),
    /// A removal came to a halt.
    #[error(transparent)]
    Halt(#[from] super::carry::Halt),
    /// Nobody takes the output.
    #[error("the output can't be written; give linflow an output that is read to its end")]
    Print(#[from] io::Error),
}

/// What was done to each volume, for people and for programs.
#[derive(Debug, Serialize)]
struct Done {
    volume: String,
    done: bool,
    what: String,
}

/// Does what was asked for; the directory says which volumes are named. The exit status: 0, [`EXIT_NONE`] or [`EXIT_REFUSED`].
///
/// # Errors
/// LINSTOR's and Kubernetes', and those of the output.
pub async fn run(config: &ManageConfig, directory: &AnyDirectory) -> Result<u8, CommandError> {
    let desk = Desk { linstor: Client::new(&config.linstor)?, config, now: Moment::now() };
    match &config.action {
        Action::ListVolumes(filter) => desk.list(filter).await,
        Action::ShowVolumes(selection) => desk.show(selection).await,
        Action::ListRuns(filter) => desk.list_runs(filter).await,
        Action::ShowRun(run) => desk.list(&of_run(run)).await,
        Action::FinishRun(run, succeeded) => desk.finish(run, *succeeded).await,
        Action::ResumeRun(run) => desk.resume(run).await,
        Action::ReleaseVolumes(selection, at_once) => desk.release(selection, *at_once).await,
        Action::ReleaseRun(run, at_once) => {
            desk.release(&Selection { names: Vec::new(), filter: of_run(run) }, *at_once).await
        }
        Action::ExtendVolumes(selection, until) => desk.extend(selection, *until).await,
        Action::KeepVolumes(selection, naming) => desk.keep(selection, naming, directory).await,
        Action::DeleteVolumes(deletion) => desk.delete(deletion, directory).await,
    }
}

fn of_run(run: &RunSelection) -> Filter {
    Filter::run(run.instance.clone(), run.dag.clone(), run.run.clone())
}

/// Where a command works.
struct Desk<'a> {
    linstor: Client,
    config: &'a ManageConfig,
    now: Moment,
}

impl Desk<'_> {
    /// The volumes that are meant.
    async fn survey(&self, filter: &Filter) -> Result<Survey, Error> {
        let mut survey = Survey::of(&self.linstor, filter).await?.only(filter);
        survey.ask_for_snapshots(&self.linstor, self.now).await?;
        Ok(survey)
    }

    /// The volumes that are selected; says which of the names there are not.
    async fn selected(&self, selection: &Selection) -> Result<Survey, CommandError> {
        let mut survey = self.survey(&selection.filter).await?;
        let is_same = |volume: &Surveyed, name: &str| volume.resource.as_str().eq_ignore_ascii_case(name);
        for name in &selection.names {
            if !survey.volumes.iter().any(|volume| is_same(volume, name.as_str())) {
                eprintln!("linflow: no workflow's volume {name}; see linflow volumes list");
            }
        }
        if !selection.names.is_empty() {
            survey.volumes.retain(|volume| selection.names.iter().any(|name| is_same(volume, name.as_str())));
        }
        Ok(survey)
    }

    async fn list(&self, filter: &Filter) -> Result<u8, CommandError> {
        let survey = self.survey(filter).await?;
        let rows: Vec<Row> = survey.judged(self.now).map(|(volume, fate)| Row::of(volume, &fate, self.now)).collect();
        self.print(&Listed { schema: 1, volumes: &rows }, |out, style| table::volumes(out, &rows, style))?;
        Ok(if rows.is_empty() { EXIT_NONE } else { 0 })
    }

    async fn show(&self, selection: &Selection) -> Result<u8, CommandError> {
        let survey = self.selected(selection).await?;
        let rows: Vec<Row> = survey.judged(self.now).map(|(volume, fate)| Row::of(volume, &fate, self.now)).collect();
        self.print(&Listed { schema: 1, volumes: &rows }, |out, style| table::details(out, &rows, style))?;
        Ok(if rows.is_empty() { EXIT_NONE } else { 0 })
    }

    async fn list_runs(&self, filter: &Filter) -> Result<u8, CommandError> {
        let survey = self.survey(filter).await?;
        let rows = RunRow::of(&survey, self.now);
        self.print(&ListedRuns { schema: 1, runs: &rows }, |out, style| table::runs(out, &rows, style))?;
        Ok(if rows.is_empty() { EXIT_NONE } else { 0 })
    }

    async fn finish(&self, run: &RunSelection, succeeded: bool) -> Result<u8, CommandError> {
        let state = if succeeded { Outcome::Success } else { Outcome::Failed };
        let told = super::word::finish(&self.linstor, &run.into(), state, "linflow runs finish", self.now).await?;
        self.told(told, &format!("its run is over ({state})"))
    }

    async fn resume(&self, run: &RunSelection) -> Result<u8, CommandError> {
        let told = super::word::resume(&self.linstor, &run.into()).await?;
        self.told(told, "its run goes on")
    }

    fn told(&self, told: Vec<String>, what: &str) -> Result<u8, CommandError> {
        let done = told.into_iter().map(|volume| Done { volume, done: true, what: what.to_owned() }).collect();
        self.report(done)
    }

    /// Prints what was done to each volume.
    fn report(&self, done: Vec<Done>) -> Result<u8, CommandError> {
        self.report_with(done, None)
    }

    /// The same, and who was asked before.
    fn report_with(&self, done: Vec<Done>, asked: Option<Asked>) -> Result<u8, CommandError> {
        self.print(&Reported { schema: 1, volumes: &done, asked: asked.as_ref() }, |out, style| {
            table::done(out, &done, style)?;
            asked.as_ref().filter(|_| !done.is_empty()).map_or(Ok(()), |asked| writeln!(out, "{asked}"))
        })?;
        if done.is_empty() {
            eprintln!("linflow: no such volume; see linflow volumes list");
            return Ok(EXIT_NONE);
        }
        Ok(if done.iter().all(|one| one.done) { 0 } else { EXIT_REFUSED })
    }

    fn print(
        &self,
        object: &impl Serialize,
        text: impl FnOnce(&mut Vec<u8>, Style) -> io::Result<()>,
    ) -> Result<(), CommandError> {
        let mut out = Vec::new();
        if self.config.json {
            serde_json::to_writer_pretty(&mut out, object).map_err(io::Error::from)?;
            out.push(b'\n');
        } else {
            text(&mut out, Style { in_color: self.config.color.is_for_stdout() })?;
        }
        let mut stdout = io::stdout().lock();
        stdout.write_all(&out)?;
        Ok(stdout.flush()?)
    }

    /// Does the person want that? Only a terminal is asked.
    fn is_agreed(&self, question: &str) -> Result<bool, CommandError> {
        if !io::stdin().is_terminal() {
            return Ok(false);
        }
        eprint!("{question} Type yes: ");
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim() == "yes")
    }
}

impl From<&RunSelection> for RunRef {
    fn from(run: &RunSelection) -> Self {
        Self { instance: run.instance.clone(), dag: run.dag.clone(), run: run.run.clone() }
    }
}

#[derive(Serialize)]
struct Listed<'a> {
    schema: u32,
    volumes: &'a [Row],
}

#[derive(Serialize)]
struct ListedRuns<'a> {
    schema: u32,
    runs: &'a [RunRow],
}

#[derive(Serialize)]
struct Reported<'a> {
    schema: u32,
    volumes: &'a [Done],
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    asked: Option<&'a Asked>,
}

/// Whose PersistentVolumes Kubernetes was asked for before anything was done.
#[derive(Debug, Serialize)]
struct Asked {
    /// The driver; none: Kubernetes was not asked.
    persistent_volumes_of: Option<String>,
}

impl std::fmt::Display for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.persistent_volumes_of {
            Some(driver) => write!(f, "Kubernetes was asked for the PersistentVolumes of {driver}"),
            None => f.write_str(
                "Kubernetes was not asked whether a PersistentVolume names them; see kubectl get pv, or give --kubeconfig FILE",
            ),
        }
    }
}
