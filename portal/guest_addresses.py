"""Where the pages are on which a guest pays by a pay link, and which browser may open them.

Surprise: their addresses name the link's id and open nothing; the token that does is in a cookie of the
link's own.
"""

from uuid import UUID

from starlette.requests import Request

from auth.tokens import DeadLink
from db import ids
from errors import NotFound
from portal.headers import client_address
from portal.house import house, record_id

LONGEST_ENTRY = 200
ONE = "/pay-link/{link_id}"
PAYMENT = ONE + "/payments/{payment_id}"


def held(request: Request) -> str:
    """The token that this browser keeps for the address's link; empty if it keeps none."""
    if "link_id" not in request.path_params:
        return ""
    try:
        return request.cookies.get(cookie_of(request, link_of(request)), "")
    except DeadLink:
        return ""


def address_of(request: Request) -> str:
    """Where the request comes from, as the throttle counts it."""
    return client_address(request.scope, house(request).trusted_proxies)


def link_of(request: Request) -> UUID:
    """The link that the address names. Refuses DeadLink."""
    try:
        return record_id(request, "link_id", "pln")
    except NotFound:
        raise DeadLink from None


def entry_of(request: Request) -> str:
    """The gateway's name for an entry of a card, as the address has it."""
    return request.query_params.get("setup", "")[:LONGEST_ENTRY]


def cookie_of(request: Request, link_id: UUID) -> str:
    """What the cookie is called that keeps a link's token."""
    return house(request).cookie(f"pay_link_{link_id.hex}")


def home_of(link_id: UUID) -> str:
    """Where paying by a link begins."""
    return f"/pay-link/{ids.shown('pln', link_id)}"


def here(request: Request) -> str:
    """The same for the link of this address."""
    return home_of(link_of(request))


def review_page(request: Request, entry: str) -> str:
    """Where that is shown which an entry of a card would pay."""
    return f"{here(request)}/review?setup={entry}"


def payment_page(request: Request, payment_id: UUID) -> str:
    """Where a guest's payment is shown."""
    return f"{here(request)}/payments/{ids.shown('pay', payment_id)}"


def return_url(request: Request) -> str:
    """Where the gateway leads back to, once a card is typed."""
    return f"{house(request).public_url.rstrip('/')}{here(request)}/review"
