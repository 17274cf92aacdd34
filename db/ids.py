"""Ids as the outside sees them: a short kind and 32 hexadecimal digits, `cus_0192…`.

Surprise: a text that is no id of the asked kind is the same refusal as an id that does not exist.
"""

import re
from uuid import UUID

from errors import NotFound

_SHAPE = re.compile(r"([a-z]{2,4})_([0-9a-f]{32})")


def shown(prefix: str, id_: UUID) -> str:
    """`cus_…` for a customer's id."""
    return f"{prefix}_{id_.hex}"


def parsed(text: str, prefix: str) -> UUID:
    """The id in `text`; `NotFound` if it is not one of kind `prefix`."""
    match = _SHAPE.fullmatch(text)
    if match is None or match[1] != prefix:
        raise NotFound
    return UUID(match[2])
