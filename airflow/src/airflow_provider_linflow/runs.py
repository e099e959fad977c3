"""Tells linflow when runs end and when they go on; the entry point ``airflow.plugins`` has Airflow load it.

Airflow calls the hooks where it decides about runs: in the scheduler, in Airflow 3's API server where a person sets a
run's state, and in ``dag.test()``. Without the option ``runs_url`` they do nothing.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from typing import Any

from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

from . import RUNS_TIMEOUT, RUNS_TOKEN_FILE
from .endpoint import Endpoint
from .options import option
from .teller import Teller
from .word import FAILED, RUNNING, SUCCESS, Word

log = logging.getLogger(__name__)

LAST_WORDS = 5.0
"""How long the end of Airflow's process waits for what is still to be told, in seconds."""


class RunListener:
    """Airflow's hooks. None of them waits for linflow, and none raises: in Airflow 2 that would hold up the run.

    They are called before those of other plugins, for where one raises Airflow calls no more.
    """

    _teller: Teller | None

    def __init__(self) -> None:
        self._reset()
        # A child of the scheduler has its own, and none of the threads.
        os.register_at_fork(after_in_child=self._reset)
        atexit.register(self.close)

    @hookimpl(tryfirst=True)
    def on_dag_run_running(self, dag_run: Any) -> None:
        """A run begins, or goes on that was over: the proof of its end is void."""
        self._tell(dag_run, RUNNING)

    @hookimpl(tryfirst=True)
    def on_dag_run_success(self, dag_run: Any) -> None:
        """A run is over."""
        self._tell(dag_run, SUCCESS)

    @hookimpl(tryfirst=True)
    def on_dag_run_failed(self, dag_run: Any) -> None:
        """A run is over."""
        self._tell(dag_run, FAILED)

    def close(self) -> None:
        """Tells what is still to be told, in bounded time. A run that comes later is told by the options of then."""
        with self._lock:
            teller, self._teller, self._is_open = self._teller, None, False
        if teller:
            teller.close(LAST_WORDS)

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._teller = None
        self._is_open = False

    def _tell(self, dag_run: Any, state: str) -> None:
        try:
            if teller := self._opened():
                teller.tell(Word(dag_run.dag_id, dag_run.run_id, state, option("instance")))
        except Exception:
            log.exception("linflow is not told that a run is %s", state)

    def _opened(self) -> Teller | None:
        """Who tells, by the options of the first time; none where there is no runs_url, or a wrong one."""
        with self._lock:
            if not self._is_open:
                self._is_open = True
                self._teller = _teller()
            return self._teller


def _teller() -> Teller | None:
    url = option("runs_url")
    if not url:
        return None
    token_file, ca_file = option("runs_token_file") or RUNS_TOKEN_FILE, option("runs_ca_file")
    try:
        return Teller(Endpoint.of(url, token_file, ca_file, option("runs_timeout") or RUNS_TIMEOUT))
    except ValueError as error:
        log.error("linflow is told of no run: %s; mend the section [linflow] of Airflow's configuration", error)
        return None


listener = RunListener()
"""Airflow's, in this process."""


class LinflowPlugin(AirflowPlugin):
    """What Airflow loads."""

    name = "linflow"
    listeners = [listener]  # noqa: RUF012 - Airflow's own form
