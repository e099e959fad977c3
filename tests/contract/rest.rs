//! The one thing that the suite needs and linflow's client can't do, because linflow never does it: deleting a resource
//! group.

use std::io;

use linflow::linstor::name::GroupName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use url::Url;

/// Deletes a resource group; true where LINSTOR took the request. Over plain HTTP only.
pub async fn delete_group(linstor: &Url, group: &GroupName) -> io::Result<bool> {
    let missing = |what| io::Error::new(io::ErrorKind::InvalidInput, format!("{linstor} has no {what}"));
    let host = linstor.host_str().ok_or_else(|| missing("host"))?;
    let port = linstor.port_or_known_default().ok_or_else(|| missing("port"))?;
    let mut stream = TcpStream::connect((host, port)).await?;
    let path = format!("{}/v1/resource-groups/{group}", linstor.path().trim_end_matches('/'));
    let request = format!("DELETE {path} HTTP/1.1\r\nhost: {host}:{port}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200"))
}
