"""Accounts of the sandbox gateway: who may call it, with which secret, and where it sends events.

Surprise: besides a fixed list there is the Platform, which knows every account id and derives each
secret from one root, so that a partner created at run time needs no ceremony at the gateway.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from integrations.gateways.signatures import SHORTEST_SECRET, strong

_ID = re.compile(r"acct_[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Account:
    """One merchant's account. `webhook_url` None: events are kept and listed, never sent."""

    id: str
    api_secret: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    webhook_url: str | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise ValueError("An account id is 'acct_' and up to 64 letters, digits, '-' or '_'.")
        if len(self.api_secret.strip()) < SHORTEST_SECRET:
            raise ValueError(f"An API secret needs at least {SHORTEST_SECRET} characters.")
        strong(self.webhook_secrets)
        if self.webhook_url is not None and urlsplit(self.webhook_url).scheme not in ("http", "https"):
            raise ValueError("A webhook address starts with http:// or https://.")


class Accounts(Protocol):
    """Which accounts there are. Both ends hold one: the gateway's, and what its client was told."""

    def find(self, account_id: str) -> Account | None:
        """The account, or None if there is no such."""
        ...

    def webhook_secrets(self) -> frozenset[str]:
        """Every secret that signs events of some account."""
        ...


class Listed:
    """A fixed list of accounts."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._accounts = {account.id: account for account in accounts}

    def find(self, account_id: str) -> Account | None:
        """The account of the list, or None."""
        return self._accounts.get(account_id)

    def webhook_secrets(self) -> frozenset[str]:
        """The secrets of all of them."""
        return frozenset(s for account in self._accounts.values() for s in account.webhook_secrets)


@dataclass(frozen=True, slots=True)
class Platform:
    """Every well-formed account id, each with its own API secret, all events to one address."""

    root_secret: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    webhook_url: str | None = None

    def __post_init__(self) -> None:
        if len(self.root_secret.strip()) < SHORTEST_SECRET:
            raise ValueError(f"The gateway's root secret needs at least {SHORTEST_SECRET} characters.")
        strong(self.secrets)

    def find(self, account_id: str) -> Account | None:
        """The account with its derived secret; None for an id that can't be one."""
        if not _ID.fullmatch(account_id):
            return None
        derived = hmac.new(self.root_secret.encode(), account_id.encode(), hashlib.sha256).hexdigest()
        return Account(account_id, f"sk_test_{derived}", self.secrets, self.webhook_url)

    def webhook_secrets(self) -> frozenset[str]:
        """The platform's own: one address, one pair of secrets for all accounts."""
        return frozenset(self.secrets)


def authenticated(accounts: Accounts, account_id: str, secret: str) -> Account | None:
    """The account, if the secret is its own. The same work is done for an account that does not exist."""
    account = accounts.find(account_id)
    expected = account.api_secret if account else "x" * 72
    matches = hmac.compare_digest(expected.encode(), secret.encode())
    return account if matches else None
