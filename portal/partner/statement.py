"""The dashboard's statement of account: a tab of the customer."""

from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from portal import statements
from portal.door import partner
from portal.house import record_id
from portal.page import ask
from portal.partner.customers import address_of, found, tab


async def show_statement(request: Request) -> Response:
    """The account between two days."""
    page = await ask(request, "partner/customers/statement", id=request.path_params["customer_id"])
    found(page)
    shown = await statements.look(request, _whose(request))
    return tab(
        request, "Statement", "statement", page, shown=shown, account=f"{address_of(request)}/statement"
    )


async def pdf(request: Request) -> Response:
    """The same as a PDF."""
    return await statements.as_pdf(request, _whose(request))


async def csv(request: Request) -> Response:
    """The same as a CSV file."""
    return await statements.as_csv(request, _whose(request))


def _whose(request: Request) -> statements.Whose:
    customer_id = record_id(request, "customer_id", "cus")

    def whose(_actor: Actor) -> UUID:
        return customer_id

    return whose


_HERE = "/partner/{slug}/customers/{customer_id}/statement"
ROUTES = [
    Route(_HERE, partner(show_statement)),
    Route(_HERE + ".pdf", partner(pdf)),
    Route(_HERE + ".csv", partner(csv)),
]
