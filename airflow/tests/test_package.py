"""The package as Airflow and linflow see it."""

from __future__ import annotations

import re

from airflow import settings
from airflow.configuration import conf
from airflow.providers_manager import ProvidersManager

import airflow_provider_linflow
from airflow_provider_linflow import keys, policy
from pods import REPOSITORY


def test_the_keys_are_those_that_linflow_reads() -> None:
    rust = (REPOSITORY / "src" / "workflow" / "key.rs").read_text()
    read = dict(re.findall(r'pub const (\w+): &str = "(linflow\.csi/[^"]*)";', rust))
    assert len(read) >= 7, "key.rs has another form"
    assert read == {name: getattr(keys, name) for name in read}


def test_airflow_has_loaded_the_hooks_by_their_entry_point() -> None:
    manager = getattr(settings, "get_policy_plugin_manager", lambda: settings.POLICY_PLUGIN_MANAGER)()  # Airflow 3, 2
    assert policy in manager.get_plugins()
    assert "site-packages" in str(policy.__file__), "the wheel is tested, not the source"


def test_airflow_takes_the_package_for_a_provider() -> None:
    provider = ProvidersManager().providers["airflow-provider-linflow"]
    assert provider.version == airflow_provider_linflow.__version__


def test_the_options_are_unset_and_known_to_airflow() -> None:
    ProvidersManager().initialize_providers_configuration()
    assert {conf.get("linflow", name) for name in ("instance", "scope", "runs_url", "runs_ca_file")} == {""}
    assert conf.get("linflow", "runs_token_file") == airflow_provider_linflow.RUNS_TOKEN_FILE
    assert conf.get("linflow", "runs_timeout") == airflow_provider_linflow.RUNS_TIMEOUT
