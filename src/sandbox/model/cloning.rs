//! Clones: definitions that are made with the volumes and bytes of another one. Recordings: 14_clone, d08.

use super::Cluster;
use super::definition::{Definition, VolumeDefinition};
use super::fault::{Fault, code};
use super::name::Key;
use serde::{Deserialize, Serialize};

/// The property that says what a definition was cloned from.
pub const CLONED_FROM: &str = "cloned-from";
/// What the bytes of a clone are kept under meanwhile: no name that a snapshot can have.
const CLONING: &str = ".clone";

/// How far a clone is, for all that is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Cloning {
    /// Done, or no clone.
    #[default]
    Done,
    /// Its source's bytes are being copied, until somebody has asked.
    UntilAsked,
    /// Its source's bytes are being copied, until [`Cluster::finish_clone`].
    Held,
    /// It failed.
    Failed,
}

impl Cloning {
    /// Is it a clone that is not done?
    pub fn is_clone(self) -> bool {
        self != Self::Done
    }

    /// The flag of its definition.
    pub fn flag(self) -> Option<&'static str> {
        match self {
            Self::Done => None,
            Self::UntilAsked | Self::Held => Some("CLONING"),
            Self::Failed => Some("FAILED"),
        }
    }
}

/// What becomes of clones.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum CloneFate {
    /// They are done at once, and said to be when somebody asks for the second time.
    #[default]
    Quick,
    /// They go on until [`Cluster::finish_clone`].
    Held,
    /// They fail.
    Failing,
    /// As quick, but all replicas apart from one are still being synchronised, and so far, in percent: recorded in d08.
    Syncing(f64),
}

impl Cluster {
    /// Makes a definition with the volumes and bytes of another one, on the nodes with replicas that can be reached.
    pub fn clone_definition(&mut self, source: &Key, mut target: Definition) -> Result<(), Fault> {
        let Some(definition) = self.definitions.get(source) else { return Ok(()) };
        let online = definition.diskful().filter(|resource| self.is_online(&resource.node));
        let nodes: Vec<Key> = online.map(|resource| Key::of(&resource.node)).collect();
        if nodes.is_empty() {
            return Err(Fault::new(code::NO_DISK_ONLINE, "No diskful connected satellite to clone on.").reported());
        }
        let (name, snapshot) = (definition.name.clone(), self.describe(definition, CLONING, &nodes));
        self.capture(source, &snapshot)?;
        for (number, volume) in &snapshot.volumes {
            target.volumes.insert(*number, VolumeDefinition::new(volume.size_kib, None, volume.props.clone()));
        }
        target.props.insert(CLONED_FROM.to_owned(), name.clone());
        target.cloning = Cloning::Held;
        let key = Key::of(&target.name);
        self.definitions.insert(key.clone(), target);
        let restored = self.restore_snapshot((&name, &snapshot), &nodes, &key);
        self.forget(&name, &snapshot, &nodes)?;
        if let Err(fault) = restored {
            self.remove_definition(&key)?;
            return Err(fault);
        }
        self.meet_fate(&key)
    }

    fn meet_fate(&mut self, key: &Key) -> Result<(), Fault> {
        let fate = self.clone_fate;
        let Some(definition) = self.definitions.get_mut(key) else { return Ok(()) };
        definition.cloning = match fate {
            CloneFate::Quick | CloneFate::Syncing(_) => Cloning::UntilAsked,
            CloneFate::Held => Cloning::Held,
            CloneFate::Failing => Cloning::Failed,
        };
        let CloneFate::Syncing(percent) = fate else { return Ok(()) };
        for resource in definition.resources.values_mut().filter(|resource| !resource.is_diskless()).skip(1) {
            resource.sync_percent = Some(percent);
            resource.generation = 0;
        }
        self.refresh(key).map_err(|error| Fault::backing(&error))
    }

    /// Ends a clone that was held.
    pub fn finish_clone(&mut self, name: &str) {
        if let Some(definition) = self.definitions.get_mut(&Key::of(name)) {
            definition.cloning = Cloning::Done;
        }
    }
}
