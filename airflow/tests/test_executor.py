"""Pods that the real KubernetesExecutor of the Airflow installed here makes, compared with recorded ones."""

from __future__ import annotations

import pytest
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.providers.cncf.kubernetes.pod_generator import PodMutationHookException

from airflow_provider_linflow import keys
from executor import Launch
from pods import LINE, RUN, ids, ours, recording, templates, with_scratch, without_ours


@pytest.mark.parametrize(
    ("name", "task_id", "map_index"),
    [("ke_normal_scheduled", "extract", -1), ("ke_mapped", "transform_group.transform", 7)],
)
def test_a_pod_is_the_recorded_one_and_shows_its_exact_ids(
    launch: Launch, name: str, task_id: str, map_index: int
) -> None:
    pod = launch(TaskInstanceKey("etl_daily", task_id, RUN, 1, map_index))
    assert ours(pod) == ids("etl_daily", RUN, task_id, map_index)
    assert without_ours(pod) == without_ours(recording(f"{LINE}_{name}"))


def test_a_claim_out_of_pod_override_gets_the_ids(launch: Launch) -> None:
    pod = launch(TaskInstanceKey("etl_daily", "extract", RUN, 1, -1), with_scratch())
    (template,) = templates(pod)
    assert ours(template) == ours(pod) == ids("etl_daily", RUN, "extract")
    if LINE == "af3":
        assert without_ours(pod) == without_ours(recording("af3_ke_ephemeral_pvc"))


def test_a_retry_differs_in_its_try_alone(launch: Launch) -> None:
    tries = [ours(launch(TaskInstanceKey("etl_daily", "extract", RUN, n, 0))) for n in (1, 3)]
    assert tries == [ids("etl_daily", RUN, "extract", 0, n) for n in (1, 3)]


def test_ids_of_any_script_are_exact(launch: Launch) -> None:
    dag_id, run_id, task_id = "客" * 250, "manual__A~b:c+d." * 15, "группа.задача"
    pod = launch(TaskInstanceKey(dag_id, task_id, run_id, 1, -1), with_scratch())
    assert ours(templates(pod)[0]) == ids(dag_id, run_id, task_id)


def test_another_tasks_identity_that_got_past_the_scheduler_fails_the_try(launch: Launch) -> None:
    spoof = with_scratch(annotations={"dag_id": "victim_dag", "run_id": "victim_run"})
    with pytest.raises(PodMutationHookException) as refused:
        launch(TaskInstanceKey("attacker_dag", "t", RUN, 1, -1), spoof)
    said = str(refused.value.__cause__)
    assert "victim_dag" in said
    assert "token" not in said


def test_keys_of_ours_in_pod_override_name_nobody_but_a_scope(launch: Launch) -> None:
    forged = {keys.DAG_ID: "victim", keys.MAP_INDEX: "8", keys.INSTANCE: "other", keys.SCOPE: "run"}
    pod = launch(TaskInstanceKey("etl_daily", "extract", RUN, 1, -1), with_scratch(annotations=forged))
    assert ours(pod) == ours(templates(pod)[0]) == ids("etl_daily", RUN, "extract") | {"scope": "run"}
