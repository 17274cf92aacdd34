"""A fresh installation, in which nobody can sign in yet.

Surprise: it is asked at the sign-in page, and only until the first yes: partners stay.
"""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from billing import partners
from portal import visits
from portal.house import house


async def nobody_yet(request: Request) -> Response | None:
    """What whoever wants to sign in is told as long as there is no partner; else None."""
    state = request.app.state
    if not getattr(state, "has_partner", False):
        state.has_partner = not await run_in_threadpool(is_empty, request)
    return None if state.has_partner else visits.page(request, "login/first_run_wanted.html")


def is_empty(request: Request) -> bool:
    """Whether there is no partner."""
    with house(request).database.transaction() as db:
        return partners.is_empty(db)
