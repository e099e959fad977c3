//! Volumes and runs as tables, and as objects for programs.

use std::{
    collections::BTreeMap,
    io::{self, Write},
};

use serde::Serialize;

use super::{
    Done,
    word::{size, span},
};
use crate::lifetime::{
    judge::{Verdict, claimants, idle_since},
    survey::{Survey, Surveyed},
};
use crate::volume::moment::Moment;
use crate::workflow::MapIndex;

/// How text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) in_color: bool,
}

impl Style {
    fn paint(self, code: &str, text: &str) -> String {
        if self.in_color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// A volume.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    volume: String,
    scope: String,
    instance: String,
    dag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    map_index: Option<i32>,
    bytes: u64,
    /// The volume or snapshot that it was made as a copy of.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Since when nobody has claimed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_since: Option<Moment>,
    fate: &'static str,
    why: String,
    claims: Vec<String>,
    attached_to: Vec<String>,
    retain: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_until: Option<Moment>,
    #[serde(skip)]
    idle: String,
}

impl Row {
    pub(super) fn of(volume: &Surveyed, fate: &Verdict, now: Moment) -> Self {
        let workflow = volume.tags.ownership.workflow();
        let task = workflow.and_then(|workflow| workflow.task());
        let text = |part: Option<String>| part.unwrap_or_default();
        let idle_since = idle_since(&volume.ledger).filter(|_| volume.ledger.claims.is_empty());
        let ending = &volume.ledger.ending;
        Self {
            volume: volume.resource.to_string(),
            scope: volume.tags.ownership.scope().to_string(),
            instance: text(workflow.map(|workflow| workflow.instance().to_string())),
            dag: text(workflow.map(|workflow| workflow.dag().to_string())),
            run: workflow.and_then(|workflow| workflow.run()).map(ToString::to_string),
            task: task.map(|(task, _)| task.to_string()),
            map_index: task.map(|(_, index)| index).filter(|index| *index != MapIndex::UNMAPPED).map(MapIndex::get),
            bytes: volume.bytes,
            from: volume.copied_from.clone(),
            idle_since,
            fate: fate.word(),
            why: fate.to_string(),
            claims: claimants(&volume.ledger),
            attached_to: volume.ledger.nodes().into_iter().map(ToString::to_string).collect(),
            retain: volume.tags.retain.unwrap_or_default().to_string(),
            ended: ending.ended.as_ref().map(|end| format!("{} at {} by {}", end.state, end.time, end.by)),
            held_until: ending.hold,
            idle: idle_since.map_or("-".to_owned(), |idle| span(idle.age(now))),
        }
    }

    fn task(&self) -> String {
        let task = self.task.as_deref().unwrap_or("-");
        self.map_index.map_or(task.to_owned(), |index| format!("{task}[{index}]"))
    }
}

/// A run.
#[derive(Debug, Serialize)]
pub(super) struct RunRow {
    instance: String,
    dag: String,
    run: String,
    volumes: usize,
    bytes: u64,
    /// How it ended; none: nothing proves that it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<String>,
    fates: BTreeMap<&'static str, usize>,
}

impl RunRow {
    pub(super) fn of(survey: &Survey, now: Moment) -> Vec<Self> {
        let mut rows: BTreeMap<(String, String, String), Self> = BTreeMap::new();
        for (volume, fate) in survey.judged(now) {
            let Some(workflow) = volume.tags.ownership.workflow() else { continue };
            let Some(run) = workflow.run() else { continue };
            let (instance, dag, run) = (workflow.instance().to_string(), workflow.dag().to_string(), run.to_string());
            let row = rows.entry((instance.clone(), dag.clone(), run.clone())).or_insert(Self {
                instance,
                dag,
                run,
                volumes: 0,
                bytes: 0,
                ended: None,
                fates: BTreeMap::new(),
            });
            row.volumes += 1;
            row.bytes += volume.bytes;
            *row.fates.entry(fate.word()).or_default() += 1;
            let proof = survey.runs.proof(volume.subject());
            row.ended = proof.map(|end| format!("{} at {}", end.state, end.time)).or(row.ended.take());
        }
        rows.into_values().collect()
    }
}

/// SGR parameters of a fate.
fn color(fate: &str) -> &'static str {
    match fate {
        "claimed" | "attached" | "asked" | "named" => "32",
        "waiting" | "snapshots" | "held" => "33",
        "contested" => "31",
        "reapable" | "final" | "deleting" => "35",
        _ => "0",
    }
}

