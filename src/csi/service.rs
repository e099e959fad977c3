//! The gRPC server: the services that a role has, on one socket, until told to stop.

use std::{sync::Arc, time::Duration};

use tokio_stream::{Stream, StreamExt, wrappers::UnixListenerStream};
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;

use super::{
    call::CallLayer,
    drain::DrainLayer,
    identity::{Identity, Readiness},
    proto::{
        controller_server::{Controller, ControllerServer},
        group_controller_server::{GroupController, GroupControllerServer},
        identity_server::IdentityServer,
        node_server::{Node, NodeServer},
    },
    socket::BoundSocket,
};
use crate::metrics::Operations;

/// How long to leave off accepting after it failed. Without the pause a process that has run out of file descriptors
/// would do nothing but fail to accept, since the caller stays in the queue.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the server stopped by itself.
#[derive(Debug, thiserror::Error)]
#[error("the CSI server stopped unexpectedly")]
pub struct ServeError(#[from] tonic::transport::Error);

/// What a role serves. A service that is `None` answers UNIMPLEMENTED; the controller serves groups of volumes too.
#[derive(Debug)]
pub struct Services<R, C, N> {
    /// Who we are.
    pub identity: Identity<R>,
    /// The controller.
    pub controller: Option<C>,
    /// The node.
    pub node: Option<N>,
}

/// Serves until `shutdown` resolves; then each further call is UNAVAILABLE, the socket is gone from its directory, and
/// the calls under way are answered before this returns. It waits for them as long as they take: they have deadlines of
/// their own. Each call is told to `operations`.
///
/// No limit or timeout of tonic's is set: RESOURCE_EXHAUSTED and CANCELLED, their answers, tell external-provisioner
/// something else than "come back later".
///
/// # Errors
/// [`ServeError`] when the transport fails before `shutdown`.
pub async fn serve<R: Readiness, C: Controller + GroupController, N: Node>(
    socket: BoundSocket,
    services: Services<R, C, N>,
    operations: Operations,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let BoundSocket { listener, file } = socket;
    let Services { identity, controller, node } = services;
    let stopping = CancellationToken::new();
    let drain = DrainLayer(stopping.clone());
    // Whoever is started next finds the name free, while the listener, which is still open here, keeps the inode ours.
    let shutdown = async move {
        shutdown.await;
        stopping.cancel();
        drop(file);
    };
    let identity = identity.beside_controller(controller.is_some());
    let controller = controller.map(Arc::new);
    let server = Server::builder()
        .layer(CallLayer(operations))
        .layer(drain)
        .add_service(IdentityServer::new(identity))
        .add_optional_service(controller.clone().map(ControllerServer::from_arc))
        .add_optional_service(controller.map(GroupControllerServer::from_arc))
        .add_optional_service(node.map(NodeServer::new));
    Ok(server.serve_with_incoming_shutdown(accept(listener), shutdown).await?)
}

/// The callers of a listener, for as long as it is kept.
pub(super) fn accept(
    listener: tokio::net::UnixListener,
) -> impl Stream<Item = std::io::Result<tokio::net::UnixStream>> {
    UnixListenerStream::new(listener).then(async |accepted| {
        if let Err(error) = &accepted {
            tracing::warn!(%error, "could not accept a caller");
            tokio::time::sleep(ACCEPT_PAUSE).await;
        }
        accepted
    })
}

#[cfg(test)]
mod tests;
