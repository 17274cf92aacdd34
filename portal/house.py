"""What pages work with, handed in by the process, and what a request says about who is asking where.

Surprise: the partner or customer in hand is always read from the address, never from the session, so two
tabs can't be mixed up.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request

from auth import impersonations
from auth.authenticators import Site
from auth.passwords import HashingPool
from auth.tokens import digest_of
from billing.ports import Gateway
from billing.settling import Reached, nowhere
from db import ids
from db.session import Database
from integrations.pdf.press import Press
from portal import csrf
from portal.headers import Network, client_address
from portal.reading import Credential, Documents, GrantAt, SessionAt
from portal.render import Renderer


@dataclass(frozen=True)
class House:
    """The parts. `secure` is whether cookies need TLS: false only on the loopback demo.

    `reached` is called at the named points of a payment; only tests of crashes hand one in (M-7).
    """

    database: Database
    documents: Documents
    hashing: HashingPool
    renderer: Renderer
    gateway: Gateway
    press: Press
    clock: Callable[[], datetime]
    secret: bytes
    public_url: str
    secure: bool
    trusted_proxies: Sequence[Network] = ()
    demo_logins: bool = False
    reached: Reached = nowhere

    @property
    def public_origin(self) -> str:
        """Scheme, host and port of the public address, as browsers write it in `Origin`."""
        return csrf.origin_of(self.public_url)

    @property
    def site(self) -> Site:
        """What passkeys are bound to: the public address's host, whatever port it has."""
        return Site(urlsplit(self.public_url).hostname or "", self.public_origin)

    def cookie(self, name: str) -> str:
        """A cookie's full name. Browsers refuse `__Host-` without TLS, so the loopback demo drops it."""
        return f"__Host-remit_{name}" if self.secure else f"remit_{name}"


@dataclass(frozen=True)
class Place:
    """A partner's dashboard or a customer's portal, as the address names it.

    `grant`: the portal as the partner's staff look at it; the slug is the partner's then.
    """

    kind: Literal["partner", "portal"]
    slug: str
    grant: str | None = None

    @property
    def home(self) -> str:
        """Where its pages begin, without a closing slash."""
        if self.grant is not None:
            return f"/partner/{self.slug}/as/{self.grant}"
        return f"/{self.kind}/{self.slug}"


def house(request: Request) -> House:
    """The parts of the running process."""
    parts: House = request.app.state.house
    return parts


def place(request: Request) -> Place:
    """Which partner or customer the address names."""
    kind = request.state.place_kind
    if kind == "grant":
        return Place("portal", request.path_params["slug"], request.path_params["grant_id"])
    return Place(kind, request.path_params["slug"])


def credential(request: Request) -> Credential:
    """What pages read with: the session, at the place that the address names.

    Refuses NotFound for a grant that is no id.
    """
    where = place(request)
    if where.grant is not None:
        return GrantAt(session_hash(request), where.slug, ids.parsed(where.grant, impersonations.PREFIX))
    return SessionAt(session_hash(request), where.kind, where.slug)


def session_token(request: Request) -> str | None:
    """The session cookie's token, if there is one."""
    return request.cookies.get(house(request).cookie("session"))


def session_hash(request: Request) -> bytes:
    """What the session is looked up by; the digest of nothing for a visitor without one."""
    return digest_of(session_token(request) or "")


def address(request: Request) -> str:
    """Where the request comes from, past configured proxies only."""
    return client_address(request.scope, house(request).trusted_proxies)


def agent(request: Request) -> str:
    """What the browser calls itself, shortened: shown in the list of sessions, trusted for nothing."""
    return request.headers.get("user-agent", "")[:200]


def record_id(request: Request, name: str, prefix: str) -> UUID:
    """The id in the address (`cus_…`); `NotFound` for anything that is not one of that kind."""
    return ids.parsed(request.path_params[name], prefix)
