//! Which Airflow instance a namespace belongs to.

use std::{collections::BTreeMap, str::FromStr};

use super::id::{IdError, Instance};

/// Airflow instances by the namespaces that they run pods in (`--airflow-instance NAME=NAMESPACE[,…]`).
///
/// A namespace that isn't listed is an instance of its own name. `prod=airflow,airflow-heavy,dev=airflow-dev` lists two
/// instances, the first with two namespaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Instances {
    by_namespace: BTreeMap<String, Instance>,
}

/// A list of instances that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstancesError {
    /// An item without `=` before any instance.
    #[error("{0:?} names no instance; write NAME=NAMESPACE[,NAMESPACE…]")]
    NoInstance(String),
    /// An instance's name.
    #[error(transparent)]
    Name(#[from] IdError),
    /// An empty namespace.
    #[error("instance {0} has an empty namespace; write NAME=NAMESPACE[,NAMESPACE…]")]
    EmptyNamespace(Instance),
    /// One namespace in two instances, so that a pod's instance can't be told.
    #[error("namespace {namespace} is listed for the instances {first} and {second}; list it once")]
    Twice {
        /// The namespace.
        namespace: String,
        /// The instance that listed it first.
        first: Instance,
        /// The instance that listed it again.
        second: Instance,
    },
    /// An unlisted namespace whose pods would pass for those of an instance that has its name.
    #[error(
        "namespace {0} is not listed for any Airflow instance, but an instance has its name; list it with --airflow-instance"
    )]
    Shadowed(String),
}

impl Instances {
    /// The instance of pods and claims in a namespace. Fails where the namespace has an instance's name without being
    /// listed, or a name that no instance can have.
    pub fn of(&self, namespace: &str) -> Result<Instance, InstancesError> {
        match self.by_namespace.get(namespace) {
            Some(instance) => Ok(instance.clone()),
            None if self.by_namespace.values().any(|instance| instance.as_str() == namespace) => {
                Err(InstancesError::Shadowed(namespace.to_owned()))
            }
            None => Ok(Instance::parse(namespace)?),
        }
    }

    fn add(&mut self, namespace: &str, instance: &Instance) -> Result<(), InstancesError> {
        if namespace.is_empty() {
            return Err(InstancesError::EmptyNamespace(instance.clone()));
        }
        match self.by_namespace.insert(namespace.to_owned(), instance.clone()) {
            Some(first) if first != *instance => {
                Err(InstancesError::Twice { namespace: namespace.to_owned(), first, second: instance.clone() })
            }
            _ => Ok(()),
        }
    }
}

impl FromStr for Instances {
    type Err = InstancesError;

    fn from_str(text: &str) -> Result<Self, InstancesError> {
        let mut instances = Self::default();
        let mut current = None;
        for item in text.split(',') {
            let namespace = match item.split_once('=') {
                Some((name, namespace)) => {
                    current = Some(Instance::parse(name)?);
                    namespace
                }
                None => item,
            };
            let instance = current.as_ref().ok_or_else(|| InstancesError::NoInstance(item.to_owned()))?;
            instances.add(namespace, instance)?;
        }
        Ok(instances)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(instances: &str, namespace: &str) -> String {
        let instances: Instances = instances.parse().expect("a good list");
        instances.of(namespace).expect("a namespace").to_string()
    }

    #[test]
    fn an_unlisted_namespace_is_an_instance_of_its_own_name() {
        assert_eq!(Instances::default().of("airflow").map(|it| it.to_string()), Ok("airflow".to_owned()));
        assert_eq!(of("prod=airflow", "other"), "other");
    }

    #[test]
    fn a_list_gives_each_instance_its_namespaces() {
        let list = "prod=airflow,airflow-heavy,dev=airflow-dev";
        assert_eq!(of(list, "airflow"), "prod");
        assert_eq!(of(list, "airflow-heavy"), "prod");
        assert_eq!(of(list, "airflow-dev"), "dev");
    }

    #[test]
    fn a_namespace_belongs_to_one_instance() {
        let twice = "prod=airflow,dev=airflow".parse::<Instances>();
        assert!(matches!(twice, Err(InstancesError::Twice { .. })), "{twice:?}");
    }

    #[test]
    fn a_list_without_names_or_namespaces_is_refused() {
        for bad in ["", "airflow", "=airflow", "prod=", "prod=a,,b", "pr od=a"] {
            assert!(bad.parse::<Instances>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_namespace_cannot_pass_for_an_instance_that_does_not_list_it() {
        let instances: Instances = "prod=airflow".parse().expect("a good list");
        assert_eq!(instances.of("prod"), Err(InstancesError::Shadowed("prod".to_owned())));
        let instances: Instances = "airflow=airflow,airflow-heavy".parse().expect("a good list");
        assert!(instances.of("airflow").is_ok());
    }
}
