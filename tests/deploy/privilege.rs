//! What the pods may do to the nodes that they run on (Pod Security Standards).

use crate::yaml::{Value, all, containers, list, manifests, pod, texts, word};

/// Pods' fields that share something of the node.
const SHARED: &[&str] = &["hostNetwork", "hostPID", "hostIPC", "hostUsers", "shareProcessNamespace"];

fn host_paths(pod: &Value) -> Vec<String> {
    let volumes = list(&pod["volumes"]);
    volumes.iter().filter_map(|volume| volume.get("hostPath")).map(|host| word(&host["path"]).to_owned()).collect()
}

#[test]
fn there_are_no_workloads_but_the_controller_and_the_node_plugin() {
    let is_workload = |object: &Value| object["spec"].get("template").is_some() || object["kind"] == "Pod";
    let kinds: Vec<Value> = manifests().into_iter().filter(is_workload).map(|object| object["kind"].clone()).collect();
    assert_eq!(kinds, ["DaemonSet", "Deployment"]);
}

#[test]
fn the_node_plugin_alone_is_privileged_and_sees_paths_of_the_node() {
    let (controller, node) = (pod("controller"), pod("node"));
    for container in containers(&controller) {
        assert!(container["securityContext"].get("privileged").is_none(), "{container:?}");
    }
    assert_eq!(host_paths(&controller), Vec::<String>::new());
    let [container] = &containers(&node)[..] else { panic!("one container") };
    assert_eq!(container["securityContext"]["privileged"], true);
    assert_eq!(host_paths(&node), ["/var/lib/kubelet", "/dev", "/run/linflow"]);
    for pod in [&controller, &node] {
        assert!(SHARED.iter().all(|field| pod.get(*field).is_none()));
        for port in containers(pod).iter().flat_map(|container| list(&container["ports"])) {
            assert!(port.get("hostPort").is_none(), "{port:?}");
        }
    }
}

#[test]
fn the_node_plugin_writes_nothing_but_its_mounts() {
    let [container] = &containers(&pod("node"))[..] else { panic!("one container") };
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
}

#[test]
fn mounts_go_both_ways_below_kubelets_directory_alone() {
    let mounts = |component: &str| -> Vec<Value> {
        containers(&pod(component)).iter().flat_map(|container| list(&container["volumeMounts"])).collect()
    };
    assert!(mounts("controller").iter().all(|mount| mount.get("mountPropagation").is_none()));
    let propagated: Vec<Value> =
        mounts("node").into_iter().filter(|mount| mount.get("mountPropagation").is_some()).collect();
    let [kubelet] = &propagated[..] else { panic!("{propagated:?}") };
    assert_eq!(
        (word(&kubelet["mountPath"]), word(&kubelet["mountPropagation"])),
        ("/var/lib/kubelet", "Bidirectional")
    );
}

#[test]
fn every_container_of_the_controller_passes_as_restricted() {
    let pod = pod("controller");
    let context = &pod["securityContext"];
    assert_eq!(context["runAsNonRoot"], true);
    assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
    assert!(context["runAsUser"].as_u64().is_some_and(|user| user > 0));
    for key in ["seLinuxOptions", "sysctls", "windowsOptions", "appArmorProfile"] {
        assert!(context.get(key).is_none(), "{key}");
    }
    for container in containers(&pod) {
        let context = &container["securityContext"];
        assert_eq!(context["allowPrivilegeEscalation"], false);
        assert_eq!(context["readOnlyRootFilesystem"], true);
        assert_eq!(context["runAsNonRoot"], true);
        assert_eq!(context["seccompProfile"]["type"], "RuntimeDefault");
        assert_eq!(texts(&context["capabilities"]["drop"]), ["ALL"]);
        assert!(context["capabilities"].get("add").is_none() && context.get("procMount").is_none());
    }
    for volume in list(&pod["volumes"]) {
        let kinds = ["emptyDir", "projected", "secret"];
        assert!(
            kinds.iter().any(|kind| volume.get(*kind).is_some()),
            "{volume:?} is of no kind that restricted allows"
        );
    }
}

#[test]
fn the_namespace_says_what_the_node_plugin_needs() {
    let [namespace] = &all("Namespace")[..] else { panic!("one namespace") };
    assert_eq!(namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"], "privileged");
}

#[test]
fn probes_go_to_their_own_pod() {
    for container in ["controller", "node"].iter().flat_map(|component| containers(&pod(component))) {
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            assert!(container[probe]["httpGet"].get("host").is_none() && container[probe].get("tcpSocket").is_none());
        }
        assert!(container.get("lifecycle").is_none());
    }
}
