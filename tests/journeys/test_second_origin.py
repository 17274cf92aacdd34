"""D-5 in a real browser: another site that knows every address, even the form's secret, gets nothing done."""

import json
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page
from sqlalchemy import Connection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from db import ids
from db.engine import make_engine
from portal import routes
from tests.cast import Cast
from tests.figures import rounds
from tests.gateway import serving
from tests.journeys import steps
from tests.product import Product
from tests.world import nothing_changes

KINDS = {"invoice_id": "inv", "payment_id": "pay", "method_id": "pm", "tag_id": "tag"}
POSTS = [
    route.path for route in routes.ROUTES if isinstance(route, Route) and "POST" in (route.methods or ())
]
FORM = """<!doctype html><title>Win a prize</title><form method="post" action="{action}">
<input name="csrf_token" value="{token}"><input name="name" value="Mallory">
<input name="email" value="m@evil.example">
<button>Claim</button></form>"""


@pytest.fixture
def scripts() -> bool:
    """The hostile page needs none for its forms; its requests by script are sent all the same."""
    return True


@pytest.fixture
def owner(product: Product) -> Iterator[Connection]:
    """Looks behind the product, whose worker rests so that nothing but the web changes anything."""
    worker = product.processes.pop("worker", None)
    if worker is not None:
        worker.terminate()
        worker.wait(30)
    engine = make_engine(product.database_url, as_role=False)
    with engine.connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")
    engine.dispose()


@pytest.fixture
def evil() -> Iterator[str]:
    """Another site's port: it shows a form with whatever target and token it is asked to."""

    async def form(request: Request) -> HTMLResponse:
        return HTMLResponse(FORM.format(**request.query_params))

    with serving(lambda _url: Starlette(routes=[Route("/", form)])) as url:
        yield url.rsplit(":", 1)[1]


@pytest.fixture
def visited(evil: str) -> set[str]:
    """The hostile site, under either name."""
    return {f"http://{host}:{evil}" for host in ("localhost", "127.0.0.1")}


def target(path: str, cast: Cast) -> str:
    """A route's address with Ada's own records in it."""
    filled = path.replace("/partner/{slug}", f"/partner/{cast.slugs['northwind']}")
    filled = filled.replace("/portal/{slug}", f"/portal/{cast.slugs['acme']}")
    own = {name: f"{prefix}_{'f' * 32}" for name, prefix in KINDS.items()}
    own["customer_id"] = ids.shown("cus", cast.customers["acme"])
    own["user_id"] = ids.shown("usr", cast.petra.id)
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda match: own.get(match[1], "send"), filled)


@pytest.mark.prove
# The same host on another port is the same site, where cookies go along; another host is another site.
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_another_origin_gets_nothing_done(
    host: str, page: Page, product: Product, cast: Cast, owner: Connection, evil: str
) -> None:
    steps.sign_in(page, cast.emails["ada"])
    token = page.locator("input[name=csrf_token]").first.get_attribute("value")
    # Signed out, the browser stands on our own sign-in page, which asks for a passkey's challenge by itself.
    with nothing_changes(owner, without=["session", "throttle_bucket", "passkey_challenge"]):
        for path in POSTS[:: rounds(7, 1)]:
            action = product.url + target(path, cast)
            page.goto(f"http://{host}:{evil}/?action={action}&token={token}")
            with page.expect_response(lambda answer: answer.request.method == "POST") as waited:
                page.get_by_role("button").click()
            sent = waited.value.request.all_headers()
            assert ("cookie" in sent) == (host == "localhost"), path
            # A portal that is not Ada's does not exist for her; without her cookie, nobody is signed out.
            nothing = {404} if path.startswith("/portal") else {303} if path == "/sign-out" else set()
            assert waited.value.status in {401, 403} | nothing, (path, waited.value.status)
        _ask_by_script(page, f"http://{host}:{evil}/?action=x&token=x", product, cast)
    page.goto(f"{product.url}/partner/northwind/customers")
    steps.heading(page, "All customers")


def _ask_by_script(page: Page, evil: str, product: Product, cast: Cast) -> None:
    """A mutation sent by the hostile page's script, as a browser lets it and as it does not."""
    query = 'mutation { createTag(input: {name: "Stolen", colour: "#0b7285"}) { tag { id } } }'
    for place in (f"/partner/{cast.slugs['northwind']}/graphql", f"/portal/{cast.slugs['acme']}/graphql"):
        for kind in ("application/json", "text/plain"):
            page.goto(evil)
            statuses: list[int] = []
            page.on("response", lambda answer, seen=statuses: seen.append(answer.status))
            read = page.evaluate(
                """([url, body, kind]) => fetch(url, {method: "POST", body, credentials: "include",
                   mode: kind === "text/plain" ? "no-cors" : "cors", headers: {"content-type": kind}})
                   .then((answer) => answer.text(), () => "stopped")""",
                [product.url + place, json.dumps({"query": query}), kind],
            )
            assert read in ("", "stopped"), (place, kind, read)
            assert all(status >= 400 for status in statuses), (place, kind, statuses)
