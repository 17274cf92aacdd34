"""Where a payer's browser comes back to after the gateway's page.

The surprise: who may name which address. A server's key may name any https one, for its partner answers for
it; a browser's token and a signed-in person only one of the site they sit at, so that nobody can use the
gateway to send a payer elsewhere (GUARANTEES F-4).
"""

import re
from urllib.parse import urlencode, urlsplit

from api.changes import Doing
from auth.actors import ActorKind
from auth.api_keys import parse_origin
from errors import Invalid

LONGEST = 2_000
_WRITTEN = re.compile(
    r"[!-\[\]-~]*"
)  # printable ASCII but for the backslash, which browsers take for a slash


def return_url(doing: Doing, text: str | None) -> str:
    """The address, if this actor may name it. Refuses at ("return_url",): REQUIRED, BAD_RETURN_URL."""
    written = (text or "").strip()
    if not written:
        message = "Give the address the payer comes back to."
        raise Invalid.at("return_url", code="REQUIRED", message=message)
    origin = _origin_of(written)
    own = {ActorKind.API_KEY: origin, ActorKind.PORTAL_TOKEN: doing.origin}
    if origin is None or origin != own.get(doing.actor.kind, doing.means.public_origin):
        message = "Give a full https address of your own site, like https://billing.example.com/paid."
        raise Invalid.at("return_url", code="BAD_RETURN_URL", message=message)
    return written


def with_query(url: str, **more: str) -> str:
    """The address with `more` behind what it asks for already."""
    parts = urlsplit(url)
    return parts._replace(query="&".join(filter(None, [parts.query, urlencode(more)]))).geturl()


def _origin_of(url: str) -> str | None:
    if len(url) > LONGEST or not _WRITTEN.fullmatch(url) or "#" in url:
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return parse_origin(f"{parts.scheme}://{parts.netloc}")
