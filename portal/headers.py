"""What every answer carries, and which requests are let in at all: the outermost middleware.

Plain ASGI around the whole application, so that errors, static files and refusals carry the headers too
(docs/guarantees.md, G-6). What surprises: nothing a request says about its own host, scheme or sender is
believed. The host must be on the list, links are made from the public URL, and a forwarded address counts
only when a configured proxy is the one speaking.
"""

import ipaddress
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from portal import csrf

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# `same-origin`, not `no-referrer`: the latter makes browsers send `Origin: null` with our own forms, which
# portal/csrf.py refuses. No other site learns an address either way (C-5).
FIXED = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
TWO_YEARS = "max-age=63072000"
STATE = "gateway_on_page"
WITHHELD = "address_withheld"
# The answer's headers that do not count: the policy is ours alone, and nobody is told what serves it.
REPLACED = frozenset(
    {name.encode() for name in FIXED}
    | {b"strict-transport-security", b"content-security-policy", b"server", b"x-powered-by"}
)


class GatewayOrigins(NamedTuple):
    """What a page that takes card or bank details may load and send to, beyond our own origin.

    `forms` is needed too: Chromium checks `form-action` again when our answer to a form redirects.
    """

    frames: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()
    connects: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()


def withhold_address(connection: HTTPConnection) -> None:
    """Called by a page whose address is a secret and which has no form: not even our own pages learn it."""
    setattr(connection.state, WITHHELD, True)


def admit_gateway(connection: HTTPConnection) -> None:
    """Called by a page that shows the gateway's fields or sends people there: only it may reach out."""
    setattr(connection.state, STATE, True)


class SecurityHeaders:
    """Wraps the whole application. `allowed_hosts` are hosts as browsers send them, beside the public one.

    With `report_to` (a path of ours) browsers report what the policy stopped.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        public_url: str,
        allowed_hosts: Collection[str] = (),
        gateway: GatewayOrigins | None = None,
        report_to: str | None = None,
    ) -> None:
        origin = urlsplit(csrf.origin_of(public_url))
        self._app = app
        self._hosts = frozenset({origin.netloc, *(_plain(host) for host in allowed_hosts)})
        self._everywhere = _policy(GatewayOrigins(), report_to).encode()
        self._with_gateway = _policy(gateway or GatewayOrigins(), report_to).encode()
        fixed = dict(FIXED)
        if origin.scheme == "https":
            fixed["strict-transport-security"] = TWO_YEARS
        self._fixed = [(name.encode(), value.encode()) for name, value in fixed.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            # There is no WebSocket here (E-5); the server answers 403.
            await send({"type": "websocket.close", "code": 1008})
            return
        # Made here, so that the page and this middleware see the same one whatever the router copies.
        state = scope.setdefault("state", {})
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = self._complete(message["headers"], state)
            await send(message)

        if not self._is_ours(scope["headers"]):
            # Nothing of the request is repeated: an echoed host is how caches are poisoned.
            await PlainTextResponse("Unknown host.", 400)(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            # Behind us only the server is left, and its own error page would lack the headers. It logs.
            if not started:
                await PlainTextResponse("Something went wrong.", 500)(scope, receive, send_with_headers)
            raise

    def _is_ours(self, headers: Iterable[tuple[bytes, bytes]]) -> bool:
        hosts = [value for name, value in headers if name == b"host"]
        return len(hosts) == 1 and _plain(hosts[0].decode("latin-1")) in self._hosts

    def _complete(
        self, given: Iterable[tuple[bytes, bytes]], state: Mapping[str, object]
    ) -> list[tuple[bytes, bytes]]:
        """The answer's own headers without what ours replace or what tells of the server, then ours."""
        headers = [pair for pair in given if pair[0] not in REPLACED]
        headers += self._fixed
        if state.get(WITHHELD):
            headers = [pair for pair in headers if pair[0] != b"referrer-policy"]
            headers.append((b"referrer-policy", b"no-referrer"))
        policy = self._with_gateway if state.get(STATE) else self._everywhere
        headers.append((b"content-security-policy", policy))
        if not any(name == b"cache-control" for name, _ in headers):
            headers.append((b"cache-control", b"no-store"))
        return headers


def client_address(scope: Scope, trusted_proxies: Sequence[Network]) -> str:
    """The address the request comes from, as written in the audit log and counted by the throttle.

    `X-Forwarded-For` is read from the right, past configured proxies only: what stands left of the first
    stranger is that stranger's own claim. "" when the server knows no address (a Unix socket).
    """
    peer = scope.get("client")
    address = _address(peer[0]) if peer else None
    if address is None:
        return ""
    hops = ",".join(Headers(scope=scope).getlist("x-forwarded-for")).split(",")
    while hops and any(address in network for network in trusted_proxies):
        before = _address(hops.pop())
        if before is None:
            break
        address = before
    return str(address)


def _policy(gateway: GatewayOrigins, report_to: str | None) -> str:
    directives = {
        "default-src": ("'none'",),
        "script-src": ("'self'", *gateway.scripts),
        "style-src": ("'self'",),
        "img-src": ("'self'", "data:"),
        "font-src": ("'self'",),
        "connect-src": ("'self'", *gateway.connects),
        "form-action": ("'self'", *gateway.forms),
        "frame-src": gateway.frames or ("'none'",),
        "frame-ancestors": ("'none'",),
        "base-uri": ("'none'",),
    }
    if report_to is not None:
        directives["report-uri"] = (report_to,)
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def _plain(host: str) -> str:
    """A host as it is compared: lower case, without a default port."""
    return host.strip().lower().removesuffix(":443").removesuffix(":80")


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    # ::ffff:192.0.2.1 is 192.0.2.1: one client, one count, and it must match the proxy's network.
    return mapped or address
