"""Tells linflow of runs from a thread of its own, so that no scheduler waits for it.

What can't be told yet is tried again, the longer after the more failures, until it is too old; of one run only the last
word counts. A run whose end was never told keeps its volumes, so giving up loses no data.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from .endpoint import NotTaken, Refused
from .word import Word

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Runs that wait to be told of."""
PATIENCE = 600.0
"""How old a word grows before it is given up, in seconds. A controller is replaced in less."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Between failures, in seconds: doubled with each in a row."""


class Listener(Protocol):
    """Who is told."""

    def post(self, path: str, body: Mapping[str, Any]) -> int:
        """As Endpoint's."""


class Teller:
    """A queue and, from the first word on, a thread that empties it."""

    def __init__(self, listener: Listener, most_waiting: int = MOST_WAITING, patience: float = PATIENCE) -> None:
        self._listener = listener
        self._most_waiting = most_waiting
        self._patience = patience
        self._waiting: dict[tuple[str, str], Word] = {}
        self._in_hand: Word | None = None
        self._is_closing = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def tell(self, word: Word) -> None:
        """Takes the word to be told; it never waits. One of the same run that was not told yet is forgotten."""
        with self._changed:
            self._waiting.pop(word.run, None)
            why = self._objection()
            if not why:
                self._waiting[word.run] = word
                self._start()
                self._changed.notify_all()
        if why:
            _give_up(word, why)

    def close(self, within: float) -> None:
        """Tells what waits, each once more and for so long in all, and takes no more."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread:
            self._thread.join(within)
        with self._changed:
            left = [self._in_hand, *self._waiting.values()]
            self._waiting.clear()
        for word in left:
            if word:
                _give_up(word, "Airflow's process ended before linflow answered")

    def _objection(self) -> str | None:
        if self._is_closing:
            return "Airflow's process ends"
        return f"{self._most_waiting} runs wait already" if len(self._waiting) >= self._most_waiting else None

    def _start(self) -> None:
        if self._thread is None:
            # A daemon: nothing but close() waits for it.
            thread = threading.Thread(target=self._run, name="linflow-runs", daemon=True)
            thread.start()
            self._thread = thread

    def _run(self) -> None:
        failures = 0
        while (word := self._next(failures)) is not None:
            trouble = self._attempt(word)
            failures = failures + 1 if trouble else 0
            self._put_away(word, trouble)

    def _next(self, failures: int) -> Word | None:
        """What has waited longest, after a pause where the last was not taken; none where there is no more to come."""
        pause = min(FIRST_PAUSE * 2 ** min(failures - 1, 10), LONGEST_PAUSE) if failures else 0.0
        with self._changed:
            self._changed.wait_for(lambda: self._is_closing, pause)
            self._changed.wait_for(lambda: self._waiting or self._is_closing)
            self._in_hand = self._waiting.pop(next(iter(self._waiting)), None) if self._waiting else None
            return self._in_hand

    def _attempt(self, word: Word) -> str | None:
        """Why it is to be tried again; none where there is no more to do."""
        try:
            volumes = self._listener.post(word.path, word.body())
        except Refused as error:
            _give_up(word, str(error))
        except NotTaken as error:
            return str(error)
        except Exception as error:
            log.exception("a mistake in airflow-provider-linflow")
            _give_up(word, type(error).__name__)
        else:
            # Most runs of most Airflows have none.
            log.log(logging.INFO if volumes else logging.DEBUG, "linflow knows that %s (volumes: %d)", word, volumes)
        return None

    def _put_away(self, word: Word, trouble: str | None) -> None:
        with self._changed:
            self._in_hand = None
            is_last = word.run not in self._waiting
            is_over = self._is_closing or word.age() >= self._patience
            if trouble and is_last and not is_over:
                # Behind the others: linflow may have no trouble with them.
                self._waiting[word.run] = word
        if trouble and is_last and is_over:
            _give_up(word, trouble)
        elif trouble:
            log.info("linflow can't be told yet that %s: %s", word, trouble)


def _give_up(word: Word, why: str) -> None:
    log.warning("linflow was not told that %s: %s; say it yourself: %s", word, why, word.command())
