//! What the pods may ask Kubernetes for, and whom they may talk to.

use crate::yaml::{Value, all, containers, list, named, one, pod, texts, word};

/// Whether a role says so: a rule with the group, the resource and the verb.
fn allows(role: &Value, group: &str, resource: &str, verb: &str) -> bool {
    let has = |value: &Value, word: &str| texts(value).iter().any(|text| text == word);
    list(&role["rules"])
        .iter()
        .any(|rule| has(&rule["apiGroups"], group) && has(&rule["resources"], resource) && has(&rule["verbs"], verb))
}

#[test]
fn no_role_reads_secrets_or_names_everything() {
    for role in all("ClusterRole").iter().chain(&all("Role")) {
        for rule in list(&role["rules"]) {
            let resources = texts(&rule["resources"]);
            let words = [resources.clone(), texts(&rule["verbs"]), texts(&rule["apiGroups"])].concat();
            assert!(!words.iter().any(|word| word == "*"), "{role:?}");
            for power in ["secrets", "pods/exec", "serviceaccounts/token", "nodes/proxy", "roles", "clusterroles"] {
                assert!(!resources.iter().any(|resource| resource == power), "{role:?} names {power}");
            }
            for verb in ["escalate", "bind", "impersonate", "deletecollection"] {
                assert!(!texts(&rule["verbs"]).iter().any(|word| word == verb), "{role:?} may {verb}");
            }
        }
    }
}

#[test]
fn only_the_provisioner_makes_and_deletes_volumes() {
    for (sidecar, verb, may) in [
        ("provisioner", "create", true),
        ("provisioner", "delete", true),
        ("attacher", "create", false),
        ("attacher", "delete", false),
        ("resizer", "delete", false),
        ("snapshotter", "delete", false),
    ] {
        let role = one("ClusterRole", &format!("linflow-linflow-{sidecar}"));
        assert_eq!(allows(&role, "", "persistentvolumes", verb), may, "{sidecar} {verb}");
    }
}

#[test]
fn each_sidecar_changes_its_own_lease_and_no_other() {
    // The names are the sidecars' own; one that is wrong here is a sidecar that never leads.
    for (sidecar, lease) in [
        // Linflow's own reaper, named in src/kube/lease.rs.
        ("controller", "linflow-reaper-linflow-csi"),
        ("provisioner", "linflow-csi"),
        ("attacher", "external-attacher-leader-linflow-csi"),
        ("resizer", "external-resizer-linflow-csi"),
        ("snapshotter", "external-snapshotter-leader-linflow-csi"),
    ] {
        let role = one("Role", &format!("linflow-{sidecar}"));
        let leases: Vec<Value> = list(&role["rules"]);
        let leases: Vec<&Value> = leases.iter().filter(|rule| texts(&rule["resources"]) == ["leases"]).collect();
        let [create, change] = leases[..] else { panic!("{leases:?}") };
        assert_eq!(texts(&create["verbs"]), ["create"]);
        assert_eq!(texts(&change["resourceNames"]), [lease]);
        assert_eq!(texts(&change["verbs"]), ["get", "update"]);
    }
}

/// A role's rights, as `verb resource.group`.
fn rights(role: &Value) -> Vec<String> {
    let mut rights = Vec::new();
    for rule in list(&role["rules"]) {
        for (group, resource) in texts(&rule["apiGroups"]).iter().zip(texts(&rule["resources"])) {
            let what = if group.is_empty() { resource } else { format!("{resource}.{group}") };
            rights.extend(texts(&rule["verbs"]).iter().map(|verb| format!("{verb} {what}")));
        }
    }
    rights
}

#[test]
fn linflow_itself_changes_nothing_of_kubernetes_and_reads_three_kinds() {
    let told = "create events.events.k8s.io";
    let controller = rights(&one("ClusterRole", "linflow-linflow-controller"));
    let reads = ["get persistentvolumeclaims", "get pods", "list pods", "watch pods", "list persistentvolumes"]
        .map(str::to_owned);
    assert_eq!(controller, [&reads[..], &["create tokenreviews.authentication.k8s.io".into(), told.into()]].concat());
    assert_eq!(rights(&one("ClusterRole", "linflow-linflow-node")), [told]);
}

#[test]
fn the_node_plugin_is_bound_to_one_role_that_reads_nothing() {
    for binding in all("ClusterRoleBinding").iter().chain(&all("RoleBinding")) {
        let [subject] = &list(&binding["subjects"])[..] else { panic!("{binding:?}") };
        let is_nodes = binding["roleRef"]["name"] == "linflow-linflow-node";
        let account = if is_nodes { "linflow-node" } else { "linflow-controller" };
        assert_eq!((word(&subject["kind"]), word(&subject["name"])), ("ServiceAccount", account), "{binding:?}");
    }
}

#[test]
fn who_asks_kubernetes_mounts_a_token_that_ends_and_nobody_is_given_one_unasked() {
    for component in ["controller", "node"] {
        let pod = pod(component);
        assert_eq!(pod["automountServiceAccountToken"], false);
        assert_eq!(one("ServiceAccount", &format!("linflow-{component}"))["automountServiceAccountToken"], false);
        for container in containers(&pod) {
            let mount = named(&container["volumeMounts"], "kubernetes-api");
            assert_eq!((word(&mount["mountPath"]), &mount["readOnly"]), (ACCOUNT, &Value::Bool(true)));
        }
        let sources = list(&named(&pod["volumes"], "kubernetes-api")["projected"]["sources"]);
        let [token] = &sources.iter().filter_map(|source| source.get("serviceAccountToken")).collect::<Vec<_>>()[..]
        else {
            panic!("{sources:?}")
        };
        assert_eq!(token["expirationSeconds"], 3607);
    }
}

const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

#[test]
fn linflow_is_told_to_ask_and_a_node_to_look_no_pods_up() {
    let args = |component| texts(&named(&pod(component)["containers"], "linflow")["args"]);
    for component in ["controller", "node"] {
        assert!(args(component).contains(&"--kubernetes=true".to_owned()), "{component}");
    }
    assert!(args("node").contains(&"--pod-lookups=false".to_owned()));
}

#[test]
fn policies_let_nothing_in_and_out_to_linstor_dns_and_the_api_alone() {
    let ports = |policy: &Value| -> Vec<u64> {
        let rules = list(&policy["spec"]["egress"]);
        rules.iter().flat_map(|rule| list(&rule["ports"])).filter_map(|port| port["port"].as_u64()).collect()
    };
    for component in ["controller", "node"] {
        let policy = one("NetworkPolicy", &format!("linflow-{component}"));
        assert_eq!(texts(&policy["spec"]["policyTypes"]), ["Ingress", "Egress"]);
        assert_eq!(policy["spec"]["ingress"], Value::Sequence(Vec::new()));
        assert_eq!(ports(&policy), [3370, 3371, 53, 53, 443, 6443]);
        assert_eq!(policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"], component);
        // A host's network knows no policy.
        assert!(pod(component).get("hostNetwork").is_none());
    }
}
