//! What LINSTOR shows after it was asked for snapshots, judged.

use super::{Take, Wanted};
use crate::linstor::model::{Snapshot, is_same_name};
use crate::linstor::name::ResourceName;
use crate::volume::snapshot::{Error, SnapshotId, SnapshotProps, Taken};

/// What one look at LINSTOR says.
pub(super) enum Look {
    /// It won't change any more.
    Settled(Settled),
    /// LINSTOR is still at it: what to answer where the time is up.
    Waiting(Error),
}

/// How it ended.
pub(super) enum Settled {
    /// All were taken.
    Taken {
        /// One for each volume, in order.
        members: Vec<Taken>,
        /// Snapshots of that name of other volumes, as far as they were looked at.
        others: Vec<Taken>,
    },
    /// One has failed, so that none is of use.
    Broken {
        /// The volumes that have one, those that failed last: as long as one that failed is there, the others are known to
        /// be of no use, wherever their removal is cut.
        resources: Vec<ResourceName>,
        /// The one that failed.
        broken: Broken,
    },
}

/// A snapshot that failed.
pub(super) struct Broken {
    pub(super) id: SnapshotId,
    /// LINSTOR's flags, in words.
    pub(super) flags: String,
}

impl Take<'_> {
    /// Is one of these of a volume that is asked for?
    pub(super) fn is_any_of(&self, seen: &[Snapshot]) -> bool {
        seen.iter()
            .any(|one| self.request.sources.iter().any(|source| is_same_name(source.as_str(), &one.resource_name)))
    }

    /// Judges the snapshots of that name. What is there must be ours, and of this request.
    pub(super) fn judge(&self, wanted: &[Wanted], seen: &[Snapshot]) -> Result<Look, Error> {
        let (mut found, mut missing) = (Vec::new(), Vec::new());
        for (resource, props) in wanted {
            match seen.iter().find(|one| is_same_name(resource.as_str(), &one.resource_name)) {
                Some(snapshot) => {
                    self.check_same(resource, props, snapshot)?;
                    found.push((resource, snapshot));
                }
                None => missing.push(resource.as_str()),
            }
        }
        if let Some((resource, broken)) = found.iter().find(|(_, snapshot)| snapshot.is_failed()) {
            let broken = Broken { id: self.id(resource), flags: flags_of(broken) };
            found.sort_by_key(|(_, snapshot)| snapshot.is_failed());
            let resources = found.into_iter().map(|(resource, _)| resource.clone()).collect();
            return Ok(Look::Settled(Settled::Broken { resources, broken }));
        }
        if let Some((resource, _)) = found.iter().find(|(_, snapshot)| snapshot.is_deleting()) {
            return Err(Error::Deleting(self.id(resource)));
        }
        match (found.is_empty(), missing.is_empty(), &self.request.group) {
            (false, true, _) => self.taken(&found, seen),
            (false, false, Some(group)) => {
                Err(Error::Incomplete { group: group.group.clone(), missing: missing.join(", ") })
            }
            _ => Err(Error::NotTaken(self.id(&wanted[0].0), "it was there, and is gone again".to_owned())),
        }
    }

    fn taken(&self, found: &[(&ResourceName, &Snapshot)], seen: &[Snapshot]) -> Result<Look, Error> {
        let mut members = Vec::new();
        for (resource, snapshot) in found {
            match Taken::of(snapshot)? {
                Some(taken) => members.push(taken),
                None => return Ok(Look::Waiting(Error::NotTaken(self.id(resource), flags_of(snapshot)))),
            }
        }
        let is_other = |one: &&Snapshot| !self.is_any_of(std::slice::from_ref(one));
        let others = seen.iter().filter(is_other).map(Taken::of).filter_map(Result::transpose).flatten();
        Ok(Look::Settled(Settled::Taken { members, others: others.collect() }))
    }

    fn check_same(&self, resource: &ResourceName, wanted: &SnapshotProps, found: &Snapshot) -> Result<(), Error> {
        let props = SnapshotProps::read(&found.props)?.ok_or_else(|| Error::Foreign(self.id(resource)))?;
        let volume = |props: &SnapshotProps| format!("incarnation {} of the volume", props.source);
        let group = |props: &SnapshotProps| {
            let group = props.group.as_ref();
            group.map_or("no group".to_owned(), |membership| format!("{} of other volumes", membership.group))
        };
        let (field, existing, asked) = if props.csi_name != wanted.csi_name {
            ("the name", props.csi_name, wanted.csi_name.clone())
        } else if props.source != wanted.source {
            ("the source", volume(&props), volume(wanted))
        } else if props.group != wanted.group {
            ("the members of", group(&props), self.volumes())
        } else {
            return Ok(());
        };
        Err(self.mismatch(field, existing, asked))
    }
}

