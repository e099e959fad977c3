//! Asking LINSTOR. What can be asked at once is, and each question has the same limit, so that the whole takes four
//! limits at most: each controller's version, its cluster, what the active one knows, a trial of the key-value store.

use std::time::{Duration, SystemTime};

use tokio::time::timeout;

use super::facts::{
    Clock, ClusterFacts, ControllerFacts, Credentials, Facts, MachineFacts, Told, Trial, TrialFault, Untold,
};
use super::kubernetes;
use super::machine::Machine;
use crate::config::{DoctorConfig, DoctorRole};
use crate::linstor::model::{DefinitionQuery, ViewQuery};
use crate::linstor::name::ResourceName;
use crate::linstor::{Client, Error, Kind, Settings, SettingsError, Witness, own_expiry};

/// What the names of instances begin with that the trial makes.
pub const TRIAL_PREFIX: &str = "linflow-doctor-";
/// What LINSTOR calls the cluster, among the controller's properties.
const CLUSTER_ID: &str = "Cluster/LocalID";
/// What the trial writes.
const TRIAL_KEY: &str = "written-by";

/// Sees everything that the role's checks look at.
///
/// # Errors
/// Settings that no client can be made from.
pub async fn gather(config: &DoctorConfig) -> Result<Facts, SettingsError> {
    let settings = within(&config.linstor, config.timeout);
    // Where they can't be used at all, that is said before anything is asked.
    Client::new(&settings)?;
    let machine = async {
        if config.role == DoctorRole::Controller {
            return MachineFacts::not_asked("not for this role");
        }
        let (root, kubelet_dir) = (config.host_root.clone(), config.kubelet_dir.clone());
        Machine { root, kubelet_dir, may_write: !config.read_only, limit: config.timeout }.look().await
    };
    let (linstor, kubernetes, machine) = tokio::join!(linstor(config, &settings), kubernetes::ask(config), machine);
    let ((controllers, credentials, cluster), now) = (linstor, SystemTime::now());
    Ok(Facts { now, node: config.node.clone(), controllers, credentials, cluster, kubernetes, machine })
}

/// The settings with no wait beyond the limit.
fn within(settings: &Settings, limit: Duration) -> Settings {
    Settings {
        connect_timeout: settings.connect_timeout.min(limit),
        read_timeout: settings.read_timeout.min(limit),
        write_timeout: settings.write_timeout.min(limit),
        ..settings.clone()
    }
}

async fn linstor(config: &DoctorConfig, settings: &Settings) -> (Vec<ControllerFacts>, Credentials, ClusterFacts) {
    let mut controllers = Vec::new();
    let probes: Vec<_> = settings.urls.iter().map(|url| tokio::spawn(probe(only(settings, url)))).collect();
    for probe in probes {
        controllers.push(probe.await.expect("a probe neither panics nor is aborted"));
    }
    let active = settings.urls.iter().zip(&controllers).find(|(_, facts)| facts.version.is_ok());
    let Some((url, _)) = active else {
        let reason = "no controller answers as linflow needs it";
        let nobody = Err(Untold::NotAsked(reason.to_owned()));
        return (controllers, credentials(settings, nobody), ClusterFacts::not_asked(reason));
    };
    let settings = only(settings, url);
    let (without_token, cluster) = tokio::join!(answers_without_token(&settings), cluster(config, &settings));
    (controllers, credentials(&settings, without_token), cluster)
}

/// The settings for one controller of the list.
fn only(settings: &Settings, url: &url::Url) -> Settings {
    Settings { urls: vec![url.clone()], ..settings.clone() }
}

fn credentials(settings: &Settings, answers_without_token: Told<bool>) -> Credentials {
    Credentials {
        has_token: settings.bearer_token_file.is_some(),
        answers_without_token,
        certificate_expires: own_expiry(settings).map_err(|mistake| Untold::NoAnswer(mistake.to_string())),
    }
}

/// Asks one controller.
async fn probe(settings: Settings) -> ControllerFacts {
    let witness = Witness::default();
    let url = settings.urls.first().map(ToString::to_string).unwrap_or_default();
    let client = Client::with_witness(&settings, &witness).expect("a client was made from these settings before");
    let version = client.version().await;
    let cluster_id = match &version {
        Ok(_) => client.controller_props().await.ok().and_then(|mut props| props.remove(CLUSTER_ID)),
        Err(_) => None,
    };
    ControllerFacts { url, version, certificate: witness.seen(), cluster_id }
}

