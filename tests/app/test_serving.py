"""What `remit web` and `remit worker` become: processes that refuse unsafe settings and load no more."""

import os
import subprocess
import sys

import pytest

NEEDLESS = ("alembic", "typer", "app.cli", "app.demo", "app.samples")


@pytest.mark.parametrize("process", ["web", "worker"])
def test_the_command_becomes_a_process_that_refuses_unsafe_settings(process: str) -> None:
    environment = {
        **os.environ,
        "REMIT_MODE": "production",
        "REMIT_SECRET_KEY": "short",
        "DATABASE_URL": "postgresql:///x",
    }
    command = [sys.executable, "-m", "app", process]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert said.returncode == 2
    assert "REMIT_SECRET_KEY" in said.stderr
    assert "Traceback" not in said.stderr


def test_what_serves_loads_neither_migrations_nor_the_operators_command() -> None:
    code = "import sys, app.serving; print(*sorted(sys.modules))"
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    loaded = set(said.stdout.split())
    assert "app.web" in loaded
    assert not loaded & set(NEEDLESS)
