"""Tags on many invoices at once: the portal's addresses of `portal.invoice_tagging`."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portal import invoice_tagging
from portal.customer.invoices import narrow
from portal.door import customer


async def show_tagging(request: Request) -> Response:
    """Which invoices were chosen in the portal's list."""
    return await invoice_tagging.show_tagging(request, narrow)


async def tag(request: Request) -> Response:
    """The company's own tags on them, or off."""
    return await invoice_tagging.tag(request, narrow)


_TAG = "/portal/{slug}/invoices/tag"
ROUTES = [
    Route(_TAG, customer(show_tagging)),
    Route(_TAG, customer(tag), methods=["POST"]),
]
