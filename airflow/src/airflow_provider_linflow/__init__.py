"""Tells linflow which Airflow task a pod and its volume claims belong to. Install it; there is nothing to edit."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"


def get_provider_info() -> dict[str, Any]:
    """What Airflow's provider manager shows, and the options of the section ``[linflow]``."""
    return {
        "package-name": "airflow-provider-linflow",
        "name": "linflow",
        "description": "Volumes that belong to a workflow.",
        "versions": [__version__],
        "config": {
            "linflow": {
                "description": "Volumes by linflow, a CSI driver for LINSTOR.",
                "options": {
                    "instance": _option("This Airflow, as linflow's --airflow-instance names it.", "prod"),
                    "scope": _option("Who owns a volume whose pod doesn't say: task, run, dag, pod or none.", "run"),
                },
            }
        },
    }


def _option(description: str, example: str) -> dict[str, str]:
    return {
        "description": description,
        "version_added": __version__,
        "type": "string",
        "example": example,
        "default": "",
    }