pub(super) fn volumes(out: &mut Vec<u8>, rows: &[Row], style: Style) -> io::Result<()> {
    let head = ["VOLUME", "INSTANCE", "DAG", "RUN", "TASK", "SIZE", "IDLE", "FATE", "WHY"];
    let cells = |row: &Row| {
        let run = row.run.clone().unwrap_or_else(|| "-".to_owned());
        let (instance, dag) = (row.instance.clone(), row.dag.clone());
        [
            row.volume.clone(),
            instance,
            dag,
            run,
            row.task(),
            size(row.bytes),
            row.idle.clone(),
            row.fate.to_owned(),
            row.why.clone(),
        ]
    };
    columns(out, head, &rows.iter().map(cells).collect::<Vec<_>>(), Some(7), style)?;
    let bytes = rows.iter().map(|row| row.bytes).sum();
    writeln!(out, "{} volumes, {}", rows.len(), size(bytes))
}

pub(super) fn runs(out: &mut Vec<u8>, rows: &[RunRow], style: Style) -> io::Result<()> {
    let head = ["INSTANCE", "DAG", "RUN", "VOLUMES", "SIZE", "ENDED", "FATES"];
    let cells = |row: &RunRow| {
        let fates: Vec<String> = row.fates.iter().map(|(fate, count)| format!("{count} {fate}")).collect();
        let ended = row.ended.clone().unwrap_or_else(|| "not proven".to_owned());
        let (instance, dag, run) = (row.instance.clone(), row.dag.clone(), row.run.clone());
        [instance, dag, run, row.volumes.to_string(), size(row.bytes), ended, fates.join(", ")]
    };
    columns(out, head, &rows.iter().map(cells).collect::<Vec<_>>(), None, style)
}

pub(super) fn details(out: &mut Vec<u8>, rows: &[Row], style: Style) -> io::Result<()> {
    for row in rows {
        writeln!(out, "{}", style.paint("1", &row.volume))?;
        let join = |list: &[String]| if list.is_empty() { "nobody".to_owned() } else { list.join(", ") };
        let nodes = if row.attached_to.is_empty() { "no node".to_owned() } else { row.attached_to.join(", ") };
        let or = |text: &Option<String>, none: &str| text.clone().unwrap_or_else(|| none.to_owned());
        let lines = [
            ("fate", format!("{}: {}", style.paint(color(row.fate), row.fate), row.why)),
            ("scope", row.scope.clone()),
            ("instance", row.instance.clone()),
            ("DAG", row.dag.clone()),
            ("run", or(&row.run, "-")),
            ("task", row.task()),
            ("size", size(row.bytes)),
            ("copy of", or(&row.from, "-")),
            ("claimed by", join(&row.claims)),
            ("attached to", nodes),
            ("idle", row.idle.clone()),
            ("run's end", or(&row.ended, "not proven")),
            ("retention", row.retain.clone()),
            ("held until", row.held_until.map_or("-".to_owned(), |until| until.to_string())),
        ];
        for (name, value) in lines {
            writeln!(out, "  {name:<12} {value}")?;
        }
    }
    Ok(())
}

pub(super) fn done(out: &mut Vec<u8>, done: &[Done], style: Style) -> io::Result<()> {
    for Done { volume, done, what } in done {
        let what = if *done { what.clone() } else { style.paint("31", what) };
        writeln!(out, "{volume}: {what}")?;
    }
    Ok(())
}

/// Cells below their heads; the last column is as wide as it is. One column has the colour of its fate.
fn columns<const N: usize>(
    out: &mut Vec<u8>,
    head: [&str; N],
    rows: &[[String; N]],
    fate: Option<usize>,
    style: Style,
) -> io::Result<()> {
    let mut widths = head.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let line = |cells: [String; N], paint: &dyn Fn(usize, &str) -> String| {
        let padded = cells.iter().enumerate().map(|(at, cell)| {
            let gap = " ".repeat(widths[at].saturating_sub(cell.chars().count()));
            let painted = paint(at, cell);
            if at + 1 == N { painted } else { format!("{painted}{gap}  ") }
        });
        padded.collect::<String>()
    };
    writeln!(out, "{}", line(head.map(str::to_owned), &|_, cell| style.paint("1", cell)))?;
    for row in rows {
        let paint = |at: usize, cell: &str| {
            if fate == Some(at) { style.paint(color(cell), cell) } else { cell.to_owned() }
        };
        writeln!(out, "{}", line(row.clone(), &paint))?;
    }
    Ok(())
}
