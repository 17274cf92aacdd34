"""A form counts only when our own page sent it (docs/guarantees.md, D-5): two checks, and both must hold.

The token proves that the sender could read a page of this session; where the browser says the request comes
from proves that it was one of our pages. What surprises: the answer to a missing origin is no. Every browser
that can sign in sends `Sec-Fetch-Site` or `Origin` on a POST, so their absence is never a person.

Nothing here knows a request or a session table: ids, secrets and headers are handed in.
"""

import base64
import hashlib
import hmac
import secrets
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from errors import Forbidden

FIELD = "csrf_token"
HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
DEFAULT_PORTS = {"http": 80, "https": 443}


class CrossSite(Forbidden):
    """The request can't be shown to come from one of our own pages."""

    code = "CROSS_SITE"
    matters = True
    message = (
        "This form is out of date or came from another site. Go back, reload the page and send it again."
    )


class PreSession(NamedTuple):
    """Stands in for a session while nobody is signed in: `id` makes tokens, the browser keeps `cookie`."""

    id: str
    cookie: str


def token(session_id: str, *, secret: bytes) -> str:
    """The token that forms of this session carry, in the hidden field `FIELD` or the header `HEADER`.

    It stays the same for the session's life, so equal pages are equal bytes; pages must therefore not be
    compressed together with text from the request (BREACH).
    """
    return _mac("form", session_id, secret)


def check(
    headers: Headers,
    *,
    session_id: str,
    form_token: str | None,
    secret: bytes,
    public_origin: str,
) -> None:
    """Refuses (CrossSite) an unsafe request that one of our own pages did not send.

    `session_id` is the live session's, or a PreSession's; `form_token` the hidden field's text, None when the
    request has no form. To be called for every method outside `SAFE_METHODS` that a cookie authenticates.
    """
    _check_origin(headers, public_origin)
    sent = [given for given in (form_token, *headers.getlist(HEADER)) if given is not None]
    expected = token(session_id, secret=secret)
    if not sent or not all(_equal(given, expected) for given in sent):
        raise CrossSite


def is_ours(headers: Headers, *, public_origin: str) -> bool:
    """Does the browser say that one of our own pages sent this? Enough to keep it, not to do it."""
    try:
        _check_origin(headers, public_origin)
    except CrossSite:
        return False
    return True


def pre_session(cookie: str | None, *, secret: bytes) -> PreSession:
    """The visitor's pre-session when we signed `cookie`, else a new one (set its cookie on the answer).

    Signed, so that a neighbouring subdomain can't plant a value whose token it knows.
    """
    if cookie is not None:
        nonce, _, signature = cookie.partition(".")
        if nonce and _equal(signature, _mac("pre-session", nonce, secret)):
            return PreSession(nonce, cookie)
    nonce = secrets.token_urlsafe(32)
    return PreSession(nonce, f"{nonce}.{_mac('pre-session', nonce, secret)}")


def cookie_name(*, secure: bool) -> str:
    """The pre-session cookie's name. Browsers refuse `__Host-` without TLS: the loopback demo drops it."""
    return "__Host-remit_visitor" if secure else "remit_visitor"


def origin_of(url: str) -> str:
    """`https://Pay.Example.com:443/x` -> `https://pay.example.com`, as a browser writes it in `Origin`."""
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is not an http or https address")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in {None, DEFAULT_PORTS[parts.scheme]} else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _check_origin(headers: Headers, public_origin: str) -> None:
    sites, origins = headers.getlist("sec-fetch-site"), headers.getlist("origin")
    if not sites and not origins:
        raise CrossSite
    # Each one that is there must agree: "none", "same-site", "null", a list of two are all refused.
    if any(site != "same-origin" for site in sites) or any(origin != public_origin for origin in origins):
        raise CrossSite


def _mac(purpose: str, text: str, secret: bytes) -> str:
    # The purpose keeps a cookie's signature from ever being a form's token.
    digest = hmac.new(secret, f"{purpose}:{text}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _equal(given: str, expected: str) -> bool:
    # As bytes: compare_digest raises on text outside ASCII, and a stranger chooses the text.
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode())
