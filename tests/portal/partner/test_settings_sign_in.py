"""The sign-in policy on the pages: setting it, and everybody it shuts out being led to a second step."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import pyotp
import pytest
from sqlalchemy import Connection, text

from auth.proofs import RECENT
from db.session import Database
from portal import routes
from tests.auth.factor_steps import set_up
from tests.cast import Cast
from tests.portal.conftest import ORIGIN, Clock, Person, text_of
from tests.portal.partner.test_customer_changes import HIDDEN
from tests.tenancy.test_pages import KINDS
from tests.world import nothing_changes

POLICY = "/settings/sign-in"
REQUIRED = "/account/factors/required"


def hidden_on(page: str) -> dict[str, str]:
    main = page.partition("<main")[2]
    return {name: value for name, value in HIDDEN.findall(main) if name != "csrf_token"}


def policy(owner: Connection) -> tuple[bool, bool]:
    asked = text("select staff_need_factor, users_need_factor from partner where slug = 'northwind'")
    return tuple(owner.execute(asked).one())


def require(owner: Connection, *, staff: bool = False, users: bool = False) -> None:
    owner.execute(
        text(
            "update partner set staff_need_factor = :staff, users_need_factor = :users"
            " where slug = 'northwind'"
        ),
        {"staff": staff, "users": users},
    )


@pytest.fixture
def phone(database: Database, cast: Cast, clock: Clock) -> None:
    """Ada has an app."""
    set_up(database, cast.ada.user_id, clock() - timedelta(minutes=1))


@pytest.mark.usefixtures("phone")
def test_ada_asks_it_of_everybody(ada: Person, owner: Connection) -> None:
    page = ada.get(POLICY)
    assert "A new partner begins with it for its staff." in text_of(page)
    answer = ada.post(POLICY, {**hidden_on(page.text), "staff": "on", "users": "on"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ada.home}{POLICY}")
    assert policy(owner) == (True, True)
    page = ada.get(POLICY)
    assert "The sign-in policy is saved." in text_of(page)
    assert page.text.count(" checked") == 2
    assert ada.post(POLICY, hidden_on(page.text)).status_code == 303
    assert policy(owner) == (False, False)
    log = text_of(ada.get("/audit?about=partner"))
    assert "changed the sign-in policy: second step required of staff from off to on" in log


def test_without_a_step_of_ones_own_it_is_refused_at_the_box(ada: Person, owner: Connection) -> None:
    page = ada.get(POLICY)
    assert "You have no second step yourself yet" in text_of(page)
    with nothing_changes(owner):
        answer = ada.post(POLICY, {**hidden_on(page.text), "staff": "on", "users": "on"})
    assert answer.status_code == 422
    assert 'id="error-staff"' in answer.text
    assert "this would shut you out as well" in text_of(answer)
    assert answer.text.count(" checked") == 2


@pytest.mark.usefixtures("phone")
def test_it_takes_a_fresh_proof_and_keeps_what_was_ticked(
    ada: Person, owner: Connection, clock: Clock
) -> None:
    form = {**hidden_on(ada.get(POLICY).text), "users": "on"}
    clock.now += RECENT
    with nothing_changes(owner, without=("session",)):
        asked = ada.post(POLICY, form)
    assert asked.status_code == 403
    assert 'action="/account/prove"' in asked.text
    assert 'name="kept-users" value="on"' in asked.text


@pytest.mark.usefixtures("phone")
def test_a_stale_save_says_what_somebody_else_changed(ada: Person, owner: Connection) -> None:
    form = hidden_on(ada.get(POLICY).text)
    owner.execute(text("update partner set users_need_factor = true, version = 2 where slug = 'northwind'"))
    with nothing_changes(owner):
        answer = ada.post(POLICY, {**form, "staff": "on"})
    assert answer.status_code == 409
    assert "A second step for your customers’ users was not required and is required now." in text_of(answer)
    assert answer.text.count(" checked") == 2  # hers, and theirs that she had not touched
    again = {**hidden_on(answer.text), "staff": "on", "users": "on"}
    assert ada.post(POLICY, again).status_code == 303
    assert policy(owner) == (True, True)


def test_who_may_not_change_it_sees_it_and_changes_nothing(
    clem: Person, rita: Person, owner: Connection
) -> None:
    for person in (clem, rita):
        page = person.get(POLICY)
        assert "A second step for your staff Not required" in text_of(page)
        assert "<form" not in page.text.partition("<main")[2].partition("</main>")[0]
        with nothing_changes(owner):
            assert person.post(POLICY, {"version": "1", "users": "on"}).status_code == 403


def test_strangers_and_forged_forms_change_nothing(ada: Person, mallory: Person, owner: Connection) -> None:
    form = {**hidden_on(ada.get(POLICY).text), "users": "on"}
    with nothing_changes(owner):
        assert mallory.post(f"/partner/northwind{POLICY}", form).status_code == 404
        assert mallory.get(f"/partner/northwind{POLICY}").status_code == 404
        assert ada.post(POLICY, form, forged=True).status_code == 403


@pytest.mark.parametrize(("name", "kind"), [("clem", "partner"), ("petra", "portal")])
def test_every_page_of_the_place_leads_to_setting_one_up(
    signed_in: Callable[[str], Person], owner: Connection, name: str, kind: str
) -> None:
    person = signed_in(name)
    require(owner, staff=True, users=True)
    slug = person.home.rpartition("/")[2]
    person.client.cookies.update(person._session)
    tried = 0
    with nothing_changes(owner, without=("session",)):
        for route in routes.ROUTES:
            if not route.path.startswith(f"/{kind}/{{slug}}"):
                continue
            path = re.sub(
                r"\{(\w+)(:\w+)?\}", lambda found: f"{KINDS.get(found[1], 'send')}_{'f' * 32}",
                route.path.replace("{slug}", slug),
            )  # fmt: skip
            for method in sorted(route.methods - {"HEAD"}):
                answer = person.client.request(
                    method, path, follow_redirects=False,
                    content="csrf_token=" + person._form_token if method == "POST" else None,
                    headers={"origin": ORIGIN, "content-type": "application/x-www-form-urlencoded"},
                )  # fmt: skip
                where = answer.headers.get("location", "")
                shut = where.startswith(REQUIRED) or "One step more to sign in" in answer.text
                assert not shut or answer.status_code == (303 if method == "GET" else 403)
                # Else refused before anybody is looked up, or led by the page to its own form and then here.
                passed_by = answer.status_code == 404 or where.startswith(f"/{kind}/{slug}")
                assert passed_by or shut, (method, path, answer.status_code)
                tried += shut
    assert tried > (40 if kind == "partner" else 20)


def test_a_person_is_led_through_and_comes_back(
    signed_in: Callable[[str], Person], owner: Connection, clock: Clock
) -> None:
    petra = signed_in("petra")
    require(owner, users=True)
    page = petra.get("/invoices?status=OPEN")
    assert page.url.path == REQUIRED
    assert "Acme (Northwind)" in text_of(page)
    there = f"{petra.home}/invoices?status=OPEN"
    petra.home = ""
    assert f"/account/factors/new?next={quote(there, safe='/')}" in page.text
    form = petra.get(f"/account/factors/new?next={quote(there, safe='')}")
    assert 'name="next" value="/portal/acme-1a2b3c/invoices?status=OPEN"' in form.text
    answer = petra.post("/account/factors/new", {"name": "Phone", "next": there})
    page = petra.get(answer.headers["location"])
    seed = re.search(r'secret-key">([^<]+)<', page.text)
    assert seed is not None
    code = pyotp.TOTP(seed[1].replace(" ", "")).at(clock())
    codes = petra.post("/account/factors/confirm", {"code": code, "next": there})
    assert f'href="{there}">I have kept them' in codes.text
    assert petra.get(there).status_code == 200
    assert petra.get(f"{REQUIRED}?next={quote(there, safe='')}").url.path == "/portal/acme-1a2b3c/invoices"


def test_what_was_typed_waits_until_it_can_be_sent(
    signed_in: Callable[[str], Person], owner: Connection, cast: Cast, database: Database, clock: Clock
) -> None:
    petra = signed_in("petra")
    require(owner, users=True)
    with nothing_changes(owner, without=("session",)):
        shut = petra.post("/tags/new", {"name": "<Late>", "colour": "#0b7285"})
    assert shut.status_code == 403
    assert 'name="name" value="&lt;Late&gt;"' in shut.text
    assert 'href="/account/factors/new" target="_blank"' in shut.text
    set_up(database, cast.petra.user_id, clock())
    kept = {name: unescape(value) for name, value in HIDDEN.findall(shut.text) if name != "csrf_token"}
    assert petra.post("/tags/new", kept).status_code == 303
    assert owner.scalars(text("select name from tag")).all() == ["<Late>"]


@pytest.mark.parametrize(
    "evil", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:evil(1)"]
)
def test_it_never_leads_elsewhere(
    signed_in: Callable[[str], Person], owner: Connection, clock: Clock, evil: str
) -> None:
    petra = signed_in("petra")
    require(owner, users=True)
    petra.home = ""
    for path in (REQUIRED, "/account/factors/new"):
        page = petra.get(f"{path}?next={quote(evil, safe='')}")
        assert page.status_code == 200
        assert "evil" not in page.text
    answer = petra.post("/account/factors/new", {"name": "Phone", "next": evil})
    assert answer.headers["location"] == "/account/factors/confirm"


def test_the_other_places_and_the_account_stay_open(
    signed_in: Callable[[str], Person], owner: Connection, cast: Cast, database: Database
) -> None:
    """Petra also sees Initech's portal, of a partner who asks nothing."""
    owner.execute(
        text(
            "insert into membership select p.id, gen_random_uuid(), c.id, m.user_id, 'PAYER', 'ACTIVE',"
            " m.name, m.name_key, m.email, m.email_key, now(), now() from membership m, customer c"
            " join partner p on p.id = c.partner_id where m.id = :petra and c.company = 'Initech'"
        ),
        {"petra": cast.petra.id},
    )
    petra = signed_in("petra")
    require(owner, users=True)
    assert petra.get("/invoices").url.path == REQUIRED
    assert petra.get("/portal/initech-1a2b3c/invoices").url.path == "/portal/initech-1a2b3c/invoices"
    petra.home = ""
    for path in ("/accounts?switch=1", "/account/factors", "/account/sessions", "/account/password"):
        assert petra.get(path).status_code == 200


def test_the_last_app_stays_while_a_place_asks_for_one(
    signed_in: Callable[[str], Person], owner: Connection, cast: Cast, database: Database, clock: Clock
) -> None:
    app = set_up(database, cast.petra.user_id, clock() - timedelta(minutes=1))
    petra = signed_in("petra")
    require(owner, users=True)
    petra.home = ""
    page = petra.get(f"/account/factors/fac_{app.factor_id.hex}/remove")
    assert "these ask for one: Acme (Northwind)" in text_of(page)
    assert "Remove the app" not in text_of(page)
    with nothing_changes(owner):
        refused = petra.post(f"/account/factors/fac_{app.factor_id.hex}/remove")
    assert refused.status_code == 409
    assert "Add another passkey or authenticator app first." in text_of(refused)
