//! The pod that a claim was attached for: known from the attach, so that a node asks nobody.

use crate::linstor::name::ResourceName;
use crate::workflow::PodRef;

/// A pod that the claim was not attached for (gRPC: PERMISSION_DENIED).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unexpected {
    /// A pod owns the claim, and kubelet names another one.
    #[error(
        "volume {volume} was attached for the pod with uid {expected}, which owns its claim, and is to be mounted for pod {pod}; mount it from that pod, or make a claim for this one"
    )]
    AnotherPod {
        /// The volume's resource name.
        volume: ResourceName,
        /// The UID of the pod that owns the claim.
        expected: String,
        /// The pod that kubelet names.
        pod: PodRef,
    },
}

/// Proof that a pod is the one that the claim was attached for. Only [`expect`] makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected(());

/// Is the pod that kubelet names the one that the claim was attached for? `expected` is that one's UID; none where no pod
/// owns the claim. A pod without a UID is none that is known.
pub fn expect(volume: &ResourceName, expected: Option<&str>, pod: &PodRef) -> Result<Option<Expected>, Unexpected> {
    match expected {
        Some(expected) if pod.uid.as_deref() != Some(expected) => {
            let (volume, expected, pod) = (volume.clone(), expected.to_owned(), pod.clone());
            Err(Unexpected::AnotherPod { volume, expected, pod })
        }
        expected => Ok(expected.map(|_| Expected(()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_that_a_pod_owns_is_for_that_pod_and_any_other_for_whom_it_was_verified() {
        let volume = ResourceName::parse("vol1").unwrap();
        let pod = |uid: Option<&str>| PodRef {
            namespace: "airflow".to_owned(),
            name: "p".to_owned(),
            uid: uid.map(str::to_owned),
        };
        assert_eq!(expect(&volume, Some("u1"), &pod(Some("u1"))), Ok(Some(Expected(()))));
        assert_eq!(expect(&volume, None, &pod(None)), Ok(None));
        for wrong in [Some("u2"), None] {
            let refused = expect(&volume, Some("u1"), &pod(wrong)).unwrap_err().to_string();
            assert!(refused.contains("u1") && refused.contains("airflow/p"), "{refused}");
        }
    }
}
