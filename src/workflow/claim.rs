//! What a StorageClass says of a volume's owner.

use std::collections::BTreeMap;

use super::{
    directory::PodRef,
    id::{DagId, IdError, Instance, MapIndex, RunId, TaskId},
    instances::{Instances, InstancesError},
    key::{self, INSTANCE, SCOPE},
    reference::{Ownership, WorkflowRef},
    scope::{Scope, UnknownScope},
};

/// A claim: the owner that the parameters name, and the PersistentVolumeClaim that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who shall own the volume.
    pub ownership: Ownership,
    /// The claim's namespace, where external-provisioner gives it.
    pub pvc_namespace: Option<String>,
    /// The claim's name, where external-provisioner gives it.
    pub pvc_name: Option<String>,
    /// The claim's UID, where a directory of Kubernetes was asked.
    pub pvc_uid: Option<String>,
    /// The pod that owns the claim, where one does.
    pub pod: Option<PodRef>,
}

/// Parameters that name no owner. Each is INVALID_ARGUMENT but [`ClaimError::OutsideInstance`], which is
/// PERMISSION_DENIED.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// A parameter that is no id.
    #[error("parameter {key}: {because}")]
    Id {
        /// The parameter.
        key: &'static str,
        /// What is wrong with it.
        because: IdError,
    },
    /// A word that is no scope.
    #[error("parameter {SCOPE}: {0}")]
    Scope(UnknownScope),
    /// An id without the one that it stands in.
    #[error("parameter {key} needs {needs} too; set it, or leave {key} out")]
    Orphan {
        /// The parameter that is there.
        key: &'static str,
        /// The parameter that is missing.
        needs: &'static str,
    },
    /// A scope whose owner the parameters don't name.
    #[error("scope {scope} needs parameter {needs}; set it, or choose a wider scope, or none")]
    Unresolved {
        /// The scope.
        scope: Scope,
        /// The parameter that is missing.
        needs: &'static str,
    },
    /// An id that the scope doesn't have.
    #[error("parameter {key} has no place in scope {scope}; leave it out, or set {SCOPE} to {fits}")]
    Excess {
        /// The scope.
        scope: Scope,
        /// The parameter that is too much.
        key: &'static str,
        /// The scope that the ids fit.
        fits: Scope,
    },
    /// Neither an instance nor a namespace that gives one.
    #[error(
        "the Airflow instance is not known; set parameter {INSTANCE}, or run external-provisioner with --extra-create-metadata so \
         that the claim's namespace is given"
    )]
    NoInstance,
    /// The claim's namespace gives no instance.
    #[error(transparent)]
    Namespace(#[from] InstancesError),
    /// A claim in a namespace that isn't the instance's.
    #[error(
        "namespace {namespace} belongs to Airflow instance {actual}, not to {instance}; correct parameter {INSTANCE}, or list the \
         namespace with --airflow-instance {instance}={namespace}"
    )]
    OutsideInstance {
        /// The instance that the parameter names.
        instance: Instance,
        /// The claim's namespace.
        namespace: String,
        /// The namespace's instance.
        actual: Instance,
    },
}

/// The ids that are given, each only with the one that it stands in.
struct Ids {
    dag: Option<DagId>,
    run: Option<RunId>,
    task: Option<(TaskId, MapIndex)>,
}

impl Claim {
    /// Reads a StorageClass's parameters, other ones among them.
    ///
    /// Without ids and scope the volume is nobody's (`none`). Without a scope the ids give it: the task's where there
    /// is a task, else the run's, else the DAG's. With both they must fit. The instance is the parameter's, else the
    /// claim's namespace's.
    pub fn parse(parameters: &BTreeMap<String, String>, instances: &Instances) -> Result<Self, ClaimError> {
        let get = |key: &str| parameters.get(key).map(String::as_str);
        let ids = Ids::parse(parameters)?;
        let scope = get(key::SCOPE).map(str::parse::<Scope>).transpose().map_err(ClaimError::Scope)?;
        let namespace = get(key::PVC_NAMESPACE);
        let said = id(parameters, key::INSTANCE, Instance::parse)?;
        let ownership = match scope.unwrap_or_else(|| ids.fits()) {
            scope @ (Scope::Pod | Scope::None) => ids.nobodys(scope)?,
            scope => {
                ids.check(scope)?;
                ids.owner(resolve_instance(said, namespace, instances)?)?
            }
        };
        let pvc_name = get(key::PVC_NAME).map(str::to_owned);
        Ok(Self { ownership, pvc_namespace: namespace.map(str::to_owned), pvc_name, pvc_uid: None, pod: None })
    }
}

