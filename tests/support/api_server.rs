//! A Kubernetes API server for tests: it keeps whole objects, shows metadata alone to who asks for no more, and
//! remembers what it was asked. What it can't do, it answers with an error.

use std::{
    collections::{BTreeMap, HashMap},
    convert::Infallible,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{Method, StatusCode, Uri},
    response::Response,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_stream::{StreamExt, wrappers::UnboundedReceiverStream};

/// What was asked.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET /api/v1/…`, without the query.
    pub line: String,
    /// The query's parts.
    pub query: HashMap<String, String>,
    /// What the answer may be.
    pub accept: String,
    /// What was sent.
    pub body: Value,
}

/// The server. It ends with the test's runtime.
pub struct ApiServer {
    folder: TempDir,
    store: Arc<Mutex<Store>>,
}

#[derive(Default)]
struct Store {
    /// By collection, such as `/api/v1/namespaces/airflow/pods`, and name.
    objects: BTreeMap<(String, String), Value>,
    version: u64,
    asked: Vec<Asked>,
    refusals: Vec<(String, u16, Value)>,
    hangs: Vec<String>,
    watchers: Vec<mpsc::UnboundedSender<String>>,
    tokens: HashMap<String, Value>,
    /// Rights that we haven't, as `verb resource.group` or, of one object, `verb resource.group/name`.
    denied: Vec<String>,
}

impl ApiServer {
    /// An empty one, on a free port.
    pub async fn start() -> Self {
        let store = Arc::<Mutex<Store>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(Arc::clone(&store));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let folder = TempDir::new().unwrap();
        let config = format!(
            "{{kind: Config, apiVersion: v1, current-context: c, contexts: [{{name: c, context: {{cluster: c, user: u, namespace: linflow}}}}], \
             clusters: [{{name: c, cluster: {{server: {url}}}}}], users: [{{name: u, user: {{token: our-own-token}}}}]}}"
        );
        std::fs::write(folder.path().join("kubeconfig"), config).unwrap();
        Self { folder, store }
    }

    /// A kubeconfig that leads here; its namespace is `linflow`.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Puts an object there, or another one in its place, and tells the watchers.
    pub fn put(&self, collection: &str, object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        self.lock().put(collection, &name, object);
    }

    /// A task's pod with a secret in its arguments.
    pub fn put_pod(&self, name: &str, uid: &str, phase: &str) {
        let metadata = json!({
            "name": name, "namespace": "airflow", "uid": uid,
            "labels": {"dag_id": "etl"}, "managedFields": [{"manager": "x"}],
            "annotations": {"dag_id": "etl", "kubectl.kubernetes.io/last-applied-configuration": "args: [a-live-token]"},
        });
        let spec = json!({"containers": [{"args": ["a-live-token"]}]});
        self.put(PODS, json!({"metadata": metadata, "spec": spec, "status": {"phase": phase}}));
    }

    /// A claim of a pod.
    pub fn put_claim(&self, name: &str, owners: Value) {
        let metadata =
            json!({"name": name, "namespace": "airflow", "uid": format!("uid-{name}"), "ownerReferences": owners});
        self.put("/api/v1/namespaces/airflow/persistentvolumeclaims", json!({"metadata": metadata}));
    }

    /// Takes an object away.
    pub fn remove(&self, collection: &str, name: &str) {
        let mut store = self.lock();
        let gone = store.objects.remove(&(collection.to_owned(), name.to_owned())).unwrap();
        store.tell("DELETED", &gone);
    }

    /// An object, or null.
    pub fn object(&self, collection: &str, name: &str) -> Value {
        let found = self.lock().objects.get(&(collection.to_owned(), name.to_owned())).cloned();
        found.unwrap_or_default()
    }

    /// All objects of a collection.
    pub fn objects(&self, collection: &str) -> Vec<Value> {
        let store = self.lock();
        store.objects.iter().filter(|((found, _), _)| found == collection).map(|(_, object)| object.clone()).collect()
    }

    /// Takes that token for the one of that user, for those audiences.
    pub fn trust(&self, token: &str, user: &str, audiences: &[&str]) {
        let status = json!({"authenticated": true, "user": {"username": user}, "audiences": audiences});
        self.lock().tokens.insert(token.to_owned(), status);
    }

    /// Says that we may not, when it is asked: `get pods`, `create events.events.k8s.io`.
    pub fn deny(&self, right: &str) {
        self.lock().denied.push(right.to_owned());
    }

