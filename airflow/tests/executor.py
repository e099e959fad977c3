"""The real KubernetesExecutor of the Airflow installed here, up to the request to Kubernetes."""

from __future__ import annotations

import contextlib
import queue
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

from airflow.models.taskinstancekey import TaskInstanceKey
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor_types import KubernetesJob
from airflow.providers.cncf.kubernetes.executors.kubernetes_executor_utils import AirflowKubernetesScheduler
from airflow.providers.cncf.kubernetes.kube_config import KubeConfig

from pods import LINE, sent

IMAGE = {"af2": "apache/airflow:2.11.2", "af3": "apache/airflow:3.3.2"}[LINE]

Launch = Callable[..., dict[str, Any]]


@contextlib.contextmanager
def executor() -> Iterator[Launch]:
    """What takes a task instance's key and its pod_override, and gives the pod that Kubernetes would be sent."""
    with mock.patch.object(AirflowKubernetesScheduler, "_make_kube_watchers", return_value={}):
        scheduler = AirflowKubernetesScheduler(KubeConfig(), queue.Queue(), mock.Mock(), "42")

    def launch(key: TaskInstanceKey, override: Any = None) -> dict[str, Any]:
        command = _command(key) if LINE == "af2" else [_workload(key)]
        with mock.patch.object(scheduler, "run_pod_async") as run:
            scheduler.run_next(KubernetesJob(key, command, override, None, IMAGE))
        run.assert_called_once()
        return sent(run.call_args.args[0])

    try:
        yield launch
    finally:
        scheduler._manager.shutdown()


def _command(key: TaskInstanceKey) -> list[str]:
    index = [] if key.map_index < 0 else ["--map-index", str(key.map_index)]
    task = ["airflow", "tasks", "run", key.dag_id, key.task_id, key.run_id]
    return [*task, "--local", "--subdir", "DAGS_FOLDER/x.py", *index]


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
