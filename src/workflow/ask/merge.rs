//! One workflow out of what the claim says, its pod shows and the class names.

use std::fmt::Display;

use super::super::{
    airflow::{Evidence, Field, Shown},
    id::{Id, MapIndex},
    owner::Part,
    scope::Scope,
    statement::Ids,
};

/// Who names ids: the claim first, then its pod, then the class.
pub(super) struct Sources<'a> {
    /// The claim's annotations.
    pub(super) said: &'a Ids,
    /// What its pod shows.
    pub(super) shown: Option<&'a Evidence>,
    /// The class's parameters.
    pub(super) class: &'a Ids,
}

/// What they name together.
pub(super) struct Merged {
    /// The exact ids.
    pub(super) ids: Ids,
    /// The widest id of the scope that is known by its label alone, and that label.
    pub(super) label: Option<(Field, String)>,
}

/// The claim names another id than its pod shows.
pub(super) struct Contradiction {
    pub(super) field: Field,
    pub(super) said: String,
    pub(super) shown: String,
}

impl Sources<'_> {
    /// Merges the ids. The class's are of one piece: where a wider id of its own is not the one that was found, its
    /// narrower ones name something else.
    pub(super) fn merge(&self, scope: Scope) -> Result<Merged, Contradiction> {
        let Self { said, shown, class } = self;
        let (shown_dag, shown_run, shown_task) =
            shown.map_or((None, None, None), |it| (it.dag.as_ref(), it.run.as_ref(), it.task.as_ref()));
        let shown_index = shown.filter(|_| shown_task.is_some()).map(|it| it.map_index);
        agree(Field::DagId, said.dag.as_ref(), shown_dag)?;
        agree(Field::RunId, said.run.as_ref(), shown_run)?;
        agree(Field::TaskId, said.task.as_ref(), shown_task)?;
        agree_index(said.map_index, shown_index)?;

        let dag = first(said.dag.as_ref(), shown_dag, class.dag.as_ref());
        let class = Some(class).filter(|class| dag.is_some() && class.dag == dag);
        let run = first(said.run.as_ref(), shown_run, class.and_then(|class| class.run.as_ref()));
        let class = class.filter(|class| run.is_some() && class.run == run);
        let task = first(said.task.as_ref(), shown_task, class.and_then(|class| class.task.as_ref()));
        let map_index = said.map_index.or(shown_index).or(class.and_then(|class| class.map_index));

        let label = match scope {
            _ if dag.is_none() => label(Field::DagId, shown_dag),
            Scope::Task | Scope::Run if run.is_none() => label(Field::RunId, shown_run),
            Scope::Task if task.is_none() => label(Field::TaskId, shown_task),
            _ => None,
        };
        Ok(Merged { ids: Ids { dag, run, task, map_index }, label })
    }
}

fn contradiction(field: Field, said: &impl Display, shown: &impl Display) -> Contradiction {
    Contradiction { field, said: said.to_string(), shown: shown.to_string() }
}

/// An exact id must be the same, and a label that of the id.
fn agree<T: Id>(field: Field, said: Option<&T>, shown: Option<&Shown<T>>) -> Result<(), Contradiction> {
    match (said, shown) {
        (Some(said), Some(shown)) if !is(said, shown) => Err(contradiction(field, said, shown)),
        _ => Ok(()),
    }
}

fn agree_index(said: Option<MapIndex>, shown: Option<MapIndex>) -> Result<(), Contradiction> {
    match (said, shown) {
        (Some(said), Some(shown)) if said != shown => Err(contradiction(Field::MapIndex, &said, &shown)),
        _ => Ok(()),
    }
}

/// The first exact id. A pod's label keeps off the class's id that isn't behind it.
fn first<T: Id>(said: Option<&T>, shown: Option<&Shown<T>>, class: Option<&T>) -> Option<T> {
    let named = match shown {
        Some(Shown::Exact(id)) => Some(id),
        Some(label @ Shown::Label(_)) => class.filter(|id| is(*id, label)),
        None => class,
    };
    said.or(named).cloned()
}

fn is<T: Id>(id: &T, shown: &Shown<T>) -> bool {
    Part::Exact(id.clone()).matched(shown).is_some()
}

fn label<T>(field: Field, shown: Option<&Shown<T>>) -> Option<(Field, String)> {
    match shown {
        Some(Shown::Label(label)) => Some((field, label.clone())),
        _ => None,
    }
}
