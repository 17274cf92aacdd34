"""Tokens: 256 random bits (or bits derived from a record), and the SHA-256 under which they are kept.

Surprise: links in mails carry derived tokens: an HMAC over purpose and record id with the server's
secret. The mail can be written again from the record, and nothing at rest holds the token.
"""

import hashlib
import hmac
import json
import secrets
from base64 import urlsafe_b64encode
from uuid import UUID

from sqlmodel import Session

from db.session import secret_of
from errors import NotFound

KEY_PREFIX = "remit_"


class DeadLink(NotFound):
    """A link that opens nothing (any more). Expired, revoked, used and never made are not told apart."""

    code = "DEAD_LINK"
    message = "This link no longer works: it was used, replaced or is too old. Ask for a new one."


def new_token(prefix: str = "") -> str:
    """256 random bits as URL-safe text, behind `prefix`."""
    return prefix + secrets.token_urlsafe(32)


def digest_of(token: str) -> bytes:
    """What is stored and looked up instead of the token. Whatever a stranger sends has a digest."""
    return hashlib.sha256(token.encode(errors="backslashreplace")).digest()


def keyed_digest(db: Session, purpose: str, *bound_to: UUID | str) -> bytes:
    """256 bits that only the holder of the server's secret can make, for one purpose and these things."""
    # JSON keeps the parts apart: no two lists of parts are written the same way.
    message = json.dumps(["remit", purpose, *map(str, bound_to)])
    return hmac.new(secret_of(db).encode(), message.encode(), hashlib.sha256).digest()


def link_token(db: Session, purpose: str, *bound_to: UUID | str) -> str:
    """The 256-bit token of a record, for one purpose. Another purpose or record gives another token."""
    return urlsafe_b64encode(keyed_digest(db, purpose, *bound_to)).rstrip(b"=").decode()


def same(token: str, other: str) -> bool:
    """Are the two the same? Takes the same time wherever they differ."""
    return hmac.compare_digest(digest_of(token), digest_of(other))
