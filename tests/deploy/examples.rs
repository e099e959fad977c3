//! The examples for Airflow: what they ask for is what the chart installs.

use crate::yaml::{Value, all, documents, list, named, text, word};

fn only(path: &str) -> Value {
    let [document] = &documents(path)[..] else { panic!("{path} is one document") };
    document.clone()
}

/// A volume that is made for its pod and goes with it, of a class that is installed.
fn expect_ephemeral(volume: &Value) {
    let claim = &volume["ephemeral"]["volumeClaimTemplate"]["spec"];
    let classes: Vec<Value> = all("StorageClass").iter().map(|class| class["metadata"]["name"].clone()).collect();
    assert!(classes.contains(&claim["storageClassName"]), "{claim:?}");
    assert_eq!(list(&claim["accessModes"]), ["ReadWriteOnce"]);
    assert!(word(&claim["resources"]["requests"]["storage"]).ends_with("Gi"));
}

#[test]
fn airflows_values_give_each_worker_a_volume_at_scratch() {
    let values = only("deploy/examples/airflow/values.yaml");
    assert_eq!(values["executor"], "KubernetesExecutor");
    let workers = &values["workers"];
    expect_ephemeral(&named(&workers["extraVolumes"], "scratch"));
    assert_eq!(named(&workers["extraVolumeMounts"], "scratch")["mountPath"], "/scratch");
    // Who may write to what mkfs has made for root: the group that it is given to.
    assert_eq!(workers["securityContexts"]["pod"]["fsGroup"], 0);
}

#[test]
fn the_worker_template_is_a_pod_that_airflow_can_fill_in() {
    let pod = only("deploy/examples/airflow/pod_template.yaml");
    assert_eq!((word(&pod["apiVersion"]), word(&pod["kind"])), ("v1", "Pod"));
    assert_eq!(pod["spec"]["restartPolicy"], "Never");
    expect_ephemeral(&named(&pod["spec"]["volumes"], "scratch"));
    let base = named(&pod["spec"]["containers"], "base");
    assert_eq!(named(&base["volumeMounts"], "scratch")["mountPath"], "/scratch");
    assert_eq!(pod["spec"]["securityContext"]["fsGroup"], 0);
}

#[test]
fn the_dag_asks_for_a_class_that_is_installed() {
    let dag = text("deploy/examples/airflow/scratch_volumes.py");
    let class = dag.split("storage_class_name=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    assert!(all("StorageClass").iter().any(|installed| installed["metadata"]["name"] == class), "{class}");
}

#[test]
fn the_claim_that_outlives_its_pods_is_of_the_dags_class() {
    let objects = documents("deploy/examples/airflow/dag_class.yaml");
    let [class, claim] = &objects[..] else { panic!("a class and a claim") };
    assert_eq!(claim["spec"]["storageClassName"], class["metadata"]["name"]);
    assert_eq!(class["parameters"]["scope"], "dag");
}

#[test]
fn airflow_tells_linflow_of_runs_where_the_chart_serves_it_and_with_the_token_that_is_taken() {
    let (told, chart) = (only("deploy/examples/airflow/runs.yaml"), only("deploy/helm/linflow/values.yaml"));
    let url = word(&told["config"]["linflow"]["runs_url"]);
    let port = chart["lifetime"]["runs"]["port"].as_u64().unwrap();
    assert_eq!(url, format!("http://linflow-runs.linflow.svc:{port}"), "the Service of a release linflow in linflow");
    let options = text("airflow/src/airflow_provider_linflow/__init__.py");
    for component in ["scheduler", "apiServer"] {
        let volume = named(&told[component]["extraVolumes"], "linflow-token");
        let [source] = &list(&volume["projected"]["sources"])[..] else { panic!("one source") };
        let token = &source["serviceAccountToken"];
        assert_eq!(token["audience"], chart["driverName"]);
        let mount = named(&told[component]["extraVolumeMounts"], "linflow-token");
        let path = format!("{}/{}", word(&mount["mountPath"]), word(&token["path"]));
        assert!(options.contains(&format!("RUNS_TOKEN_FILE = \"{path}\"")), "{path} is what the option defaults to");
    }
    assert!(options.contains(url) && text("airflow/README.md").contains(url), "{url} is what the provider's words say");
}
