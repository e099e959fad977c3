"""Which task a pod is of.

In a task's own process (KubernetesPodOperator, whichever the executor) the running context says it. In the scheduler
(KubernetesExecutor) the annotations do that Airflow has just written, once user overrides have lost their reserved
keys; the worker's command, which names the task a second time, must not say otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from . import keys

UNMAPPED = "-1"
"""The map_index of a task that isn't mapped; Airflow leaves it out."""


class ForgedIdentityError(ValueError):
    """A pod that says it is of another task than the one it runs."""


@dataclass(frozen=True)
class Identity:
    """One try of a task instance, each part as Airflow has it."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: str = UNMAPPED
    try_number: str | None = None

    def annotations(self) -> dict[str, str]:
        """The parts under linflow's keys."""
        parts = {
            keys.DAG_ID: self.dag_id,
            keys.RUN_ID: self.run_id,
            keys.TASK_ID: self.task_id,
            keys.MAP_INDEX: self.map_index,
            keys.TRY_NUMBER: self.try_number,
        }
        return {key: part for key, part in parts.items() if part is not None}

    def __str__(self) -> str:
        return f"DAG {self.dag_id}, run {self.run_id}, task {self.task_id}[{self.map_index}]"


def of_task_instance(ti: Any) -> Identity:
    """A running task instance's."""
    return Identity(ti.dag_id, ti.run_id, ti.task_id, _index(ti.map_index), str(ti.try_number))


def of_worker(annotations: Mapping[str, str], command: Sequence[Any]) -> Identity | None:
    """A KubernetesExecutor worker's, by its annotations; none where Airflow wrote no ids.

    Raises ForgedIdentityError where the command runs another task. Something then got past the removal of reserved keys
    (a pod template, say), and going on would give the pod another task's volume.
    """
    shown = _of_mapping(annotations)
    run = _of_command([str(word) for word in command])
    if shown and run and replace(shown, try_number=None) != run:
        raise ForgedIdentityError(
            f"the pod's annotations say {shown}, but it runs {run}; take dag_id, run_id, task_id and map_index out of "
            "its pod template and pod_override"
        )
    return shown


def _of_mapping(ids: Mapping[str, Any]) -> Identity | None:
    try:
        dag_id, run_id, task_id = ids["dag_id"], ids["run_id"], ids["task_id"]
    except KeyError:
        return None
    return Identity(dag_id, run_id, task_id, _index(ids.get("map_index")), ids.get("try_number"))


def _index(map_index: object) -> str:
    return UNMAPPED if map_index is None else str(map_index)


def _of_command(words: Sequence[str]) -> Identity | None:
    """The task that a worker's command names; none for a command that isn't Airflow's."""
    match words:
        case ["airflow", "tasks", "run", dag_id, task_id, run_id, *options]:
            return Identity(dag_id, run_id, task_id, _after("--map-index", options) or UNMAPPED)
        case _:
            return _of_workload(_after("--json-string", words) or "")


def _of_workload(text: str) -> Identity | None:
    """Airflow 3's workload. It holds the task's token, so no part of it is logged but the ids."""
    try:
        ids = _of_mapping(json.loads(text)["ti"])
    except (ValueError, KeyError, TypeError):
        return None
    return ids and replace(ids, try_number=None)


def _after(option: str, words: Sequence[str]) -> str | None:
    return next((value for word, value in pairwise(words) if word == option), None)
