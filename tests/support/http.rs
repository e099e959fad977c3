//! HTTP by hand, one request a connection: LINSTOR's REST API, and what linflow itself serves.

use std::borrow::Borrow;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Sends a request to the LINSTOR at that URL; answers the status and the body.
pub async fn ask(url: &str, method: &str, path: &str, body: impl Borrow<Value>) -> (u16, Value) {
    let body = body.borrow();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, body) = exchange(url, method, path, &body).await;
    (status, serde_json::from_str(&body).unwrap_or(Value::Null))
}

/// The same with any text as body and answer.
pub async fn exchange(url: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: linstor\r\nconnection: close\r\n");
    let length = format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{length}{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// The same for a change that must succeed.
pub async fn change(url: &str, method: &str, path: &str, body: impl Borrow<Value>) {
    let (status, answer) = ask(url, method, path, body).await;
    assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
}
