"""The options of the section ``[linflow]``; Airflow is told of them by get_provider_info."""

from __future__ import annotations

from airflow.configuration import conf


def option(name: str) -> str | None:
    """An option as text; none where it is not set, or empty."""
    return conf.get("linflow", name, fallback=None) or None
