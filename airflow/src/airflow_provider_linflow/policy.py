"""Airflow's policy hooks; the entry point ``airflow.policy`` loads this module wherever Airflow runs.

Both run last, so that they see what other plugins and airflow_local_settings.py have made of a pod.
"""

from __future__ import annotations

import copy
import logging
from typing import Any

from airflow import settings
from airflow.exceptions import AirflowException
from airflow.policies import hookimpl

from . import identity, keys
from .identity import Identity
from .options import option
from .pod import annotate, drop, holders, mapping

log = logging.getLogger(__name__)

# Airflow looks at this flag when it makes the task instances of a run, and clears it only where there is an
# airflow_local_settings.py. Otherwise the first try of each task would keep what the hook below takes away.
settings.task_instance_mutation_hook.is_noop = False  # type: ignore[attr-defined]


@hookimpl(trylast=True)
def task_instance_mutation_hook(task_instance: Any) -> None:
    """Takes the keys that name a task out of the author's pod_override, where it would win over Airflow's own.

    It runs in the scheduler, on what the DAG's author can no longer change. It never raises: that would hold up every
    task of the DAG.
    """
    config = task_instance.executor_config
    override = config.get("pod_override") if isinstance(config, dict) else None
    forbidden = {key for given in _author_given(override) for key in given if keys.is_reserved(key)}
    if not forbidden:
        return
    # A copy, since the task and every other instance of it have the same object.
    override = copy.deepcopy(override)
    for given in _author_given(override):
        drop(given, keys.is_reserved)
    task_instance.executor_config = {**config, "pod_override": override}
    log.warning(
        "pod_override of task %s of DAG %s sets %s, which only Airflow may; left out",
        task_instance.task_id,
        task_instance.dag_id,
        ", ".join(sorted(forbidden)),
    )


def _author_given(pod: Any) -> list[dict[str, Any]]:
    return [mapping(holder, name) for holder in holders(pod) for name in ("annotations", "labels")]


@hookimpl(trylast=True)
def pod_mutation_hook(pod: Any) -> None:
    """Writes the exact identity on the pod and into each volumeClaimTemplate, over whatever says otherwise there.

    Kubernetes copies a template's annotations on its claim, and nothing from the pod. A pod whose task isn't known
    keeps no identity. It raises, and so fails the try, in one case: a pod that is annotated as another task than the
    one it runs.
    """
    task = _identity(pod)
    ids = task.annotations() if task else {}
    if task and (instance := option("instance")):
        ids[keys.INSTANCE] = instance
    scope = mapping(pod, "annotations").get(keys.SCOPE) or option("scope")
    for holder in holders(pod):
        own = mapping(holder, "annotations")
        drop(own, keys.is_ours)
        # A volume may have another scope than the pod's others; nobody may have another task.
        chosen = own.get(keys.SCOPE) or scope
        annotate(holder, ids | ({keys.SCOPE: chosen} if chosen else {}))


def _identity(pod: Any) -> Identity | None:
    if ti := _running_task():
        return identity.of_task_instance(ti)
    containers = pod.spec.containers if pod.spec else None
    command = containers[0].args if containers else None
    return identity.of_worker(mapping(pod, "annotations"), command or [])


def _running_task() -> Any:
    """The task instance whose process this is: KubernetesPodOperator makes its pod there. None in the scheduler."""
    try:
        from airflow.sdk import get_current_context  # noqa: PLC0415
    except ImportError:  # Airflow 2
        from airflow.operators.python import get_current_context  # noqa: PLC0415
    try:
        return get_current_context()["ti"]
    except (RuntimeError, AirflowException):  # of Airflow 3 and 2: no task runs here
        return None
