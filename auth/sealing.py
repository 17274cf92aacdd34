"""Secrets that must be read again (TOTP seeds): AES-256-GCM, bound to where they belong.

Surprise: the first key seals, every key opens, and the server's own secret is always the last of them. So a
key is changed by putting the new one first, running `remit reseal`, and taking the old one away.
"""

import hashlib
import json
import secrets
from collections.abc import Sequence
from functools import lru_cache
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlmodel import Session

from db.session import sealing_secrets_of

_ID, _NONCE = 8, 12


class CannotOpen(Exception):
    """Sealed under a key that is not here, moved to another row or column, or changed: no person's fault."""


def seal(db: Session, text: str, *, column: str, owner: UUID, row: UUID) -> bytes:
    """`text` for this column of this row of this tenant or person; nowhere else does it open."""
    return seal_with(sealing_secrets_of(db), text, column=column, owner=owner, row=row)


def unseal(db: Session, sealed: bytes, *, column: str, owner: UUID, row: UUID) -> str:
    """What was sealed. Raises `CannotOpen`."""
    return unseal_with(sealing_secrets_of(db), sealed, column=column, owner=owner, row=row)


def is_current(db: Session, sealed: bytes) -> bool:
    """Is it sealed under the first key? If not, it is to be sealed anew."""
    return sealed[:_ID] == _key(sealing_secrets_of(db)[0])[0]


def seal_with(held: Sequence[str], text: str, *, column: str, owner: UUID, row: UUID) -> bytes:
    """As `seal`, under the first of the secrets."""
    key_id, key = _key(held[0])
    nonce = secrets.token_bytes(_NONCE)
    return key_id + nonce + AESGCM(key).encrypt(nonce, text.encode(), _place(key_id, column, owner, row))


def unseal_with(held: Sequence[str], sealed: bytes, *, column: str, owner: UUID, row: UUID) -> str:
    """As `unseal`, with whichever of the secrets it was sealed under."""
    key_id, nonce, body = sealed[:_ID], sealed[_ID : _ID + _NONCE], sealed[_ID + _NONCE :]
    for secret in held:
        known_id, key = _key(secret)
        if known_id == key_id:
            try:
                return AESGCM(key).decrypt(nonce, body, _place(key_id, column, owner, row)).decode()
            except InvalidTag:
                raise CannotOpen(f"{column} of row {row} was moved or changed") from None
    raise CannotOpen(f"{column} of row {row} is sealed under a key that is not in REMIT_SEALING_KEYS")


def _place(key_id: bytes, column: str, owner: UUID, row: UUID) -> bytes:
    return json.dumps(["remit", key_id.hex(), column, str(owner), str(row)]).encode()


@lru_cache(maxsize=8)
def _key(secret: str) -> tuple[bytes, bytes]:
    """The key made of a secret, and what it is called: the name tells nothing about it."""
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"remit sealing").derive(secret.encode())
    return hashlib.sha256(b"remit sealing key id" + key).digest()[:_ID], key
