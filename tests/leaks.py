"""O2, secrets: every way a secret could be written down, and a search of the whole database for them.

Beside the text itself: its bytes in hex and base64, and for tokens the same of the bits they stand for.
Letters count without case and separators, so that `AB-CD` is found for `abcd`.
"""

import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from contextlib import suppress

from sqlalchemy import Connection, text

from tests.world import tables_of

_SEPARATORS = re.compile(r"[\s\-_.:/+=]")
_FULL_LENGTH = 43


def forms_of(secret: str) -> set[str]:
    """What must not be found anywhere: the secret as it is, in hex, in base64, folded."""
    raw = [secret.encode()]
    if len(secret.rpartition("_")[2]) == _FULL_LENGTH or len(secret) == _FULL_LENGTH:
        with suppress(Error):
            raw.append(urlsafe_b64decode(secret[-_FULL_LENGTH:] + "="))
    written = {secret}
    for bits in raw:
        written |= {bits.hex(), b64encode(bits).decode(), urlsafe_b64encode(bits).decode()}
    # The last characters of base64 depend on what follows.
    return {_folded(form.rstrip("=")[:-2] if form != secret else form) for form in written}


def leaks_in(haystack: str, secrets: dict[str, str]) -> list[str]:
    """The names of the secrets that stand in the text in any form."""
    folded = _folded(haystack)
    return [name for name, secret in secrets.items() if any(form in folded for form in forms_of(secret))]


def leaks_at_rest(owner: Connection, secrets: dict[str, str]) -> list[str]:
    """`table: secret` for each that stands in any row of any table, the queue's included."""
    found = []
    for table in tables_of(owner):
        rows = "\n".join(owner.scalars(text(f'select t::text from "{table}" t')))
        found += [f"{table}: {name}" for name in leaks_in(rows, secrets)]
    return found


def _folded(written: str) -> str:
    return _SEPARATORS.sub("", written).casefold()
