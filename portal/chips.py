"""The filters of a list that are on, each with the address that takes it away."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.requests import Request

from languages import say
from portal.paging import link


class Chip(NamedTuple):
    """One filter that is on: what it says, and the list's address without it."""

    text: str
    href: str


def of_customer(request: Request, content: Mapping[str, Any]) -> list[Chip]:
    """The customer whose records alone are shown, if the document asked for one: no field says it."""
    if "customer" not in content:
        return []
    known = content["customer"]
    company = known["company"] if known else say("one that is gone")
    return [Chip(say("Customer: {company}", company=company), link(request, customer=""))]
