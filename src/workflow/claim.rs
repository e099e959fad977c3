//! What CreateVolume knows of who asks: the volume's owner, and the claim and pod that it is made for.

use std::{collections::BTreeMap, str::FromStr, time::Duration};

use super::{
    confirm::Confirm,
    directory::PodRef,
    fork::ForkFrom,
    id::{Instance, RunId},
    instances::{Instances, InstancesError},
    key::{self, FROM, INSTANCE, SCOPE},
    reference::{Ownership, WorkflowRef},
    retain::Retain,
    scope::Scope,
    statement::{Statement, ValueError, value},
};

/// A claim: the owner that it names, and the PersistentVolumeClaim that asks. [`super::ask()`] resolves one.
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
    /// The run of the pod that owns the claim, where it is known exactly: a DAG's volume serves one run at a time.
    pub run: Option<RunId>,
    /// Which try the pod is of, where a workflow owns the volume and that is known; for the record.
    pub try_number: Option<u32>,
    /// Airflow's UUID of the pod's task instance, where a workflow owns the volume and that is known; for the record.
    pub ti_id: Option<String>,
    /// How long the volume is kept after its run, where somebody says so.
    pub retain: Option<Retain>,
    /// Which volume of the same run it begins as a copy of; its owner has a run then.
    pub from: Option<ForkFrom>,
    /// How strictly its pods are confirmed, where its class says so.
    pub confirm: Option<Confirm>,
    /// After how long without a claim it goes though nothing proves its run's end, where its class says so.
    pub reap_unproven: Option<Duration>,
}

/// Parameters that name no owner. Each is INVALID_ARGUMENT but [`ClaimError::OutsideInstance`], which is
/// PERMISSION_DENIED.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// A parameter whose value can't be read.
    #[error("parameter {0}")]
    Value(#[from] ValueError),
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
    /// A fork of a volume that no run owns.
    #[error("{FROM} names a volume of the same run, and scope {0} has no run; use scope task or run, or leave it out")]
    NoRun(Scope),
    /// A fork of the volume itself.
    #[error("{FROM} {0} names the volume itself; name another volume of the run, or leave it out")]
    Itself(ForkFrom),
    /// Neither an instance nor a namespace that gives one.
    #[error(
        "the Airflow instance is not known; set parameter {INSTANCE}, or run external-provisioner with --extra-create-metadata so \
         that the claim's namespace is given"
    )]
    NoInstance,
    /// The claim's namespace gives no instance.
    #[error(transparent)]
    Namespace(#[from] InstancesError),
    /// A claim in a namespace that isn't the instance's, or an instance that nobody knows.
    #[error(
        "namespace {namespace} belongs to Airflow instance {actual}, not to {instance}; correct {INSTANCE}, or list the \
         namespace with --airflow-instance {instance}={namespace}"
    )]
    OutsideInstance {
        /// The instance that is named.
        instance: Instance,
        /// The claim's namespace.
        namespace: String,
        /// The namespace's instance.
        actual: Instance,
    },
}

impl Claim {
    /// Reads a StorageClass's parameters alone, other ones among them.
    ///
    /// Without ids and scope the volume is nobody's (`none`). Without a scope the ids give it: the task's where there
    /// is a task, else the run's, else the DAG's. With both they must fit. The instance is the parameter's, else the
    /// claim's namespace's.
    pub fn parse(parameters: &BTreeMap<String, String>, instances: &Instances) -> Result<Self, ClaimError> {
        Class::read(parameters)?.alone(instances)
    }
}

/// A claim of which nothing but the owner is known.
impl From<Ownership> for Claim {
    fn from(ownership: Ownership) -> Self {
        Self {
            ownership,
            pvc_namespace: None,
            pvc_name: None,
            pvc_uid: None,
            pod: None,
            run: None,
            try_number: None,
            ti_id: None,
            retain: None,
            from: None,
            confirm: None,
            reap_unproven: None,
        }
    }
}

/// What a StorageClass says of its claims, and external-provisioner of this one.
#[derive(Debug, Clone)]
pub(super) struct Class {
    pub(super) said: Statement,
    pub(super) confirm: Option<Confirm>,
    pub(super) reap_unproven: Option<Duration>,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
}

