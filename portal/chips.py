"""Filters that are on, above a list: what each says, and the list without it."""

from typing import NamedTuple

from starlette.requests import Request

from languages import say
from portal.page import Page
from portal.paging import link


class Chip(NamedTuple):
    """One filter that is on: what it says, and the list's address without it."""

    text: str
    href: str


def of_customer(request: Request, page: Page) -> list[Chip]:
    """The customer whose records alone are shown: no field of the form above the list says it."""
    if "customer" not in page.content:
        return []
    known = page.content["customer"]
    company = known["company"] if known else say("one that is gone")
    return [Chip(say("Customer: {company}", company=company), link(request, customer=""))]
