//! The bearer token, and what is logged of a request.

use std::io::Write;
use std::sync::{Arc, Mutex};

use linflow::linstor::{Client, Error};
use tempfile::NamedTempFile;
use tracing::Level;
use tracing_subscriber::{filter::Targets, layer::SubscriberExt};

use crate::server::*;

fn write(file: &mut NamedTempFile, token: &str) {
    file.as_file_mut().set_len(0).unwrap();
    std::fs::write(file.path(), token).unwrap();
}

async fn sent_tokens(server: &wiremock::MockServer) -> Vec<String> {
    let all = server.received_requests().await.unwrap();
    let header = |request: &wiremock::Request| request.headers["authorization"].to_str().unwrap().to_owned();
    all.iter().filter(|request| request.url.path() == "/v1/nodes").map(header).collect()
}

#[tokio::test]
async fn a_renewed_token_is_sent_at_once() {
    let server = controller_that_answers(json(200, "[]")).await;
    let mut file = NamedTempFile::new().unwrap();
    write(&mut file, "first\n");
    let mut settings = settings(&[&server.uri()]);
    settings.bearer_token_file = Some(file.path().to_owned());
    let client = Client::new(&settings).unwrap();
    client.nodes(&[]).await.unwrap();
    write(&mut file, "second\n");
    client.nodes(&[]).await.unwrap();
    assert_eq!(sent_tokens(&server).await, ["Bearer first", "Bearer second"]);
}

#[tokio::test]
async fn without_a_readable_token_nothing_is_sent() {
    let server = controller_that_answers(json(200, "[]")).await;
    let mut file = NamedTempFile::new().unwrap();
    write(&mut file, "first");
    let mut settings = settings(&[&server.uri()]);
    settings.bearer_token_file = Some(file.path().to_owned());
    let client = Client::new(&settings).unwrap();
    write(&mut file, "  \n");
    let error = client.nodes(&[]).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }) && error.to_string().contains("holds no token"), "{error}");
    let path = file.path().display().to_string();
    drop(file);
    assert!(client.nodes(&[]).await.unwrap_err().to_string().contains(&path));
    assert!(server.received_requests().await.unwrap().is_empty());
}

#[test]
fn a_missing_token_file_is_told_at_start() {
    let mut settings = settings(&["http://127.0.0.1:1"]);
    settings.bearer_token_file = Some("/nowhere/token".into());
    let mistakes = Client::new(&settings).unwrap_err().mistakes;
    assert_eq!(mistakes[0].file.as_deref(), Some("/nowhere/token".as_ref()));
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_request_is_one_line_in_the_log_without_token_or_body() {
    let server = controller_that_answers(json(200, NODES)).await;
    let mut file = NamedTempFile::new().unwrap();
    write(&mut file, "hidden-token");
    let mut settings = settings(&[&server.uri()]);
    settings.bearer_token_file = Some(file.path().to_owned());
    let client = Client::new(&settings).unwrap();
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(Level::DEBUG)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish()
        .with(Targets::new().with_target("linflow", Level::DEBUG));
    let logging = tracing::subscriber::set_default(subscriber);
    client.nodes(&[]).await.unwrap();
    drop(logging);
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| line.contains("/v1/nodes")).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert!(lines[0].contains("GET") && lines[0].contains("status=200"), "{text}");
    assert!(!text.contains("hidden-token") && !text.contains("node-1"), "{text}");
    assert!(!format!("{client:?}").contains("hidden-token"));
}
