"""B-1, B-6 on the pages: passkeys are added, sign in, prove again, come first at an invite, are removed."""

import re
from collections.abc import Callable
from html import unescape
from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from auth.authenticators import Site
from auth.challenges import UNASKED
from auth.passwords import NewPassword
from auth.proofs import RECENT
from db import ids
from db.session import Database
from tests.auth import steps
from tests.auth.factor_steps import sessions_of
from tests.auth.passkey_steps import Authenticator, count_of, passkey_of, with_passkey
from tests.auth.steps import Newcomer
from tests.cast import PASSWORD, PASSWORD_HASH, Cast
from tests.portal.conftest import ORIGIN, Clock, Person, text_of
from tests.portal.test_factors import FORM, fresh, second, sent
from tests.portal.test_factors import sign_in as sign_in_with_password
from tests.world import nothing_changes

SITE = Site(str(urlsplit(ORIGIN).hostname), ORIGIN)


@pytest.fixture
def petra(signed_in: Callable[[str], Person]) -> Person:
    """Acme's payer; paths from the root."""
    person = signed_in("petra")
    person.home = ""
    return person


@pytest.fixture
def laptop(database: Database, cast: Cast, clock: Clock) -> Authenticator:
    """Petra's, with a passkey that was made on these pages."""
    made = with_passkey(database, cast.petra.user_id, clock())
    made.site = SITE
    return made


def asked(client: TestClient, path: str, at: str) -> str:
    """What the script of the page `at` fetches from `path`."""
    answer = sent(client, path, at)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    return answer.text


def sign_in(client: TestClient, device: Authenticator, **fields: str):
    answer = device.answer(asked(client, "/sign-in/passkey/options", "/sign-in"))
    return sent(client, "/sign-in/passkey", "/sign-in", credential=answer, **fields)


def add(person: Person, device: Authenticator, **fields: str):
    options = person.post("/account/passkeys/options")
    assert options.status_code == 200, options.text
    return person.post("/account/passkeys/new", {"credential": device.make(options.text), **fields})


def test_a_passkey_is_added_named_and_listed(petra: Person, owner: Connection) -> None:
    assert "password alone" in text_of(petra.get("/account/factors"))
    page = petra.get("/account/passkeys/new")
    assert "js/passkeys.js" in page.text
    assert re.search(r'<form [^>]*data-passkey="create"[^>]* hidden', page.text)
    done = add(petra, Authenticator(SITE), name="Laptop")
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", done.text)
    assert len(codes) == 10
    listed = text_of(petra.get("/account/factors"))
    assert "Laptop Added Mar 10, 2026" in listed
    assert "not used yet" in listed
    assert "10 recovery codes are left" in listed
    again = add(petra, Authenticator(SITE), name="Phone")
    assert again.headers["location"] == "/account/factors"
    assert "The passkey is added. " in text_of(petra.get("/account/factors"))
    lately = text_of(petra.get("/account/sessions"))
    assert lately.count("Passkey added") == 2


def test_what_is_wrong_is_said_and_the_name_kept(petra: Person, owner: Connection) -> None:
    options = petra.post("/account/passkeys/options").text
    with nothing_changes(owner):
        nameless = petra.post(
            "/account/passkeys/new", {"name": " ", "credential": Authenticator(SITE).make(options)}
        )
        unanswered = petra.post("/account/passkeys/new", {"name": "Lap“top”", "credential": ""})
    assert nameless.status_code == unanswered.status_code == 422
    assert 'id="error-name"' in nameless.text
    assert "No passkey was made, or it took too long. Try again." in text_of(unanswered)
    assert 'value="Lap“top”"' in unescape(unanswered.text)


@pytest.mark.parametrize("path", ["new", "options", "psk_{id}/remove"])
def test_what_changes_passkeys_asks_again_and_takes_no_foreign_form(
    petra: Person, owner: Connection, database: Database, cast: Cast, laptop: Authenticator, clock: Clock,
    path: str,
) -> None:  # fmt: skip
    where = f"/account/passkeys/{path.format(id=passkey_of(database, cast.petra.user_id).hex)}"
    with nothing_changes(owner):
        assert petra.post(where, {"name": "x"}, forged=True).status_code == 403
    clock.now += RECENT
    with nothing_changes(owner):
        again = petra.post(where, {"name": "x"})
        shown = petra.get(where)
    assert again.status_code == 403
    assert "Is it still you?" in text_of(again)
    assert "Is it still you?" in text_of(shown)


