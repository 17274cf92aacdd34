"""The customer portal once more, below a grant: what staff see who look at it.

Surprise: no page is listed here. Every page of the portal is there at its own path below
`/partner/<slug>/as/<grant>`, so a new one joins by itself: a GET through the grant's door, and any POST as
the one page that refuses it and writes it down.
"""

from collections.abc import Iterator

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor, ViewOnly
from auth.impersonations import PREFIX
from billing import impersonations
from portal import invoice_threads
from portal.customer import ROUTES as PORTAL
from portal.customer import invoices, payment_methods, payments
from portal.door import Endpoint, act_as_staff, go, grant, meet, read_form
from portal.house import house, place, record_id

HOME = "/partner/{slug}/as/{grant_id}"
_PORTAL = "/portal/{slug}"
# Opened by a link, these ask the gateway how something stands and write down what it says. Nobody who only
# looks sets that off.
ASKING: tuple[Endpoint, ...] = (
    payments.come_back,
    payment_methods.come_back,
    payment_methods.show_fields,
)
# A page that is nothing but the question before something is done.
CLOSED: tuple[Endpoint, ...] = (*ASKING, invoices.show_export, invoice_threads.show_ask)


async def refuse(request: Request) -> Response:
    """The answer to every form: nothing is changed, and the attempt stands in both sides' log."""
    form = await read_form(request)
    grant_id, now = record_id(request, "grant_id", PREFIX), house(request).clock()
    tried = request.url.path.removeprefix(place(request).home)

    def work(db: Session, actor: Actor) -> None:
        impersonations.note_refused(db, actor, grant_id=grant_id, tried=tried, now=now)

    await act_as_staff(request, work, form=form)
    raise ViewOnly


async def only_look(request: Request) -> Response:
    """In place of a page that does something, or only asks before it: says why not, to whoever may look."""
    await meet(request, lambda _db, actor: actor)
    raise ViewOnly


async def end(request: Request) -> Response:
    """Stop looking; the next page says that it is over, and leads back."""
    form = await read_form(request)
    grant_id, now = record_id(request, "grant_id", PREFIX), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        impersonations.end(db, actor, grant_id=grant_id, now=now)

    await act_as_staff(request, work, form=form)
    return go(request, f"{place(request).home}/invoices")


async def back(request: Request) -> Response:
    """Whoever comes to the form's address without the form, say after signing in again."""
    return go(request, f"{place(request).home}/invoices")


def _looked_at() -> Iterator[Route]:
    for route in PORTAL:
        assert route.path.startswith(_PORTAL)
        path = HOME + route.path.removeprefix(_PORTAL)
        inside: Endpoint = route.endpoint.inside  # type: ignore[attr-defined]  # set by the door
        methods = (route.methods or set()) - {"HEAD"}
        if methods == {"GET"}:
            yield Route(path, grant(only_look if inside in CLOSED else inside))
        else:
            yield Route(path, grant(refuse), methods=sorted(methods))


ROUTES = [
    Route(HOME + "/end", grant(back)),
    Route(HOME + "/end", grant(end), methods=["POST"]),
    *_looked_at(),
]
