"""The queue of words and its thread."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from airflow_provider_linflow import teller as module
from airflow_provider_linflow.endpoint import NotTaken, Refused
from airflow_provider_linflow.teller import Teller
from airflow_provider_linflow.word import FAILED, RUNNING, SUCCESS, Word
from desk import PATIENCE

Make = Callable[..., Teller]


class Heard:
    """Who is told: it says as it was told to, then that there is nothing of the run."""

    def __init__(self, *says: Any) -> None:
        self.says = list(says)
        self.calls: queue.Queue[tuple[str, str, str | None]] = queue.Queue()
        self.release = threading.Event()

    def post(self, path: str, body: Mapping[str, Any]) -> int:
        said = self.says.pop(0) if self.says else 0
        self.calls.put((path.removeprefix("/v1/runs/"), body["run_id"], body.get("state")))
        if said is None:
            self.release.wait(PATIENCE)
            return 0
        if isinstance(said, Exception):
            raise said
        assert isinstance(said, int)
        return said

    def next(self) -> tuple[str, str, str | None]:
        return self.calls.get(timeout=PATIENCE)


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)
    made: list[tuple[Heard, Teller]] = []

    def make(heard: Heard, **bounds: Any) -> Teller:
        made.append((heard, Teller(heard, **bounds)))
        return made[-1][1]

    yield make
    for heard, teller in made:
        heard.release.set()
        teller.close(PATIENCE)


def end(run_id: str, state: str = SUCCESS) -> Word:
    return Word("etl", run_id, state, "airflow")


COMMAND = "linflow runs finish --instance airflow --dag etl --run {} --state success"


def test_what_is_not_taken_is_told_again_behind_the_others(make: Make) -> None:
    trouble = NotTaken("it answered 503")
    heard = Heard(None, trouble, trouble)
    teller = make(heard)
    for run_id in ("held", "a", "b"):
        teller.tell(end(run_id))
    heard.release.set()
    assert [heard.next()[1] for _ in range(5)] == ["held", "a", "b", "a", "b"]


def test_a_refusal_is_told_once_and_a_person_is_told_what_to_say(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard(Refused("it answered 403"), 3)
    teller = make(heard)
    teller.tell(end("a b"))
    teller.tell(end("c"))
    assert [heard.next()[1] for _ in range(2)] == ["a b", "c"]
    teller.close(PATIENCE)
    assert heard.calls.empty()
    (warning,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert "it answered 403" in warning
    assert COMMAND.format("'a b'") in warning


def test_a_run_without_volumes_is_no_news(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    teller = make(Heard(0, 2))
    teller.tell(end("a"))
    teller.tell(end("b"))
    teller.close(PATIENCE)
    (line,) = [record.getMessage() for record in caplog.records if record.name == module.__name__]
    assert line == "linflow knows that run b of DAG etl is over: success (volumes: 2)"


def test_so_many_runs_wait_and_no_more(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard(None)
    teller = make(heard, most_waiting=2)
    teller.tell(end("held"))
    assert heard.next()[1] == "held"
    for run_id in ("a", "b", "c"):
        teller.tell(end(run_id))
    assert COMMAND.format("c") in caplog.text
    teller.tell(end("b", FAILED))
    heard.release.set()
    assert [heard.next() for _ in range(2)] == [("finish", "a", SUCCESS), ("finish", "b", FAILED)]
    teller.close(PATIENCE)
    assert heard.calls.empty()


def test_of_one_run_the_last_word_counts(make: Make) -> None:
    heard = Heard(None)
    teller = make(heard)
    teller.tell(end("a"))
    assert heard.next() == ("finish", "a", SUCCESS)
    for state in (RUNNING, FAILED, RUNNING):
        teller.tell(end("a", state))
    heard.release.set()
    assert heard.next() == ("resume", "a", None)
    teller.close(PATIENCE)
    assert heard.calls.empty()


def test_an_end_that_was_not_taken_is_forgotten_once_the_run_goes_on(make: Make) -> None:
    class GoesOn(Heard):
        def post(self, path: str, body: Mapping[str, Any]) -> int:
            if path.endswith("finish"):
                teller.tell(end("a", RUNNING))
            return super().post(path, body)

    heard = GoesOn(NotTaken("it answered 503"))
    teller = make(heard)
    teller.tell(end("a"))
    assert [heard.next()[0] for _ in range(2)] == ["finish", "resume"]
    teller.close(PATIENCE)
    assert heard.calls.empty()


def test_what_is_too_old_is_given_up(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard(NotTaken("it answered 503"))
    teller = make(heard, patience=0.0)
    teller.tell(end("a", RUNNING))
    teller.close(PATIENCE)
    assert heard.next()[0] == "resume"
    assert heard.calls.empty()
    assert "run a of DAG etl is running" in caplog.text
    assert "linflow runs resume --instance airflow --dag etl --run a" in caplog.text


def test_a_mistake_of_ours_ends_nothing(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard(RuntimeError("a mistake"))
    teller = make(heard)
    teller.tell(end("a"))
    teller.tell(end("b"))
    assert [heard.next()[1] for _ in range(2)] == ["a", "b"]
    assert COMMAND.format("a") in caplog.text


def test_the_end_of_the_process_tells_what_waits_without_a_pause(
    make: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 10 * PATIENCE)
    trouble = NotTaken("it answered 503")
    heard = Heard(trouble, trouble)
    teller = make(heard)
    teller.tell(end("a"))
    assert heard.next()[1] == "a"
    teller.tell(end("b"))
    teller.close(PATIENCE)
    assert sorted(heard.next()[1] for _ in range(2)) == ["a", "b"]
    assert caplog.text.count("say it yourself") == 1, "the other was taken at last"
    teller.tell(end("c"))
    assert COMMAND.format("c") in caplog.text


def test_the_end_of_the_process_waits_for_nobody_who_hangs(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    heard = Heard(None)
    teller = make(heard)
    teller.tell(end("a"))
    assert heard.next()[1] == "a"
    teller.tell(end("b"))
    teller.close(0.0)
    assert not heard.release.is_set()
    for run_id in ("a", "b"):
        assert COMMAND.format(run_id) in caplog.text


def test_a_pause_grows_and_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    class Waits(threading.Condition):
        def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
            if timeout is not None:
                pauses.append(timeout)
                return predicate()
            return super().wait_for(predicate, timeout)

    monkeypatch.setattr(threading, "Condition", Waits)
    heard = Heard(*[NotTaken("it answered 503")] * 7)
    teller = Teller(heard)
    teller.tell(end("a"))
    for _ in range(8):
        heard.next()
    teller.close(PATIENCE)
    assert pauses[:8] == [0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
