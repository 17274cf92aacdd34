"""The language somebody is invited in: chosen in each form that invites, and read behind the link."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect
from sqlalchemy import Connection, text
from sqlmodel import select
from starlette.testclient import TestClient

from auth import invites
from auth.invites import Invite
from billing import customer_users
from db import ids
from db.session import Database
from tests.auth.steps import NEW_PASSWORD
from tests.billing.access_steps import asked
from tests.billing.profile_steps import describe
from tests.cast import Cast
from tests.portal.conftest import Browsing, Clock, Person, customer_id, text_of
from tests.portal.test_factors import fresh, sent

ENGLISH = '<option value="en" selected>'
FRENCH = '<option value="fr" selected>'
ZOE = {"name": "Zoe", "email": "zoe@acme.example"}


@pytest.fixture
def link(database: Database, cast: Cast, clock: Clock) -> Callable[..., str]:
    """Invite somebody to Globex in a language; the address in the mail."""

    def invite(locale: str | None, email: str = "nia@globex.example") -> str:
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            member = customer_users.invite(
                db, cast.ada, customer_id=cast.customers["globex"], name="Nia", email=email, locale=locale,
                now=clock(),
            )  # fmt: skip
            issued = db.exec(select(Invite).where(Invite.membership_id == member.id)).one()
            return f"/invite/{invites.token_of(db, issued)}"

    return invite


def language_of(owner: Connection, email: str) -> str | None:
    found: str | None = owner.scalar(text("select locale from membership where email = :e"), {"e": email})
    owner.rollback()
    return found


def test_every_form_that_invites_offers_the_partners_language_first(
    ada: Person, signed_in: Callable[[str], Person], database: Database, cast: Cast, owner: Connection,
    clock: Clock,
) -> None:  # fmt: skip
    acme, setup = (customer_id(cast, name) for name in ("acme", "globex"))
    owner.execute(text("update customer set status = 'SETUP' where company = 'Globex'"))
    owner.commit()
    request = ids.shown("acr", asked(database, cast, clock(), email="kim@acme.example"))
    carl = signed_in("carl")
    forms = [
        (ada, f"/customers/{setup}/finish-setup", {}), (ada, f"/customers/{acme}/users/new", ZOE),
        (ada, "/team/invite", {**ZOE, "email": "zoe@northwind.example", "role": "MEMBER"}),
        (carl, "/team/invite", {**ZOE, "email": "bea@acme.example", "role": "PAYER"}),
        (ada, f"/access-requests/{request}?customer={acme}", {}),
    ]  # fmt: skip
    for who, path, _ in forms:
        assert ENGLISH in who.get(path).text, path
    owner.execute(text("update partner set locale = 'fr'"))
    owner.commit()
    for who, path, _ in forms:
        page = who.get(path).text
        assert FRENCH in page, path
        assert ENGLISH not in page, path
    for who, path, typed in forms:
        if typed:
            assert who.post(path, {**typed, "locale": "en"}).status_code == 303, path
            assert language_of(owner, typed["email"]) == "en", path
            wrong = who.post(path, {**typed, "email": "other@x.example", "locale": "de"})
            assert wrong.status_code == 422, path
            assert 'id="error-locale"' in wrong.text, path
    finish = {"users-0-name": "Gil", "users-0-email": "gil@globex.example", "users-0-role": "MANAGER"}
    rows = {**finish, "users-0-locale": "en", "users-1-name": "", "users-1-email": "", "users-1-locale": "fr"}
    assert ada.post(forms[0][1], rows).status_code == 303
    assert language_of(owner, "gil@globex.example") == "en"
    chosen = {"customer_id": acme, "role": "", "locale": "en"}
    assert ada.post(f"/access-requests/{request}/approve", chosen).status_code == 303
    assert language_of(owner, "kim@acme.example") == "en"


@pytest.mark.parametrize("who", ["ada", "carl"])
def test_it_is_corrected_where_name_and_address_are(
    signed_in: Callable[[str], Person], database: Database, cast: Cast, owner: Connection, clock: Clock,
    who: str,
) -> None:  # fmt: skip
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        member = customer_users.invite(
            db, cast.ada, customer_id=cast.customers["acme"], **ZOE, locale="fr", now=clock()
        )
    person = signed_in(who)
    below = f"/customers/{customer_id(cast, 'acme')}/users" if who == "ada" else "/team"
    address = f"{below}/{ids.shown('usr', member.id)}/correct"
    assert FRENCH in person.get(address).text
    assert "The one of the company" not in text_of(person.get(address))
    assert person.post(address, {**ZOE, "locale": "en"}).status_code == 303
    assert "Zoe is saved." in text_of(person.get(below))
    assert language_of(owner, ZOE["email"]) == "en"
    wrong = person.post(address, {**ZOE, "locale": "de"})
    assert (wrong.status_code, 'id="error-locale"' in wrong.text) == (422, True)
    owner.execute(text("update membership set locale = null where email = 'zoe@acme.example'"))
    owner.commit()
    assert "The one of the company" in text_of(person.get(address))
    assert person.post(address, {**ZOE, "locale": ""}).status_code == 303
    assert language_of(owner, ZOE["email"]) is None


def test_a_newcomer_reads_the_link_in_it_and_has_it_from_then_on(
    pages: TestClient, link: Callable[..., str], owner: Connection
) -> None:
    browser = fresh(pages)
    address = link("fr")
    page = browser.get(address, follow_redirects=True)
    assert '<html lang="fr">' in page.text
    done = sent(browser, "/invite", password=NEW_PASSWORD)
    assert done.status_code == 303
    assert '<html lang="fr">' in browser.get(done.headers["location"]).text
    assert language_of(owner, "nia@globex.example") == "fr"
    assert owner.scalar(text("select locale from person where email = 'nia@globex.example'")) == "fr"


def test_whoever_reads_another_language_says_so_on_the_page(
    pages: TestClient, link: Callable[..., str], owner: Connection
) -> None:
    browser = fresh(pages)
    browser.get(link("fr"))
    browser.get("/language/en")
    assert '<html lang="en">' in browser.get("/invite").text
    assert sent(browser, "/invite", password=NEW_PASSWORD).status_code == 303
    assert language_of(owner, "nia@globex.example") == "en"


def test_without_one_the_browser_decides_and_a_dead_link_says_nothing(
    pages: TestClient, link: Callable[..., str], owner: Connection
) -> None:
    address = link(None)
    browser = fresh(pages)
    assert "language" not in "".join(browser.get(address).headers.get_list("set-cookie"))
    asking = {"accept-language": "fr-CA"}
    assert '<html lang="fr">' in browser.get("/invite", headers=asking).text
    dead = link("fr", "other@globex.example")
    owner.execute(text("update invite set revoked_at = created_at"))
    owner.commit()
    answer = fresh(pages).get(dead)
    assert (answer.status_code, "language" in "".join(answer.headers.get_list("set-cookie"))) == (303, False)


@pytest.mark.parametrize(("cookie", "read"), [("en", "en"), (None, "fr")])
def test_a_browser_of_somebody_with_an_account_keeps_what_it_reads(
    pages: TestClient, database: Database, cast: Cast, link: Callable[..., str], clock: Clock,
    cookie: str | None, read: str,
) -> None:  # fmt: skip
    describe(database, cast, clock(), locale="en")
    browser = fresh(pages)
    if cookie:
        browser.get(f"/language/{cookie}")
    page = browser.get(link("fr", "petra@acme.example"), follow_redirects=True)
    assert f'<html lang="{read}">' in page.text


@pytest.mark.browser
@pytest.mark.parametrize("scripts", [True, False])
def test_a_manager_invites_a_french_colleague_who_reads_french(
    browsing: Browsing, owner: Connection, cast: Cast, database: Database, scripts: bool
) -> None:
    page = browsing("carl", java_script_enabled=scripts).new_page()
    page.goto(f"/portal/{cast.slugs['acme']}/team/invite")
    page.get_by_label("Name").fill("Zoé")
    page.get_by_label("E-mail").fill("zoe@acme.example")
    page.get_by_label("Language").select_option("Français")
    page.get_by_role("button", name="Send the invite").click()
    expect(page.get_by_role("status")).to_contain_text("An invite is on its way to zoe@acme.example.")
    assert language_of(owner, "zoe@acme.example") == "fr"
