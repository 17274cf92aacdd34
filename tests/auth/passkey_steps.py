"""Steps of stories with passkeys: an authenticator in software, and what the doors do around the rules."""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from sqlalchemy import Connection, text

from auth import passkeys
from auth.authenticators import Owner, Site
from auth.challenges import Use
from auth.passkeys import Asking
from auth.sessions import SignedIn
from db.session import Database
from tests.auth.steps import BROWSER, HOME

SITE = Site(host="remit.example", origin="https://remit.example")
HERE = Asking(SITE, "browser-1")
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text_of(given: bytes) -> str:
    return urlsafe_b64encode(given).rstrip(b"=").decode()


def bytes_of(given: str) -> bytes:
    return urlsafe_b64decode(given + "=" * (-len(given) % 4))


@dataclass
class Authenticator:
    """A phone or key that holds one passkey, and does what it is told, also what a thief's would do."""

    site: Site = SITE
    counts: bool = True
    flags: int = PRESENT | VERIFIED
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    private: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    count: int = 0
    user_id: bytes = b""
    framed: bool = False
    key_again: bytes = b""

    def _data(self, more: bytes = b"", flags: int = 0) -> bytes:
        self.count += self.counts
        host = hashlib.sha256(self.site.host.encode()).digest()
        return host + bytes([self.flags | flags]) + self.count.to_bytes(4, "big") + more

    def _said(self, kind: str, challenge: str) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.site.origin, "crossOrigin": self.framed}
        return json.dumps(said).encode()

    def _credential(self, response: dict[str, Any]) -> str:
        name = text_of(self.credential_id)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})

    def make(self, options: str) -> str:
        """What `navigator.credentials.create(options)` answers."""
        asked = json.loads(options)
        self.user_id = bytes_of(asked["user"]["id"])
        numbers = self.private.public_key().public_numbers()
        public = cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        )
        attested = bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id + public
        whole = {"fmt": "none", "attStmt": {}, "authData": self._data(attested, ATTESTED)}
        return self._credential(
            {
                "clientDataJSON": text_of(self._said("webauthn.create", asked["challenge"])),
                "attestationObject": text_of(cbor2.dumps(whole)),
            }
        )

    def answer(self, options: str) -> str:
        """What `navigator.credentials.get(options)` answers."""
        said = self._said("webauthn.get", json.loads(options)["challenge"])
        data = self._data(self.key_again, ATTESTED if self.key_again else 0)
        signature = self.private.sign(data + hashlib.sha256(said).digest(), ec.ECDSA(SHA256()))
        return self._credential(
            {
                "clientDataJSON": text_of(said),
                "authenticatorData": text_of(data),
                "signature": text_of(signature),
                "userHandle": text_of(self.user_id),
            }
        )


def ask_for_new(
    database: Database, user_id: UUID, now: datetime, *, asking: Asking = HERE, use: Use = Use.ADD
) -> str:
    with database.transaction(user_id=user_id) as db:
        owner = Owner(user_id, "petra@acme.example", "Petra")
        return passkeys.ask_for_new(db, asking, owner, use=use, address=HOME, now=now)


def add(
    database: Database,
    user_id: UUID,
    answer: str,
    now: datetime,
    *,
    name: str = "Laptop",
    asking: Asking = HERE,
) -> list[str] | None:
    with database.transaction(user_id=user_id) as db:
        return passkeys.add(
            db, asking, user_id=user_id, name=name, answer=answer, address=HOME, agent=BROWSER, now=now
        )


def with_passkey(database: Database, user_id: UUID, now: datetime, *, name: str = "Laptop") -> Authenticator:
    """An authenticator that holds a passkey of this person's."""
    device = Authenticator()
    assert (
        add(database, user_id, device.make(ask_for_new(database, user_id, now)), now, name=name) is not None
    )
    return device


def ask(
    database: Database,
    now: datetime,
    *,
    use: Use = Use.SIGN_IN,
    user_id: UUID | None = None,
    asking: Asking = HERE,
    address: str = HOME,
) -> str:
    with database.transaction(user_id=user_id) as db:
        return passkeys.ask(db, asking, use=use, user_id=user_id, address=address, now=now)


def sign_in(
    database: Database,
    answer: str,
    now: datetime,
    *,
    asking: Asking = HERE,
    address: str = HOME,
    device_token: str | None = None,
    replaces: bytes | None = None,
) -> SignedIn | None:
    with database.transaction() as db:
        return passkeys.sign_in(
            db, asking, answer=answer, device_token=device_token, address=address, agent=BROWSER,
            replaces=replaces, now=now,
        )  # fmt: skip


def remove(database: Database, user_id: UUID, passkey_id: UUID, now: datetime) -> None:
    with database.transaction(user_id=user_id) as db:
        passkeys.remove(db, user_id=user_id, passkey_id=passkey_id, address=HOME, agent=BROWSER, now=now)


def passkey_of(database: Database, user_id: UUID, at: int = 0) -> UUID:
    with database.transaction(user_id=user_id) as db:
        return passkeys.passkeys_of(db, user_id=user_id)[at].id


def events(owner: Connection, user_id: UUID) -> list[str]:
    asked = text("select action from personal_event where user_id = :id order by id")
    return list(owner.scalars(asked, {"id": user_id}))


def told(owner: Connection) -> list[str]:
    return list(
        owner.scalars(
            text(
                "select e.action from procrastinate_jobs j join personal_event e "
                "on e.id = (j.args->>'event_id')::uuid where j.task_name = 'send_factors_changed' "
                "order by j.id"
            )
        )
    )


def count_of(owner: Connection, table: str) -> int:
    return int(owner.execute(text(f"select count(*) from {table}")).scalar_one())
