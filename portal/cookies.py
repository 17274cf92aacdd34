"""Cookies, all set alike: HttpOnly, Lax, for the whole host, over TLS unless on loopback (D-3)."""

from starlette.requests import Request
from starlette.responses import Response

from portal.house import house

LANGUAGE = "language"
YEAR_SECONDS = 365 * 24 * 3600


def remember(
    request: Request, answer: Response, name: str, value: str, *, seconds: int | None = None
) -> None:
    """Set a cookie as all of ours are: HttpOnly, Lax, for the whole host, over TLS unless on loopback."""
    answer.set_cookie(
        name, value, max_age=seconds, path="/", secure=house(request).secure, httponly=True, samesite="lax"
    )


def forget(request: Request, answer: Response, name: str) -> None:
    """Take a cookie off the browser."""
    answer.delete_cookie(name, path="/", secure=house(request).secure, httponly=True, samesite="lax")
