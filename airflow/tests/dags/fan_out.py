"""A DAG whose author says that its tasks are another DAG's, and one that fans out over KubernetesPodOperator."""

from __future__ import annotations

import datetime
from typing import Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models as k8s

from airflow_provider_linflow import keys
from pods import scratch, with_scratch

try:
    from airflow.sdk import DAG, BaseOperator
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.models.baseoperator import BaseOperator


class Nothing(BaseOperator):
    """A task of no matter, which can be mapped."""

    def __init__(self, number: int = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context: object) -> None:
        """Does nothing."""


SPOOF = {"dag_id": "victim_dag", "run_id": "victim_run", "map_index": "8", keys.DAG_ID: "victim_dag", keys.SCOPE: "run"}
START = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)

with DAG("spoofing", schedule=None, start_date=START) as spoofing:
    labels = {"dag_id": "victim_dag", "kubernetes_executor": "False", "team": "a"}
    Nothing(task_id="t", executor_config={"pod_override": with_scratch(labels, SPOOF | {"note": "kept"}), "more": 1})
    Nothing.partial(task_id="m", executor_config={"pod_override": with_scratch(annotations=SPOOF)}).expand(
        number=[1, 2]
    )
    Nothing(task_id="honest", executor_config={"pod_override": with_scratch({"team": "a"})})
    Nothing(task_id="odd", executor_config={"pod_override": k8s.V1Pod()})

with DAG("fan_out", schedule=None, start_date=START) as fan_out:
    KubernetesPodOperator.partial(
        task_id="train", name="job", namespace="airflow", image="busybox", volumes=[scratch()]
    ).expand(arguments=[["a"], ["b"], ["c"]])
