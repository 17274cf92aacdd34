"""The server refuses to start with settings that are unsafe where it runs (G-2, G-5)."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings, UnsafeSettings

ROOT = Path(__file__).parent.parent.parent
STRONG = "0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4c3d2e1f0"
SAFE: dict[str, Any] = {
    "mode": "production",
    "PUBLIC_URL": "http://localhost:8000",
    "secret_key": STRONG,
    "gateway_api_secret": STRONG,
    "gateway_webhook_secrets": [STRONG],
}


def settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **{**SAFE, **changes})


def test_safe_settings_start() -> None:
    settings().refuse_unsafe()
    settings(mode="demo").refuse_unsafe()
    settings(sealing_keys=[STRONG, STRONG[::-1]]).refuse_unsafe()
    settings(mode="development", crash_at="send").refuse_unsafe()
    settings(bounce_secrets=[STRONG, STRONG[::-1]], bounce_mailbox="/tmp/bounces").refuse_unsafe()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"secret_key": ""}, "REMIT_SECRET_KEY"),
        ({"secret_key": "short"}, "REMIT_SECRET_KEY"),
        ({"secret_key": "changeme" * 8}, "REMIT_SECRET_KEY"),
        ({"secret_key": "x" * 64}, "REMIT_SECRET_KEY"),
        ({"PUBLIC_URL": "http://pay.example.com"}, "PUBLIC_URL"),
        ({"PUBLIC_URL": "ftp://localhost"}, "PUBLIC_URL"),
        ({"mode": "demo", "PUBLIC_URL": "https://pay.example.com"}, "REMIT_MODE"),
        ({"mode": "demo", "host": "0.0.0.0"}, "REMIT_MODE"),
        ({"debug": True}, "REMIT_DEBUG"),
        ({"crash_at": "send"}, "REMIT_CRASH_AT"),
        ({"mode": "demo", "crash_at": "send"}, "REMIT_CRASH_AT"),
        ({"PUBLIC_URL": "https://pay.example.com"}, "REMIT_GATEWAY"),
        ({"gateway_webhook_secrets": []}, "REMIT_GATEWAY_WEBHOOK_SECRETS"),
        ({"gateway_webhook_secrets": [""]}, "REMIT_GATEWAY_WEBHOOK_SECRETS"),
        ({"gateway_webhook_secrets": [STRONG] * 3}, "REMIT_GATEWAY_WEBHOOK_SECRETS"),
        ({"sealing_keys": ["short"]}, "REMIT_SEALING_KEYS"),
        ({"sealing_keys": [STRONG] * 3}, "REMIT_SEALING_KEYS"),
        ({"bounce_secrets": [""]}, "REMIT_BOUNCE_SECRETS"),
        ({"bounce_secrets": ["x" * 64]}, "REMIT_BOUNCE_SECRETS"),
        ({"bounce_secrets": [STRONG] * 3}, "REMIT_BOUNCE_SECRETS"),
        ({"bounce_mailbox": "/nowhere/bounces"}, "REMIT_BOUNCE_MAILBOX"),
        ({"bounce_mailbox": str(ROOT / "templates")}, "REMIT_BOUNCE_MAILBOX"),
        ({"gateway_api_secret": "short"}, "REMIT_GATEWAY_API_SECRET"),
        ({"trusted_proxies": ["10.0.0.1/8"]}, "REMIT_TRUSTED_PROXIES"),
        ({"trusted_proxies": ["proxy"]}, "REMIT_TRUSTED_PROXIES"),
        ({"smtp_url": "mail.example.com:587"}, "REMIT_SMTP_URL"),
        ({"smtp_url": "smtp://"}, "REMIT_SMTP_URL"),
        ({"gateway_url": "https://gateway.example.com"}, "REMIT_GATEWAY_URL"),
    ],
)
def test_an_unsafe_setting_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(UnsafeSettings, match=named):
        settings(**changes).refuse_unsafe()


def test_a_secret_that_is_not_in_a_list_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMIT_BOUNCE_SECRETS", STRONG)
    with pytest.raises(UnsafeSettings, match="REMIT_BOUNCE_SECRETS must be a JSON list") as refused:
        Settings(_env_file=None)
    assert STRONG not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "written", "wanted"),
    [
        ("REMIT_PORT", "http", "a whole number, 1 to 65535: REMIT_PORT=8000"),
        ("REMIT_PORT", "65536", "a whole number, 1 to 65535: REMIT_PORT=8000"),
        ("REMIT_MODE", "prod", "one of production, demo, development: REMIT_MODE=production"),
        ("REMIT_DEBUG", "perhaps", "true or false: REMIT_DEBUG=false"),
        ("REMIT_GATEWAY", "stripe", "one of sandbox: REMIT_GATEWAY=sandbox"),
        ("REMIT_API_POINTS", "5", "a whole number, 5000 or more: REMIT_API_POINTS=50000"),
        ("REMIT_TRUSTED_PROXIES", "10.0.0.0/8", 'a JSON list: REMIT_TRUSTED_PROXIES=["…"]'),
        ("REMIT_TRUSTED_PROXIES", '{"a": 1}', 'a JSON list: REMIT_TRUSTED_PROXIES=["…"]'),
        ("REMIT_SEALING_KEYS", "[1]", 'a JSON list: REMIT_SEALING_KEYS=["…"]'),
        ("REMIT_CRASH_AT", "lunch", "one of reserve, send, apply, mail, commit: REMIT_CRASH_AT=reserve"),
    ],
)
def test_what_is_written_badly_is_told_in_a_line_that_says_how(
    monkeypatch: pytest.MonkeyPatch, variable: str, written: str, wanted: str
) -> None:
    monkeypatch.setenv(variable, written)
    with pytest.raises(UnsafeSettings) as refused:
        Settings(_env_file=None)
    assert str(refused.value) == f"{variable} must be {wanted}"
    assert refused.value.__suppress_context__
    with pytest.raises(UnsafeSettings, match=variable):
        Settings.from_environment({variable: written})


def test_all_that_is_written_badly_is_told_at_once_and_the_command_ends_with_2(tmp_path: Path) -> None:
    bad = {
        "REMIT_PORT": "http",
        "REMIT_MODE": "prod",
        "REMIT_BOUNCE_SECRETS": STRONG,
        "PATH": os.environ["PATH"],
    }
    ended = subprocess.run(
        [sys.executable, "-m", "app", "migrate"], cwd=tmp_path, env={**bad, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 2
    first, *lines = ended.stderr.splitlines()
    assert first.strip() == "Remit does not start:"
    assert [line.split()[0] for line in lines] == ["REMIT_MODE", "REMIT_PORT", "REMIT_BOUNCE_SECRETS"]
    assert STRONG not in ended.stderr + ended.stdout


def test_every_setting_is_in_the_example_file_and_nothing_else() -> None:
    declared = {
        str(field.validation_alias or f"REMIT_{name.upper()}")
        for name, field in Settings.model_fields.items()
    }
    lines = (ROOT / ".env.example").read_text().splitlines()
    shown = {
        line.lstrip("#").split("=")[0] for line in lines if "=" in line and " " not in line.split("=")[0]
    }
    assert shown == declared


def test_secrets_are_not_printed() -> None:
    assert STRONG not in repr(settings())
