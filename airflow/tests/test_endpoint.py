"""One call of linflow's, over HTTP."""

from __future__ import annotations

import datetime
import ipaddress
import socket
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from airflow_provider_linflow.endpoint import Endpoint, NotTaken, Refused
from desk import TOKEN, desk, endpoint, token_file


def test_the_token_is_read_anew_for_each_call(tmp_path: Path) -> None:
    with desk((200, {"volumes": ["lf-1-0", "lf-2-0"]})) as there:
        here = endpoint(there.url + "/prefix/", tmp_path)
        assert here.post("/v1/runs/finish", {"dag_id": "客"}) == 2
        call = there.next()
        assert (call.path, call.body) == ("/prefix/v1/runs/finish", {"dag_id": "客"})
        assert call.headers["Authorization"] == f"Bearer {TOKEN}"
        token_file(tmp_path, "renewed\n")
        assert here.post("/v1/runs/finish", {}) == 0
        assert there.next().headers["Authorization"] == "Bearer renewed"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_what_may_pass_is_no_refusal(tmp_path: Path, status: int) -> None:
    with desk((status, {"error": "LINSTOR does not answer; call again"})) as there:
        with pytest.raises(NotTaken, match="LINSTOR does not answer") as said:
            endpoint(there.url, tmp_path).post("/x", {})
        assert not isinstance(said.value, Refused)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 302, 307, 200])
def test_a_refusal_is_repeated_without_the_token_and_leads_nowhere(tmp_path: Path, status: int) -> None:
    with desk((status, {"error": f"you said {TOKEN}"})) as there:
        with pytest.raises(Refused, match=r"you said \(token\)"):
            endpoint(there.url, tmp_path).post("/x", {})
        assert (there.next().path, there.calls.empty()) == ("/x", True)


def test_what_is_no_answer_of_linflow_is_told_as_such(tmp_path: Path) -> None:
    with desk((404, ["no", "object"])) as there, pytest.raises(Refused, match="404: nothing that linflow says"):
        endpoint(there.url, tmp_path).post("/x", {})


def test_nobody_there_and_no_answer_may_pass(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NotTaken, match="ConnectionRefusedError"):
            endpoint(f"http://127.0.0.1:{taken.getsockname()[1]}", tmp_path).post("/x", {})
    with desk(None) as there, pytest.raises(NotTaken, match="runs_timeout"):
        endpoint(there.url, tmp_path, timeout="0.05").post("/x", {})


@pytest.mark.parametrize("token", [None, "", " \n", "se\ncret", "geh\u00e9im"])
def test_without_a_token_nobody_is_called(tmp_path: Path, token: str | None) -> None:
    with desk() as there:
        here = endpoint(there.url, tmp_path)
        (tmp_path / "token").unlink()
        if token is not None:
            token_file(tmp_path, token)
        with pytest.raises(Refused, match="runs_token_file") as said:
            here.post("/x", {})
        assert "cret" not in str(said.value)
        assert "geh" not in str(said.value)
        assert there.calls.empty()


def certificate(folder: Path) -> Path:
    """A server's at 127.0.0.1, which nobody else has signed, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "linflow")])
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now - day, now + day)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    signed = builder.add_extension(names, critical=False).sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "server.pem"
    path.write_bytes(signed.public_bytes(pem) + key.private_bytes(pem, form, plain))
    return path


def test_over_tls_only_a_server_of_the_right_authority_is_shown_the_token(tmp_path: Path) -> None:
    pem = certificate(tmp_path)
    with desk(certificate=pem) as there:
        assert endpoint(there.url, tmp_path, str(pem)).post("/x", {}) == 0
        assert there.next().headers["Authorization"] == f"Bearer {TOKEN}"
        with pytest.raises(Refused, match="runs_ca_file"):
            endpoint(there.url, tmp_path).post("/x", {})
        with pytest.raises(Refused, match="runs_ca_file"):
            endpoint(there.url, tmp_path, str(tmp_path / "none.pem")).post("/x", {})
        assert there.calls.empty()


@pytest.mark.parametrize(
    ("url", "timeout", "word"),
    [
        ("linflow-runs:9813", "5", "http://"),
        ("ftp://linflow", "5", "http://"),
        ("http://", "5", "http://"),
        ("http://user:password@linflow", "5", "a user"),
        ("http://linflow?a=b", "5", "a query"),
        ("http://linflow/a b", "5", "characters"),
        ("http://linflow:port", "5", "port"),
        ("http://linflow", "0", "runs_timeout"),
        ("http://linflow", "601", "runs_timeout"),
        ("http://linflow", "nan", "runs_timeout"),
        ("http://linflow", "soon", "runs_timeout"),
    ],
)
def test_a_wrong_option_is_refused_by_its_name(url: str, timeout: str, word: str) -> None:
    with pytest.raises(ValueError, match=f"(?i){word}") as said:
        Endpoint.of(url, "token", None, timeout)
    assert "password" not in str(said.value)
