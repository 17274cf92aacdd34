"""Signatures of gateway events in Stripe's scheme: `t=<unix seconds>,v1=<hex>[,v1=<hex>]`.

Surprise: the time is checked in both directions. An event from the future is as wrong as an old one,
though the vendor's own library only looks at the past.
"""

import hashlib
import hmac
import re
from collections.abc import Collection
from datetime import datetime

from billing.ports import BadSignature

TOLERANCE_S = 300
# A secret shorter than this can be guessed; an empty one would accept what anybody signs.
SHORTEST_SECRET = 16
# Rotation needs two; more only buys a forger more tries per request.
MOST_SIGNATURES = 8
LONGEST_HEADER = 1024

_TIME = re.compile(r"[0-9]{1,12}")


def strong(secrets: Collection[str]) -> tuple[str, ...]:
    """One or two secrets, the second while rotating. ValueError for none, an empty or a short one."""
    kept = tuple(secrets)
    if not 1 <= len(kept) <= 2:
        raise ValueError("Give one webhook secret, or two while rotating.")
    if any(len(secret.strip()) < SHORTEST_SECRET for secret in kept):
        raise ValueError(f"A webhook secret needs at least {SHORTEST_SECRET} characters.")
    return kept


def sign(body: bytes, *, secrets: Collection[str], at: datetime) -> str:
    """The header for `body`: one signature per secret, so that both ends can rotate at their own time."""
    seconds = str(int(at.timestamp()))
    return ",".join([f"t={seconds}", *(f"v1={_digest(secret, seconds, body)}" for secret in secrets)])


def signers(body: bytes, header: str, *, secrets: Collection[str], now: datetime) -> frozenset[str]:
    """The secrets that signed exactly these bytes. BadSignature if none did, or not within 300 s of `now`."""
    seconds, given = _parts(header)
    if abs(now.timestamp() - int(seconds)) > TOLERANCE_S:
        raise BadSignature
    matching = set()
    for secret in secrets:
        expected = _digest(secret, seconds, body)
        # Every pair is compared, whatever came before: the time taken tells nothing.
        if sum(hmac.compare_digest(expected, signature) for signature in given):
            matching.add(secret)
    if not matching:
        raise BadSignature
    return frozenset(matching)


def _parts(header: str) -> tuple[str, list[str]]:
    if not header.isascii() or len(header) > LONGEST_HEADER:
        raise BadSignature
    pairs = [part.partition("=") for part in header.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not 1 <= len(signatures) <= MOST_SIGNATURES:
        raise BadSignature
    return times[0], signatures


def _digest(secret: str, seconds: str, body: bytes) -> str:
    return hmac.new(secret.encode(), seconds.encode() + b"." + body, hashlib.sha256).hexdigest()