def test_a_passkey_signs_in_and_keeps_what_was_typed(
    pages: TestClient, owner: Connection, cast: Cast, laptop: Authenticator
) -> None:
    browser = fresh(pages)
    done = sign_in(browser, laptop, next="/portal/acme-1a2b3c/tags/new", **{"kept-name": "Half “typed”"})
    assert "Half “typed”" in unescape(done.text)
    assert browser.get("/portal/acme-1a2b3c/invoices").status_code == 200
    plain = fresh(pages)
    assert sign_in(plain, laptop, next="https://evil.example/").headers["location"] == "/accounts"
    assert "remit_device" in plain.cookies


def test_a_wrong_passkey_is_said_on_the_page_and_signs_nobody_in(
    pages: TestClient, owner: Connection, cast: Cast, laptop: Authenticator
) -> None:
    browser = fresh(pages)
    wrong = sign_in(
        browser, Authenticator(SITE), next="/portal/acme-1a2b3c/tags/new", **{"kept-name": "Half"}
    )
    assert wrong.status_code == 422
    assert "No passkey of an account here was used" in text_of(wrong)
    assert 'name="kept-name" value="Half"' in wrong.text
    assert "remit_session" not in browser.cookies
    for _ in range(9):
        sign_in(browser, Authenticator(SITE))
    full = sign_in(browser, laptop)
    assert full.status_code == 429
    assert "Too many tries" in text_of(full)
    assert sessions_of(owner, cast.petra.user_id) == 0


def test_pages_that_are_only_opened_take_no_try_from_the_button(
    pages: TestClient, laptop: Authenticator
) -> None:
    browser, path = fresh(pages), "/sign-in/passkey/options"
    for _ in range(UNASKED.tries):
        assert sent(browser, path, "/sign-in", unasked="on").status_code == 200
    assert sent(browser, path, "/sign-in", unasked="on").status_code == 429
    assert sign_in(browser, laptop).status_code == 303


def test_an_answer_that_was_caught_is_none_in_another_browser(
    pages: TestClient, owner: Connection, cast: Cast, laptop: Authenticator
) -> None:
    mine, other = fresh(pages), fresh(pages)
    answer = laptop.answer(asked(mine, "/sign-in/passkey/options", "/sign-in"))
    assert sent(other, "/sign-in/passkey", "/sign-in", credential=answer).status_code == 422
    assert sent(mine, "/sign-in/passkey", "/sign-in", credential=answer).status_code == 303
    assert sent(mine, "/sign-in/passkey", "/sign-in", credential=answer).status_code == 422
    assert sessions_of(owner, cast.petra.user_id) == 1


@pytest.mark.parametrize("path", ["/sign-in/passkey", "/sign-in/passkey/options", "/invite/options"])
def test_a_visitors_form_of_another_site_does_nothing(
    pages: TestClient, owner: Connection, path: str
) -> None:
    with nothing_changes(owner):
        forged = fresh(pages).post(path, data={"csrf_token": "0" * 43, "credential": "{}"}, headers=FORM)
    assert forged.status_code == 403


def test_a_passkey_is_the_second_step_after_a_password(
    pages: TestClient, owner: Connection, cast: Cast, laptop: Authenticator
) -> None:
    browser = fresh(pages)
    page = sign_in_with_password(browser, cast, next="/portal/acme-1a2b3c/tags/new")
    assert "Now use your passkey." in text_of(page)
    assert 'autocomplete="one-time-code"' in page.text
    assert "Recovery code" in text_of(page)
    assert "remit_session" not in browser.cookies
    wrong = second(browser, page, "", credential="{}")
    assert wrong.status_code == 422
    assert "Your passkey was not used" in text_of(wrong)
    token = re.search(r'name="csrf_token" value="([^"]+)"', wrong.text)
    assert token is not None
    typed = {"csrf_token": token[1], "next": "/portal/acme-1a2b3c/tags/new", "code": "no-recovery-code"}
    wrong = browser.post("/sign-in/code", data=typed, headers=FORM)
    assert wrong.status_code == 422
    assert "This recovery code is not right, or was used already." in text_of(wrong)
    assert "Wait for the next one" not in text_of(wrong)
    answer = laptop.answer(asked(browser, "/sign-in/code/options", "/sign-in/code"))
    done = second(browser, wrong, "", credential=answer)
    assert done.headers["location"] == "/portal/acme-1a2b3c/tags/new"
    assert sessions_of(owner, cast.petra.user_id) == 1
    # Nothing waits in a browser that typed no password.
    assert sent(fresh(pages), "/sign-in/code/options", "/sign-in").status_code == 401


