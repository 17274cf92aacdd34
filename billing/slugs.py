"""Slugs: the names of partners and customers in URLs.

Surprise: a customer's slug ends in six random characters, so that nobody learns from the URL being free or
taken which companies other partners have.
"""

import re
import secrets
import unicodedata

LONGEST = 40
_APART = re.compile(r"[^a-z0-9]+")
SHAPE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# No vowels, so that no tail spells a word; no characters that look alike.
_TAIL_LETTERS = "23456789bcdfghjkmnpqrstvwxyz"
_TAIL_LENGTH = 6


def slug_of(name: str) -> str:
    """`name` in lower-case ASCII letters, digits and single hyphens, at most 40; "" if nothing is left."""
    if name.isascii():
        bare = name.lower()
    else:
        apart = unicodedata.normalize("NFKD", name).casefold()
        bare = "".join(char for char in apart if not unicodedata.combining(char))
    return _APART.sub("-", bare).strip("-")[:LONGEST].rstrip("-")


def random_slug(name: str) -> str:
    """`slug_of` with a random tail, about 480 million of them: `acme-inc-7kq2xw`."""
    drawn, tail = secrets.randbelow(len(_TAIL_LETTERS) ** _TAIL_LENGTH), ""
    for _ in range(_TAIL_LENGTH):
        drawn, letter = divmod(drawn, len(_TAIL_LETTERS))
        tail += _TAIL_LETTERS[letter]
    return f"{slug_of(name) or 'customer'}-{tail}"
