"""Looking at a customer's portal, page by page: beginning, the banner, the end, and both sides' log."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from auth.impersonations import LIFE
from auth.proofs import RECENT
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, customer_id, text_of, user_id
from tests.tenancy.test_looking import BANNER, look
from tests.world import nothing_changes

MINUTE = timedelta(minutes=1)


@pytest.fixture
def acme(cast: Cast) -> str:
    return customer_id(cast, "acme")


def test_ada_opens_it_from_the_customer_and_from_the_users_row(ada: Person, acme: str, cast: Cast) -> None:
    petra = user_id(cast, "petra")
    for page, href in ((f"/customers/{acme}", "/view"), (f"/customers/{acme}/users", f"/view?as={petra}")):
        link = f'href="{ada.home}/customers/{acme}{href}" target="_blank" rel="noopener"'
        assert link in ada.get(page).text
    form = ada.get(f"/customers/{acme}/view?as={petra}")
    assert f'<option value="{petra}" selected>Petra, Payer</option>' in form.text
    assert "Nobody in particular" in form.text
    home = look(ada, acme, petra)
    page = ada.get(f"{home}/invoices")
    assert re.search(
        r"View only. Ada, you see this portal as Petra does, until [^.]*1:30.*Nothing can be changed",
        " ".join(re.sub(r"<[^>]+>", " ", page.text).split()),
    )
    menu = page.text.partition('class="menu-panel"')[2].partition("</details>")[0]
    assert "petra@acme.example" in menu
    assert "/account" not in page.text
    assert "sign-out" not in page.text
    assert f'href="{home}/payments"' in page.text
    assert "/portal/" not in page.text


@pytest.mark.parametrize("name", ["rita", "carl"])
def test_who_may_not_gets_neither_link_nor_page(
    signed_in: Callable[[str], Person], acme: str, owner: Connection, name: str
) -> None:
    person = signed_in(name)
    here = f"/partner/northwind/customers/{acme}"
    with nothing_changes(owner):
        assert "View portal" not in person.get(here).text
        for answer in (person.get(f"{here}/view"), person.post(f"{here}/view", {"whose": "MANAGER"})):
            assert answer.status_code == (403 if name == "rita" else 404)


def test_strangers_and_forged_forms_begin_nothing(
    ada: Person, mallory: Person, acme: str, cast: Cast, owner: Connection
) -> None:
    initech = customer_id(cast, "initech")
    with nothing_changes(owner):
        for person, place, customer, whose in (
            (mallory, "northwind", acme, "MANAGER"),
            (mallory, "contoso", acme, "MANAGER"),
            (mallory, "contoso", initech, user_id(cast, "petra")),
            (ada, "northwind", acme, user_id(cast, "gus")),
            (ada, "northwind", acme, "usr_zz"),
        ):
            answer = person.post(f"/partner/{place}/customers/{customer}/view", {"whose": whose})
            assert answer.status_code == 404
        forged = ada.post(f"/customers/{acme}/view", {"whose": "MANAGER"}, forged=True)
        assert forged.status_code == 403


def test_it_takes_a_fresh_proof_and_keeps_what_was_typed(
    ada: Person, acme: str, owner: Connection, clock: Clock
) -> None:
    clock.now += RECENT
    with nothing_changes(owner, without=("session",)):
        asked = ada.post(f"/customers/{acme}/view", {"whose": "VIEWER", "reason": "Ticket 4711"})
    assert asked.status_code == 403
    assert 'action="/account/prove"' in asked.text
    assert 'name="kept-reason" value="Ticket 4711"' in asked.text


def test_what_cannot_be_opened_says_how_to_go_on(
    ada: Person, acme: str, cast: Cast, owner: Connection
) -> None:
    here, vera = f"/customers/{acme}/view", user_id(cast, "vera")
    owner.execute(text("update membership set status = 'DISABLED' where name = 'Vera'"))
    with nothing_changes(owner):
        answer = ada.post(here, {"whose": vera, "reason": "Why"})
        assert answer.status_code == 422
        assert "Vera can't sign in, so there is nothing to see." in text_of(answer).replace("’", "'")
        assert 'value="Why"' in answer.text
        assert ada.post(here, {"whose": "ADMIN"}).status_code == 422
    owner.execute(text("update customer set status = 'ARCHIVED', archived_at = now() where company = 'Acme'"))
    with nothing_changes(owner):
        answer = ada.post(here, {"whose": "MANAGER"})
        assert answer.status_code == 409
        assert "portal is not open" in text_of(answer)
        assert "This portal is not open" in text_of(ada.get(here))
        assert "View portal" not in ada.get(f"/customers/{acme}").text


def test_it_ends_with_its_button_or_its_time_and_leads_back(ada: Person, acme: str, clock: Clock) -> None:
    for end in ("button", "time"):
        clock.now += MINUTE
        home = look(ada, acme)
        assert BANNER in ada.get(home).text
        if end == "button":
            assert ada.post(f"{home}/end").headers["location"] == f"{home}/invoices"
            assert ada.post(f"{home}/end").status_code == 303  # pressed twice
        else:
            clock.now += LIFE - MINUTE
            assert BANNER in ada.get(home).text
            clock.now += MINUTE
        for path in ("", "/invoices", "/team", "/payment-methods/return", "/end"):
            over = ada.get(home + path)
            assert over.status_code == 403
            assert "This view has ended" in text_of(over)
            assert f'href="/partner/northwind/customers/{acme}"' in over.text
            assert "Acme" not in over.text
        assert "This view has ended" in text_of(ada.post(f"{home}/tags/new", {"name": "x"}))
    assert ada.get("/customers").status_code == 200


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("update membership set role = 'READ_ONLY' where name = 'Ada'", 403),
        ("update membership set status = 'DISABLED' where name = 'Ada'", 404),
    ],
)
def test_whoever_loses_the_right_is_out_at_the_next_request(
    ada: Person, acme: str, owner: Connection, statement: str, status: int
) -> None:
    home = look(ada, acme)
    owner.execute(text(statement))
    with nothing_changes(owner):
        for answer in (ada.get(f"{home}/invoices"), ada.post(f"{home}/tags/new", {"name": "x"})):
            assert answer.status_code == status
            assert "Acme" not in answer.text


def test_the_partners_sign_in_policy_holds_here_too(ada: Person, acme: str, owner: Connection) -> None:
    home = look(ada, acme)
    owner.execute(text("update partner set staff_need_factor = true"))
    led = ada.get(f"{home}/invoices")
    assert led.url.path == "/account/factors/required"


def test_both_sides_read_who_looked(
    ada: Person, signed_in: Callable[[str], Person], acme: str, cast: Cast
) -> None:
    carl, petra, gus = signed_in("carl"), signed_in("petra"), signed_in("gus")
    assert "Northwind looked at this portal" in text_of(carl.get("/team"))
    assert "Not so far." in text_of(carl.get("/team"))
    answer = ada.post(f"/customers/{acme}/view", {"whose": user_id(cast, "petra"), "reason": "Ticket 4711"})
    home = answer.headers["location"].removesuffix("/invoices")
    assert ada.post(f"{home}/tags/new", {"name": "Mine", "colour": "#0b7285"}).status_code == 403
    ada.post(f"{home}/end")
    look(ada, acme, "VIEWER")
    log = text_of(ada.get("/audit?about=impersonation"))
    for said in (
        "looked at the portal as Petra (Ticket 4711)",
        "tried to change something while looking at the portal as Petra: /tags/new",
        "stopped looking at the portal as Petra",
        "looked at the portal as any Viewer",
    ):
        assert said in log
    activity = text_of(ada.get(f"/customers/{acme}/activity"))
    assert "Looked at the portal as Petra (Ticket 4711)" in activity
    team = text_of(carl.get("/team"))
    told = re.findall(r"Ada (Looked at this portal|Stopped looking|Tried a change, which was refused)", team)
    again, stopped, tried, began = told
    assert (again, began) == ("Looked at this portal",) * 2
    assert (stopped, tried) == ("Stopped looking", "Tried a change, which was refused")
    assert "Ticket 4711" not in team
    for other in (petra, gus):
        assert "Ada" not in text_of(other.get("/team"))
    # Whoever looks as Carl sees what Carl sees, this list too.
    assert "Ada Looked at this portal" in text_of(ada.get(look(ada, acme, user_id(cast, "carl")) + "/team"))


def test_a_message_of_another_tab_is_not_told_here_nor_the_other_way_round(
    ada: Person, acme: str, cast: Cast
) -> None:
    home = look(ada, acme)
    # Saved in the dashboard, and the next page that this browser opens is the looked-at portal.
    globex = customer_id(cast, "globex")
    assert ada.post(f"/customers/{globex}/notes", {"text": "Call back"}).status_code == 303
    looked = ada.get(f"{home}/invoices")
    assert 'class="flashes"' not in looked.text
    assert 'class="flashes"' in ada.get(f"/customers/{globex}/notes").text
    # A page that leads on with a message leaves none behind for the dashboard.
    assert ada.get(f"{home}/invoices/chosen.zip").url.path == f"{home}/invoices"
    assert 'class="flashes"' not in ada.get(f"/customers/{globex}").text
