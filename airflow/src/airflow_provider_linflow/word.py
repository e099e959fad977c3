"""What linflow is told of a run: that it is over, or that it goes on."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass, field
from typing import Any

RUNNING = "running"
SUCCESS = "success"
FAILED = "failed"


@dataclass(frozen=True)
class Word:
    """The state of a run, from the moment when the object was made."""

    dag_id: str
    run_id: str
    state: str
    instance: str | None = None
    since: float = field(default_factory=time.monotonic)

    @property
    def run(self) -> tuple[str, str]:
        """The run that it is about."""
        return self.dag_id, self.run_id

    @property
    def is_end(self) -> bool:
        """Whether the run is over."""
        return self.state != RUNNING

    @property
    def path(self) -> str:
        """Of linflow's call."""
        return "/v1/runs/finish" if self.is_end else "/v1/runs/resume"

    def age(self) -> float:
        """How long ago it was true, in seconds, by a clock that nobody sets."""
        return max(0.0, time.monotonic() - self.since)

    def body(self) -> dict[str, Any]:
        """Of linflow's call. The age tells what was claimed after the run's end and before the call."""
        body: dict[str, Any] = {} if self.instance is None else {"instance": self.instance}
        body |= {"dag_id": self.dag_id, "run_id": self.run_id}
        return body | {"state": self.state, "age_ms": int(self.age() * 1000)} if self.is_end else body

    def command(self) -> str:
        """What a person says instead."""
        words = ["linflow", "runs", "finish" if self.is_end else "resume"]
        words += ["--instance", self.instance or "INSTANCE", "--dag", self.dag_id, "--run", self.run_id]
        return shlex.join(words + (["--state", self.state] if self.is_end else []))

    def __str__(self) -> str:
        return f"run {self.run_id} of DAG {self.dag_id} {'is over: ' if self.is_end else 'is '}{self.state}"
