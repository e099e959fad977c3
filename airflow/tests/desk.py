"""linflow's side of the call, as far as Airflow's sees it: a server that keeps what it is told."""

from __future__ import annotations

import contextlib
import http.server
import json
import queue
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airflow_provider_linflow.endpoint import Endpoint

PATIENCE = 60.0
"""How long a test waits for what must come, in seconds."""
TOKEN = "a-token-that-nobody-may-log"


@dataclass(frozen=True)
class Call:
    """What was asked for."""

    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Desk:
    """Its answers are given in order, then ``none`` for ever; None is none until ``release``."""

    url: str
    answers: list[tuple[int, Any] | None]
    calls: queue.Queue[Call] = field(default_factory=queue.Queue)
    release: threading.Event = field(default_factory=threading.Event)

    def next(self) -> Call:
        """The next call; it must come."""
        return self.calls.get(timeout=PATIENCE)


@contextlib.contextmanager
def desk(*answers: tuple[int, Any] | None, certificate: Path | None = None) -> Iterator[Desk]:
    """A server at an address of its own."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = found.answers.pop(0) if found.answers else (200, {"volumes": []})
            found.calls.put(Call(self.path, dict(self.headers), json.loads(body)))
            if answer is None:
                found.release.wait(PATIENCE)
                return
            text = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https" if certificate else "http"
        found = Desk(f"{scheme}://127.0.0.1:{server.server_port}", list(answers))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield found
        finally:
            found.release.set()
            server.shutdown()


def token_file(folder: Path, token: str = TOKEN) -> Path:
    """A file as kubelet writes it."""
    path = folder / "token"
    path.write_text(token)
    return path


def endpoint(url: str, folder: Path, ca: str | None = None, timeout: str = "30") -> Endpoint:
    """The endpoint there, with a token."""
    return Endpoint.of(url, str(token_file(folder)), ca, timeout)
