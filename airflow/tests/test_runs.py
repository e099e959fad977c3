"""Runs of the Airflow installed here, and what linflow is told of them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.listeners import hookimpl
from airflow.listeners.listener import get_listener_manager
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session

from airflow_provider_linflow import runs
from desk import PATIENCE, TOKEN, desk, token_file
from pods import REPOSITORY

FIXTURES = REPOSITORY / "tests" / "fixtures" / "airflow-runs"
Configure = Callable[..., None]

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def configure(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Configure]:
    """Has the next run told by these options."""

    def configure(url: str, **options: str) -> None:
        runs.listener.close()
        given = {"runs_url": url, "runs_token_file": str(token_file(tmp_path)), "instance": "airflow"} | options
        for name, value in given.items():
            monkeypatch.setenv(f"AIRFLOW__LINFLOW__{name.upper()}", value)

    yield configure
    runs.listener.close()


def fixture(name: str, **ids: str) -> dict[str, Any]:
    """What linflow's own test takes (tests/lifetime/runs.rs), with other ids."""
    body: dict[str, Any] = json.loads((FIXTURES / f"{name}.json").read_text())
    assert ids.keys() <= body.keys()
    return body | ids


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "linflow-runs"]


def run(dag: Any) -> tuple[str, str]:
    """Runs the DAG; gives the run's id and its state."""
    run_id = dag.test().run_id
    with create_session() as session:
        found = session.query(DagRun).filter_by(dag_id=dag.dag_id, run_id=run_id).one()
        return run_id, str(found.state)


def test_airflow_has_loaded_the_listener_by_its_entry_point() -> None:
    assert runs.listener in get_listener_manager().pm.get_plugins()
    assert "site-packages" in str(runs.__file__), "the wheel is tested, not the source"


@pytest.mark.parametrize(("name", "state"), [("succeeding", "success"), ("failing", "failed")])
def test_linflow_is_told_that_a_run_is_over(configure: Configure, name: str, state: str) -> None:
    from dags import ends  # noqa: PLC0415 - not before there is a database

    with desk() as there:
        configure(there.url)
        run_id, ended = run(getattr(ends, name))
        call = there.next()
        assert ended == state
        assert (call.path, call.headers["Authorization"]) == ("/v1/runs/finish", f"Bearer {TOKEN}")
        age = call.body.pop("age_ms")
        assert type(age) is int
        assert 0 <= age <= PATIENCE * 1000
        expected = fixture("finish", dag_id=name, run_id=run_id, state=state)
        del expected["age_ms"]
        assert call.body == expected


def test_linflow_is_told_that_a_run_that_was_over_goes_on(configure: Configure) -> None:
    from dags.ends import succeeding  # noqa: PLC0415

    run_id, _ = run(succeeding)
    with desk() as there, create_session() as session:
        configure(there.url)
        found = session.query(DagRun).filter_by(dag_id="succeeding", run_id=run_id).one()
        found.state = "running"
        # As the scheduler does once it has started a queued run.
        found.notify_dagrun_state_changed(msg="started")
        call = there.next()
        session.rollback()
    assert (call.path, call.body) == ("/v1/runs/resume", fixture("resume", dag_id="succeeding", run_id=run_id))


def test_without_an_instance_linflow_goes_by_the_tokens_namespace(configure: Configure) -> None:
    with desk() as there:
        configure(there.url, instance="")
        runs.listener.on_dag_run_running(SimpleNamespace(dag_id="客户", run_id="r:1+2"))
        assert there.next().body == {"dag_id": "客户", "run_id": "r:1+2"}


def test_what_linflow_can_not_take_yet_it_is_told_again_with_its_age(configure: Configure) -> None:
    with desk((503, {"error": "call again"})) as there:
        configure(there.url)
        runs.listener.on_dag_run_failed(SimpleNamespace(dag_id="d", run_id="r"))
        first, second = there.next(), there.next()
        assert first.body["age_ms"] < second.body["age_ms"]
        assert first.body | {"age_ms": 0} == second.body | {"age_ms": 0}


