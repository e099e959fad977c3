//! Who asks for a new volume? From its claim, the pod that owns the claim, and the class, to a [`Claim`].
//!
//! At most two questions: the claim's metadata, then its pod's. Annotations of ours on the claim win over those on the
//! pod, these over Airflow's own ids there, and the class's parameters are what holds where nobody says more. What the
//! claim says and its pod contradicts is refused; a label alone selects nobody's volume; an explicit scope that can't be
//! resolved is never widened.
//!
//! A claim's owner reference is as good as its author: within one namespace anybody who may make claims may write it.
//! That gives nothing away, since each pod that mounts the volume is confirmed for itself.

mod error;
mod merge;

use std::collections::BTreeMap;

pub use error::{AskError, Lack};

use self::merge::{Merged, Sources};
use super::{
    airflow::{Evidence, Shown},
    claim::{Claim, ClaimError, Class, check_fork, owner, resolve_instance},
    directory::{ClaimManifest, ClaimRef, Directory, Object, Pod, PodRef},
    instances::Instances,
    key,
    reference::Ownership,
    scope::Scope,
    statement::Statement,
};

/// Resolves who asks for the volume of this CSI name. `parameters` are the class's, with what external-provisioner adds
/// about the claim. Where no directory is configured nothing is asked, and the class alone decides.
///
/// # Errors
/// [`AskError`]; nothing was done.
pub async fn ask(
    directory: &impl Directory,
    instances: &Instances,
    parameters: &BTreeMap<String, String>,
    csi_name: &str,
) -> Result<Claim, AskError> {
    let class = Class::read(parameters)?;
    let (true, Some(namespace), Some(name)) = (directory.is_configured(), &class.namespace, &class.name) else {
        let lack = if directory.is_configured() { Lack::NoClaim } else { Lack::NoDirectory };
        return class.alone(instances).map_err(|error| explained(error, lack));
    };
    let manifest = directory.claim(namespace, name).await?;
    check_same(&manifest.reference, csi_name)?;
    let said = read(&manifest.annotations, || Object::Claim(manifest.reference.clone()))?;
    let pod = match manifest.pod() {
        // The claim's own word is enough where it names nobody.
        Some(owner) if !matches!(said.scope, Some(Scope::Pod | Scope::None)) => Some(directory.pod(&owner).await?),
        _ => None,
    };
    let on_pod = pod.as_ref().map(|pod| read(&pod.annotations, || Object::Pod(pod.reference.clone()))).transpose()?;
    Asking { class, manifest, said, pod, on_pod: on_pod.unwrap_or_default() }.claim(instances)
}

/// What is known of who asks.
struct Asking {
    class: Class,
    manifest: ClaimManifest,
    said: Statement,
    pod: Option<Pod>,
    on_pod: Statement,
}

impl Asking {
    fn claim(self, instances: &Instances) -> Result<Claim, AskError> {
        let scope = self.said.scope.or(self.on_pod.scope).unwrap_or_else(|| self.class.scope());
        let (ownership, evidence) = match scope {
            Scope::Pod => (Ownership::Pod, None),
            Scope::None => (Ownership::None, None),
            scope => self.workflow(scope, instances)?,
        };
        let Self { class, manifest, said, on_pod, .. } = self;
        let from = said.from.or(on_pod.from).or(class.said.from);
        check_fork(from.as_ref(), &ownership)?;
        let run = evidence.as_ref().and_then(|evidence| match &evidence.run {
            Some(Shown::Exact(run)) => Some(run.clone()),
            _ => None,
        });
        let (try_number, ti_id) = evidence.map_or((None, None), |evidence| (evidence.try_number, evidence.ti_id));
        Ok(Claim {
            ownership,
            pod: manifest.pod(),
            pvc_namespace: Some(manifest.reference.namespace),
            pvc_name: Some(manifest.reference.name),
            pvc_uid: manifest.reference.uid,
            run,
            try_number,
            ti_id,
            retain: said.retain.or(on_pod.retain).or(class.said.retain),
            from,
            confirm: class.confirm,
            reap_unproven: class.reap_unproven,
        })
    }

