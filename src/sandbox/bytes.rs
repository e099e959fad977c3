//! The seam between the model of the cluster and the bytes of its replicas.

/// What holds the bytes of replicas. Calls block; REST handlers call them off the runtime.
pub trait Backing: Send + Sync + 'static {
    /// Makes the replica's file of `size_kib` (keeping bytes that are already there, as FILE_THIN does) and its device;
    /// returns the device path.
    fn create(&self, key: &ReplicaKey, size_kib: u64) -> std::io::Result<String>;
    /// Gives `node` a device on the bytes of a peer's replica (a diskless client reads and writes through the network).
    fn connect(&self, client: &ReplicaKey, peer: &ReplicaKey) -> std::io::Result<String>;
    /// Grows file and device. Never shrinks.
    fn grow(&self, key: &ReplicaKey, size_kib: u64) -> std::io::Result<()>;
    /// Takes the device away and, for a replica, its file. A missing one is no error.
    fn remove(&self, key: &ReplicaKey) -> std::io::Result<()>;
    /// Copies one replica's bytes to another's (what DRBD would have replicated), caches flushed and dropped on both
    /// sides.
    fn copy(&self, from: &ReplicaKey, to: &ReplicaKey) -> std::io::Result<()>;
    /// Keeps a replica's bytes of now under a name. Caches are flushed first, so that what was synced is in it. An
    /// older snapshot of that name is replaced.
    fn snapshot(&self, key: &ReplicaKey, name: &str) -> std::io::Result<()>;
    /// Gives a replica that is to be created the bytes of the snapshot `name` of `from`; `create` keeps them. Whatever
    /// `to` had is gone.
    fn restore(&self, from: &ReplicaKey, name: &str, to: &ReplicaKey) -> std::io::Result<()>;
    /// Forgets a snapshot. A missing one is no error.
    fn remove_snapshot(&self, key: &ReplicaKey, name: &str) -> std::io::Result<()>;
    /// Is the device mounted or held open exclusively by anyone on this machine? Bookkeeping answers what it was told
    /// with `set_open`.
    fn is_open(&self, key: &ReplicaKey) -> std::io::Result<bool>;
    /// Bookkeeping: plays an opener. A loop backing answers Unsupported.
    fn set_open(&self, key: &ReplicaKey, open: bool) -> std::io::Result<()>;
    /// May the device be written? A replica that may not be promoted has its device read-only.
    fn set_writable(&self, key: &ReplicaKey, writable: bool) -> std::io::Result<()>;
    /// The backing file of a replica, where there is one.
    fn file(&self, key: &ReplicaKey) -> Option<std::path::PathBuf>;
    /// The file of a snapshot, where there is one.
    fn snapshot_file(&self, key: &ReplicaKey, name: &str) -> Option<std::path::PathBuf>;
    /// Finds again, after a restart, what a cluster expects; `create` and `connect` then give the devices. What an
    /// unfinished change had removed is back, what it had made is gone.
    fn take_up(&self, _held: &Held) -> std::io::Result<()> {
        Ok(())
    }
    /// The changes so far are on record: what they removed is gone for good.
    fn settle(&self) -> std::io::Result<()> {
        Ok(())
    }
    /// Takes all devices away; what they hold stays.
    fn close(&self) -> std::io::Result<()> {
        Ok(())
    }
    /// True where bytes are real (loop devices), false for bookkeeping alone.
    fn is_real(&self) -> bool;
}

/// What a cluster expects its backing to hold.
#[derive(Debug, Clone, Default)]
pub struct Held {
    /// Replicas.
    pub replicas: Vec<ReplicaKey>,
    /// Diskless clients.
    pub clients: Vec<ReplicaKey>,
    /// Snapshots of replicas, with their names.
    pub snapshots: Vec<(ReplicaKey, String)>,
}

/// One replica: node, resource, volume number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplicaKey {
    /// The node's name.
    pub node: String,
    /// The resource definition's name.
    pub resource: String,
    /// The volume number, from 0.
    pub volume: u32,
}
