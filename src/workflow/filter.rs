//! Which volumes: those of an instance, a DAG, a run, a task, a scope.

use super::{
    id::{DagId, Instance, MapIndex, RunId, TaskId},
    scope::Scope,
    tag::{AIRFLOW_DAG_ID, AIRFLOW_INSTANCE, AIRFLOW_RUN_ID, DRIVER, Tags},
};
use crate::linstor::model::PropFilter;

/// What a volume's owner must be; what isn't given may be anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The Airflow deployment.
    pub instance: Option<Instance>,
    /// The DAG.
    pub dag: Option<DagId>,
    /// The run.
    pub run: Option<RunId>,
    /// The task.
    pub task: Option<TaskId>,
    /// Which copy of a mapped task.
    pub map_index: Option<MapIndex>,
    /// How wide the owner is.
    pub scope: Option<Scope>,
}

impl Filter {
    /// All volumes of that run, whatever their scope but the DAG's.
    pub fn run(instance: Instance, dag: DagId, run: RunId) -> Self {
        Self { instance: Some(instance), dag: Some(dag), run: Some(run), ..Self::default() }
    }

    /// The properties by which LINSTOR finds all volumes of the runs that are meant. Those of other tasks are among them:
    /// whether a run goes on is seen at all of its volumes.
    pub fn query(&self) -> Vec<PropFilter> {
        let exact = [
            (AIRFLOW_INSTANCE, self.instance.as_ref().map(ToString::to_string)),
            (AIRFLOW_DAG_ID, self.dag.as_ref().map(ToString::to_string)),
            (AIRFLOW_RUN_ID, self.run.as_ref().map(ToString::to_string)),
        ];
        let exact = exact.into_iter().filter_map(|(key, value)| Some(PropFilter::Is(key.to_owned(), value?)));
        // Only a workflow's volumes have a DAG.
        [PropFilter::Has(DRIVER.to_owned()), PropFilter::Has(AIRFLOW_DAG_ID.to_owned())]
            .into_iter()
            .chain(exact)
            .collect()
    }

    /// Is the volume among those that are meant?
    pub fn takes(&self, tags: &Tags) -> bool {
        fn fits<T: PartialEq>(wanted: &Option<T>, found: Option<&T>) -> bool {
            wanted.as_ref().is_none_or(|wanted| found == Some(wanted))
        }
        let Some(workflow) = tags.ownership.workflow() else { return false };
        let task = workflow.task();
        fits(&self.instance, Some(workflow.instance()))
            && fits(&self.dag, Some(workflow.dag()))
            && fits(&self.run, workflow.run())
            && fits(&self.task, task.map(|(task, _)| task))
            && fits(&self.map_index, task.map(|(_, map_index)| map_index).as_ref())
            && fits(&self.scope, Some(&workflow.scope()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::{Incarnation, Ownership, fixtures::workflow, tag};

    fn tags(canonical: &str) -> Tags {
        let ownership = Ownership::Workflow(workflow(canonical));
        Tags { ownership, ..tag::sample(&Incarnation::from_random([1; 16])) }
    }

    #[test]
    fn each_condition_that_is_given_must_hold() {
        let task = tags("airflow/etl/r1/load/7");
        let all = Filter {
            instance: Some(Instance::parse("airflow").expect("valid")),
            dag: Some(DagId::parse("etl").expect("valid")),
            run: Some(RunId::parse("r1").expect("valid")),
            task: Some(TaskId::parse("load").expect("valid")),
            map_index: Some(MapIndex::parse("7").expect("valid")),
            scope: Some(Scope::Task),
        };
        assert!(all.takes(&task) && Filter::default().takes(&task));
        for other in ["b/etl/r1/load/7", "airflow/b/r1/load/7", "airflow/etl/b/load/7", "airflow/etl/r1/b/7"] {
            assert!(!all.takes(&tags(other)), "{other}");
        }
        assert!(!all.takes(&tags("airflow/etl/r1/load/8")) && !all.takes(&tags("airflow/etl/r1")));
        let runs = Filter { scope: Some(Scope::Run), ..Filter::default() };
        assert!(runs.takes(&tags("airflow/etl/r1")) && !runs.takes(&task));
        let nobodys = Tags { ownership: Ownership::None, ..task };
        assert!(!Filter::default().takes(&nobodys));
    }
}
