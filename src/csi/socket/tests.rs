use std::os::unix::net::UnixListener as StdListener;

use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::*;

fn endpoint(folder: &TempDir, name: &str) -> Endpoint {
    Endpoint::parse(folder.path().join(name).to_str().unwrap()).unwrap()
}

/// What a killed process leaves: a socket that nobody answers at.
fn leave_stale_socket(endpoint: &Endpoint) {
    drop(StdListener::bind(endpoint.path()).unwrap());
    assert!(endpoint.path().exists());
}

/// Whether a caller of the endpoint reaches this very listener.
async fn is_reached(listener: &UnixListener, endpoint: &Endpoint) -> bool {
    let (mut caller, accepted) = tokio::try_join!(UnixStream::connect(endpoint.path()), listener.accept()).unwrap();
    drop(accepted);
    caller.read(&mut [0]).await.unwrap() == 0
}

#[test]
fn an_endpoint_is_a_unix_url_or_an_absolute_path() {
    for (text, path) in [
        ("unix:///run/csi/csi.sock", "/run/csi/csi.sock"),
        ("unix:/run/csi/csi.sock", "/run/csi/csi.sock"),
        ("/run/csi/csi.sock", "/run/csi/csi.sock"),
        ("unix://csi/csi.sock", "csi/csi.sock"),
    ] {
        assert_eq!(Endpoint::parse(text).unwrap().path(), Path::new(path), "{text}");
    }
    assert_eq!(Endpoint::parse("/run/csi.sock").unwrap().to_string(), "unix:///run/csi.sock");
}

#[test]
fn anything_else_is_refused_by_name() {
    for text in ["", "unix://", "unix:", "csi.sock", "tcp://127.0.0.1:9000", "http://[::1]/", "/a\0b"] {
        let error = Endpoint::parse(text).unwrap_err();
        assert!(matches!(&error, SocketError::NotUnix(refused) if refused == text), "{text}: {error}");
    }
}

#[test]
fn a_path_that_the_kernel_cannot_bind_is_refused_with_its_length() {
    let longest = format!("/{}", "a".repeat(106));
    assert!(Endpoint::parse(&longest).is_ok());
    let error = Endpoint::parse(&format!("unix://{longest}b")).unwrap_err();
    assert!(matches!(error, SocketError::TooLong { length: 108, .. }), "{error}");
}

#[tokio::test]
async fn the_longest_path_can_be_bound() {
    let folder = TempDir::new().unwrap();
    let room = 107 - folder.path().as_os_str().len() - 1;
    let endpoint = endpoint(&folder, &"a".repeat(room));
    assert_eq!(endpoint.path().as_os_str().len(), 107);
    bind(&endpoint).await.unwrap();
}

#[tokio::test]
async fn missing_parents_are_made_and_the_socket_is_private() {
    let folder = TempDir::new().unwrap();
    let endpoint = endpoint(&folder, "plugins/linflow.csi/csi.sock");
    let bound = bind(&endpoint).await.unwrap();
    assert_eq!(std::fs::metadata(endpoint.path()).unwrap().mode() & 0o777, 0o660);
    assert!(is_reached(&bound.listener, &endpoint).await);
}

#[tokio::test]
async fn a_stale_socket_is_replaced() {
    let folder = TempDir::new().unwrap();
    let endpoint = endpoint(&folder, "csi.sock");
    leave_stale_socket(&endpoint);
    let bound = bind(&endpoint).await.unwrap();
    assert!(is_reached(&bound.listener, &endpoint).await);
}

#[tokio::test]
async fn a_live_socket_is_not_replaced_and_goes_on_serving() {
    let folder = TempDir::new().unwrap();
    let endpoint = endpoint(&folder, "csi.sock");
    let first = bind(&endpoint).await.unwrap();
    let error = bind(&endpoint).await.unwrap_err();
    assert!(matches!(&error, SocketError::InUse(path) if path == endpoint.path()), "{error}");
    drop(first.listener.accept().await.unwrap());
    assert!(is_reached(&first.listener, &endpoint).await);
}

#[tokio::test]
async fn a_live_socket_with_a_full_queue_is_not_replaced() {
    let folder = TempDir::new().unwrap();
    let endpoint = endpoint(&folder, "csi.sock");
    let socket = UnixSocket::new_stream().unwrap();
    socket.bind(endpoint.path()).unwrap();
    let _busy = socket.listen(0).unwrap();
    let _queued = UnixStream::connect(endpoint.path()).await.unwrap();
    let error = bind(&endpoint).await.unwrap_err();
    assert!(matches!(error, SocketError::InUse(_)), "{error}");
}

#[tokio::test]
async fn what_is_no_socket_is_never_removed() {
    let folder = TempDir::new().unwrap();
    let stale = endpoint(&folder, "stale.sock");
    leave_stale_socket(&stale);
    std::fs::write(folder.path().join("file"), "precious").unwrap();
    std::fs::create_dir(folder.path().join("folder")).unwrap();
    std::os::unix::fs::symlink(stale.path(), folder.path().join("link")).unwrap();
    for name in ["file", "folder", "link"] {
        let error = bind(&endpoint(&folder, name)).await.unwrap_err();
        assert!(matches!(error, SocketError::NotASocket(_)), "{name}: {error}");
    }
    assert_eq!(std::fs::read_to_string(folder.path().join("file")).unwrap(), "precious");
    assert!(folder.path().join("folder").is_dir() && folder.path().join("link").is_symlink() && stale.path().exists());
}

#[tokio::test]
async fn a_directory_that_cannot_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let error = bind(&endpoint(&folder, "file/below/csi.sock")).await.unwrap_err();
    assert!(error.to_string().starts_with("could not create the directory of"), "{error}");
}

#[tokio::test]
async fn our_socket_is_removed_at_the_end() {
    let folder = TempDir::new().unwrap();
    let endpoint = endpoint(&folder, "csi.sock");
    drop(bind(&endpoint).await.unwrap());
    assert!(!endpoint.path().exists());
}

#[tokio::test]
async fn a_successors_socket_is_not_removed_at_the_end() {
    let folder = TempDir::new().unwrap();
    let endpoint = endpoint(&folder, "csi.sock");
    let first = bind(&endpoint).await.unwrap();
    std::fs::remove_file(endpoint.path()).unwrap();
    let successor = bind(&endpoint).await.unwrap();
    drop(first.file);
    assert!(is_reached(&successor.listener, &endpoint).await);
}
