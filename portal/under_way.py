"""A page that shows how far something is, and asks again by itself until it is over."""

from starlette.requests import Request
from starlette.responses import Response


def is_over(request: Request, over: bool) -> Response | None:
    """To a script that asks how far it is: that the page shows something else by now. None for all others."""
    if over and "hx-request" in request.headers:
        return Response(status_code=204, headers={"hx-refresh": "true"})
    return None
