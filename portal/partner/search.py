"""Search over the whole dashboard: customers, users and invoices, from the box in the top bar.

Surprise: an invoice's number, a tax id or an address that is typed out stands on top, whatever else begins
with its words. They are asked for in the same document, by the fields themselves.
"""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from billing.addresses import Country
from billing.search import words_asked
from billing.tax_ids import display_tax_id
from portal.door import partner
from portal.page import ask, show

LONGEST = 200
SHOWN = 10
# So many digits has an EIN, and a Business Number.
TAX_ID_DIGITS = 9


async def search(request: Request) -> Response:
    """What was found, by kind; the first ten of each."""
    asked = " ".join(request.query_params.get("q", "").split())[:LONGEST]
    page = await ask(
        request, "partner/search", q=asked, first=SHOWN if words_asked(asked) else 0, **_exact(asked)
    )
    content = page.content
    return show(
        request, "partner/search/results.html", page, asked=asked, tax_id=_tax_id,
        groups=[
            (name, _together(content[f"exact_{name}"], content[name]), content[name]["totalCount"])
            for name in ("customers", "users", "invoices")
        ],
    )  # fmt: skip


def _exact(asked: str) -> dict[str, Any]:
    """What a number or an address must be, to be the very one that was typed."""
    digits = asked.replace("-", "").replace(" ", "")
    is_tax_id = len(digits) == TAX_ID_DIGITS and digits.isascii() and digits.isdecimal()
    return {
        "taxId": {"taxId": {"eq": digits}} if is_tax_id else {"id": {"in": []}},
        "email": {"email": {"eq": asked}} if "@" in asked else {"id": {"in": []}},
        "number": {"number": {"eq": asked.upper()}} if asked else {"id": {"in": []}},
    }


def _together(exact: Any, found: Any) -> list[Any]:
    first = exact["nodes"]
    known = {record["id"] for record in first}
    return [*first, *(record for record in found["nodes"] if record["id"] not in known)][:SHOWN]


def _tax_id(digits: str | None, country: str) -> str:
    return display_tax_id(digits, Country(country)) if digits else ""


ROUTES = [Route("/partner/{slug}/search", partner(search))]
