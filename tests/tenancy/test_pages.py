"""The tenancy table of pages: every route with an id x actor x {own, sibling's, other's, absent, malformed}.

A new route joins by itself; one whose parameters nobody placed here fails (GUARANTEES A-1, A-4, O1, O3, O5).
"""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection
from starlette.routing import Route

from portal import routes
from tests.cast import Cast
from tests.figures import rounds
from tests.papers import words
from tests.portal.conftest import Person
from tests.tenancy.stage import MALFORMED, Stage
from tests.world import difference, world

KINDS = {
    "customer_id": "cus",
    "invoice_id": "inv",
    "payment_id": "pay",
    "outside_id": "opm",
    "credit_note_id": "crn",
    "method_id": "pm",
    "tag_id": "tag",
    "note_id": "note",
    "thread_id": "thr",
    "recurring_id": "rin",
    "link_id": "pln",
    "item_id": "cit",
    "rate_id": "txr",
    "view_id": "cvw",
    "user_id": "usr",
    "key_id": "key",
    "request_id": "acr",
    "import_id": "imp",
    "act_id": "act",
    "invoice_import_id": "iim",
    "grant_id": "as",
}
# "locale": a language, for everybody.
# "name": of a brand's style sheet or logo, which are for everybody; tests/portal/test_brand.py.
NO_IDS = {"slug", "partner_slug", "token", "what", "name", "locale"}
# Records of a person and no tenant: tests/portal/test_factors.py, test_passkeys.py and
# test_new_browser.py try another person's.
PERSONAL = {"factor_id", "session_id", "passkey_id", "device_id"}
# Where the addresses behind each door begin.
DOORS = {
    "visitor": "", "person": "", "partner": "/partner/{slug}", "customer": "/portal/{slug}",
    "grant": "/partner/{slug}/as/{grant_id}",
}  # fmt: skip
STAFF = ("ada", "sue", "clem", "rita", "mallory")
PEOPLE = ("carl", "petra", "vera", "gus", "ines")
HOME = {"ada": "acme", "sue": "acme", "clem": "acme", "rita": "acme", "mallory": "initech"}
HOME |= {"carl": "acme", "petra": "acme", "vera": "acme", "gus": "globex", "ines": "initech"}
ABSENT = "f" * 32

TENANT_ROUTES = [route for route in routes.ROUTES if isinstance(route, Route) and "{slug}" in route.path]


def test_every_route_stands_behind_a_door() -> None:
    for route in routes.ROUTES:
        assert isinstance(route, Route)
        door = route.endpoint.door  # type: ignore[attr-defined]
        assert door in DOORS, route.path
        kind = DOORS[door]
        assert route.path.startswith(kind)
        assert ("{slug}" in route.path) == bool(kind)


def test_every_parameter_of_a_route_has_its_row() -> None:
    for route in routes.ROUTES:
        assert isinstance(route, Route)
        assert set(route.param_convertors) <= set(KINDS) | NO_IDS | PERSONAL, route.path


def ids_of(stage: Stage, name: str, owner: str) -> dict[str, str]:
    """What stands for each parameter: an owner's records, absent ones, or none at all."""
    if owner == "absent":
        return {parameter: f"{prefix}_{ABSENT}" for parameter, prefix in KINDS.items()}
    if owner == "malformed":
        return dict.fromkeys(KINDS, MALFORMED)
    found = {parameter: stage.ids[owner][prefix] for parameter, prefix in KINDS.items()}
    if name in PEOPLE:
        found["tag_id"] = stage.ids[owner]["own_tag"]
    return found


def foreign_to(name: str) -> tuple[str, ...]:
    """Whose ids an actor is tried with beside its own."""
    if name == "mallory":
        return ("acme", "globex")
    return ("initech",) if name in STAFF else tuple({"acme", "globex", "initech"} - {HOME[name]})


def filled(route: Route, slug: str, values: dict[str, str]) -> str:
    path = route.path.replace("{what:str}", "send").replace("{slug}", slug)
    return re.sub(r"\{(\w+)\}", lambda match: values[match[1]], path)


def is_turn_of(name: str, number: int) -> bool:
    """Every day each route is tried by a third of the actors, at the full figures by all of them."""
    return ((STAFF + PEOPLE).index(name) + number) % rounds(3, 1) == 0


