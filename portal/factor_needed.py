"""A place that opens only with a second factor, before somebody who has none: the way to setting one up.

Surprise: only that place is shut. The account's own pages and every other place of the person stay open.
"""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from portal import csrf

PATH = "/account/factors/required"


def lead(request: Request) -> Response:
    """The answer to `FactorNeeded`: to the page that explains it, and back to the place afterwards.

    A form leads back to its place's start: its own address may have no page to come back to.
    """
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    if request.method not in csrf.SAFE_METHODS:
        target = "/".join(request.url.path.split("/")[:3])
    return RedirectResponse(f"{PATH}?next={quote(target, safe='')}", 303)
