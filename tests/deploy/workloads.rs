//! How the driver, the controller and the node plugin are set up.

use linflow::config::{Args, Command, DirectoryConfig};
use linflow::kube::Place;

use crate::support::World;
use crate::yaml::{Value, containers, list, named, one, pod, texts, word};

fn arguments(container: &Value) -> Vec<String> {
    texts(&container["args"])
}

#[test]
fn the_driver_object_is_as_decided() {
    let driver = one("CSIDriver", "linflow.csi");
    for field in ["attachRequired", "podInfoOnMount", "storageCapacity", "seLinuxMount"] {
        assert_eq!(driver["spec"][field], true, "{field}");
    }
    assert_eq!(driver["spec"]["fsGroupPolicy"], "File");
    assert_eq!(texts(&driver["spec"]["volumeLifecycleModes"]), ["Persistent"]);
    assert!(driver["spec"]["nodeAllocatableUpdatePeriodSeconds"].as_u64().is_some_and(|seconds| seconds >= 10));
}

#[test]
fn linflow_takes_the_arguments_of_its_containers() {
    for component in ["controller", "node"] {
        let container = named(&pod(component)["containers"], "linflow");
        let words = arguments(&container).into_iter().map(|word| word.replace("$(LINFLOW_NODE_NAME)", "node-1"));
        let args = Args::from_words(std::iter::once("linflow".to_owned()).chain(words)).unwrap();
        // Kubernetes sets it in every container.
        let environment = |name: &str| (name == "KUBERNETES_SERVICE_HOST").then(|| "192.0.2.1".to_owned());
        let command = args.validate(&environment).unwrap().command;
        let driver = match command {
            Command::Controller(driver) => driver,
            Command::Node(driver, node) => {
                assert_eq!(node.name.as_str(), "node-1");
                // Kubelet and the pod know the socket by one path.
                let kubelet = node.kubelet.unwrap();
                assert_eq!(kubelet.csi_path, driver.csi_endpoint);
                assert!(kubelet.socket.starts_with("/var/lib/kubelet/plugins_registry"));
                driver
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(driver.driver_name.as_str(), "linflow.csi");
        assert_eq!(driver.directory, DirectoryConfig::Kubernetes(Place::InCluster));
        let port = driver.admin_listen.map(|address| u64::from(address.port()));
        assert_eq!(port, named(&container["ports"], "admin")["containerPort"].as_u64());
    }
}

/// `kubectl exec … -- linflow doctor` is told what the container's own process is told.
#[test]
fn commands_in_the_containers_know_linstor_and_the_node() {
    for component in ["controller", "node"] {
        let container = named(&pod(component)["containers"], "linflow");
        let arguments = arguments(&container);
        for (variable, flag) in [("LINFLOW_LINSTOR_URL", "--linstor-url"), ("LINFLOW_DRIVER_NAME", "--driver-name")] {
            let variable = named(&container["env"], variable);
            let value = word(&variable["value"]);
            assert!(arguments.contains(&format!("{flag}={value}")), "{component}: {flag}");
        }
    }
    let node = named(&pod("node")["containers"], "linflow");
    let name = named(&node["env"], "LINFLOW_NODE_NAME");
    assert_eq!(name["valueFrom"]["fieldRef"]["fieldPath"], "spec.nodeName");
    assert!(arguments(&node).contains(&"--node-name=$(LINFLOW_NODE_NAME)".to_owned()));
}

#[test]
fn both_roles_are_asked_over_http_whether_they_live_and_can_serve() {
    for component in ["controller", "node"] {
        let container = named(&pod(component)["containers"], "linflow");
        assert_eq!(container["livenessProbe"]["httpGet"]["path"], "/healthz");
        assert_eq!(container["readinessProbe"]["httpGet"]["path"], "/readyz");
    }
}

#[test]
fn each_sidecar_leads_waits_a_minute_and_works_within_bounds() {
    let controller = pod("controller");
    for (name, own) in [
        ("csi-provisioner", &["--worker-threads=16", "--extra-create-metadata", "--enable-capacity"][..]),
        ("csi-attacher", &["--worker-threads=16"]),
        ("csi-resizer", &["--workers=8", "--handle-volume-inuse-error=false"]),
        ("csi-snapshotter", &["--worker-threads=8"]),
    ] {
        let sidecar = named(&controller["containers"], name);
        let arguments = arguments(&sidecar);
        let common = ["--leader-election", "--timeout=60s", "--retry-interval-start=1s", "--retry-interval-max=1m"];
        for argument in common.iter().chain(own) {
            assert!(arguments.iter().any(|given| given == argument), "{name} has no {argument}");
        }
        assert_eq!(sidecar["livenessProbe"]["httpGet"]["path"], "/healthz/leader-election");
        let (image, version) = word(&sidecar["image"]).rsplit_once(':').unwrap();
        assert_eq!(image, format!("registry.k8s.io/sig-storage/{name}"));
        assert!(version.starts_with('v') && version.split('.').count() == 3, "{name} is not pinned: {version}");
    }
    // With it external-provisioner would name one node, and volumes that need more nodes could not be made.
    assert!(!arguments(&named(&controller["containers"], "csi-provisioner")).contains(&"--strict-topology".to_owned()));
}

#[tokio::test]
async fn each_sidecar_finds_what_it_asks_of_the_controller() {
    use linflow::csi::proto::{
        ControllerGetCapabilitiesRequest,
        controller_service_capability::{Type, rpc},
    };

    let world = World::start().await;
    let answer = world.controller.client.clone().controller_get_capabilities(ControllerGetCapabilitiesRequest {}).await;
    let offered: Vec<i32> = answer
        .unwrap()
        .into_inner()
        .capabilities
        .into_iter()
        .filter_map(|it| match it.r#type? {
            Type::Rpc(rpc) => Some(rpc.r#type),
        })
        .collect();
    // A sidecar whose capability is missing ends, and with it the pod.
    for (sidecar, needed) in [
        ("csi-provisioner", rpc::Type::CreateDeleteVolume),
        ("csi-provisioner", rpc::Type::GetCapacity),
        ("csi-attacher", rpc::Type::PublishUnpublishVolume),
        ("csi-resizer", rpc::Type::ExpandVolume),
        ("csi-resizer", rpc::Type::ModifyVolume),
        ("csi-snapshotter", rpc::Type::CreateDeleteSnapshot),
    ] {
        named(&pod("controller")["containers"], sidecar);
        assert!(offered.contains(&needed.into()), "{sidecar} needs {needed:?}");
    }
}

#[test]
fn two_controllers_run_apart_and_one_may_go_at_a_time() {
    let deployment = one("Deployment", "linflow-controller");
    assert_eq!(deployment["spec"]["replicas"], 2);
    let [spread] = &list(&pod("controller")["topologySpreadConstraints"])[..] else { panic!("one constraint") };
    assert_eq!(spread["topologyKey"], "kubernetes.io/hostname");
    let budget = one("PodDisruptionBudget", "linflow-controller");
    assert_eq!(budget["spec"]["maxUnavailable"], 1);
    for selector in [&spread["labelSelector"], &budget["spec"]["selector"], &deployment["spec"]["selector"]] {
        assert_eq!(selector["matchLabels"], deployment["spec"]["selector"]["matchLabels"]);
    }
}

#[test]
fn a_nodes_new_plugin_waits_for_the_end_of_the_old_one() {
    let daemon_set = one("DaemonSet", "linflow-node");
    let update = &daemon_set["spec"]["updateStrategy"];
    assert_eq!(update["type"], "RollingUpdate");
    assert_eq!(update["rollingUpdate"]["maxSurge"], 0);
    // Longer than what linflow gives calls that run when it is told to stop (25 s).
    assert!(daemon_set["spec"]["template"]["spec"]["terminationGracePeriodSeconds"].as_u64().is_some_and(|s| s >= 30));
}

#[test]
fn what_outlives_a_pod_of_a_node_is_on_the_node() {
    let node = pod("node");
    let [container] = &containers(&node)[..] else { panic!("one container") };
    let endpoint =
        arguments(container).into_iter().find_map(|it| it.strip_prefix("--csi-endpoint=unix://").map(str::to_owned));
    // The socket and the last topology beside it, the locks of devices, and the devices: all at the node's own paths.
    for path in [endpoint.unwrap().as_str(), "/run/linflow/locks", "/dev/drbd1000"] {
        let mounts = list(&container["volumeMounts"]);
        let mount = mounts.iter().find(|mount| path.starts_with(word(&mount["mountPath"]))).unwrap();
        let host = &named(&node["volumes"], word(&mount["name"]))["hostPath"];
        assert_eq!(host["path"], mount["mountPath"], "{path}");
    }
}

#[test]
fn the_node_plugin_runs_on_tainted_nodes_and_is_not_evicted_first() {
    let node = pod("node");
    let [tolerated] = &list(&node["tolerations"])[..] else { panic!("one toleration") };
    assert_eq!(tolerated["operator"], "Exists");
    assert!(tolerated.get("key").is_none() && tolerated.get("effect").is_none());
    assert_eq!(node["priorityClassName"], "system-node-critical");
}
