"""The tenancy table of guests: every page and the API x whoever holds a pay link x {own, sibling's, other's,
absent, malformed}. A new page for guests joins by itself.

A guest's only credential is the link's token, in the address or in the cookie of that link. So an id is tried
with the guest's own cookie, and what is no token in place of one (GUARANTEES A-1, O1, O3, O5).
"""

import re

import pytest
from httpx2 import AsyncClient, Response
from sqlalchemy import Connection, text
from sqlmodel import col, select
from starlette.routing import Route
from starlette.testclient import TestClient

from api.files import PATHS
from billing import pay_links
from billing.pay_links import PayLink
from db import ids
from db.session import Database
from portal import fresh_links, guest_paying, routes
from portal import pay_links as pay_link_pages
from tests.api.client import Client
from tests.api.conftest import client as client
from tests.api.conftest import reader as reader
from tests.api.test_files import files as files
from tests.cast import Cast
from tests.gateway import RunningSandbox
from tests.portal.conftest import ORIGIN
from tests.portal.guests import Guest
from tests.tenancy.stage import CANARY, MALFORMED, Stage
from tests.tenancy.test_pages import ABSENT, HOME, KINDS, TENANT_ROUTES, filled, shown
from tests.world import difference, world

GUESTS = [*pay_link_pages.ROUTES, *guest_paying.ROUTES, *fresh_links.ROUTES]
WITH_IDS = [route for route in GUESTS if set(route.param_convertors) & {"link_id", "payment_id"}]
OWNERS = ("acme", "globex", "initech")
# What is counted whoever asks, and says nothing about anybody.
COUNTED = ("throttle_bucket",)


@pytest.fixture
def tokens(stage: Stage, database: Database, cast: Cast) -> dict[str, str]:
    """The token of each customer's link."""
    found = {}
    for owner in OWNERS:
        partner = cast.partners["contoso" if owner == "initech" else "northwind"]
        with database.transaction(partner_id=partner) as db:
            wanted = select(PayLink).where(col(PayLink.id) == ids.parsed(stage.ids[owner]["pln"], "pln"))
            found[owner] = pay_links.token_of(db, db.exec(wanted).one())
    return found


@pytest.fixture
def guest(pages: TestClient, sandbox: RunningSandbox, tokens: dict[str, str]) -> Guest:
    """Who holds the link to Acme's invoice, and was there once."""
    found = Guest(pages, sandbox, pay_links.path_of(tokens["acme"]))
    assert found.start.status_code == 200
    return found


def ask(guest: Guest, method: str, address: str) -> Response:
    return guest.client.get(address, follow_redirects=False) if method == "GET" else guest.post(address)


def said(answer: Response, *asked: str) -> tuple[int, str, str]:
    """Status, where it leads and what it says, without the ids that were asked for."""
    leads, told = answer.headers.get("location", ""), answer.text
    for one in asked:
        leads, told = leads.replace(one, "<id>"), told.replace(one, "<id>")
    # Every browser has form tokens of its own.
    return answer.status_code, leads, re.sub(r'(name="csrf_token" value=)"[^"]+"', r"\1", told)


def addressed(route: Route, link: str, payment: str) -> str:
    return route.path.replace("{link_id}", link).replace("{payment_id}", payment)


def methods(route: Route) -> list[str]:
    return sorted((route.methods or set()) - {"HEAD"})


def test_every_page_of_a_visitor_with_an_id_or_a_token_is_a_guests_or_named() -> None:
    """What else a visitor opens by a token is an invite, a reset and the like, each with tests of its own."""
    open_ = [
        route.path for route in routes.ROUTES
        if isinstance(route, Route) and route.path.startswith("/pay")
    ]  # fmt: skip
    assert sorted(open_) == sorted(route.path for route in GUESTS)
    elsewhere = {
        name for route in routes.ROUTES if isinstance(route, Route) and route not in GUESTS
        for name in route.param_convertors
        if route.endpoint.door == "visitor" and name in KINDS  # type: ignore[attr-defined]
    }  # fmt: skip
    assert elsewhere == set()


def test_an_id_of_somebody_else_is_as_good_as_none(guest: Guest, stage: Stage, owner: Connection) -> None:
    """Another's link and payment with the cookie of one's own, one and both of them."""
    own, cells = stage.ids["acme"]["pln"], 0
    before = world(owner, without=COUNTED)
    for route in WITH_IDS:
        # A payment that no guest made is nobody's here, also on the very invoice of the link.
        is_payment = "payment_id" in route.param_convertors
        tries = [(stage.ids[whose]["pln"], stage.ids[whose]["pay"]) for whose in ("globex", "initech")]
        tries += [(own, stage.ids[whose]["pay"]) for whose in OWNERS if is_payment]
        for method in methods(route):
            for link, payment in tries:
                nobodys = (own if link == own else f"pln_{ABSENT}", f"pay_{ABSENT}")
                there = said(ask(guest, method, addressed(route, link, payment)), link, payment)
                nothing = said(ask(guest, method, addressed(route, *nobodys)), *nobodys)
                assert there == nothing, (method, route.path, link, payment)
                assert there[0] in (200, 303, 404), (method, route.path, there[0])
                cells += 1
            # What is no id at all tells nothing about anybody, whatever the refusal.
            for link in (MALFORMED, own) if is_payment else (MALFORMED,):
                broken = ask(guest, method, addressed(route, link, MALFORMED))
                assert broken.status_code in (200, 303, 404), (method, route.path, broken.status_code)
                cells += 1
    assert cells >= 50
    assert difference(before, world(owner, without=COUNTED)) == {}


