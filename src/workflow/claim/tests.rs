use super::*;
use crate::workflow::fixtures::workflow;

const AIRFLOW: (&str, &str) = (key::PVC_NAMESPACE, "airflow");
const DAG: (&str, &str) = (key::DAG_ID, "etl");
const RUN: (&str, &str) = (key::RUN_ID, "scheduled__1:2");
const TASK: (&str, &str) = (key::TASK_ID, "load");

fn parse(parameters: &[(&str, &str)]) -> Result<Claim, ClaimError> {
    parse_with(parameters, "prod=airflow-prod")
}

fn parse_with(parameters: &[(&str, &str)], instances: &str) -> Result<Claim, ClaimError> {
    let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Claim::parse(&parameters, &instances.parse().expect("a good list"))
}

fn owner(parameters: &[(&str, &str)]) -> String {
    let claim = parse(parameters).expect("a claim");
    claim.ownership.workflow().expect("an owner").canonical()
}

#[test]
fn without_ids_and_scope_the_volume_is_nobodys() {
    let claim = parse(&[("placementCount", "2"), AIRFLOW, (key::PVC_NAME, "scratch")]).expect("a claim");
    assert_eq!(claim.ownership, Ownership::None);
    assert_eq!((claim.pvc_namespace.as_deref(), claim.pvc_name.as_deref()), (Some("airflow"), Some("scratch")));
}

#[test]
fn ids_without_a_scope_give_the_narrowest() {
    assert_eq!(owner(&[AIRFLOW, DAG]), "airflow/etl");
    assert_eq!(owner(&[AIRFLOW, DAG, RUN]), "airflow/etl/scheduled__1%3A2");
    assert_eq!(owner(&[AIRFLOW, DAG, RUN, TASK]), "airflow/etl/scheduled__1%3A2/load/-1");
    assert_eq!(owner(&[AIRFLOW, DAG, RUN, TASK, (key::MAP_INDEX, "7")]), "airflow/etl/scheduled__1%3A2/load/7");
}

#[test]
fn a_scope_that_fits_the_ids_is_taken() {
    assert_eq!(owner(&[AIRFLOW, DAG, RUN, (key::SCOPE, "run")]), "airflow/etl/scheduled__1%3A2");
    assert_eq!(parse(&[(key::SCOPE, "pod")]).expect("a claim").ownership, Ownership::Pod);
    assert_eq!(parse(&[(key::SCOPE, "none")]).expect("a claim").ownership, Ownership::None);
}

#[test]
fn a_scope_that_lacks_its_ids_is_an_error_and_never_a_fallback() {
    for (scope, ids, needs) in
        [("dag", &[][..], key::DAG_ID), ("run", &[DAG][..], key::RUN_ID), ("task", &[DAG, RUN][..], key::TASK_ID)]
    {
        let error = parse(&[&[AIRFLOW, (key::SCOPE, scope)], ids].concat()).expect_err("unresolved");
        assert!(matches!(&error, ClaimError::Unresolved { needs: n, .. } if *n == needs), "{error}");
    }
}

#[test]
fn ids_that_the_scope_does_not_have_are_an_error() {
    for scope in ["dag", "pod", "none"] {
        let error = parse(&[AIRFLOW, DAG, RUN, (key::SCOPE, scope)]).expect_err("too many ids");
        assert!(matches!(error, ClaimError::Excess { fits: Scope::Run, .. }), "{error}");
        assert!(error.to_string().contains("linflow.csi/scope to run"), "{error}");
    }
}

#[test]
fn an_id_needs_the_one_that_it_stands_in() {
    for (ids, needs) in [
        (&[RUN][..], key::DAG_ID),
        (&[DAG, TASK][..], key::RUN_ID),
        (&[DAG, RUN, (key::MAP_INDEX, "1")][..], key::TASK_ID),
    ] {
        let error = parse(&[&[AIRFLOW], ids].concat()).expect_err("an orphan");
        assert!(matches!(&error, ClaimError::Orphan { needs: n, .. } if *n == needs), "{error}");
    }
}

#[test]
fn values_that_are_no_ids_name_their_parameter() {
    for (key, value) in [
        (key::DAG_ID, "a b"),
        (key::RUN_ID, "{{ run_id }}"),
        (key::TASK_ID, ""),
        (key::MAP_INDEX, "x"),
        (key::SCOPE, "worker"),
        (key::INSTANCE, "a/b"),
    ] {
        let error = parse(&[AIRFLOW, (key, value)]).expect_err("no id").to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn the_instance_is_the_parameters_else_the_namespaces() {
    assert_eq!(owner(&[(key::INSTANCE, "prod"), DAG]), "prod/etl");
    assert_eq!(owner(&[(key::INSTANCE, "prod"), (key::PVC_NAMESPACE, "airflow-prod"), DAG]), "prod/etl");
    assert_eq!(owner(&[(key::PVC_NAMESPACE, "airflow-prod"), DAG]), "prod/etl");
    assert_eq!(parse(&[DAG]), Err(ClaimError::NoInstance));
}

#[test]
fn a_namespace_outside_the_instance_is_refused() {
    let error = parse(&[(key::INSTANCE, "prod"), AIRFLOW, DAG]).expect_err("outside");
    assert!(matches!(error, ClaimError::OutsideInstance { .. }), "{error}");
    assert!(error.to_string().contains("--airflow-instance prod=airflow"), "{error}");
    let error = parse(&[(key::PVC_NAMESPACE, "prod"), DAG]).expect_err("shadowed");
    assert!(matches!(error, ClaimError::Namespace(InstancesError::Shadowed(_))), "{error}");
}

#[test]
fn the_ids_are_kept_exactly() {
    let claim = parse_with(&[AIRFLOW, (key::DAG_ID, "données_客户")], "x=y").expect("a claim");
    assert_eq!(claim.ownership, Ownership::Workflow(workflow("airflow/donn%C3%A9es_%E5%AE%A2%E6%88%B7")));
}
