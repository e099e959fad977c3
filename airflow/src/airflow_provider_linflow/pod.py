"""The metadata of a pod and of the claims that Kubernetes makes for it.

A pod is a V1Pod; what lies in it may be a model of the client or, where a DAG's author wrote it so, a plain dict. Both
hooks run on what authors wrote, and an exception there fails a task or holds up the scheduler: whatever has another
shape is passed over and left for Airflow and Kubernetes to refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

_CLAIM_TEMPLATE = "volumeClaimTemplate"


def holders(pod: Any) -> Iterator[Any]:
    """What has metadata: the pod, then the volumeClaimTemplate of each of its volumes."""
    yield pod
    volumes = _get(_get(pod, "spec"), "volumes")
    for volume in volumes if isinstance(volumes, list) else []:
        ephemeral = _get(volume, "ephemeral")
        template = _get(ephemeral, _CLAIM_TEMPLATE) or _get(ephemeral, "volume_claim_template")
        if template is not None:
            yield template


def mapping(holder: Any, name: str) -> dict[str, Any]:
    """Its ``labels`` or ``annotations``, to be changed in place; an empty dict of nobody's where there are none."""
    found = _get(_get(holder, "metadata"), name)
    return found if isinstance(found, dict) else {}


def annotate(holder: Any, annotations: dict[str, str]) -> None:
    """Adds the annotations, over those that are there."""
    from kubernetes.client import models  # noqa: PLC0415 - slow, and each command of Airflow loads this module

    merged = {**mapping(holder, "annotations"), **annotations}
    if isinstance(holder, dict):
        holder["metadata"] = {**(holder.get("metadata") or {}), "annotations": merged}
    elif isinstance(holder.metadata, dict):
        holder.metadata["annotations"] = merged
    else:
        holder.metadata = holder.metadata or models.V1ObjectMeta()
        holder.metadata.annotations = merged


def drop(keys: dict[str, Any], condemned: Callable[[str], bool]) -> None:
    """Removes the keys that are condemned."""
    for key in [key for key in keys if condemned(key)]:
        del keys[key]


def _get(holder: Any, name: str) -> Any:
    return holder.get(name) if isinstance(holder, dict) else getattr(holder, name, None)
