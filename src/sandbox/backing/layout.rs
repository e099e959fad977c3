//! Where a replica's bytes are: `<state>/<node>/<Resource>_<00000>.img`, as LINSTOR's file provider names them.
//!
//! A diskless client's device stands on `<state>/<node>/<Resource>_<00000>.client`, a hard link of the peer's file:
//! the same bytes under a name of its own, so that a device left by a killed run still tells whose it is.

use std::{
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
};

use crate::sandbox::bytes::ReplicaKey;

/// What a node has of a resource: bytes of its own, or a way to a peer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Replica,
    Client,
}

impl Role {
    fn extension(self) -> &'static str {
        match self {
            Self::Replica => "img",
            Self::Client => "client",
        }
    }
}

/// The path of a file below `state`. Names that would leave the directory are refused.
pub(super) fn path(state: &Path, key: &ReplicaKey, role: Role) -> io::Result<PathBuf> {
    for name in [&key.node, &key.resource] {
        if name.starts_with('.') {
            return Err(no_name(name));
        }
        check(name)?;
    }
    Ok(state.join(&key.node).join(format!("{}_{:05}.{}", key.resource, key.volume, role.extension())))
}

/// The path of a snapshot of a replica. `@` is in no LINSTOR name, so no two snapshots share a file.
pub(super) fn snapshot_path(state: &Path, key: &ReplicaKey, name: &str) -> io::Result<PathBuf> {
    check(name)?;
    Ok(path(state, key, Role::Replica)?.with_extension(format!("img@{name}")))
}

fn check(name: &str) -> io::Result<()> {
    if name.is_empty() || name.contains(['/', '\0', '\n']) { Err(no_name(name)) } else { Ok(()) }
}

fn no_name(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is no LINSTOR name"))
}

/// Whose file this is, where it is one of `state`.
pub(super) fn parse(state: &Path, file: &Path) -> Option<(ReplicaKey, Role)> {
    let (node, name) = file.strip_prefix(state).ok()?.to_str()?.split_once('/')?;
    let (stem, extension) = name.rsplit_once('.')?;
    let role = [Role::Replica, Role::Client].into_iter().find(|role| role.extension() == extension)?;
    let (resource, number) = stem.rsplit_once('_')?;
    let key = ReplicaKey { node: node.to_owned(), resource: resource.to_owned(), volume: number.parse().ok()? };
    // Only what `path` would write is ours: no other spelling of the number, no deeper folder.
    (path(state, &key, role).ok()?.as_os_str() == OsStr::new(file)).then_some((key, role))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(node: &str, resource: &str) -> ReplicaKey {
        ReplicaKey { node: node.to_owned(), resource: resource.to_owned(), volume: 7 }
    }

    #[test]
    fn a_path_tells_whose_it_is() {
        let state = Path::new("/state");
        for role in [Role::Replica, Role::Client] {
            let file = path(state, &key("node-1", "Pvc_a"), role).unwrap();
            assert_eq!(parse(state, &file), Some((key("node-1", "Pvc_a"), role)));
        }
        assert_eq!(path(state, &key("n", "R"), Role::Replica).unwrap(), Path::new("/state/n/R_00007.img"));
    }

    #[test]
    fn a_snapshot_has_a_file_of_its_own_that_is_no_replicas() {
        let state = Path::new("/state");
        let file = snapshot_path(state, &key("n", "R"), "s1").unwrap();
        assert_eq!(file, Path::new("/state/n/R_00007.img@s1"));
        assert_eq!(parse(state, &file), None);
        assert!(snapshot_path(state, &key("n", "R"), "a/b").is_err());
    }

    #[test]
    fn other_files_are_foreign() {
        let state = Path::new("/state");
        for file in
            ["/state/n/R_7.img", "/state/n/m/R_00007.img", "/other/n/R_00007.img", "/state/n/R_00007.img (deleted)"]
        {
            assert_eq!(parse(state, Path::new(file)), None, "{file}");
        }
    }

    #[test]
    fn a_name_that_leaves_the_directory_is_refused() {
        for name in ["", "..", "a/b", "a\0"] {
            let error = path(Path::new("/state"), &key(name, "R"), Role::Replica).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