impl Class {
    /// Reads parameters, which must fit each other; that they name no owner is no error yet.
    pub(super) fn read(parameters: &BTreeMap<String, String>) -> Result<Self, ClaimError> {
        let said = Statement::read(parameters)?;
        if let Some((key, needs)) = said.ids.orphan() {
            return Err(ClaimError::Orphan { key, needs });
        }
        let class = Self {
            said,
            confirm: value(parameters, key::CONFIRM, Confirm::from_str)?,
            reap_unproven: value(parameters, key::REAP_UNPROVEN, unproven)?,
            namespace: parameters.get(key::PVC_NAMESPACE).cloned(),
            name: parameters.get(key::PVC_NAME).cloned(),
        };
        class.check_excess()?;
        Ok(class)
    }

    /// How wide the owner is, as far as the class says.
    pub(super) fn scope(&self) -> Scope {
        self.said.scope.unwrap_or_else(|| self.said.ids.fits())
    }

    fn check_excess(&self) -> Result<(), ClaimError> {
        let (ids, scope) = (&self.said.ids, self.scope());
        match ids.narrowest() {
            Some(key) if ids.lacks(scope).is_none() && ids.fits() != scope => {
                Err(ClaimError::Excess { scope, key, fits: ids.fits() })
            }
            _ => Ok(()),
        }
    }

    /// The claim, where nobody but the class is asked.
    pub(super) fn alone(self, instances: &Instances) -> Result<Claim, ClaimError> {
        let scope = self.scope();
        let ownership = match scope {
            Scope::Pod => Ownership::Pod,
            Scope::None => Ownership::None,
            scope => {
                if let Some(needs) = self.said.ids.lacks(scope) {
                    return Err(ClaimError::Unresolved { scope, needs });
                }
                let instance = resolve_instance(self.said.instance.as_ref(), self.namespace.as_deref(), instances)?;
                owner(self.said.ids.workflow(scope, instance))
            }
        };
        let Self { said: Statement { retain, from, .. }, confirm, reap_unproven, namespace, name } = self;
        check_fork(from.as_ref(), &ownership)?;
        Ok(Claim { pvc_namespace: namespace, pvc_name: name, retain, from, confirm, reap_unproven, ..ownership.into() })
    }
}

/// A volume that is unclaimed for moments between two pods must not be one that goes.
fn unproven(text: &str) -> Result<Duration, String> {
    let span = humantime::parse_duration(text.trim()).ok().filter(|span| *span >= Duration::from_secs(3600));
    span.ok_or_else(|| format!("{text:?} is no duration of an hour or more; write one such as 30days"))
}

/// The owner of a scope that lacks no id.
pub(super) fn owner(workflow: Option<WorkflowRef>) -> Ownership {
    Ownership::Workflow(workflow.expect("a scope with an owner that lacks no id"))
}

/// A namespace's instance isn't the user's to choose; a named one must hold the claim's namespace.
pub(super) fn resolve_instance(
    said: Option<&Instance>,
    namespace: Option<&str>,
    instances: &Instances,
) -> Result<Instance, ClaimError> {
    let actual = namespace.map(|namespace| Ok::<_, ClaimError>((namespace, instances.of(namespace)?))).transpose()?;
    match (said, actual) {
        (Some(instance), Some((namespace, actual))) if *instance != actual => {
            Err(ClaimError::OutsideInstance { instance: instance.clone(), namespace: namespace.to_owned(), actual })
        }
        (None, Some((_, instance))) => Ok(instance),
        (Some(instance), _) => Ok(instance.clone()),
        (None, None) => Err(ClaimError::NoInstance),
    }
}

/// A fork is of another volume, and of a run.
pub(super) fn check_fork(from: Option<&ForkFrom>, ownership: &Ownership) -> Result<(), ClaimError> {
    let Some(from) = from else { return Ok(()) };
    let source = ownership.workflow().and_then(|own| from.source(own));
    match source.ok_or(ClaimError::NoRun(ownership.scope()))? {
        source if ownership.workflow() == Some(&source) => Err(ClaimError::Itself(from.clone())),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