def shown(answer: "object") -> str:
    """What somebody reads who got this answer: of a PDF the words on its pages."""
    is_pdf = answer.headers["content-type"] == "application/pdf"  # type: ignore[attr-defined]
    return words(answer.content) if is_pdf else answer.text  # type: ignore[attr-defined]


def said(answer: "object", values: dict[str, str]) -> tuple[int, str]:
    """Status and text, with the ids that were asked for taken out."""
    text = answer.text  # type: ignore[attr-defined]
    for asked in set(values.values()):
        text = text.replace(asked, "<id>")
    return answer.status_code, text  # type: ignore[attr-defined]


@pytest.mark.prove
@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", STAFF + PEOPLE)
def test_an_id_of_somebody_else_is_as_good_as_none(
    name: str,
    signed_in: Callable[[str], Person],
    stage: Stage,
    owner: Connection,
    cast: Cast,
) -> None:
    person = signed_in(name)
    slug = person.home.rsplit("/", 1)[1]
    mine = "/partner/{slug}" if name in STAFF else "/portal/{slug}"
    cells = 0
    before = world(owner)
    for number, route in enumerate(TENANT_ROUTES):
        if not route.path.startswith(mine) or not set(route.param_convertors) & set(KINDS):
            continue
        if not is_turn_of(name, number):
            continue
        for method in sorted((route.methods or set()) - {"HEAD"}):
            ask = person.get if method == "GET" else person.post
            absent = ids_of(stage, name, "absent")
            answer = ask(filled(route, slug, absent))
            nothing = said(answer, absent)
            # The address of a form, opened by hand, only leads back to where the form is.
            assert answer.history or nothing[0] in (403, 404, 422), (method, route.path, nothing[0])
            for whose in foreign_to(name):
                values = ids_of(stage, name, whose)
                assert said(ask(filled(route, slug, values)), values) == nothing, (method, route.path, whose)
                cells += 1
            # What is no id at all tells nothing about anybody, whatever the refusal.
            broken = ask(filled(route, slug, ids_of(stage, name, "malformed")))
            assert broken.history or broken.status_code in (403, 404, 422), (method, route.path)
    assert cells > rounds(5, 20)
    assert difference(before, world(owner)) == {}


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", STAFF + PEOPLE)
def test_no_page_shows_a_word_of_somebody_else(
    name: str,
    signed_in: Callable[[str], Person],
    stage: Stage,
    owner: Connection,
    cast: Cast,
) -> None:
    person = signed_in(name)
    slug = person.home.rsplit("/", 1)[1]
    mine = "/partner/{slug}" if name in STAFF else "/portal/{slug}"
    values = ids_of(stage, name, HOME[name])
    seen: set[str] = set()
    for route in TENANT_ROUTES:
        if route.path.startswith(mine) and "GET" in (route.methods or set()):
            answer = person.get(filled(route, slug, values))
            assert answer.status_code < 500, route.path
            text = shown(answer)
            assert stage.foreign(name, text) == set(), route.path
            seen |= stage.sees(name) & set(re.findall(r"zz-([a-z]+)-", text))
    # The canaries sing at all: everybody reads words of their own.
    assert HOME[name] in seen


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize(("name", "least"), [("ada", 60), ("carl", 20)])
def test_every_page_below_home_says_where_it_lies(
    name: str, least: int, signed_in: Callable[[str], Person], stage: Stage
) -> None:
    person = signed_in(name)
    slug = person.home.rsplit("/", 1)[1]
    mine = "/partner/{slug}" if name in STAFF else "/portal/{slug}"
    values, seen = ids_of(stage, name, HOME[name]), 0
    for route in TENANT_ROUTES:
        if not route.path.startswith(mine) or "GET" not in (route.methods or set()):
            continue
        answer = person.get(filled(route, slug, values))
        if 'id="site-nav"' not in answer.text or str(answer.url).endswith(person.home):
            continue  # a file, a refusal, or Home itself
        trail = re.findall(r'<nav class="breadcrumbs".*?</nav>', answer.text, re.DOTALL)
        # It begins where the navigation has the page, and leads up to what the navigation leads to.
        nav = answer.text.partition('id="site-nav"')[2].partition("</nav>")[0]
        current = re.search(r'<a href="([^"]*)" aria-current="(\w+)"', nav)
        if name == "carl" and current and current[2] == "page":
            assert trail == [], route.path  # the portal's own places lie below nothing: it would be a heading
            seen += 1
            continue
        assert len(trail) == 1, route.path
        steps = re.findall(r"<li>(.*?)</li>", trail[0], re.DOTALL)
        assert steps, route.path
        assert all(re.sub(r"<[^>]+>", "", step).strip() for step in steps), (route.path, steps)
        assert ["aria-current" in step for step in steps] == [False] * (len(steps) - 1) + [True], route.path
        assert "<a" not in steps[-1], route.path
        if current:
            assert (current[1] in trail[0]) == (current[2] == "true"), (route.path, steps)
        seen += 1
    assert seen >= least, seen


