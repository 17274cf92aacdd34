"""The dashboard's home: what waits for somebody.

Surprise: it shows the first few of each kind and how many there are; each list's own page has the rest.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portal.door import partner
from portal.page import ask, show


async def show_home(request: Request) -> Response:
    """Customers in set-up, invites nobody accepted yet, overdue invoices."""
    return show(request, "partner/home/home.html", await ask(request, "partner/home"))


ROUTES = [Route("/partner/{slug}", partner(show_home))]
