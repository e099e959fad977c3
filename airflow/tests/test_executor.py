"""Pods that the real KubernetesExecutor of the Airflow installed here makes, compared with recorded ones."""

from __future__ import annotations

import queue
from typing import Any
from unittest import mock

import pytest
from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor_types import KubernetesJob
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor_utils import AirflowKubernetesScheduler
from airflow.providers.cncf.kubernetes.kube_config import KubeConfig
from airflow.providers.cncf.kubernetes.pod_generator import PodMutationHookException
from airflow_provider_linflow import keys
from pods import LINE, RUN, ids, ours, recording, sent, templates, with_scratch, without_ours

IMAGE = {"af2": "apache/airflow:2.11.2", "af3": "apache/airflow:3.3.2"}[LINE]


@pytest.fixture(scope="module")
def scheduler() -> Any:
    with mock.patch.object(AirflowKubernetesScheduler, "_make_kube_watchers", return_value={}):
        scheduler = AirflowKubernetesScheduler(KubeConfig(), queue.Queue(), mock.Mock(), "42")
    yield scheduler
    scheduler._manager.shutdown()


def launch(scheduler: Any, key: TaskInstanceKey, override: Any = None, template: str | None = None) -> dict[str, Any]:
    """The pod that the executor would send to Kubernetes."""
    command = _command(key) if LINE == "af2" else [_workload(key)]
    with mock.patch.object(scheduler, "run_pod_async") as run:
        scheduler.run_next(KubernetesJob(key, command, override, template, IMAGE))
    run.assert_called_once()
    return sent(run.call_args.args[0])


def _command(key: TaskInstanceKey) -> list[str]:
    command = ["airflow", "tasks", "run", key.dag_id, key.task_id, key.run_id, "--local", "--subdir", "DAGS_FOLDER/x.py"]
    return command if key.map_index < 0 else [*command, "--map-index", str(key.map_index)]


def _workload(key: TaskInstanceKey) -> Any:
    from airflow.executors.workloads import ExecuteTask  # noqa: PLC0415 - of Airflow 3 alone

    some_uuid = "019ab0de-0000-7000-8000-b966429a8c61"
    ti = {"id": some_uuid, "dag_version_id": some_uuid, "pool_slots": 1, "priority_weight": 1, "queue": "kubernetes"}
    return ExecuteTask.model_validate(
        {
            "token": "a-token-that-nobody-may-log",
            "dag_rel_path": "dags/x.py",
            "bundle_info": {"name": "dags-folder", "version": None},
            "log_path": None,
            "ti": ti | key._asdict(),
        }
    )


@pytest.mark.parametrize(
    ("name", "task_id", "map_index"),
    [("ke_normal_scheduled", "extract", -1), ("ke_mapped", "transform_group.transform", 7)],
)
def test_a_pod_is_the_recorded_one_and_shows_its_exact_ids(
    scheduler: Any, name: str, task_id: str, map_index: int
) -> None:
    pod = launch(scheduler, TaskInstanceKey("etl_daily", task_id, RUN, 1, map_index))
    assert ours(pod) == ids("etl_daily", RUN, task_id, map_index)
    assert without_ours(pod) == without_ours(recording(f"{LINE}_{name}"))


def test_a_claim_out_of_pod_override_gets_the_ids(scheduler: Any) -> None:
    pod = launch(scheduler, TaskInstanceKey("etl_daily", "extract", RUN, 1, -1), with_scratch())
    (template,) = templates(pod)
    assert ours(template) == ours(pod) == ids("etl_daily", RUN, "extract")
    if LINE == "af3":
        assert without_ours(pod) == without_ours(recording("af3_ke_ephemeral_pvc"))


def test_a_retry_differs_in_its_try_alone(scheduler: Any) -> None:
    tries = [ours(launch(scheduler, TaskInstanceKey("etl_daily", "extract", RUN, n, 0))) for n in (1, 3)]
    assert tries == [ids("etl_daily", RUN, "extract", 0, n) for n in (1, 3)]


def test_ids_of_any_script_are_exact(scheduler: Any) -> None:
    dag_id, run_id, task_id = "客" * 250, "manual__A~b:c+d." * 15, "группа.задача"
    pod = launch(scheduler, TaskInstanceKey(dag_id, task_id, run_id, 1, -1), with_scratch())
    assert ours(templates(pod)[0]) == ids(dag_id, run_id, task_id)


def test_another_tasks_identity_that_got_past_the_scheduler_fails_the_try(scheduler: Any) -> None:
    spoof = with_scratch(annotations={"dag_id": "victim_dag", "run_id": "victim_run"})
    with pytest.raises(PodMutationHookException) as refused:
        launch(scheduler, TaskInstanceKey("attacker_dag", "t", RUN, 1, -1), spoof)
    said = str(refused.value.__cause__)
    assert "victim_dag" in said
    assert "token" not in said


def test_keys_of_ours_in_pod_override_name_nobody_but_a_scope(scheduler: Any) -> None:
    forged = {keys.DAG_ID: "victim", keys.MAP_INDEX: "8", keys.INSTANCE: "other", keys.SCOPE: "run"}
    pod = launch(scheduler, TaskInstanceKey("etl_daily", "extract", RUN, 1, -1), with_scratch(annotations=forged))
    assert ours(pod) == ours(templates(pod)[0]) == ids("etl_daily", RUN, "extract") | {"scope": "run"}
