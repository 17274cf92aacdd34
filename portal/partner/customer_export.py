"""The list of customers as a CSV file: what the bar above it chose."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing import customer_exports
from portal import exports
from portal.door import go, partner, read_form
from portal.house import place
from portal.partner.customer_chosen import Chosen, find, lead_back

_PAGE = 80  # with 50 tags each, what one document may cost


async def export(request: Request) -> Response:
    """The file of the chosen customers, or of all that the filter finds."""
    form = await read_form(request)
    chosen = Chosen.of(form)
    if chosen.ids is not None and not (await find(request, chosen)).ids:
        said = "No customer is chosen. Check the boxes of those you mean."
        back = chosen.narrowing.address(f"{place(request).home}/customers")
        return go(request, back, said, tone="warning")
    listed = exports.Listed(
        "partner/customers/export", "customers", chosen.variables, _PAGE, customer_exports.EXPORT,
        customer_exports.COLUMNS, customer_exports.row,
    )  # fmt: skip
    asked = dict(chosen.narrowing.texts) | {"tags": " ".join(chosen.narrowing.tags)}
    said_of = {name: text for name, text in asked.items() if text}
    return await exports.send(request, form, listed, asked=said_of, chosen=chosen.ids or ())


_HERE = "/partner/{slug}/customers/chosen/export"
ROUTES = [Route(_HERE, partner(export), methods=["POST"]), Route(_HERE, partner(lead_back))]