    /// Answers requests that begin so with that status and body, until [`ApiServer::heal`].
    pub fn refuse(&self, line: &str, code: u16, body: Value) {
        self.lock().refusals.push((line.to_owned(), code, body));
    }

    /// The same as Kubernetes does who does not grant it.
    pub fn forbid(&self, line: &str) {
        self.refuse(line, 403, status(403, "Forbidden", "User \"linflow\" cannot do this", None));
    }

    /// Never answers requests that begin so.
    pub fn hang(&self, line: &str) {
        self.lock().hangs.push(line.to_owned());
    }

    /// Ends all refusals and hangs.
    pub fn heal(&self) {
        let mut store = self.lock();
        store.refusals.clear();
        store.hangs.clear();
    }

    /// Breaks the watches that run.
    pub fn break_watches(&self) {
        self.lock().watchers.clear();
    }

    /// What was asked since the last time.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.lock().asked)
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }
}

/// Where the pods of Airflow are.
pub const PODS: &str = "/api/v1/namespaces/airflow/pods";

impl Store {
    fn put(&mut self, collection: &str, name: &str, mut object: Value) -> Value {
        self.version += 1;
        object["metadata"]["resourceVersion"] = self.version.to_string().into();
        let old = self.objects.insert((collection.to_owned(), name.to_owned()), object.clone());
        self.tell(if old.is_some() { "MODIFIED" } else { "ADDED" }, &object);
        object
    }

    fn tell(&mut self, what: &str, object: &Value) {
        if object["metadata"]["labels"].get("dag_id").is_some() {
            let line = format!("{}\n", json!({"type": what, "object": partial(object)}));
            self.watchers.retain(|watcher| watcher.send(line.clone()).is_ok());
        }
    }

    fn list(&self, collection: &str, asked: &Asked) -> Value {
        let fields = asked.query.get("fieldSelector").map(String::as_str).unwrap_or_default();
        let label = asked.query.get("labelSelector");
        let all: Vec<Value> = self
            .objects
            .iter()
            .filter(|((found, _), _)| found == collection || is_everywhere(collection, found))
            .map(|(_, object)| object)
            .filter(|object| label.is_none_or(|label| object["metadata"]["labels"].get(label).is_some()))
            .filter(|object| fields.split(',').all(|field| matches_field(object, field)))
            .map(|object| if asked.wants_metadata() { partial(object) } else { object.clone() })
            .collect();
        let from: usize = asked.query.get("continue").map_or(0, |token| token.parse().unwrap());
        let limit: usize = asked.query.get("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
        let rest = all.len() > from.saturating_add(limit);
        let next = if rest { (from + limit).to_string() } else { String::new() };
        let items: Vec<Value> = all.into_iter().skip(from).take(limit).collect();
        json!({"kind": "List", "apiVersion": "v1", "items": items, "metadata": {"resourceVersion": self.version.to_string(), "continue": next}})
    }

    fn change(&mut self, method: &Method, path: &str, body: &Value) -> (u16, Value) {
        if path == "/apis/authentication.k8s.io/v1/tokenreviews" {
            let known = self.tokens.get(body["spec"]["token"].as_str().unwrap()).cloned();
            let status = known.unwrap_or(json!({"authenticated": false, "error": "invalid bearer token"}));
            return (201, json!({"spec": body["spec"], "status": status}));
        }
        if path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" {
            let is_denied = self.denied.contains(&right(&body["spec"]["resourceAttributes"]));
            return (201, json!({"spec": body["spec"], "status": {"allowed": !is_denied}}));
        }
        if *method == Method::POST {
            if body["metadata"]["generateName"].as_str().is_some_and(|start| start.ends_with('.')) {
                return (422, status(422, "Invalid", "metadata.generateName: it can't end in a dot", None));
            }
            let generated = || format!("{}{}", body["metadata"]["generateName"].as_str().unwrap(), self.version);
            let name = body["metadata"]["name"].as_str().map_or_else(generated, str::to_owned);
            if self.objects.contains_key(&(path.to_owned(), name.clone())) {
                return (409, status(409, "AlreadyExists", "it already exists", Some(&name)));
            }
            return (201, self.put(path, &name, body.clone()));
        }
        let (collection, name) = path.rsplit_once('/').unwrap();
        match self.objects.get(&(collection.to_owned(), name.to_owned())) {
            None => (404, status(404, "NotFound", "not found", Some(name))),
            Some(old) if old["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"] => {
                (409, status(409, "Conflict", "the object has been modified", Some(name)))
            }
            Some(_) => (200, self.put(collection, name, body.clone())),
        }
    }
}

