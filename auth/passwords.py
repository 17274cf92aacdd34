"""Passwords: which are taken, how they are hashed, and how many may be hashed at once.

Surprise: a hash costs 19 MiB and tens of milliseconds on purpose. So it is never made while a database
transaction is open: rules take a `NewPassword` or a proof that was made before.
"""

import threading
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from passlib.hash import argon2
from zxcvbn import zxcvbn
from zxcvbn.matching import RANKED_DICTIONARIES

from errors import Invalid, Limited
from languages import say

SHORTEST, LONGEST = 12, 256
# Combining characters at worst: more than this can't become LONGEST characters, so it isn't looked at.
_LONGEST_RAW = LONGEST * 4
_LEAST_SCORE = 3
_JUDGED = 72
# zxcvbn takes three known words in a row for strong: so much must be left when they are taken out.
_LEAST_OWN = 8
_ARGON2 = argon2.using(type="ID", memory_cost=19456, time_cost=2, parallelism=1)
_COMMON: Mapping[str, int] = RANKED_DICTIONARIES["passwords"]
_OURS = ("remit", "invoice", "payment")

T = TypeVar("T")


class Verified(NamedTuple):
    """Was it the password; and what to store instead when the old hash is weaker than today's policy."""

    ok: bool
    new_hash: str | None


@dataclass(frozen=True, slots=True)
class NewPassword:
    """A password that was checked and hashed. Only `choose` makes one."""

    hash: str = field(repr=False)


class HashingBusy(Limited):
    """Every place to hash in is taken, and so is every place to wait in."""

    code = "BUSY"
    message = "Too many people are signing in right now. Try again in a few seconds."


class HashingPool:
    """Room for `at_once` hashes, and for `waiting` more to wait; whoever comes then is refused.

    It has no threads of its own: the caller's thread does the work. A refusal (`HashingBusy`) comes at once
    and is the door's 503 (GUARANTEES B-2).
    """

    def __init__(self, *, at_once: int, waiting: int) -> None:
        self._places = threading.Semaphore(at_once + waiting)
        self._running = threading.Semaphore(at_once)

    def run(self, work: Callable[[], T]) -> T:
        """`work()`, when there is room for it."""
        if not self._places.acquire(blocking=False):
            raise HashingBusy(retry_after=5)
        try:
            with self._running:
                return work()
        finally:
            self._places.release()


def choose(
    password: str, *, words: Iterable[str], path: tuple[str | int, ...] = ("password",)
) -> NewPassword:
    """A new password, checked and hashed. Refuses as `check_new`."""
    return NewPassword(hash_password(check_new(password, words=words, path=path)))


def check_new(password: str, *, words: Iterable[str], path: tuple[str | int, ...] = ("password",)) -> str:
    """The password in its normal form (NFC), if it can be taken; what is typed may be composed differently.

    `words` are the person's and company's: names, e-mail. Refuses at `path`: TOO_SHORT (12), TOO_LONG (256),
    BAD_CHARACTERS, COMMON_PASSWORD, WEAK_PASSWORD (zxcvbn below 3 of 4 on the first 72 characters, or little
    left without the words). No composition rules, nothing is cut off (GUARANTEES B-1).
    """
    normal = _normal(password)
    if normal is None:
        if len(password) > LONGEST:
            message = say("Shorten the password to at most {longest} characters.", longest=LONGEST)
            raise Invalid.at(*path, code="TOO_LONG", message=message)
        message = "Type the password again: it holds half a character, which no keyboard makes."
        raise Invalid.at(*path, code="BAD_CHARACTERS", message=message)
    if len(normal) < SHORTEST:
        message = say(
            "Use at least {shortest} characters: three or four unrelated words do well.", shortest=SHORTEST
        )
        raise Invalid.at(*path, code="TOO_SHORT", message=message)
    if normal.casefold() in _COMMON:
        message = "This password is among the most common ones. Choose one that nobody else uses."
        raise Invalid.at(*path, code="COMMON_PASSWORD", message=message)
    pieces = _pieces(words)
    judged = zxcvbn(normal[:_JUDGED], user_inputs=pieces)
    if judged["score"] < _LEAST_SCORE:
        raise Invalid.at(*path, code="WEAK_PASSWORD", message=_advice(judged["feedback"]))
    if len(_without(normal.casefold(), pieces)) < _LEAST_OWN:
        message = "Use fewer words from your name, e-mail address or company: those are guessed first."
        raise Invalid.at(*path, code="WEAK_PASSWORD", message=message)
    return normal


def hash_password(password: str) -> str:
    """Argon2id of the password's normal form with today's parameters: 19 MiB, two passes, one lane (B-2)."""
    return str(_ARGON2.hash(unicodedata.normalize("NFC", password)))


def verify(password: str, stored: str) -> Verified:
    """Is it the password behind `stored`? If so and the policy has grown, the hash to store instead.

    What can't be anybody's password (too long, half a character) costs the same one hash.
    """
    normal = _normal(password)
    if normal is None:
        return verify_nothing()
    if not _ARGON2.verify(normal, stored):
        return Verified(ok=False, new_hash=None)
    return Verified(ok=True, new_hash=hash_password(normal) if _ARGON2.needs_update(stored) else None)


def verify_nothing() -> Verified:
    """Do for an account without a password the work of one hash, with today's parameters (B-4).

    A hash costs the same whatever is hashed.
    """
    hash_password("")
    return Verified(ok=False, new_hash=None)


def _normal(password: str) -> str | None:
    """NFC; None for what no password can be. The length is capped before any work is done."""
    if len(password) > _LONGEST_RAW or any("\ud800" <= char <= "\udfff" for char in password):
        return None
    normal = unicodedata.normalize("NFC", password)
    return normal if len(normal) <= LONGEST else None


def _pieces(words: Iterable[str]) -> list[str]:
    """The words as such, and what they are made of: `Petra Lund`, `petra`, `lund`."""
    whole = [word.casefold() for word in words if word]
    apart = [piece for word in whole for piece in "".join(c if c.isalnum() else " " for c in word).split()]
    return sorted({piece for piece in (*whole, *apart, *_OURS) if len(piece) >= 3})


def _without(password: str, pieces: list[str]) -> str:
    for piece in sorted(pieces, key=len, reverse=True):
        password = password.replace(piece, "")
    return password


def _advice(feedback: dict[str, object]) -> str:
    warning = say(str(feedback["warning"])) if feedback["warning"] else say("This password is easy to guess.")
    return say(
        "{warning}. Add another word or two that nobody would connect with you.", warning=warning.rstrip(".")
    )
