"""Task instances that the Airflow installed here makes in a database of its own, and runs."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from airflow import settings
from airflow.exceptions import AirflowSkipException
from airflow.models.taskinstance import TaskInstance
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.utils.session import create_session
from kubernetes.client import models

from airflow_provider_linflow import keys
from executor import Launch
from pods import ids, ours, sent, templates

pytestmark = pytest.mark.usefixtures("database")


def run(dag: Any) -> list[Any]:
    """Runs the DAG, and gives its task instances as the scheduler reads them."""
    run_id = dag.test().run_id
    with create_session() as session:
        found = session.query(TaskInstance).filter_by(dag_id=dag.dag_id, run_id=run_id).all()
        session.expunge_all()
    return sorted(found, key=lambda ti: (ti.task_id, ti.map_index))


def test_what_names_another_task_is_gone_before_the_first_try(launch: Launch) -> None:
    from dags.fan_out import spoofing  # noqa: PLC0415 - not before there is a database

    instances = {(ti.task_id, ti.map_index): ti for ti in run(spoofing)}
    assert list(instances) == [("honest", -1), ("m", 0), ("m", 1), ("odd", -1), ("t", -1)]
    for (task_id, map_index), ti in instances.items():
        override = sent(ti.executor_config["pod_override"])
        assert "victim" not in str(override), task_id
        if task_id == "odd":
            continue
        pod = launch(ti.key, ti.executor_config["pod_override"])
        scope = {} if task_id == "honest" else {"scope": "run"}
        assert ours(pod) == ours(templates(pod)[0]) == ids("spoofing", ti.run_id, task_id, map_index) | scope
        assert pod["metadata"]["labels"]["kubernetes_executor"] == "True"

    spoofed = instances["t", -1].executor_config
    assert spoofed["more"] == 1
    metadata = sent(spoofed["pod_override"])["metadata"]
    assert metadata == {"labels": {"team": "a"}, "annotations": {"note": "kept", keys.SCOPE: "run"}}


def test_each_copy_of_a_mapped_task_has_its_own_pod_and_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    from dags.fan_out import fan_out  # noqa: PLC0415

    pods: list[dict[str, Any]] = []

    def capture(_operator: Any, pod_request_obj: Any, context: Any) -> None:
        pods.append(sent(pod_request_obj))
        raise AirflowSkipException("there is no Kubernetes here")

    monkeypatch.setattr(KubernetesPodOperator, "hook", mock.Mock(is_in_cluster=True, spec=["is_in_cluster"]))
    monkeypatch.setattr(KubernetesPodOperator, "get_or_create_pod", capture)
    instances = run(fan_out)
    assert len(instances) == 3
    expected = [ids("fan_out", ti.run_id, "train", index) for index, ti in enumerate(instances)]
    pods.sort(key=lambda pod: ours(pod)["map-index"])
    assert [ours(pod) for pod in pods] == expected
    assert [ours(templates(pod)[0]) for pod in pods] == expected


def test_a_key_that_is_no_text_holds_nobody_up() -> None:
    override = models.V1Pod(metadata=models.V1ObjectMeta(labels={5: "x", None: "y", "dag_id": "victim"}))
    ti = mock.Mock(executor_config={"pod_override": override})
    settings.task_instance_mutation_hook(ti)
    assert ti.executor_config["pod_override"].metadata.labels == {5: "x", None: "y"}
    assert override.metadata.labels["dag_id"] == "victim", "the task's own is left as it was"


@pytest.mark.parametrize(
    "config", [None, {}, {"pod_override": None}, {"pod_override": "text"}, {"pod_override": {}}, "text"]
)
def test_an_odd_executor_config_holds_nobody_up(config: Any) -> None:
    ti = mock.Mock(executor_config=config)
    settings.task_instance_mutation_hook(ti)
    assert ti.executor_config == config