impl Asked {
    /// Whether no more than metadata may be answered.
    pub fn wants_metadata(&self) -> bool {
        self.accept.contains("as=PartialObjectMetadata")
    }
}

async fn answer(State(store): State<Arc<Mutex<Store>>>, request: axum::extract::Request) -> Response {
    let (head, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let accept = head.headers.get("accept").map(|it| it.to_str().unwrap().to_owned()).unwrap_or_default();
    let path = head.uri.path().to_owned();
    let line = format!("{} {path}", head.method);
    let body = serde_json::from_slice(&body).unwrap_or_default();
    let asked = Asked { line: line.clone(), query: query(&head.uri), accept, body };
    let hangs = {
        let mut store = store.lock().unwrap();
        store.asked.push(asked.clone());
        store.hangs.iter().any(|hang| line.starts_with(hang))
    };
    if hangs {
        std::future::pending::<()>().await;
    }
    let mut store = store.lock().unwrap();
    if let Some((_, code, body)) = store.refusals.iter().find(|(start, ..)| line.starts_with(start)) {
        return reply(*code, body);
    }
    if asked.query.get("watch").is_some_and(|watch| watch == "true") {
        let (teller, told) = mpsc::unbounded_channel();
        store.watchers.push(teller);
        return Response::new(Body::from_stream(UnboundedReceiverStream::new(told).map(Ok::<_, Infallible>)));
    }
    let (code, answer) = match head.method {
        Method::GET => read(&store, &path, &asked),
        _ => store.change(&head.method, &path, &asked.body),
    };
    reply(code, &answer)
}

fn read(store: &Store, path: &str, asked: &Asked) -> (u16, Value) {
    if path == "/version" {
        return (200, json!({"major": "1", "minor": "34", "gitVersion": "v1.34.1", "platform": "linux/amd64"}));
    }
    let (collection, name) = path.rsplit_once('/').unwrap();
    if let Some(found) = store.objects.get(&(collection.to_owned(), name.to_owned())) {
        return (200, if asked.wants_metadata() { partial(found) } else { found.clone() });
    }
    // `…/namespaces/NAMESPACE/KIND`, or `/api/v1/KIND`: with more it is an object.
    let is_collection = match path.split_once("/namespaces/") {
        Some((_, rest)) => rest.matches('/').count() == 1,
        None => path.matches('/').count() == 3,
    };
    if is_collection {
        return (200, store.list(path, asked));
    }
    (404, status(404, "NotFound", &format!("{name:?} not found"), Some(name)))
}

fn reply(code: u16, body: &Value) -> Response {
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    Response::builder().status(StatusCode::from_u16(code).unwrap()).body(Body::from(body)).unwrap()
}

/// A Status, as Kubernetes words it.
pub fn status(code: u16, reason: &str, message: &str, name: Option<&str>) -> Value {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message,
           "details": {"name": name.unwrap_or_default(), "kind": "x"}})
}

/// What a review asks for, in a word and its object.
fn right(attributes: &Value) -> String {
    let part = |key: &str, before: &str| match attributes[key].as_str() {
        None | Some("") => String::new(),
        Some(text) => format!("{before}{text}"),
    };
    format!("{} {}{}{}", part("verb", ""), part("resource", ""), part("group", "."), part("name", "/"))
}

fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

/// `/api/v1/pods` has those of all namespaces.
fn is_everywhere(collection: &str, found: &str) -> bool {
    let (group, kind) = collection.rsplit_once('/').unwrap();
    found.starts_with(&format!("{group}/namespaces/")) && found.ends_with(&format!("/{kind}"))
}

fn matches_field(object: &Value, field: &str) -> bool {
    let value = |path: &str| object.pointer(&format!("/{}", path.replace('.', "/"))).and_then(Value::as_str);
    match (field.split_once("!="), field.split_once('=')) {
        (Some((path, unwanted)), _) => value(path) != Some(unwanted),
        (None, Some((path, wanted))) => value(path) == Some(wanted),
        _ => true,
    }
}

fn query(uri: &Uri) -> HashMap<String, String> {
    let url = url::Url::parse(&format!("http://x/?{}", uri.query().unwrap_or_default())).unwrap();
    url.query_pairs().into_owned().collect()
}
