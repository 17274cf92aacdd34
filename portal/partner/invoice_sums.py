"""What the dashboard's list of invoices comes to, narrowed as the list is: totals, and what is open by age.

Surprise: a long list is shown before it is added up. The page then asks for its sums by itself, and where no
script runs a link leads to them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portal.door import partner
from portal.house import place
from portal.invoice_totals import written
from portal.page import Page, ask, show
from portal.partner.aging import Aged, aged
from portal.partner.home import today_of
from portal.partner.invoice_narrowing import Narrowing


class Sums(NamedTuple):
    """`invoiceTotals`, a row for each currency, each with its count as people write it; and by age."""

    totals: Sequence[Mapping[str, Any]]
    ages: Sequence[Aged]


async def show_sums(request: Request) -> Response:
    """The sums on a page of their own, of which the list takes what it shows."""
    narrowing = Narrowing.read(request)
    page = await _page(request, narrowing)
    back = narrowing.address(f"{place(request).home}/invoices")
    return show(request, "partner/invoices/sums.html", page, back=back, sums=_sums(request, page, narrowing))


async def sums_of(request: Request, narrowing: Narrowing) -> Sums:
    """What the list comes to. A long one takes its time: see `path_of`."""
    return _sums(request, await _page(request, narrowing), narrowing)


def path_of(request: Request, narrowing: Narrowing) -> str:
    """Where a list's sums are."""
    return narrowing.address(f"{place(request).home}/invoices/totals")


async def _page(request: Request, narrowing: Narrowing) -> Page:
    return await ask(request, "partner/invoices/sums", **narrowing.variables)


def _sums(request: Request, page: Page, narrowing: Narrowing) -> Sums:
    ages = aged(
        page.content["receivablesByAge"], today=today_of(request, page), asked=narrowing.filters.pairs()
    )
    return Sums(written(page.content["invoiceTotals"]), ages)


ROUTES = [Route("/partner/{slug}/invoices/totals", partner(show_sums))]