@pytest.mark.prove
@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", STAFF + PEOPLE)
def test_a_place_of_somebody_else_is_as_good_as_none(
    name: str,
    signed_in: Callable[[str], Person],
    stage: Stage,
    owner: Connection,
    cast: Cast,
) -> None:
    person = signed_in(name)
    own = person.home.rsplit("/", 1)[1]
    before = world(owner)
    for number, route in enumerate(TENANT_ROUTES):
        if not is_turn_of(name, number):
            continue
        slugs = cast.partners if route.path.startswith("/partner/") else cast.customers
        values = ids_of(stage, name, HOME[name])
        for method in sorted((route.methods or set()) - {"HEAD"}):
            ask = person.get if method == "GET" else person.post
            nowhere = said(ask(filled(route, "nowhere", values)), values)
            assert nowhere[0] == 404, (method, route.path)
            for slug in (cast.slugs[place] for place in slugs if cast.slugs[place] != own):
                there = said(ask(filled(route, slug, values)), values)
                assert (there[0], there[1].replace(slug, "nowhere")) == nowhere, (method, route.path, slug)
    assert difference(before, world(owner)) == {}


def test_a_visitor_is_sent_to_sign_in_from_every_page(
    pages: object,
    cast: Cast,
    owner: Connection,
) -> None:
    client, before = pages, world(owner)
    values = {**{parameter: f"{prefix}_{ABSENT}" for parameter, prefix in KINDS.items()}}
    for route in TENANT_ROUTES:
        slug = "northwind" if route.path.startswith("/partner/") else cast.slugs["acme"]
        for method in sorted((route.methods or set()) - {"HEAD"}):
            answer = client.request(  # type: ignore[attr-defined]
                method, filled(route, slug, values), follow_redirects=False,
                headers={"content-type": "application/x-www-form-urlencoded", "origin": "http://testserver"},
            )  # fmt: skip
            # 404: the empty form names no record, which is found out before anybody is looked up.
            assert answer.status_code in ((303,) if method == "GET" else (401, 403, 404)), route.path
            if method == "GET":
                leads = answer.headers["location"]
                own = ("/sign-in?next=", f"/portal/{slug}/", f"/partner/{slug}/")
                assert leads.startswith(own), route.path
    assert difference(before, world(owner)) == {}


# What is no change: files, views of one's own, and what of the conversations one has read.
OF_ONES_OWN = re.compile(
    r"/sign-out|.*/export|.*/chosen\.(pdf|zip)|.*/customers/views/new|.*/conversations/read|.*/unread"
)


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", ["rita", "vera"])
def test_whoever_only_reads_finds_no_form_that_is_refused(
    name: str, signed_in: Callable[[str], Person], stage: Stage, owner: Connection, cast: Cast
) -> None:
    """By address as well: a page to do something on is refused before anybody types into it."""
    person = signed_in(name)
    slug = person.home.rsplit("/", 1)[1]
    mine = "/partner/{slug}" if name in STAFF else "/portal/{slug}"
    values = ids_of(stage, name, HOME[name])
    looked_at, refused = 0, 0
    for route in TENANT_ROUTES:
        if not route.path.startswith(mine) or "GET" not in (route.methods or set()):
            continue
        for what in ("send", "void", "delete", "reopen") if "{what:str}" in route.path else ("",):
            answer = person.get(filled(route, slug, values).replace("confirm-send", f"confirm-{what}"))
            refused += answer.status_code == 403
            if answer.status_code == 200 and answer.headers["content-type"].startswith("text/html"):
                posted = re.findall(r'<form[^>]*method="post"[^>]*action="([^"]*)"', answer.text)
                posted += re.findall(r'formaction="([^"]*)"', answer.text)
                offered = [path for path in posted if not OF_ONES_OWN.fullmatch(path)]
                assert offered == [], route.path
                looked_at += 1
    assert looked_at > 10
    assert refused > 3
