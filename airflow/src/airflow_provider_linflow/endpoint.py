"""The call by which linflow is told of runs: one attempt at it, over http.client.

Neither proxies nor redirects are followed, since the token is meant for linflow alone. It is read anew for each call,
as are the certificates: both are renewed under a scheduler that runs for months.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import urllib.parse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LONGEST_ANSWER = 1 << 20
_LONGEST_TIMEOUT = 600
_TRY_AGAIN = frozenset({408, 429, *range(500, 600)})


class NotTaken(Exception):  # noqa: N818 - it is an answer
    """linflow didn't take the word; trying again may help."""


class Refused(NotTaken):
    """linflow didn't take the word, and never will as it is."""


@dataclass(frozen=True)
class Endpoint:
    """Where linflow's controllers serve ``/v1/runs``, and how they are called."""

    host: str
    port: int | None
    path: str
    is_tls: bool
    token_file: Path
    ca_file: Path | None
    timeout: float

    @classmethod
    def of(cls, url: str, token_file: str, ca_file: str | None, timeout: str) -> Endpoint:
        """Raises ValueError, which says what is wrong with the URL or the timeout."""
        parts = urllib.parse.urlsplit(url)
        if not (url.isascii() and url.isprintable()) or " " in url:
            raise ValueError("runs_url has characters that no address has")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("runs_url is no http:// or https:// address with a host")
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("runs_url has a user, a query or a fragment; leave them out, the token is in a file")
        path, ca = parts.path.rstrip("/"), Path(ca_file) if ca_file else None
        is_tls = parts.scheme == "https"
        return cls(parts.hostname, parts.port, path, is_tls, Path(token_file), ca, _seconds(timeout))

    def post(self, path: str, body: Mapping[str, Any]) -> int:
        """Sends the body, and gives the number of the run's volumes. Raises NotTaken, or Refused."""
        token = self._token()
        try:
            with self._connection() as connection:
                headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                connection.request("POST", self.path + path, json.dumps(body), headers)
                response = connection.getresponse()
                status, answer = response.status, _mapping(response.read(_LONGEST_ANSWER))
        except ssl.SSLCertVerificationError as error:
            raise Refused(f"its certificate is not trusted ({error.verify_message}); see runs_ca_file") from error
        except (OSError, http.client.HTTPException) as error:
            hint = "; see runs_timeout" if isinstance(error, TimeoutError) else ""
            raise NotTaken(f"{type(error).__name__}: {error}{hint}") from error
        if status == http.HTTPStatus.OK and isinstance(volumes := answer.get("volumes"), list):
            return len(volumes)
        # linflow repeats no token; what else may answer there is unknown.
        said = f"it answered {status}: {answer.get('error', 'nothing that linflow says')}".replace(token, "(token)")
        raise (NotTaken if status in _TRY_AGAIN else Refused)(said[:1000])

    def _token(self) -> str:
        try:
            token = self.token_file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise Refused(f"its token can't be read: {error}; see runs_token_file") from error
        except UnicodeDecodeError:
            token = ""
        # What else http.client would refuse, it would repeat.
        if not token or not token.isprintable():
            raise Refused(f"{self.token_file} holds no token; see runs_token_file")
        return token

    @contextlib.contextmanager
    def _connection(self) -> Iterator[http.client.HTTPConnection]:
        with contextlib.closing(self._unconnected()) as connection:
            yield connection

    def _unconnected(self) -> http.client.HTTPConnection:
        if not self.is_tls:
            return http.client.HTTPConnection(self.host, self.port, timeout=self.timeout)
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except OSError as error:
            raise Refused(f"{self.ca_file} holds no certificate of an authority: {error}; see runs_ca_file") from error
        return http.client.HTTPSConnection(self.host, self.port, timeout=self.timeout, context=context)


def _mapping(text: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds <= _LONGEST_TIMEOUT:
        raise ValueError(f"runs_timeout is no number of seconds up to {_LONGEST_TIMEOUT}")
    return seconds