def test_a_passkey_proves_again_who_it_is_and_what_was_typed_is_kept(
    petra: Person, owner: Connection, laptop: Authenticator, clock: Clock
) -> None:
    clock.now += RECENT
    page = petra.get("/account/prove")
    assert "Use a passkey" in text_of(page)
    options = petra.post("/account/prove/options").text
    kept = {"next": "/account/factors/new", "kept-name": "Tablet"}
    wrong = petra.post("/account/prove", {**kept, "credential": "{}"})
    assert wrong.status_code == 422
    assert 'name="kept-name" value="Tablet"' in wrong.text
    assert "Your passkey was not used" in text_of(wrong)
    done = petra.post("/account/prove", {**kept, "credential": laptop.answer(options)})
    assert 'action="/account/factors/new"' in done.text
    noted = text("select action from personal_event order by at desc, id desc limit 1")
    assert owner.execute(noted).scalar_one() == "step_up"


def test_a_passkey_is_removed_after_a_question(
    petra: Person, database: Database, cast: Cast, laptop: Authenticator
) -> None:
    where = f"/account/passkeys/{ids.shown('psk', passkey_of(database, cast.petra.user_id))}/remove"
    assert "all you have beside your password" in text_of(petra.get(where))
    assert petra.post(where).headers["location"] == "/account/factors"
    assert "password alone" in text_of(petra.get("/account/factors"))
    assert petra.post(where).status_code == 404


def test_the_last_one_is_not_removed_while_a_place_asks_for_one(
    petra: Person, database: Database, owner: Connection, cast: Cast, laptop: Authenticator
) -> None:
    owner.execute(text("update partner set users_need_factor = true where slug = 'northwind'"))
    where = f"/account/passkeys/{ids.shown('psk', passkey_of(database, cast.petra.user_id))}/remove"
    page = petra.get(where)
    assert "these ask for one: Acme (Northwind)" in text_of(page)
    assert "Remove the passkey" not in text_of(page)
    with nothing_changes(owner):
        assert petra.post(where).status_code == 409


def test_anothers_passkey_is_as_good_as_none(
    signed_in: Callable[[str], Person],
    owner: Connection,
    database: Database,
    cast: Cast,
    laptop: Authenticator,
) -> None:
    carl = signed_in("carl")
    carl.home = ""
    petras = passkey_of(database, cast.petra.user_id).hex
    with nothing_changes(owner):
        for ask in (carl.get, carl.post):
            there, absent = (ask(f"/account/passkeys/psk_{hexed}/remove") for hexed in (petras, "f" * 32))
            assert there.status_code == absent.status_code == 404
            assert text_of(there) == text_of(absent)


# An invite.


@pytest.fixture
def nia(database: Database, cast: Cast, clock: Clock) -> Newcomer:
    """Invited to Acme; she has no account."""
    return steps.invite(database, cast.ada, customer_id=cast.customers["acme"], now=clock())


def test_an_invite_is_accepted_with_a_passkey_and_no_password(
    pages: TestClient, owner: Connection, nia: Newcomer, clock: Clock
) -> None:
    browser, device = fresh(pages), Authenticator(SITE)
    browser.get(f"/invite/{nia.token}")
    page = browser.get("/invite").text
    assert page.index("Accept with a passkey") < page.index('name="password"')
    answer = device.make(asked(browser, "/invite/options", "/invite"))
    done = sent(browser, "/invite", credential=answer)
    assert len(re.findall(r"<code>([a-z2-7-]{19})</code>", done.text)) == 10
    assert 'href="/portal/acme-1a2b3c/invoices"' in done.text
    assert browser.get("/portal/acme-1a2b3c/invoices").status_code == 200
    stored = owner.execute(
        text(
            "select password_hash, k.name, m.status from person p join passkey k on k.user_id = p.id "
            "join membership m on m.user_id = p.id where p.email_key = 'nia@acme.example'"
        )
    ).one()
    assert tuple(stored) == (None, "A browser", "ACTIVE")
    # She comes back with it; a password there is none.
    assert sign_in(fresh(pages), device).status_code == 303
    other = fresh(pages)
    assert sent(other, "/sign-in", email=nia.email, password=PASSWORD).status_code == 422
    assert "You sign in with a passkey." in text_of(browser.get("/account/factors"))
    clock.now += RECENT
    proving = browser.get("/account/prove").text
    assert 'name="password"' not in proving
    assert 'data-passkey="get"' in proving
    assert browser.get("/invite").status_code == 404


