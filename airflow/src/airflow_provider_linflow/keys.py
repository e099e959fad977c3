"""The annotations that linflow reads, and the keys that nobody but Airflow and this package may set."""

from __future__ import annotations

PREFIX = "linflow.csi/"
INSTANCE = f"{PREFIX}instance"
SCOPE = f"{PREFIX}scope"
DAG_ID = f"{PREFIX}dag-id"
RUN_ID = f"{PREFIX}run-id"
TASK_ID = f"{PREFIX}task-id"
MAP_INDEX = f"{PREFIX}map-index"
TRY_NUMBER = f"{PREFIX}try-number"
RETAIN = f"{PREFIX}retain"
FROM = f"{PREFIX}from"
REAP_UNPROVEN = f"{PREFIX}reap-unproven"
CONFIRM = f"{PREFIX}confirm"
# The last two are for a StorageClass alone: as annotations linflow refuses them.

CHOICES = frozenset({SCOPE, RETAIN, FROM})
"""What a DAG's author may choose: how much of the own workflow owns a volume, how long it is kept, and which of the own
run's volumes it begins as a copy of. It names nobody else."""

AIRFLOWS = frozenset(
    {
        "dag_id",
        "run_id",
        "task_id",
        "map_index",
        "try_number",
        "execution_date",
        "logical_date",
        "task_instance_id",
        "ti_id",
        "kubernetes_executor",
        "kubernetes_pod_operator",
        "airflow-worker",
        "airflow_version",
    }
)
"""The bare keys under which Airflow names a task, in annotations and in labels."""


def is_ours(key: object) -> bool:
    """Whether only this package may write the key; what is no text is for Kubernetes to refuse."""
    return isinstance(key, str) and key.startswith(PREFIX) and key not in CHOICES


def is_reserved(key: object) -> bool:
    """Whether a user's override may not have the key."""
    return key in AIRFLOWS or is_ours(key)
