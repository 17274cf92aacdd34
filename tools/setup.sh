#!/bin/sh
# Make .venv from requirements.lock. Needs Python 3.11 or newer; uses uv if it is there, pip otherwise.
set -eu
PYTHON=${PYTHON:-python3}
"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
    echo "Remit needs Python 3.11 or newer; $PYTHON is $("$PYTHON" --version)." >&2
    exit 1
}
# Debian ships venv apart from Python.
if ! "$PYTHON" -c 'import ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq && apt-get install -y -qq python3-venv
    else
        echo "Python's venv module is missing: as root, run 'apt-get install python3-venv'." >&2
        exit 1
    fi
fi
echo "Installing Remit into .venv (about a minute) ..."
[ -x .venv/bin/python ] || "$PYTHON" -m venv .venv
if command -v uv >/dev/null; then
    uv pip install --quiet --compile-bytecode --python .venv/bin/python --require-hashes -r requirements.lock
    uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
else
    .venv/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
    .venv/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
fi
touch .venv/ready
