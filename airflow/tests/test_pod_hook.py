"""What pod_mutation_hook makes of recorded pods of both Airflows, in the scheduler: no task runs here."""

from __future__ import annotations

from typing import Any

import pytest
from airflow import settings
from kubernetes.client import models

from airflow_provider_linflow import keys
from airflow_provider_linflow.identity import ForgedIdentityError
from pods import RUN, ids, ours, recorded_pod, recording, scratch, sent, templates, without_ours


def mutate(pod: Any) -> dict[str, Any]:
    settings.pod_mutation_hook(pod)
    return sent(pod)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("af2_ke_normal_scheduled", ids("etl_daily", RUN, "extract")),
        ("af2_ke_mapped", ids("etl_daily", RUN, "transform_group.transform", 7)),
        ("af3_ke_normal_scheduled", ids("etl_daily", RUN, "extract")),
        ("af3_ke_mapped", ids("etl_daily", RUN, "transform_group.transform", 7)),
        ("af3_ke_collision_prefix_a", ids("-dag.with-edges-", "run:1+2", "t_")),
    ],
)
def test_an_executors_pod_shows_its_exact_ids_and_nothing_else_changes(name: str, expected: dict[str, str]) -> None:
    pod = mutate(recorded_pod(name))
    assert ours(pod) == expected
    assert without_ours(pod) == without_ours(recording(name))


def test_two_runs_that_share_a_label_are_told_apart() -> None:
    first, second = (mutate(recorded_pod(f"af3_ke_collision_prefix_{which}")) for which in "ab")
    assert first["metadata"]["labels"]["run_id"] == second["metadata"]["labels"]["run_id"]
    assert ours(first)["run-id"] != ours(second)["run-id"]


def test_long_unicode_ids_are_copied_to_the_character() -> None:
    annotations = recording("af3_ke_long_unicode")["metadata"]["annotations"]
    pod = mutate(recorded_pod("af3_ke_long_unicode"))
    assert ours(pod)["dag-id"] == annotations["dag_id"]
    assert len(ours(pod)["dag-id"]) > 200
    assert ours(pod)["task-id"] == annotations["task_id"]
    assert ours(pod)["run-id"] == annotations["run_id"]


def test_each_claim_template_gets_what_the_pod_has() -> None:
    pod = recorded_pod("af3_ke_ephemeral_pvc")
    pod.spec.volumes.append(scratch({"team": "a", keys.RUN_ID: "{{ run_id }}", f"{keys.PREFIX}made-up": "x"}))
    plain = mutate(pod)
    first, second = templates(plain)
    assert ours(first) == ours(second) == ours(plain) == ids("etl_daily", RUN, "extract")
    assert second["metadata"]["annotations"]["team"] == "a"


def test_volumes_written_as_dicts_are_marked_too() -> None:
    pod = recorded_pod("af3_ke_normal_scheduled")
    as_dict = sent(scratch({keys.DAG_ID: "victim"}))
    half = models.V1Volume(name="b", ephemeral={"volumeClaimTemplate": {"spec": {}}})
    pod.spec.volumes += [as_dict, half]
    for template in templates(mutate(pod)):
        assert ours(template) == ids("etl_daily", RUN, "extract")


def test_a_forged_identity_of_ours_is_overwritten() -> None:
    pod = recorded_pod("af3_ke_ephemeral_pvc")
    pod.metadata.annotations |= {keys.DAG_ID: "victim", keys.MAP_INDEX: "8", keys.INSTANCE: "other"}
    assert ours(mutate(pod)) == ids("etl_daily", RUN, "extract")


@pytest.mark.parametrize("name", ["af2_ke_mapped", "af3_ke_mapped", "af3_ke_override_spoof"])
def test_a_pod_that_is_annotated_as_another_task_than_it_runs_is_refused(name: str) -> None:
    pod = recorded_pod(name)
    pod.metadata.annotations["dag_id"] = "victim_dag"
    with pytest.raises(
        ForgedIdentityError, match=r"annotations say DAG victim_dag, .* but it runs DAG (?!victim)"
    ) as e:
        settings.pod_mutation_hook(pod)
    assert "jwt" not in str(e.value)


@pytest.mark.parametrize("name", ["af2_ke_normal_scheduled", "af3_ke_normal_scheduled"])
def test_a_map_index_out_of_a_pod_template_is_refused(name: str) -> None:
    pod = recorded_pod(name)
    pod.metadata.annotations["map_index"] = "8"
    with pytest.raises(ForgedIdentityError, match=r"extract\[8\].*extract\[-1\]"):
        settings.pod_mutation_hook(pod)


@pytest.mark.parametrize(
    "args", [None, [], ["bash"], ["x", "--json-string"], ["--json-string", "{"], ["--json-string", "[]"]]
)
def test_a_command_that_is_not_airflows_contradicts_nobody(args: list[str] | None) -> None:
    pod = recorded_pod("af3_ke_normal_scheduled")
    pod.spec.containers[0].args = args
    assert ours(mutate(pod)) == ids("etl_daily", RUN, "extract")


@pytest.mark.parametrize("pod", [models.V1Pod(), models.V1Pod(spec=models.V1PodSpec(containers=[])), "af3_kpo_normal"])
def test_a_pod_whose_task_is_not_known_keeps_no_identity_and_fails_nothing(pod: Any) -> None:
    pod = recorded_pod(pod) if isinstance(pod, str) else pod
    pod.metadata = pod.metadata or models.V1ObjectMeta()
    pod.metadata.annotations = {keys.DAG_ID: "victim", "note": "kept"}
    assert mutate(pod)["metadata"]["annotations"] == {"note": "kept"}


def test_a_scope_is_the_templates_else_the_pods_else_the_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__LINFLOW__SCOPE", "dag")
    pod = recorded_pod("af3_ke_ephemeral_pvc")
    pod.spec.volumes.append(scratch({keys.SCOPE: "task"}))
    assert [ours(template)["scope"] for template in templates(mutate(pod))] == ["dag", "task"]

    pod = recorded_pod("af3_ke_ephemeral_pvc")
    pod.metadata.annotations[keys.SCOPE] = "run"
    plain = mutate(pod)
    assert (ours(plain)["scope"], ours(templates(plain)[0])["scope"]) == ("run", "run")


def test_the_instance_is_the_options_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__LINFLOW__INSTANCE", "prod")
    pod = recorded_pod("af3_ke_ephemeral_pvc")
    pod.metadata.annotations[keys.INSTANCE] = "other"
    plain = mutate(pod)
    assert ours(plain)["instance"] == ours(templates(plain)[0])["instance"] == "prod"


def test_a_second_pass_changes_nothing() -> None:
    pod = recorded_pod("af3_ke_ephemeral_pvc")
    once = mutate(pod)
    assert mutate(pod) == once
