"""G-6 and G-7: headers on every answer of any status, hosts from the list only, proxies by name only."""

import ipaddress
from collections.abc import AsyncIterator

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from portal.assets import FOREVER, ROUTE, Assets
from portal.headers import GatewayOrigins, SecurityHeaders, admit_gateway, client_address
from tests.portal import look

PUBLIC = "https://pay.northwind.example"
GATEWAY = GatewayOrigins(
    frames=("https://gateway.example",), forms=("https://gateway.example",), scripts=("https://js.example",)
)
ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "strict-transport-security": "max-age=63072000",
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
        " connect-src 'self'; form-action 'self'; frame-src 'none'; frame-ancestors 'none';"
        " base-uri 'none'; report-uri /csp-reports"
    ),
}


async def status(request: Request) -> Response:
    return PlainTextResponse("x", request.path_params["code"])


async def away(request: Request) -> Response:
    return RedirectResponse("/status/200", 303)


async def broken(request: Request) -> Response:
    raise RuntimeError("select * from secret at /srv/remit/billing.py")


async def streamed(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one"
        yield b"two"

    return StreamingResponse(parts())


async def telling(request: Request) -> Response:
    return PlainTextResponse(
        "x", headers={"server": "remit/1.2", "x-powered-by": "python", "content-security-policy": "none"}
    )


async def pay(request: Request) -> Response:
    admit_gateway(request)
    return PlainTextResponse("x")


ROUTES = [
    Route(ROUTE, Assets(look.STATIC).serve),
    Route("/status/{code:int}", status),
    Route("/away", away),
    Route("/broken", broken),
    Route("/streamed", streamed),
    Route("/telling", telling),
    Mount("/inside", routes=[Route("/pay", pay)]),
]


def client(public_url: str = PUBLIC, **options: object) -> TestClient:
    app = SecurityHeaders(Starlette(routes=ROUTES), public_url=public_url, gateway=GATEWAY, **options)  # type: ignore[arg-type]
    return TestClient(app, base_url=public_url, raise_server_exceptions=False, follow_redirects=False)


PATHS = [
    *[f"/status/{code}" for code in (200, 204, 304, 400, 401, 403, 404, 409, 413, 422, 429, 500, 503)],
    *["/away", "/broken", "/streamed", "/telling", "/nowhere", "/status/x"],
]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", PATHS)
def test_every_answer_carries_the_headers(path: str, method: str) -> None:
    answer = client(report_to="/csp-reports").request(method, path)
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "server" not in answer.headers
    assert "x-powered-by" not in answer.headers
    assert "secret" not in answer.text


def test_static_files_keep_their_caching_and_get_the_rest() -> None:
    answer = client(report_to="/csp-reports").get(Assets(look.STATIC).url("js/remit.js"))
    assert answer.status_code == 200
    expected = ALWAYS | {"cache-control": FOREVER}
    assert {name: answer.headers.get(name) for name in expected} == expected


def test_https_is_only_promised_where_there_is_https() -> None:
    answer = client("http://localhost:8000").get("/status/200")
    assert answer.status_code == 200
    assert "strict-transport-security" not in answer.headers
    assert "report-uri" not in answer.headers["content-security-policy"]


def test_only_the_page_that_asks_may_reach_the_gateway() -> None:
    browser = client()
    policy = browser.get("/inside/pay").headers["content-security-policy"]
    assert "script-src 'self' https://js.example;" in policy
    assert "form-action 'self' https://gateway.example;" in policy
    assert "frame-src https://gateway.example;" in policy
    assert "connect-src 'self';" in policy
    assert "example" not in browser.get("/status/200").headers["content-security-policy"]


HOSTILE_HOSTS = [
    "evil.example",
    "pay.northwind.example.evil.example",
    "evil.example:443",
    "pay.northwind.example:8443",
    "pay.northwind.example@evil.example",
    "pay.northwind.example, evil.example",
    "pay.northwind.example/",
    "127.0.0.1",
    "localhost",
    "",
    "<script>alert(1)</script>",
]


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
def test_a_host_outside_the_list_gets_400_and_no_echo(host: str) -> None:
    answer = client(report_to="/csp-reports").get("/away", headers={"host": host})
    assert (answer.status_code, answer.text) == (400, "Unknown host.")
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "location" not in answer.headers


@pytest.mark.parametrize("host", ["pay.northwind.example", "PAY.Northwind.example:443", "internal:8000"])
def test_a_listed_host_is_let_in(host: str) -> None:
    answer = client(allowed_hosts=["internal:8000"]).get("/status/200", headers={"host": host})
    assert answer.status_code == 200


@pytest.mark.parametrize("spoofed", ["x-forwarded-host", "forwarded", "x-host", "x-original-host"])
def test_a_forwarded_host_changes_nothing(spoofed: str) -> None:
    browser = client()
    plain = browser.get("/away")
    answer = browser.get("/away", headers={spoofed: "evil.example"})
    assert (answer.status_code, answer.headers) == (plain.status_code, plain.headers)
    refused = browser.get("/away", headers={"host": "evil.example", spoofed: "pay.northwind.example"})
    assert refused.status_code == 400


async def called(app: SecurityHeaders, scope: Scope) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    await app(scope, receive, send)
    return sent


def scope_of(*headers: tuple[bytes, bytes], **more: object) -> Scope:
    return {"type": "http", "method": "GET", "path": "/", "headers": list(headers), **more}


@pytest.mark.anyio
@pytest.mark.parametrize("hosts", [0, 2])
async def test_no_host_and_two_hosts_are_refused(hosts: int) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("let in")

    guarded = SecurityHeaders(app, public_url=PUBLIC)
    sent = await called(guarded, scope_of(*[(b"host", b"pay.northwind.example")] * hosts))
    assert sent[0]["status"] == 400


@pytest.mark.anyio
async def test_an_application_that_breaks_before_answering_still_answers_with_headers() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("a secret")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing to read")

    guarded = SecurityHeaders(app, public_url=PUBLIC)
    # The error goes on to the server, which logs it.
    with pytest.raises(RuntimeError, match="a secret"):
        await guarded(scope_of((b"host", b"pay.northwind.example")), receive, send)
    assert sent[0]["status"] == 500
    assert (b"x-content-type-options", b"nosniff") in sent[0]["headers"]
    assert sent[1]["body"] == b"Something went wrong."


@pytest.mark.anyio
async def test_an_answer_under_way_is_not_answered_twice() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError("nothing to read")

    guarded = SecurityHeaders(app, public_url=PUBLIC)
    with pytest.raises(RuntimeError):
        await guarded(scope_of((b"host", b"pay.northwind.example")), receive, send)
    assert [message["type"] for message in sent] == ["http.response.start"]


@pytest.mark.anyio
async def test_a_websocket_is_closed_before_anybody_sees_it() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise AssertionError("let in")

    sent = await called(SecurityHeaders(app, public_url=PUBLIC), {"type": "websocket", "headers": []})
    assert sent == [{"type": "websocket.close", "code": 1008}]


PROXIES = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        # a direct client says what it likes
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("203.0.113.9", ["10.0.0.1"], "203.0.113.9"),
        ("10.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        # what stands left of the first stranger is the stranger's claim
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1, 198.51.100.1, 10.0.0.7"], "198.51.100.1"),
        ("10.0.0.1", ["1.1.1.1", "198.51.100.1", "10.0.0.7"], "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.9"], "10.0.0.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", ["198.51.100.1, nonsense, 10.0.0.7"], "10.0.0.7"),
        ("10.0.0.1", ["198.51.100.1\r\nX: y"], "10.0.0.1"),
        # one client, one address, however it is written
        ("::ffff:10.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("fd00::1", ["2001:DB8::0001"], "2001:db8::1"),
        ("not an address", ["198.51.100.1"], ""),
    ],
)
def test_a_forwarded_address_counts_only_from_a_configured_proxy(
    peer: str, forwarded: list[str], address: str
) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    assert client_address(scope_of(*headers, client=(peer, 1234)), PROXIES) == address


def test_without_proxies_nobody_is_believed() -> None:
    scope = scope_of((b"x-forwarded-for", b"198.51.100.1"), client=("10.0.0.1", 1))
    assert client_address(scope, []) == "10.0.0.1"
    assert client_address(scope_of(client=None), PROXIES) == ""