def test_a_passkey_person_sets_a_password_by_mail_and_still_needs_the_second_step(
    pages: TestClient, database: Database, owner: Connection, nia: Newcomer, clock: Clock
) -> None:
    browser, device = fresh(pages), Authenticator(SITE)
    browser.get(f"/invite/{nia.token}")
    answer = device.make(asked(browser, "/invite/options", "/invite"))
    assert sent(browser, "/invite", credential=answer).status_code == 200
    token = steps.ask_for_reset(database, owner, nia.email, clock())
    assert token is not None
    steps.finish_reset(database, token, clock(), new=NewPassword(PASSWORD_HASH))
    other = fresh(pages)
    waiting = sent(other, "/sign-in", email=nia.email, password=PASSWORD)
    assert "Now use your passkey." in text_of(waiting)
    assert "remit_session" not in other.cookies


def test_a_passkey_of_another_invite_or_browser_accepts_nothing(
    pages: TestClient, database: Database, owner: Connection, cast: Cast, nia: Newcomer, clock: Clock
) -> None:
    ned = steps.invite(
        database, cast.ada, customer_id=cast.customers["globex"], email="ned@globex.example", name="Ned",
        now=clock(),
    )  # fmt: skip
    browser, other = fresh(pages), fresh(pages)
    browser.get(f"/invite/{nia.token}")
    other.get(f"/invite/{nia.token}")
    answer = Authenticator(SITE).make(asked(browser, "/invite/options", "/invite"))
    browser.get(f"/invite/{ned.token}")
    with nothing_changes(owner):
        for visitor in (browser, other):
            refused = sent(visitor, "/invite", credential=answer)
            assert refused.status_code == 422
            assert "No passkey was made. Try again, or choose a password." in text_of(refused)
    browser.get(f"/invite/{nia.token}")
    assert sent(browser, "/invite", credential=answer).status_code == 200
    assert count_of(owner, "passkey") == 1


def test_a_passkey_that_is_in_use_accepts_nothing(
    pages: TestClient, owner: Connection, nia: Newcomer, laptop: Authenticator
) -> None:
    browser = fresh(pages)
    browser.get(f"/invite/{nia.token}")
    answer = laptop.make(asked(browser, "/invite/options", "/invite"))
    with nothing_changes(owner, without=["passkey_challenge"]):
        refused = sent(browser, "/invite", credential=answer)
    assert refused.status_code == 422
    assert "This passkey is in use already." in text_of(refused)


def test_no_passkey_is_offered_to_who_has_an_account_or_whose_link_is_dead(
    pages: TestClient, database: Database, owner: Connection, cast: Cast, clock: Clock
) -> None:
    invited = steps.invite(
        database, cast.mallory, customer_id=cast.customers["initech"], email=cast.emails["petra"], now=clock()
    )
    browser = fresh(pages)
    browser.get(f"/invite/{invited.token}")
    assert "Accept with a passkey" not in browser.get("/invite").text
    with nothing_changes(owner):
        assert sent(browser, "/invite/options", "/invite").status_code == 409
        assert sent(fresh(pages), "/invite/options", "/sign-in").status_code == 404


@pytest.mark.parametrize(
    ("path", "to"),
    [
        ("/account/passkeys/options", "/account/passkeys/new"),
        ("/account/prove/options", "/account/prove"),
        ("/sign-in/passkey", "/sign-in"),
        ("/sign-in/passkey/options", "/sign-in"),
        ("/sign-in/code/options", "/sign-in/code"),
        ("/invite/options", "/invite"),
    ],
)
def test_the_scripts_addresses_lead_back_to_their_pages(petra: Person, path: str, to: str) -> None:
    petra.client.cookies.update(petra._session)
    assert petra.client.get(path, follow_redirects=False).headers["location"] == to