    /// The workflow of that scope, and what the pod shows of its own.
    fn workflow(&self, scope: Scope, instances: &Instances) -> Result<(Ownership, Option<Evidence>), AskError> {
        let shown = self.pod.as_ref().map(|pod| {
            let because = |because| AskError::Evidence { pod: pod.reference.clone(), because: Box::new(because) };
            Evidence::read(pod).map_err(because)
        });
        let shown = shown.transpose()?;
        let sources = Sources { said: &self.said.ids, shown: shown.as_ref(), class: &self.class.said.ids };
        let Merged { ids, label } = sources.merge(scope).map_err(|difference| self.contradiction(difference))?;
        if let Some(needs) = ids.lacks(scope) {
            return Err(match (label, self.pod_reference()) {
                (Some((field, label)), Some(pod)) => AskError::LabelOnly { pod, field, label },
                _ => AskError::Unresolved { scope, needs, lack: self.lack(shown.as_ref()) },
            });
        }
        let namespace = Some(self.manifest.reference.namespace.as_str());
        // Each that is named must be the namespace's own.
        let named = [&self.said.instance, &self.on_pod.instance, &self.class.said.instance];
        for named in named.into_iter().flatten() {
            resolve_instance(Some(named), namespace, instances)?;
        }
        let instance = resolve_instance(None, namespace, instances)?;
        Ok((owner(ids.workflow(scope, instance)), shown))
    }

    fn pod_reference(&self) -> Option<PodRef> {
        self.pod.as_ref().map(|pod| pod.reference.clone())
    }

    fn lack(&self, shown: Option<&Evidence>) -> Lack {
        match (self.pod_reference(), shown) {
            (Some(pod), Some(Evidence { dag: Some(_), .. })) => Lack::Part(pod),
            (Some(pod), _) => Lack::NoTask(pod),
            (None, _) => Lack::NoPod(self.manifest.reference.clone()),
        }
    }

    fn contradiction(&self, merge::Contradiction { field, said, shown }: merge::Contradiction) -> AskError {
        let claim = Box::new(self.manifest.reference.clone());
        let pod = Box::new(self.pod_reference().expect("only a pod contradicts its claim"));
        AskError::Contradiction { claim, pod, field, said, shown }
    }
}

fn explained(error: ClaimError, lack: Lack) -> AskError {
    match error {
        ClaimError::Unresolved { scope, needs } => AskError::Unresolved { scope, needs, lack },
        error => error.into(),
    }
}

fn read(annotations: &BTreeMap<String, String>, object: impl Fn() -> Object) -> Result<Statement, AskError> {
    if let Some(key) = [key::CONFIRM, key::REAP_UNPROVEN].into_iter().find(|key| annotations.contains_key(*key)) {
        return Err(AskError::ClassOnly { key, object: object() });
    }
    Statement::read(annotations).map_err(|value| AskError::Annotation { object: Box::new(object()), value })
}

/// external-provisioner makes a volume's CSI name of a prefix and the claim's UID: another claim of the same name must
/// not get what was asked for an earlier one. Names of another form tell nothing.
fn check_same(claim: &ClaimRef, csi_name: &str) -> Result<(), AskError> {
    match (uuid_at_end(csi_name), &claim.uid) {
        (Some(asking), Some(uid)) if !uid.eq_ignore_ascii_case(asking) => {
            Err(AskError::Remade { claim: claim.clone(), csi_name: csi_name.to_owned() })
        }
        _ => Ok(()),
    }
}

/// The UUID, as Kubernetes writes them, that the text ends in.
fn uuid_at_end(text: &str) -> Option<&str> {
    let uuid = text.get(text.len().checked_sub(36)?..)?;
    let is_one = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    uuid.bytes().enumerate().all(is_one).then_some(uuid)
}

#[cfg(test)]
mod tests;