fn id<T>(
    parameters: &BTreeMap<String, String>,
    key: &'static str,
    parse: fn(&str) -> Result<T, IdError>,
) -> Result<Option<T>, ClaimError> {
    let parsed = parameters.get(key).map(|text| parse(text)).transpose();
    parsed.map_err(|because| ClaimError::Id { key, because })
}

/// A namespace's instance isn't the user's to choose; a named one must hold the claim's namespace.
fn resolve_instance(
    said: Option<Instance>,
    namespace: Option<&str>,
    instances: &Instances,
) -> Result<Instance, ClaimError> {
    let actual = namespace.map(|namespace| Ok::<_, ClaimError>((namespace, instances.of(namespace)?))).transpose()?;
    match (said, actual) {
        (Some(instance), Some((namespace, actual))) if instance != actual => {
            Err(ClaimError::OutsideInstance { instance, namespace: namespace.to_owned(), actual })
        }
        (Some(instance), _) | (None, Some((_, instance))) => Ok(instance),
        (None, None) => Err(ClaimError::NoInstance),
    }
}

impl Ids {
    fn parse(parameters: &BTreeMap<String, String>) -> Result<Self, ClaimError> {
        let orphan = |key, needs| Err(ClaimError::Orphan { key, needs });
        let dag = id(parameters, key::DAG_ID, DagId::parse)?;
        let run = id(parameters, key::RUN_ID, RunId::parse)?;
        let task = id(parameters, key::TASK_ID, TaskId::parse)?;
        let map_index = id(parameters, key::MAP_INDEX, MapIndex::parse)?;
        match (&dag, &run, &task, map_index) {
            (_, _, None, Some(_)) => orphan(key::MAP_INDEX, key::TASK_ID),
            (_, None, Some(_), _) => orphan(key::TASK_ID, key::RUN_ID),
            (None, Some(_), ..) => orphan(key::RUN_ID, key::DAG_ID),
            _ => Ok(Self { dag, run, task: task.map(|task| (task, map_index.unwrap_or(MapIndex::UNMAPPED))) }),
        }
    }

    /// The narrowest scope that the ids name.
    fn fits(&self) -> Scope {
        match self {
            Self { task: Some(_), .. } => Scope::Task,
            Self { run: Some(_), .. } => Scope::Run,
            Self { dag: Some(_), .. } => Scope::Dag,
            _ => Scope::None,
        }
    }

    /// The parameter that names the narrowest id.
    fn narrowest(&self) -> Option<&'static str> {
        match self.fits() {
            Scope::Task => Some(key::TASK_ID),
            Scope::Run => Some(key::RUN_ID),
            Scope::Dag => Some(key::DAG_ID),
            Scope::Pod | Scope::None => None,
        }
    }

    fn nobodys(&self, scope: Scope) -> Result<Ownership, ClaimError> {
        match self.narrowest() {
            Some(key) => Err(ClaimError::Excess { scope, key, fits: self.fits() }),
            None if scope == Scope::Pod => Ok(Ownership::Pod),
            None => Ok(Ownership::None),
        }
    }

    /// Whether the ids are those of the scope, no fewer and no more.
    fn check(&self, scope: Scope) -> Result<(), ClaimError> {
        let needs = match scope {
            Scope::Task | Scope::Run | Scope::Dag if self.dag.is_none() => Some(key::DAG_ID),
            Scope::Task | Scope::Run if self.run.is_none() => Some(key::RUN_ID),
            Scope::Task if self.task.is_none() => Some(key::TASK_ID),
            _ => None,
        };
        match (needs, self.narrowest()) {
            (Some(needs), _) => Err(ClaimError::Unresolved { scope, needs }),
            (None, Some(key)) if self.fits() != scope => Err(ClaimError::Excess { scope, key, fits: self.fits() }),
            _ => Ok(()),
        }
    }

    fn owner(self, instance: Instance) -> Result<Ownership, ClaimError> {
        let needs = |needs, scope| ClaimError::Unresolved { scope, needs };
        let scope = self.fits();
        let dag = self.dag.ok_or_else(|| needs(key::DAG_ID, scope))?;
        let workflow = WorkflowRef::new(instance, dag, self.run, self.task);
        workflow.map(Ownership::Workflow).ok_or_else(|| needs(key::RUN_ID, scope))
    }
}

#[cfg(test)]
mod tests;
