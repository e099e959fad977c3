"""A DAG that succeeds and one that fails."""

from __future__ import annotations

import datetime
from typing import Any

try:
    from airflow.sdk import DAG, BaseOperator
except ImportError:  # Airflow 2
    from airflow import DAG
    from airflow.models.baseoperator import BaseOperator


class End(BaseOperator):
    """A task that fails or doesn't."""

    def __init__(self, fails: bool, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fails = fails

    def execute(self, context: object) -> None:
        """Fails, or doesn't."""
        if self.fails:
            raise RuntimeError("as it should")


START = datetime.datetime(2025, 1, 1, tzinfo=datetime.timezone.utc)

with DAG("succeeding", schedule=None, start_date=START) as succeeding:
    End(task_id="t", fails=False)

with DAG("failing", schedule=None, start_date=START) as failing:
    End(task_id="t", fails=True)
