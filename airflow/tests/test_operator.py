"""Pods that the real KubernetesPodOperator makes in a task's process, compared with recorded ones."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from kubernetes.client import models

from airflow_provider_linflow import keys
from pods import LINE, MANUAL_RUN, RUN, ids, ours, recording, scratch, sent, templates, without_ours


@contextlib.contextmanager
def running(ti: Any) -> Any:
    """The process of a running task, as far as an operator sees it."""
    try:
        from airflow.sdk.execution_time.context import set_current_context  # noqa: PLC0415
    except ImportError:  # Airflow 2
        from airflow.models.taskinstance import set_current_context  # noqa: PLC0415
    with set_current_context({"ti": ti, "run_id": ti.run_id, "dag": None}) as context:
        yield context


def task(task_id: str, run_id: str, map_index: int | None = -1, try_number: int = 1, dag_id: str = "etl_daily") -> Any:
    return SimpleNamespace(dag_id=dag_id, run_id=run_id, task_id=task_id, map_index=map_index, try_number=try_number)


def launch(ti: Any, **arguments: Any) -> dict[str, Any]:
    """The pod that the operator would send to Kubernetes."""
    operator = KubernetesPodOperator(
        task_id="train",
        namespace="airflow",
        name="job",
        image="busybox:1.36",
        cmds=["sh", "-c"],
        arguments=["echo hi > /data/x"],
        **arguments,
    )
    operator.hook = mock.Mock(is_in_cluster=True)
    with running(ti) as context:
        return sent(operator.build_pod_request_obj(context))


def test_a_pod_is_the_recorded_one_and_shows_its_exact_ids() -> None:
    pod = launch(task("train", RUN))
    assert ours(pod) == ids("etl_daily", RUN, "train")
    assert without_ours(pod) == without_ours(recording(f"{LINE}_kpo_normal"))


def test_a_mapped_tasks_pod_says_which_copy_it_is() -> None:
    claim = models.V1Volume(
        name="data",
        persistent_volume_claim=models.V1PersistentVolumeClaimVolumeSource(claim_name="etl-daily-shared"),
    )
    mount = models.V1VolumeMount(name="data", mount_path="/data")
    pod = launch(task("train", MANUAL_RUN, 3, 2), volumes=[claim], volume_mounts=[mount])
    assert ours(pod) == ids("etl_daily", MANUAL_RUN, "train", 3, 2)
    if LINE == "af3":
        assert without_ours(pod) == without_ours(recording("af3_kpo_mapped_pvc"))


def test_a_claim_template_gets_what_jinja_would_not_render() -> None:
    volume = scratch({keys.RUN_ID: "{{ run_id }}"})
    mount = models.V1VolumeMount(name="scratch", mount_path="/scratch")
    pod = launch(task("train", RUN), volumes=[volume], volume_mounts=[mount])
    (template,) = templates(pod)
    assert ours(template) == ours(pod) == ids("etl_daily", RUN, "train")
    if LINE == "af3":
        assert without_ours(pod) == without_ours(recording("af3_kpo_ephemeral"))
    assert volume.ephemeral.volume_claim_template.metadata.annotations == {keys.RUN_ID: "{{ run_id }}"}


def test_a_users_annotations_name_nobody_else() -> None:
    forged = {"dag_id": "victim", keys.DAG_ID: "victim", keys.MAP_INDEX: "8", keys.SCOPE: "run"}
    pod = launch(task("t", RUN, dag_id="attacker_dag"), annotations=forged, volumes=[scratch()])
    assert ours(pod) == ours(templates(pod)[0]) == ids("attacker_dag", RUN, "t") | {"scope": "run"}


@pytest.mark.parametrize("map_index", [-1, None])
def test_an_unmapped_task_says_minus_one(map_index: int | None) -> None:
    assert ours(launch(task("train", RUN, map_index)))["map-index"] == "-1"


def test_a_dry_run_outside_a_task_shows_no_identity() -> None:
    operator = KubernetesPodOperator(
        task_id="train", name="job", namespace="airflow", image="busybox", annotations={keys.DAG_ID: "victim"}
    )
    operator.hook = mock.Mock(is_in_cluster=True)
    assert ours(sent(operator.build_pod_request_obj())) == {}
