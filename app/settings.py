"""Settings: the only reader of the environment. Every one is in `.env.example`, with what it is for.

Surprise: the server refuses to start with a setting that would be unsafe where it runs, and names it.
"""

import json
import os
from collections.abc import Mapping
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from api.budgets import PER_SECOND, POINTS
from api.guard import COST
from integrations.crash_points import CrashPoint

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
WEAK_WORDS = ("changeme", "change-me", "secret", "password", "default", "example")


class UnsafeSettings(Exception):
    """The server must not start like this. The message names the setting and how to mend it."""


class Settings(BaseSettings):
    """What an operator decides. Read once, at the start of a process."""

    model_config = SettingsConfigDict(env_file=".env", env_prefix="REMIT_", extra="ignore")

    mode: Literal["production", "demo", "development"] = "production"
    folder: Path = Path(".remit")
    database_url: str | None = Field(default=None, validation_alias="DATABASE_URL")
    database_admin_url: str | None = Field(default=None, validation_alias="DATABASE_ADMIN_URL")
    public_url: str = Field(default="http://localhost:8000", validation_alias="PUBLIC_URL")
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    trusted_proxies: Annotated[list[str], NoDecode] = []
    secret_key: SecretStr = SecretStr("")
    sealing_keys: Annotated[list[SecretStr], NoDecode] = []
    mail_from: str = "no-reply@localhost"
    smtp_url: SecretStr | None = None
    bounce_secrets: Annotated[list[SecretStr], NoDecode] = []
    bounce_mailbox: Path | None = None
    gateway: Literal["sandbox"] = "sandbox"
    gateway_url: str = "http://localhost:8001"
    gateway_api_secret: SecretStr = SecretStr("")
    gateway_webhook_secrets: Annotated[list[SecretStr], NoDecode] = []
    api_points: int = Field(default=POINTS, ge=COST)
    api_points_per_second: int = Field(default=PER_SECOND, ge=1)
    debug: bool = False
    crash_at: CrashPoint | None = None

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as wrong:
            # Its own words name the field and never the variable, and quote what may be a secret.
            raise UnsafeSettings(_told(wrong)) from None

    @field_validator(
        "trusted_proxies", "sealing_keys", "bounce_secrets", "gateway_webhook_secrets", mode="before"
    )
    @classmethod
    def _listed(cls, given: Any) -> Any:
        return json.loads(given) if isinstance(given, str) else given

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """The settings a process with just this environment would have."""
        fields = {
            str(field.validation_alias or name): environment[variable]
            for name, field in cls.model_fields.items()
            if (variable := str(field.validation_alias or f"REMIT_{name.upper()}")) in environment
        }
        return cls(_env_file=None, **fields)

    @property
    def is_demo(self) -> bool:
        """Sample logins, the sandbox gateway and the mail page exist only then."""
        return self.mode == "demo"

    @property
    def mail_folder(self) -> Path:
        """Where mails are written when there is no SMTP server."""
        return self.folder / "mail"

    @property
    def public_host(self) -> str:
        """The host of `PUBLIC_URL`, without port."""
        return urlsplit(self.public_url).hostname or ""

    def refuse_unsafe(self) -> None:
        """Raise `UnsafeSettings` naming the first setting that may not be used here."""
        self._refuse_weak_secrets()
        self._refuse_unreadable_bounces()
        self._refuse_unreadable_addresses()
        loopback = self.public_host in LOOPBACK
        scheme = urlsplit(self.public_url).scheme
        if scheme != "https" and not (loopback and scheme == "http"):
            raise UnsafeSettings("PUBLIC_URL must start with https:// (http:// only on this machine)")
        if self.is_demo and not (loopback and self.host in LOOPBACK):
            raise UnsafeSettings(
                "REMIT_MODE=demo has sample logins: PUBLIC_URL and REMIT_HOST must be loopback"
            )
        if self.crash_at is not None and self.mode != "development":
            raise UnsafeSettings("REMIT_CRASH_AT kills the process: it is for REMIT_MODE=development only")
        if self.debug and self.mode == "production":
            raise UnsafeSettings("REMIT_DEBUG shows internals: turn it off, or use REMIT_MODE=development")
        if self.gateway == "sandbox" and not loopback:
            raise UnsafeSettings("REMIT_GATEWAY=sandbox moves no money: it may only run on this machine")
        if self.gateway == "sandbox" and urlsplit(self.gateway_url).hostname not in LOOPBACK:
            raise UnsafeSettings("REMIT_GATEWAY_URL must be on this machine: the sandbox runs nowhere else")

    def _refuse_unreadable_bounces(self) -> None:
        secrets = [secret.get_secret_value() for secret in self.bounce_secrets]
        if len(secrets) > 2 or not all(map(_is_strong, secrets)):
            raise UnsafeSettings(
                "REMIT_BOUNCE_SECRETS must hold at most two secrets of 32 characters: `openssl rand -hex 32`"
            )
        place = self.bounce_mailbox
        if place is not None and not ((place / "new").is_dir() if place.is_dir() else place.parent.is_dir()):
            raise UnsafeSettings(
                "REMIT_BOUNCE_MAILBOX must be a Maildir, or an mbox file in a folder that is there"
            )

    def _refuse_unreadable_addresses(self) -> None:
        for network in self.trusted_proxies:
            try:
                ip_network(network)
            except ValueError:
                raise UnsafeSettings(
                    'REMIT_TRUSTED_PROXIES must hold networks like "10.0.0.0/8", no bits set behind the slash'
                ) from None
        server = urlsplit(self.smtp_url.get_secret_value()) if self.smtp_url else None
        if server is not None and (server.scheme not in ("smtp", "smtps") or not server.hostname):
            raise UnsafeSettings("REMIT_SMTP_URL must look like smtp://user:password@mail.example.com:587")

    def _refuse_weak_secrets(self) -> None:
        key = self.secret_key.get_secret_value()
        if not _is_strong(key) or any(word in key.lower() for word in WEAK_WORDS):
            raise UnsafeSettings(
                "REMIT_SECRET_KEY must be at least 32 random characters: `openssl rand -hex 32`"
            )
        sealing = [key.get_secret_value() for key in self.sealing_keys]
        if len(sealing) > 2 or not all(map(_is_strong, sealing)):
            raise UnsafeSettings(
                "REMIT_SEALING_KEYS must hold at most two keys of 32 characters: `openssl rand -hex 32`"
            )
        webhook_secrets = [secret.get_secret_value() for secret in self.gateway_webhook_secrets]
        if len(webhook_secrets) not in (1, 2) or not all(map(_is_strong, webhook_secrets)):
            raise UnsafeSettings(
                "REMIT_GATEWAY_WEBHOOK_SECRETS must hold one or two secrets of 32 characters"
            )
        if not _is_strong(self.gateway_api_secret.get_secret_value()):
            raise UnsafeSettings("REMIT_GATEWAY_API_SECRET must be at least 32 random characters")


