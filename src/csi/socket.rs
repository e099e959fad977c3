//! Where CSI is served: a unix socket on the node's disk, which outlives a killed process and which a second process
//! may be started on by mistake.
//!
//! So [`bind`] replaces a socket that nobody answers at, and nothing else; and a socket is removed at the end only
//! while it is still the one that we bound.

use std::{
    fmt, io,
    os::unix::{
        ffi::OsStrExt,
        fs::{FileTypeExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use tokio::{
    fs,
    net::{UnixListener, UnixSocket, UnixStream},
};

/// What `sockaddr_un` holds besides its closing NUL (unix(7)), in bytes.
const LONGEST_PATH: usize = 107;

/// For the owner and the group: sidecars that don't run as root share the pod's `fsGroup`, anyone else stays out.
const MODE: u32 = 0o660;

/// How many callers may wait to be accepted.
const BACKLOG: u32 = 128;

/// A place to serve CSI at, or to call it: the path of a unix socket of at most 107 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(PathBuf);

impl Endpoint {
    /// Reads `unix:///absolute/path`, `unix://relative/path`, the same with `unix:` alone (gRPC's naming), or a bare
    /// absolute path.
    ///
    /// # Errors
    /// [`SocketError::NotUnix`] for anything else, [`SocketError::TooLong`] for what the kernel can't bind.
    pub fn parse(text: &str) -> Result<Self, SocketError> {
        let path = text.strip_prefix("unix://").or_else(|| text.strip_prefix("unix:"));
        let path =
            path.or(text.starts_with('/').then_some(text)).filter(|path| !path.is_empty() && !path.contains('\0'));
        let path = PathBuf::from(path.ok_or_else(|| SocketError::NotUnix(text.to_owned()))?);
        match path.as_os_str().as_bytes().len() {
            length if length > LONGEST_PATH => Err(SocketError::TooLong { path, length }),
            _ => Ok(Self(path)),
        }
    }

    /// The socket's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix://{}", self.0.display())
    }
}

/// Why there is no socket to serve at.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The text names no unix socket.
    #[error(
        "{0:?} is no CSI endpoint: give unix:///path/to/csi.sock or an absolute path, other transports are not served"
    )]
    NotUnix(String),
    /// The kernel can't bind so long a path.
    #[error(
        "the socket path {path:?} has {length} bytes, more than the {LONGEST_PATH} of a unix socket: give a shorter one"
    )]
    TooLong {
        /// The path asked for.
        path: PathBuf,
        /// Its length in bytes.
        length: usize,
    },
    /// Somebody answers there.
    #[error("another process, maybe another linflow, is serving at {0:?}: stop it, or give another endpoint")]
    InUse(PathBuf),
    /// Something else has the name, and may be of value.
    #[error("{0:?} exists and is no socket, so it is left alone: remove it, or give another endpoint")]
    NotASocket(PathBuf),
    /// The system refused.
    #[error("could not {action} {path:?}; give --csi-endpoint a path in a directory that can be written to")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// A listening socket, with the file that goes when it is dropped.
#[derive(Debug)]
pub struct BoundSocket {
    pub(super) listener: UnixListener,
    pub(super) file: SocketFile,
}

/// Binds and listens; missing parent directories are made.
///
/// # Errors
/// [`SocketError::InUse`] where somebody answers, [`SocketError::NotASocket`] where the name is taken by anything that
/// is no socket, [`SocketError::Io`] where the system refuses.
pub async fn bind(endpoint: &Endpoint) -> Result<BoundSocket, SocketError> {
    let path = endpoint.path();
    let failed = |action| move |source| SocketError::Io { action, path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).await.map_err(failed("create the directory of"))?;
    }
    remove_stale(path).await?;
    let socket = UnixSocket::new_stream().map_err(failed("make a socket for"))?;
    socket.bind(path).map_err(failed("bind"))?;
    let file = SocketFile { path: path.to_owned(), id: file_id(path).map_err(failed("look at"))? };
    // Nobody can connect before listen(2), so nobody ever sees the socket with other permissions.
    fs::set_permissions(path, PermissionsExt::from_mode(MODE)).await.map_err(failed("set the permissions of"))?;
    let listener = socket.listen(BACKLOG).map_err(failed("listen at"))?;
    Ok(BoundSocket { listener, file })
}

/// Makes room for a new socket where the old one's server is gone.
async fn remove_stale(path: &Path) -> Result<(), SocketError> {
    let failed = |action, source| SocketError::Io { action, path: path.to_owned(), source };
    match fs::symlink_metadata(path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed("look at", error)),
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(SocketError::NotASocket(path.to_owned())),
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        // A full queue of callers is a server too, if a slow one.
        Ok(_) => Err(SocketError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(SocketError::InUse(path.to_owned())),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            tracing::info!(path = %path.display(), "replacing the socket that a former process left behind");
            fs::remove_file(path).await.map_err(|source| failed("remove the stale socket", source))
        }
        Err(error) => Err(failed("tell whether anybody serves at", error)),
    }
}

/// The socket's entry in its directory; dropping it removes the entry while it is ours.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    id: FileId,
}

/// Device and inode: what stays the same while a name is given to something else.
type FileId = (u64, u64);

fn file_id(path: &Path) -> io::Result<FileId> {
    let metadata = std::fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

impl SocketFile {
    /// Whether the name is still given to the socket that was bound to it.
    pub(super) fn is_ours(&self) -> bool {
        file_id(&self.path).is_ok_and(|now| now == self.id)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if !self.is_ours() {
            return;
        }
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "could not remove the socket; the next start replaces it");
        }
    }
}

#[cfg(test)]
mod tests;
