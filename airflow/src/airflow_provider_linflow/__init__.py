"""Tells linflow which Airflow task a pod and its volume claims belong to, and when a run is over. Install it; there is
nothing to edit."""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

RUNS_TOKEN_FILE = "/var/run/secrets/linflow.csi/token"
RUNS_TIMEOUT = "30"


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
                    "runs_url": _option(
                        "Where linflow is told of each run that it is over or goes on; empty: it is not told.",
                        "http://linflow-runs.linflow.svc:9813",
                    ),
                    "runs_token_file": _option(
                        "A file with the token for that: a service account's, for the audience linflow.csi.",
                        RUNS_TOKEN_FILE,
                        RUNS_TOKEN_FILE,
                    ),
                    "runs_ca_file": _option(
                        "A PEM file with the authorities whose certificates an https address may have; "
                        "empty: those of the system.",
                        "/etc/linflow/ca.crt",
                    ),
                    "runs_timeout": _option("How long linflow may take to answer, in seconds.", "120", RUNS_TIMEOUT),
                },
            }
        },
    }


def _option(description: str, example: str, default: str = "") -> dict[str, str]:
    return {
        "description": description,
        "version_added": __version__,
        "type": "string",
        "example": example,
        "default": default,
    }
