//! `POST /v1/runs/finish`: who may say that a run is over, and what follows.

use linflow::{
    lifetime::{
        http::{self, Desk},
        survey::Survey,
    },
    workflow::{Bearers, Filter},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::volumes::Life;

/// Knows one token of a service account, and one about which nobody can be asked.
struct Accounts;

impl Bearers for Accounts {
    async fn namespace_of(&self, token: &SecretString) -> Result<Option<String>, String> {
        match token.expose_secret() {
            "of-airflow" => Ok(Some("airflow-jobs".to_owned())),
            "unknowable" => Err("the API server does not answer".to_owned()),
            _ => Ok(None),
        }
    }
}

/// The call's address, on a world with one volume of the run.
async fn start(life: &Life) -> String {
    let token_file = life.folder.path().join("token");
    std::fs::write(&token_file, "from-the-file\n").unwrap();
    let desk = Desk {
        linstor: life.world.linstor(),
        instances: "airflow=airflow-jobs".parse().unwrap(),
        token_file: Some(token_file),
        bearers: Some(Accounts),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(http::serve(listener, desk, CancellationToken::new()));
    address
}

async fn post(address: &str, path: &str, token: Option<&str>, body: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let token = token.map_or(String::new(), |token| format!("authorization: Bearer {token}\r\n"));
    let head = format!("POST {path} HTTP/1.1\r\nhost: linflow\r\nconnection: close\r\n{token}");
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

fn run(instance: Option<&str>) -> Value {
    let mut body = json!({"dag_id": "etl", "run_id": "r1", "state": "failed"});
    if let Some(instance) = instance {
        body["instance"] = instance.into();
    }
    body
}

#[tokio::test]
async fn airflows_side_says_that_a_run_is_over_and_that_it_goes_on() {
    let life = Life::start().await;
    let (volume, other) = (life.volume("airflow/etl/r1/load/-1").await, life.volume("airflow/etl/r2").await);
    let address = start(&life).await;
    for (token, body) in [("of-airflow", run(None)), ("from-the-file", run(Some("airflow")))] {
        let (status, answer) = post(&address, "/v1/runs/finish", Some(token), &body.to_string()).await;
        assert_eq!((status, &answer["volumes"]), (200, &json!([volume.name.as_str()])), "{answer}");
        let ended = life.ledger(&volume).await.ending.ended.expect("it is written down");
        assert_eq!(ended.state, linflow::volume::ending::Outcome::Failed);
        let mut body = body;
        body.as_object_mut().unwrap().remove("state");
        let (status, answer) = post(&address, "/v1/runs/resume", Some(token), &body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        assert!(life.ledger(&volume).await.ending.ended.is_none());
    }
    assert!(life.ledger(&other).await.ending.ended.is_none());
}

#[tokio::test]
async fn whoever_is_not_known_or_may_not_speak_is_refused_and_told_what_to_do() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl/r1").await;
    let address = start(&life).await;
    for (token, body, status, word) in [
        (None, run(None).to_string(), 401, "Authorization: Bearer"),
        (Some("guessed"), run(None).to_string(), 401, "--runs-token-file"),
        (Some("unknowable"), run(None).to_string(), 503, "call again"),
        (Some("of-airflow"), run(Some("other")).to_string(), 403, "belongs to Airflow instance airflow"),
        (Some("from-the-file"), run(None).to_string(), 400, "instance is missing"),
        (Some("of-airflow"), "{".to_owned(), 400, "send a JSON object"),
        (Some("of-airflow"), json!({"dag_id": "etl", "run_id": "r1", "state": "running"}).to_string(), 400, "success"),
        (
            Some("of-airflow"),
            json!({"dag_id": "{{ dag }}", "run_id": "r1", "state": "failed"}).to_string(),
            400,
            "dag_id",
        ),
    ] {
        let (found, answer) = post(&address, "/v1/runs/finish", token, &body).await;
        let error = answer["error"].as_str().unwrap_or_default();
        assert!(found == status && error.contains(word), "{token:?} {body}: {found} {answer}");
        assert!(!error.contains("from-the-file") && token.is_none_or(|token| !error.contains(token)), "{error}");
    }
    assert!(life.ledger(&volume).await.ending.ended.is_none());
}

#[tokio::test]
async fn what_airflow_provider_linflow_sends_is_understood() {
    let life = Life::start().await;
    let volume = life.volume("airflow/etl_daily/scheduled__2025-01-01T00%3A00%3A00%2B00%3A00").await;
    let address = start(&life).await;
    for (path, body, is_ended) in [
        ("/v1/runs/finish", include_str!("../fixtures/airflow-runs/finish.json"), true),
        ("/v1/runs/resume", include_str!("../fixtures/airflow-runs/resume.json"), false),
    ] {
        let (status, answer) = post(&address, path, Some("of-airflow"), body).await;
        assert_eq!((status, answer), (200, json!({"volumes": [volume.name.as_str()]})), "{path}");
        assert_eq!(life.ledger(&volume).await.ending.ended.is_some(), is_ended, "{path}");
    }
}

#[tokio::test]
async fn an_end_that_is_told_late_is_as_old_as_it_is_and_void_where_the_run_went_on_since() {
    let life = Life::start().await;
    let (volume, run) = (life.volume("airflow/etl/r1").await, json!({"dag_id": "etl", "run_id": "r1"}));
    let address = start(&life).await;
    for (age_ms, is_proof) in [(json!(0), true), (json!(90_000), false), (json!(u64::MAX), false)] {
        let mut body = run.clone();
        (body["state"], body["age_ms"]) = ("success".into(), age_ms.clone());
        let (status, answer) = post(&address, "/v1/runs/finish", Some("of-airflow"), &body.to_string()).await;
        assert_eq!(status, 200, "{answer}");
        let survey = Survey::of(&life.world.linstor(), &Filter::default()).await.unwrap();
        let [surveyed] = &survey.volumes[..] else { panic!("one volume") };
        assert_eq!(surveyed.resource, volume.name);
        assert_eq!(survey.runs.proof(surveyed.subject()).is_some(), is_proof, "claimed now, ended {age_ms} ms ago");
    }
}

#[tokio::test]
async fn a_run_without_volumes_is_no_error() {
    let life = Life::start().await;
    let address = start(&life).await;
    let (status, answer) = post(&address, "/v1/runs/finish", Some("of-airflow"), &run(None).to_string()).await;
    assert_eq!((status, answer), (200, json!({"volumes": []})));
}
