#!/usr/bin/env bash
# Lints airflow-provider-linflow, builds its wheel, and tests the wheel beside both Airflows, each in a venv under .tools.
set -euo pipefail
cd "$(dirname "$0")"

PYTHON=${PYTHON:-python3.11}
tools=$PWD/../.tools/airflow
bin=$tools/lint/bin

[ -x "$bin/python" ] || "$PYTHON" -m venv "$tools/lint"
"$bin/python" -m pip install --quiet uv==0.13.9 ruff==0.17.6 mypy==2.4.1 build==1.6.1 hatchling==1.33.0

rm -rf "$tools/dist"
"$bin/python" -m build --no-isolation --wheel --outdir "$tools/dist" . >"$tools/build.log" 2>&1 || { cat "$tools/build.log" >&2; exit 1; }

for line in 2 3; do
    venv=$tools/$line
    [ -x "$venv/bin/python" ] || "$PYTHON" -m venv "$venv"
    "$bin/uv" pip sync --quiet --python "$venv/bin/python" "tests/airflow$line.txt"
    # With its dependencies, which must be there already.
    "$bin/uv" pip install --quiet --python "$venv/bin/python" "$tools"/dist/*.whl
done

"$bin/ruff" check --quiet .
"$bin/ruff" format --check --quiet .
"$bin/mypy" --python-executable "$tools/3/bin/python" --cache-dir "$tools/mypy"

failed=0
for line in 2 3; do
    grep '^apache-airflow==' "tests/airflow$line.txt"
    "$tools/$line/bin/python" -m pytest "$@" || failed=1
done
exit "$failed"
