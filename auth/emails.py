"""E-mail addresses: the one normal form that says whether two are the same, and the text mail is sent to.

The surprise: letters outside ASCII are refused before the @ (mail servers of the US and Canada don't take
them, and look-alikes would pass as somebody else), while domains may have them and are kept in their ASCII
form. A `+tag` stays: it is part of the address.
"""

import re
import unicodedata
from typing import NamedTuple

import idna

from errors import Invalid
from languages import mark, say

_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LONGEST = 254
_LONGEST_LOCAL = 64
_SAMPLE = mark("Enter the e-mail address like name@company.com.")


class Email(NamedTuple):
    """`address` is what mail is sent to, in the case the person typed; `normal` is what must be unique."""

    address: str
    normal: str


def parse_email(text: str | None, *, path: tuple[str | int, ...] = ("email",)) -> Email:
    """The address as given and its normal form, made in one place: NFKC, IDNA for the domain, casefold.

    Refuses at `path`: REQUIRED, TOO_LONG (254 characters, 64 before the @), BAD_EMAIL for anything that is
    not a plain `name@domain`: control characters and line breaks (header injection, F-5), display names,
    comments, quoted names, address literals, domains without a dot.
    """
    typed = (text or "").strip(" \t\N{NO-BREAK SPACE}")
    if not typed:
        raise Invalid.at(*path, code="REQUIRED", message="Enter the e-mail address.")
    if len(typed) > _LONGEST:
        raise _too_long(path)
    if any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in typed):
        message = "Remove the invisible characters from the e-mail address."
        raise Invalid.at(*path, code="BAD_EMAIL", message=message)
    folded = unicodedata.normalize("NFKC", typed)
    local, _, domain = folded.rpartition("@")
    if not _LOCAL.fullmatch(local):
        raise Invalid.at(*path, code="BAD_EMAIL", message=_shape_message(folded, local))
    ascii_domain = _ascii_domain(domain, path)
    if len(local) > _LONGEST_LOCAL or len(local) + 1 + len(ascii_domain) > _LONGEST:
        raise _too_long(path)
    kept = domain if domain.isascii() else ascii_domain
    return Email(f"{local}@{kept}", f"{local}@{ascii_domain}".casefold())


def normal_form(address: str) -> str:
    """The form under the unique constraint, looked up at sign-in. Refuses as parse_email, at `email`."""
    return parse_email(address).normal


def _ascii_domain(domain: str, path: tuple[str | int, ...]) -> str:
    try:
        encoded = idna.encode(domain, uts46=True).decode("ascii")
    except idna.IDNAError as wrong:
        message = say("Check the part after the @. {sample}", sample=_SAMPLE)
        raise Invalid.at(*path, code="BAD_EMAIL", message=message) from wrong
    top = encoded.rpartition(".")[2]
    # No dot is a machine's nickname; a last label of digits is an IP address; "" is a dot at the end.
    if "." not in encoded or not top or top.isdigit():
        raise Invalid.at(
            *path, code="BAD_EMAIL", message=say("Check the part after the @. {sample}", sample=_SAMPLE)
        )
    return encoded


def _shape_message(folded: str, local: str) -> str:
    if "<" in folded or "," in folded or ";" in folded:
        return say("Enter one address without the name. {sample}", sample=_SAMPLE)
    if not local.isascii():
        return say("Write the part before the @ without accents. {sample}", sample=_SAMPLE)
    return _SAMPLE


def _too_long(path: tuple[str | int, ...]) -> Invalid:
    message = say(
        "Shorten the e-mail address: {longest} characters at most, {longest_local} before the @.",
        longest=_LONGEST,
        longest_local=_LONGEST_LOCAL,
    )
    return Invalid.at(*path, code="TOO_LONG", message=message)


def spellings(address: str) -> list[str]:
    """The forms, in small letters, that somebody may have typed an address in: its domain may be written in
    its own letters. Refuses as parse_email, at `email`.
    """
    normal = normal_form(address)
    local, _, domain = normal.rpartition("@")
    return list(dict.fromkeys([normal, f"{local}@{idna.decode(domain)}"]))
