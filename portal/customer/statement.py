"""The portal's statement of account: the company's own."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from portal import statements
from portal.door import customer
from portal.house import place
from portal.page import ask, show


async def show_statement(request: Request) -> Response:
    """The account between two days."""
    page = await ask(request, "customer/plain")
    shown = await statements.look(request, statements.own)
    address = f"{place(request).home}/statement"
    return show(request, "customer/statement/statement.html", page, shown=shown, address=address)


async def pdf(request: Request) -> Response:
    """The same as a PDF."""
    return await statements.as_pdf(request, statements.own)


async def csv(request: Request) -> Response:
    """The same as a CSV file."""
    return await statements.as_csv(request, statements.own)


_HERE = "/portal/{slug}/statement"
ROUTES = [
    Route(_HERE, customer(show_statement)),
    Route(_HERE + ".pdf", customer(pdf)),
    Route(_HERE + ".csv", customer(csv)),
]
