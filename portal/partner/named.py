"""What records are called that a page knows by their ids alone, the users who are gone by now included."""

from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request

from portal.page import ask

# The API reads as many by their ids at once.
MOST = 100


async def named(request: Request, wanted: Iterable[str]) -> list[Mapping[str, Any]]:
    """Those of the records that there are; of more than a hundred the first."""
    ids = list(dict.fromkeys(wanted))[:MOST]
    if not ids:
        return []
    known = await ask(request, "partner/named", ids=ids)
    return [one for one in known.content["nodes"] if one]
