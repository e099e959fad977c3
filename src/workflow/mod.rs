//! Whose volume is it, and who is asking?
//!
//! A *claim* ([`claim`]) is who asks for a new volume, as [`ask()`] resolves it; *evidence* ([`airflow`]) is what a pod's manifest shows; the
//! *owner* ([`owner`]) is what the volume's tag ([`tag`]) says. [`verify()`] compares evidence with owner and alone
//! makes a [`Verified`]; [`hear()`] asks who knows more of it than metadata ([`witness`]), and alone makes the proof that
//! [`crate::access`] decides by. Manifests come through [`directory`]: from a folder, or from Kubernetes' API server
//! (room `kube`).
//!
//! Metadata proves only so much: inside one Airflow instance a DAG author can write any annotation on their own pods
//! (`pod_override`), so a match says "this pod is of that workflow, as far as its instance says". Namespaces can't be
//! forged, so nothing crosses from one instance to another.
//!
//! ```
//! use linflow::workflow::{Instance, DagId, RunId, WorkflowRef};
//!
//! let run = WorkflowRef::Run {
//!     instance: Instance::parse("airflow")?,
//!     dag: DagId::parse("etl_daily")?,
//!     run: RunId::parse("manual__2026-01-01T00:00:00+00:00")?,
//! };
//! assert_eq!(run.canonical(), "airflow/etl_daily/manual__2026-01-01T00%3A00%3A00%2B00%3A00");
//! # Ok::<(), linflow::workflow::IdError>(())
//! ```

pub mod airflow;
pub mod ask;
pub mod bearer;
pub mod chosen;
pub mod claim;
pub mod confirm;
pub mod directory;
pub mod elected;
pub mod filter;
pub mod folder;
pub mod fork;
pub mod id;
pub mod incarnation;
pub mod instances;
pub mod key;
pub mod label;
mod manifest;
pub mod owner;
pub mod reach;
pub mod reference;
pub mod retain;
pub mod scope;
mod statement;
pub mod tag;
pub mod verify;
pub mod witness;

#[cfg(test)]
pub(crate) mod fixtures;

pub use airflow::Evidence;
pub use ask::{AskError, ask};
pub use bearer::Bearers;
pub use chosen::{Answer, AnyDirectory};
pub use claim::{Claim, ClaimError};
pub use confirm::Confirm;
pub use directory::{ClaimManifest, ClaimRef, Directory, DirectoryError, Notice, Object, Pod, PodRef, Presence};
pub use elected::Elected;
pub use filter::Filter;
pub use folder::FolderDirectory;
pub use fork::ForkFrom;
pub use id::{DagId, IdError, Instance, MapIndex, RunId, TaskId};
pub use incarnation::Incarnation;
pub use instances::Instances;
pub use owner::OwnerView;
pub use reach::{Reach, RemoteAccess};
pub use reference::{Ownership, WorkflowRef};
pub use retain::Retain;
pub use scope::Scope;
pub use statement::ValueError;
pub use tag::{TagError, Tags};
pub use verify::{Mismatch, Verified, verify};
pub use witness::{Heard, NoWitness, Testimony, Witness, hear};
