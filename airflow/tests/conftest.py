"""An Airflow of its own, made before anything imports airflow: nothing of the machine's is read or written."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent

home = tempfile.TemporaryDirectory(prefix="airflow-provider-linflow-")
sys.path.insert(0, str(TESTS))
for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
    del os.environ[name]
os.environ.update(
    AIRFLOW_HOME=home.name,
    AIRFLOW__CORE__DAGS_FOLDER=str(TESTS / "dags"),
    AIRFLOW__CORE__LOAD_EXAMPLES="False",
    AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"sqlite:///{home.name}/airflow.db",
    AIRFLOW__API_AUTH__JWT_SECRET="a secret for tests, of no worth to anybody, and long enough",
    AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE="airflow",
    AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE=str(TESTS / "pod_template.yaml"),
)


@pytest.fixture(scope="session")
def launch() -> Iterator[Any]:
    """The real KubernetesExecutor (see executor.py)."""
    from executor import executor  # noqa: PLC0415 - not before Airflow has its home

    with executor() as launch:
        yield launch


@pytest.fixture(scope="session")
def database() -> None:
    """Airflow's tables."""
    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True)