def test_without_runs_url_nothing_happens(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    from dags.ends import succeeding  # noqa: PLC0415

    with desk() as there:
        configure(there.url)
        monkeypatch.delenv("AIRFLOW__LINFLOW__RUNS_URL")
        assert run(succeeding)[1] == "success"
        assert (threads(), there.calls.empty()) == ([], True)


def test_a_run_does_not_wait_for_linflow(configure: Configure, monkeypatch: pytest.MonkeyPatch) -> None:
    from dags.ends import succeeding  # noqa: PLC0415

    monkeypatch.setattr(runs, "LAST_WORDS", 0.0)
    with desk(None) as there:
        configure(there.url)
        assert run(succeeding)[1] == "success"
        there.next()
        assert threads() == ["linflow-runs"], "the call is unanswered, and the run is over"
        runs.listener.close()


def test_a_run_does_not_mind_that_linflow_is_away_or_the_options_are_wrong(
    configure: Configure, caplog: pytest.LogCaptureFixture
) -> None:
    from dags.ends import failing  # noqa: PLC0415

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        configure(f"http://127.0.0.1:{taken.getsockname()[1]}")
        run_id, state = run(failing)
        assert state == "failed"
        # What waits for its next try is given up then.
        runs.listener.close()
    remedy = f"linflow runs finish --instance airflow --dag failing --run {run_id} --state failed"
    assert remedy in caplog.text.replace("'", "")

    configure("linflow-runs:9813")
    assert run(failing)[1] == "failed"
    assert run(failing)[1] == "failed"
    assert caplog.text.count("mend the section [linflow]") == 1
    assert threads() == []


def test_no_hook_raises(configure: Configure, caplog: pytest.LogCaptureFixture) -> None:
    configure("http://127.0.0.1:1")
    for hook in (runs.listener.on_dag_run_running, runs.listener.on_dag_run_success, runs.listener.on_dag_run_failed):
        hook(object())
    assert caplog.text.count("AttributeError") >= 3


def test_a_listener_that_raises_keeps_nothing_from_linflow(configure: Configure) -> None:
    class Raises:
        @hookimpl
        def on_dag_run_success(self) -> None:
            raise RuntimeError("as it should")

    manager, raises = get_listener_manager(), Raises()
    manager.add_listener(raises)
    try:
        with desk() as there:
            configure(there.url)
            with pytest.raises(RuntimeError, match="as it should"):
                manager.hook.on_dag_run_success(dag_run=SimpleNamespace(dag_id="d", run_id="r"), msg="")
            assert there.next().body["run_id"] == "r"
    finally:
        manager.pm.unregister(raises)


def test_a_child_of_the_scheduler_has_a_thread_of_its_own_or_none(configure: Configure) -> None:
    with desk() as there:
        configure(there.url)
        runs.listener.on_dag_run_success(SimpleNamespace(dag_id="d", run_id="parents"))
        assert there.next().body["run_id"] == "parents"
        child = os.fork()
        if child == 0:
            try:
                runs.listener.on_dag_run_success(SimpleNamespace(dag_id="d", run_id="childs"))
                runs.listener.close()
            finally:
                os._exit(0)
        assert there.next().body["run_id"] == "childs"
        assert os.waitpid(child, 0)[1] == 0


LAST = """
from types import SimpleNamespace
from airflow.listeners.listener import get_listener_manager
get_listener_manager().hook.on_dag_run_success(dag_run=SimpleNamespace(dag_id="d", run_id="last"), msg="")
"""


@pytest.mark.parametrize("is_answered", [True, False])
def test_the_end_of_the_process_waits_for_the_last_words_but_not_for_ever(
    configure: Configure, is_answered: bool
) -> None:
    with desk(*([] if is_answered else [None])) as there:
        configure(there.url)
        words = [sys.executable, "-c", LAST]
        ended = subprocess.run(words, check=True, capture_output=True, text=True, timeout=PATIENCE)
        assert there.next().body["run_id"] == "last"
        remedy = "linflow runs finish --instance airflow --dag d --run last --state success"
        assert (remedy in ended.stdout + ended.stderr) is not is_answered
