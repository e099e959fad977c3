"""Pods: the recorded ones (tests/fixtures/airflow-pods of the repository), and what linflow reads of any."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from airflow import __version__ as airflow_version
from kubernetes.client import ApiClient, models

from airflow_provider_linflow import keys

REPOSITORY = Path(__file__).parents[2]
LINE = "af2" if airflow_version.startswith("2.") else "af3"
RUN = "scheduled__2025-01-01T00:00:00+00:00"
MANUAL_RUN = "manual__2025-11-23T03:31:55.123456+00:00_Ab3dEf9Z"


def recording(name: str) -> dict[str, Any]:
    """A recorded pod as Airflow would have sent it."""
    text = (REPOSITORY / "tests" / "fixtures" / "airflow-pods" / f"{name}.yaml").read_text()
    pod: dict[str, Any] = yaml.safe_load(text)
    return pod


def recorded_pod(name: str) -> Any:
    """A recorded pod as a hook sees it."""
    return ApiClient().deserialize(SimpleNamespace(data=json.dumps(recording(name))), "V1Pod")


def sent(pod: Any) -> dict[str, Any]:
    """A pod as Airflow would send it."""
    plain: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)
    return plain


def ours(holder: dict[str, Any]) -> dict[str, str]:
    """The annotations of a pod or a template that linflow reads, without their prefix."""
    annotations = holder.get("metadata", {}).get("annotations") or {}
    return {key.removeprefix(keys.PREFIX): value for key, value in annotations.items() if key.startswith(keys.PREFIX)}


def templates(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """The volumeClaimTemplates of a pod."""
    return [volume["ephemeral"]["volumeClaimTemplate"] for volume in pod["spec"]["volumes"] if "ephemeral" in volume]


def without_ours(pod: dict[str, Any]) -> dict[str, Any]:
    """What is left without our annotations, and without what is random or a secret: name's end, and the command."""
    pod = json.loads(json.dumps(pod))
    for holder in [pod, *templates(pod)]:
        annotations = holder["metadata"].get("annotations") or {}
        holder["metadata"]["annotations"] = {k: v for k, v in annotations.items() if not k.startswith(keys.PREFIX)}
    pod["metadata"]["name"] = pod["metadata"]["name"].rpartition("-")[0]
    base = pod["spec"]["containers"][0]
    if "--json-string" in base.get("args", []):
        base["args"][-1] = "(workload)"
    return pod


def ids(dag_id: str, run_id: str, task_id: str, map_index: int = -1, try_number: int = 1) -> dict[str, str]:
    """What linflow shall read of a task."""
    return {
        "dag-id": dag_id,
        "run-id": run_id,
        "task-id": task_id,
        "map-index": str(map_index),
        "try-number": str(try_number),
    }


def scratch(annotations: dict[str, str] | None = None) -> Any:
    """A volume with a claim of its own, as the recordings have it."""
    return models.V1Volume(
        name="scratch",
        ephemeral=models.V1EphemeralVolumeSource(
            volume_claim_template=models.V1PersistentVolumeClaimTemplate(
                metadata=models.V1ObjectMeta(annotations=annotations),
                spec=models.V1PersistentVolumeClaimSpec(
                    access_modes=["ReadWriteOnce"],
                    storage_class_name="linstor-workflow",
                    resources=models.V1VolumeResourceRequirements(requests={"storage": "10Gi"}),
                ),
            )
        ),
    )


def with_scratch(
    labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, **metadata: Any
) -> Any:
    """A pod_override that adds the volume, and what an author may write beside it."""
    mount = models.V1VolumeMount(name="scratch", mount_path="/scratch")
    return models.V1Pod(
        metadata=models.V1ObjectMeta(labels=labels, annotations=annotations, **metadata),
        spec=models.V1PodSpec(
            containers=[models.V1Container(name="base", volume_mounts=[mount])], volumes=[scratch(annotations)]
        ),
    )