async fn answers_without_token(settings: &Settings) -> Told<bool> {
    if settings.bearer_token_file.is_none() {
        return Err(Untold::NotAsked("no token is given".to_owned()));
    }
    let anonymous = Settings { bearer_token_file: None, ..settings.clone() };
    let client = Client::new(&anonymous).expect("a client was made from these settings with a token");
    match client.version().await {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == Some(Kind::AccessDenied) => Ok(false),
        Err(error) => Err(Untold::NoAnswer(error.to_string())),
    }
}

async fn cluster(config: &DoctorConfig, settings: &Settings) -> ClusterFacts {
    let client = Client::new(settings).expect("a client was made from these settings before");
    let is_whole = config.role != DoctorRole::Node;
    let (every, all) = (DefinitionQuery::default(), ViewQuery::default());
    let (nodes, pools, props, groups, definitions, resources, store, passphrase) = tokio::join!(
        ask(true, client.nodes(&[])),
        ask(is_whole, client.storage_pools(&[], &[])),
        ask(is_whole, client.controller_props()),
        ask(is_whole, client.resource_groups()),
        ask(true, client.definitions(&every)),
        ask(is_whole, client.resources_view(&all)),
        ask(is_whole, client.kv_list()),
        ask(is_whole, client.master_passphrase()),
    );
    // Afterwards, so that its instance is not among those that were listed.
    let trial = if config.read_only {
        Err(Untold::NotAsked("--read-only: nothing is written".to_owned()))
    } else {
        try_store(&client, config.timeout).await
    };
    ClusterFacts { nodes, pools, props, groups, definitions, resources, store, passphrase, trial }
}

async fn ask<T>(is_needed: bool, question: impl Future<Output = Result<T, Error>>) -> Told<T> {
    if !is_needed {
        return Err(Untold::NotAsked("not for this role".to_owned()));
    }
    question.await.map_err(|error| Untold::NoAnswer(error.to_string()))
}

/// Writes an instance of the key-value store, reads and removes it.
async fn try_store(client: &Client, limit: Duration) -> Told<Trial> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| Untold::NoAnswer(format!("no random bytes: {error}")))?;
    let name = format!("{TRIAL_PREFIX}{:016x}", u64::from_be_bytes(random));
    let instance = ResourceName::parse(&name).expect("the prefix and 16 digits are a resource name");
    let mut clock = None;
    let outcome = match timeout(limit, write_and_read(client, &instance, &mut clock)).await {
        Ok(outcome) => outcome,
        Err(_) => return Err(Untold::NoAnswer(format!("the trial of {instance} took longer than {limit:?}"))),
    };
    Ok(Trial { instance, outcome, clock })
}

async fn write_and_read(client: &Client, instance: &ResourceName, clock: &mut Option<Clock>) -> Result<(), TrialFault> {
    let written = [(TRIAL_KEY.to_owned(), concat!("linflow/", env!("CARGO_PKG_VERSION")).to_owned())].into();
    let (asked, started) = (SystemTime::now(), tokio::time::Instant::now());
    let replies = client.kv_put(instance, &written, &[]).await.map_err(TrialFault::Write)?;
    let took = started.elapsed();
    let said = replies.0.iter().find_map(|reply| humantime::parse_rfc3339(&reply.created_at).ok());
    *clock = said.map(|theirs| Clock { asked, theirs, took });
    let read = client.kv(instance).await;
    // Removed whatever was read.
    let removed = client.kv_delete(instance).await;
    let read = read.map_err(TrialFault::Read)?.unwrap_or_default();
    // LINSTOR gives keys back with a slash before them or without.
    let is_same = read
        .iter()
        .map(|(key, value)| (key.trim_start_matches('/'), value))
        .eq(written.iter().map(|(key, value)| (key.as_str(), value)));
    removed.map_err(TrialFault::Remove)?;
    if is_same { Ok(()) } else { Err(TrialFault::Different) }
}