def test_what_is_no_token_opens_nothing_whatever_it_is(
    guest: Guest, stage: Stage, tokens: dict[str, str], owner: Connection
) -> None:
    """Ids of the link and the invoice, another's, a token cut short or turned round, and noise."""
    nobodys = "x" * 43
    wrong = [
        *(stage.ids[whose][kind] for whose in OWNERS for kind in ("pln", "inv")),
        *(token[:-1] for token in tokens.values()), *(token[::-1] for token in tokens.values()),
        *(token.swapcase() for token in tokens.values()), MALFORMED, "%00", "..", "é" * 43, "x" * 500,
    ]  # fmt: skip
    before = world(owner, without=COUNTED)
    for route in GUESTS:
        if "{token}" not in route.path:
            continue
        for method in methods(route):
            nothing = said(ask(guest, method, route.path.replace("{token}", nobodys)), nobodys)
            assert nothing[0] == 404
            for token in wrong:
                if "/" in token or token == "..":
                    continue
                answer = said(ask(guest, method, route.path.replace("{token}", token)), token)
                assert answer == nothing, (method, route.path, token)
    assert difference(before, world(owner, without=COUNTED)) == {}


def test_a_guest_reads_the_words_of_one_invoice_and_of_no_other(
    guest: Guest, stage: Stage, tokens: dict[str, str], owner: Connection
) -> None:
    """Neither another customer's, nor the partner's own, nor what else the company is billed."""
    numbers = set(owner.scalars(text("select number from invoice where number <> ''")))
    mine = owner.scalar(
        text("select number from invoice where id = :id"), {"id": ids.parsed(stage.ids["acme"]["inv"], "inv")}
    )
    seen: set[str] = set()
    for route in GUESTS:
        if "GET" not in (route.methods or set()):
            continue
        address = route.path.replace("{token}", tokens["acme"])
        for name, kind in (("link_id", "pln"), ("payment_id", "pay")):
            address = address.replace(f"{{{name}}}", stage.ids["acme"][kind])
        answer = guest.get(address)
        assert answer.status_code in (200, 404), (route.path, answer.status_code)
        found = shown(answer)
        owners = {one.lower() for one in CANARY.findall(found.lower())}
        assert owners <= {"northwind", "acme"}, (route.path, owners)
        others = {number for number in numbers - {mine} if re.search(rf"{re.escape(number)}\b", found)}
        assert others == set(), route.path
        seen |= owners
    assert seen == {"northwind", "acme"}


def test_a_guest_is_a_visitor_to_every_other_page(
    guest: Guest, pages: TestClient, stage: Stage, cast: Cast, owner: Connection
) -> None:
    """The dashboard, the portal, and the portal below a grant, with ids that are there."""
    visitor = TestClient(pages.app, base_url=ORIGIN)
    visitor.portal = pages.portal
    form = {"content-type": "application/x-www-form-urlencoded", "origin": ORIGIN}
    before, cells = world(owner), 0
    for route in TENANT_ROUTES:
        for whose in ("acme", "globex", "initech"):
            partner = "contoso" if whose == "initech" else "northwind"
            slug = partner if route.path.startswith("/partner/") else cast.slugs[whose]
            address = filled(route, slug, {name: stage.ids[whose][kind] for name, kind in KINDS.items()})
            for method in methods(route):
                answers = [
                    one.request(method, address, headers=form, follow_redirects=False)
                    for one in (guest.client, visitor)
                ]
                assert said(answers[0]) == said(answers[1]), (method, address)
                assert answers[0].status_code in (303, 401, 403, 404), (method, address)
                cells += 1
    assert cells > 500
    assert HOME["carl"] == "acme"
    assert difference(before, world(owner)) == {}


@pytest.mark.anyio
async def test_the_api_knows_no_guest(
    client: Client, tokens: dict[str, str], stage: Stage, owner: Connection
) -> None:
    """A link's token is neither a key nor a session, at any address of the endpoint."""
    asked = f'{{ viewer {{ name }} invoice(id: "{stage.ids["acme"]["inv"]}") {{ number }} }}'
    act = f'mutation {{ voidInvoice(input: {{ id: "{stage.ids["acme"]["inv"]}" }}) {{ invoice {{ id }} }} }}'
    nobodys, before = "x" * 43, world(owner)
    for document in (asked, act):
        for token in (tokens["acme"], stage.ids["acme"]["pln"]):
            tried = [
                await client.ask(document, key=token), await client.ask(document, session=token),
                await client.ask(document, session=token, headers={"origin": ORIGIN}),
            ]  # fmt: skip
            none = [
                await client.ask(document, key=nobodys), await client.ask(document, session=nobodys),
                await client.ask(document, session=nobodys, headers={"origin": ORIGIN}),
            ]  # fmt: skip
            for there, nothing in zip(tried, none, strict=True):
                assert (there.status, there.json) == (nothing.status, nothing.json)
                assert there.status in (200, 401, 403)
                assert not there.json.get("data")
    assert difference(before, world(owner)) == {}


@pytest.mark.anyio
async def test_documents_by_key_know_no_guest(
    files: AsyncClient, tokens: dict[str, str], stage: Stage, owner: Connection
) -> None:
    """Neither the invoice of the link nor what was paid of it, with the token as the key or in a cookie."""
    before = world(owner)
    for path, prefix, _ in PATHS:
        address = path.replace("{id}", stage.ids["acme"][prefix])
        for where in ("authorization", "cookie"):
            begins = "Bearer " if where == "authorization" else "remit_session="
            answers = [
                await files.get(address, headers={where: begins + token})
                for token in (tokens["acme"], "x" * 43)
            ]
            assert answers[0].status_code == answers[1].status_code == 401, (path, where)
            assert answers[0].content == answers[1].content
    assert difference(before, world(owner)) == {}
