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

#[test]
fn roles_are_bound_to_the_controller_and_the_node_plugin_has_none() {
    for binding in all("ClusterRoleBinding").iter().chain(&all("RoleBinding")) {
        let [subject] = &list(&binding["subjects"])[..] else { panic!("{binding:?}") };
        assert_eq!((word(&subject["kind"]), word(&subject["name"])), ("ServiceAccount", "linflow-controller"));
    }
}

#[test]
fn the_sidecars_alone_hold_a_token_for_kubernetes() {
    for component in ["controller", "node"] {
        assert_eq!(pod(component)["automountServiceAccountToken"], false);
        assert_eq!(one("ServiceAccount", &format!("linflow-{component}"))["automountServiceAccountToken"], false);
    }
    assert!(list(&pod("node")["volumes"]).iter().all(|volume| volume.get("projected").is_none()));
    let controller = pod("controller");
    for container in containers(&controller) {
        let has_token = list(&container["volumeMounts"]).iter().any(|mount| mount["name"] == "kubernetes-api");
        assert_eq!(has_token, container["name"] != "linflow", "{:?}", container["name"]);
    }
    let sources = list(&named(&controller["volumes"], "kubernetes-api")["projected"]["sources"]);
    assert!(sources.iter().any(|source| source.get("serviceAccountToken").is_some()));
}

#[test]
fn policies_let_nothing_in_and_out_to_linstor_dns_and_the_api_alone() {
    let ports = |policy: &Value| -> Vec<u64> {
        let rules = list(&policy["spec"]["egress"]);
        rules.iter().flat_map(|rule| list(&rule["ports"])).filter_map(|port| port["port"].as_u64()).collect()
    };
    for (component, out) in [("controller", &[3370, 3371, 53, 53, 443, 6443][..]), ("node", &[3370, 3371, 53, 53])] {
        let policy = one("NetworkPolicy", &format!("linflow-{component}"));
        assert_eq!(texts(&policy["spec"]["policyTypes"]), ["Ingress", "Egress"]);
        assert_eq!(policy["spec"]["ingress"], Value::Sequence(Vec::new()));
        assert_eq!(ports(&policy), out);
        assert_eq!(policy["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/component"], component);
        // A host's network knows no policy.
        assert!(pod(component).get("hostNetwork").is_none());
    }
}