def _told(wrong: ValidationError) -> str:
    """What is written badly, a line a setting, and how it is written."""
    lines = {}
    for error in wrong.errors(include_url=False, include_context=False, include_input=False):
        name = _field_at(str(error["loc"][0]))
        lines[name] = f"{variable_of(name)} must be {_wanted(name)}"
    told = list(lines.values())
    return told[0] if len(told) == 1 else "".join(f"\n  {line}" for line in told)


def _field_at(place: str) -> str:
    known = Settings.model_fields.items()
    return next(name for name, field in known if place in (name, field.validation_alias))


def variable_of(name: str) -> str:
    """What a setting is called in the environment."""
    return str(Settings.model_fields[name].validation_alias or f"REMIT_{name.upper()}")


def _wanted(name: str) -> str:
    variable, field = variable_of(name), Settings.model_fields[name]
    kind = field.annotation
    if get_origin(kind) is list:
        return f'a JSON list: {variable}=["…"]'
    if kind is bool:
        return f"true or false: {variable}={str(field.default).lower()}"
    if kind is int:
        bounds = [
            str(getattr(one, end)) for one in field.metadata for end in ("ge", "le") if hasattr(one, end)
        ]
        inside = " to ".join(bounds) + (" or more" if len(bounds) == 1 else "")
        return f"a whole number, {inside}: {variable}={field.default}"
    choices: list[Any] = []
    for one in get_args(kind):
        if one is not type(None):
            choices += list(one) if isinstance(one, type) and issubclass(one, StrEnum) else [one]
    return f"one of {', '.join(map(str, choices))}: {variable}={choices[0]}"


def _is_strong(secret: str) -> bool:
    # Eight different characters: 32 random hexadecimal digits have them, "xxxx…" has not.
    return len(secret) >= 32 and len(set(secret)) >= 8


def environment_with(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process started by this one, with `settings` put over it."""
    return {**os.environ, **settings}
