"""Tags on many invoices at once: the dashboard's addresses of `portal.invoice_tagging`."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portal import invoice_tagging
from portal.door import partner
from portal.partner.invoice_narrowing import Narrowing


async def show_tagging(request: Request) -> Response:
    """Which invoices were chosen in the dashboard's list."""
    return await invoice_tagging.show_tagging(request, _narrow)


async def tag(request: Request) -> Response:
    """The partner's tags on them, or off."""
    return await invoice_tagging.tag(request, _narrow)


def _narrow(query: str) -> Mapping[str, Any]:
    return Narrowing.written(query).sorted_variables


_TAG = "/partner/{slug}/invoices/tag"
ROUTES = [
    Route(_TAG, partner(show_tagging)),
    Route(_TAG, partner(tag), methods=["POST"]),
]