fn flags_of(snapshot: &Snapshot) -> String {
    let flags = snapshot.flags.join(", ");
    if flags.is_empty() { "LINSTOR is at it".to_owned() } else { format!("LINSTOR says {flags}") }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::linstor::model::NodeSnapshot;
    use crate::linstor::{Client, Settings};
    use crate::volume::VolumeId;
    use crate::volume::snapshot::create::SnapshotRequest;
    use crate::workflow::{Incarnation, tag::DRIVER_VERSION};

    /// What a look says of two members with these flags.
    fn look(flags: [&[&str]; 2]) -> Result<Look, Error> {
        let volumes = ["aa", "bb"].map(|name| VolumeId::parse(name).unwrap());
        let request = SnapshotRequest::group("nightly", &volumes).unwrap();
        let linstor = Client::new(&Settings::new(vec!["http://127.0.0.1:1".parse().unwrap()])).unwrap();
        let until = tokio::time::Instant::now() + Duration::from_secs(1);
        let take = Take { linstor: &linstor, request: &request, name: request.name(), usable_from: Vec::new(), until };
        let props = SnapshotProps {
            driver: DRIVER_VERSION.to_owned(),
            csi_name: "nightly".to_owned(),
            source: Incarnation::from_random([1; 16]),
            formatted: None,
            group: request.group.clone(),
        };
        let wanted: Vec<Wanted> = request.sources.iter().map(|one| (one.clone(), props.clone())).collect();
        let held = NodeSnapshot { create_timestamp: Some(1), ..NodeSnapshot::default() };
        let seen = request.sources.iter().zip(flags).map(|(resource, flags)| Snapshot {
            name: take.name.to_string(),
            resource_name: resource.to_string(),
            props: props.to_properties(),
            flags: flags.iter().map(|&flag| flag.to_owned()).collect(),
            snapshots: vec![held.clone()],
            ..Snapshot::default()
        });
        take.judge(&wanted, &seen.collect::<Vec<_>>())
    }

    #[test]
    fn what_linstor_is_still_at_is_waited_for() {
        assert!(matches!(look([&["SUCCESSFUL"], &[]]), Ok(Look::Waiting(Error::NotTaken(..)))));
        assert!(matches!(look([&["SUCCESSFUL"], &["SUCCESSFUL", "DELETE"]]), Err(Error::Deleting(_))));
    }

    #[test]
    fn one_that_failed_spoils_all_and_is_removed_last() {
        let Ok(Look::Settled(Settled::Broken { resources, broken })) = look([&["FAILED_DISCONNECT"], &["SUCCESSFUL"]])
        else {
            panic!("it is broken")
        };
        assert_eq!(resources.iter().map(ResourceName::as_str).collect::<Vec<_>>(), ["bb", "aa"]);
        assert!(broken.flags.contains("FAILED_DISCONNECT"));
    }

    #[test]
    fn what_is_taken_and_still_worked_on_is_there_and_not_ready() {
        let Ok(Look::Settled(Settled::Taken { members, .. })) = look([&["SUCCESSFUL"], &["SUCCESSFUL", "SHIPPING"]])
        else {
            panic!("it is taken")
        };
        assert_eq!(members.iter().map(|member| member.is_ready).collect::<Vec<_>>(), [true, false]);
    }
}
