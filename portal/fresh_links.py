"""Asking for a fresh pay link: by one that opens nothing any more, or whose cards were declined too often.

Surprise: the answer is the same whatever was asked for. What becomes of it is in the company's mail or not at
all.
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from billing import mailed_links
from portal import visits
from portal.door import read_form, visitor
from portal.guest_addresses import ONE, address_of, held
from portal.house import house
from portal.pay_links import FRESH, LONGEST_TOKEN, TRIED


async def show(request: Request) -> Response:
    """Asks before one is mailed."""
    return visits.page(request, "guest/fresh.html", sent=False)


async def ask(request: Request) -> Response:
    """Have one mailed in place of the link that was tried last."""
    return await _asked(request, request.cookies.get(house(request).cookie(TRIED), ""))


async def ask_here(request: Request) -> Response:
    """Have one mailed in place of the link in the address."""
    return await _asked(request, held(request))


async def back(request: Request) -> Response:
    """Whoever comes to the form's address without the form."""
    return RedirectResponse(FRESH, 303)


async def _asked(request: Request, token: str) -> Response:
    form, parts = await read_form(request), house(request)
    visits.check(request, form)

    def work() -> None:
        with parts.database.transaction() as db:
            mailed_links.ask_fresh(
                db, token=token[:LONGEST_TOKEN], address=address_of(request), now=parts.clock()
            )

    await run_in_threadpool(work)
    return visits.page(request, "guest/fresh.html", sent=True)


ROUTES = [
    Route(FRESH, visitor(show)),
    Route(FRESH, visitor(ask), methods=["POST"]),
    Route(ONE + "/fresh", visitor(back)),
    Route(ONE + "/fresh", visitor(ask_here), methods=["POST"]),
]
