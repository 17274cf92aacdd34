"""B-5 on the pages: one's name, time zone and address, changed by oneself and by nobody else."""

import re
from collections.abc import Callable

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from auth.personal_tokens import Purpose
from auth.proofs import RECENT
from db.session import Database
from tests.billing.profile_steps import NEW, begin, mailed
from tests.cast import Cast
from tests.portal.conftest import ORIGIN, Clock, Person, text_of
from tests.world import nothing_changes

HOME = "/account/profile"
ASKED = ("personal_token", "personal_event", "throttle_bucket", "procrastinate_jobs", "procrastinate_events")


@pytest.fixture
def petra(signed_in: Callable[[str], Person]) -> Person:
    """Acme's payer; paths from the root."""
    person = signed_in("petra")
    person.home = ""
    return person


def sent(client: TestClient, path: str) -> Response:
    """Open the page of somebody who is not signed in, then send its form."""
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get(path).text)
    assert found is not None
    return client.post(path, data={"csrf_token": found[1]}, headers={"origin": ORIGIN})


def test_a_new_name_and_zone_are_on_every_page(petra: Person, signed_in: Callable[[str], Person]) -> None:
    assert 'value="Petra"' in petra.get(HOME).text
    done = petra.post(HOME, {"name": "Petra Nova", "time_zone": "America/Los_Angeles"})
    assert done.headers["location"] == HOME
    page = petra.get(HOME)
    assert "Your profile is saved." in text_of(page)
    assert 'value="America/Los_Angeles" selected' in page.text
    assert "Profile changed Mar 10, 2026, 10:00" in text_of(petra.get("/account/sessions"))
    portal = signed_in("petra").get("/team").text
    assert "Petra Nova" in portal


def test_instants_are_written_in_ones_own_zone(ada: Person, signed_in: Callable[[str], Person]) -> None:
    ada.post("/team/invite", {"name": "Nia", "email": "nia@northwind.example", "role": "MEMBER"})
    before = text_of(ada.get("/team"))
    mine = signed_in("ada")
    mine.home = ""
    mine.post(HOME, {"name": "Ada", "time_zone": "Pacific/Honolulu"})
    assert "The invite is good until Mar 13, 2026, 1:00 PM EDT" in before
    assert "The invite is good until Mar 13, 2026, 7:00 AM HST" in text_of(ada.get("/team"))


def told(person: Person) -> str:
    """When a person saved their profile, as their own list of what happened has it."""
    return text_of(person.get("/account/sessions")).split("Profile changed ")[1].split(" · ")[0]


def test_whoever_chose_no_zone_reads_their_account_in_that_of_their_place(
    petra: Person, signed_in: Callable[[str], Person], owner: Connection
) -> None:
    owner.execute(text("update customer set time_zone = 'America/Denver' where company = 'Acme'"))
    petra.post(HOME, {"name": "Petra", "time_zone": ""})
    assert told(petra) == "Mar 10, 2026, 11:00 AM MDT"
    petra.post("/account/email", {"email": NEW})
    assert "until Mar 11, 2026, 11:00 AM MDT" in text_of(petra.get(HOME))
    # A customer without a zone of its own has the partner's, as a partner's staff do.
    owner.execute(text("update customer set time_zone = null"))
    assert told(petra) == "Mar 10, 2026, 1:00 PM EDT"
    ada = signed_in("ada")
    ada.home = ""
    ada.post(HOME, {"name": "Ada", "time_zone": ""})
    assert told(ada) == "Mar 10, 2026, 1:00 PM EDT"
    petra.post(HOME, {"name": "Petra", "time_zone": "Pacific/Honolulu"})
    assert told(petra) == "Mar 10, 2026, 7:00 AM HST"


def test_a_wrong_profile_is_told_at_its_field_and_stays(petra: Person, owner: Connection) -> None:
    with nothing_changes(owner, without=("session",)):
        answer = petra.post(HOME, {"name": " ", "time_zone": "America/Denver"})
    assert answer.status_code == 422
    assert "Enter the name." in text_of(answer)
    assert 'value="America/Denver" selected' in answer.text


def test_the_address_changes_once_the_link_at_the_new_one_is_opened(
    petra: Person, database: Database, owner: Connection, cast: Cast
) -> None:
    asked = petra.post("/account/email", {"email": NEW})
    assert asked.headers["location"] == HOME
    assert f"{NEW} waits to be confirmed" in text_of(petra.get(HOME))
    link = f"/email-change/{mailed(database, cast, Purpose.EMAIL_CHANGE)}"
    page = petra.get(link)
    assert page.url.path == "/account/email/confirm"
    with nothing_changes(owner, without=("session",)):
        assert f"From here on you sign in with {NEW}" in text_of(petra.get(link))
    done = petra.post("/account/email/confirm")
    assert done.headers["location"] == HOME
    assert f"You sign in with {NEW}, and mail goes there." in text_of(petra.get(HOME))
    assert petra.get(link).status_code == 404


def test_a_visitor_with_the_link_signs_in_first(
    pages: TestClient, database: Database, cast: Cast, clock: Clock
) -> None:
    begin(database, cast, clock())
    answer = pages.get(f"/email-change/{mailed(database, cast, Purpose.EMAIL_CHANGE)}")
    assert answer.url.path == "/sign-in"
    assert answer.url.query == b"next=%2Faccount%2Femail%2Fconfirm"


def test_somebody_else_with_the_link_becomes_nobody(
    mallory: Person, database: Database, owner: Connection, cast: Cast, clock: Clock
) -> None:
    mallory.home = ""
    begin(database, cast, clock())
    link = f"/email-change/{mailed(database, cast, Purpose.EMAIL_CHANGE)}"
    with nothing_changes(owner, without=("session",)):
        assert "for another account" in text_of(mallory.get(link))
        assert mallory.post("/account/email/confirm").status_code == 409


def test_a_change_is_stopped_from_the_profile(petra: Person, database: Database, cast: Cast) -> None:
    petra.post("/account/email", {"email": NEW})
    token = mailed(database, cast, Purpose.EMAIL_CHANGE)
    assert petra.post("/account/email/stop").headers["location"] == HOME
    assert "waits to be confirmed" not in text_of(petra.get(HOME))
    assert petra.get(f"/email-change/{token}").status_code == 404


def test_the_old_address_is_kept_without_signing_in(
    petra: Person, pages: TestClient, database: Database, owner: Connection, cast: Cast, clock: Clock
) -> None:
    begin(database, cast, clock())
    token = mailed(database, cast, Purpose.EMAIL_UNDO)
    with nothing_changes(owner):
        assert "Keep your e-mail address" in text_of(pages.get(f"/email-undo/{token}"))
    kept = sent(pages, "/email-undo")
    assert "You sign in with petra@acme.example. Everybody is signed out." in text_of(kept)
    assert petra.get(HOME).url.path == "/sign-in"
    assert pages.get(f"/email-undo/{token}").status_code == 404


def test_asking_for_another_address_takes_a_recent_proof(
    petra: Person, owner: Connection, clock: Clock
) -> None:
    clock.now += RECENT
    assert petra.get("/account/email").url.path == "/account/prove"
    with nothing_changes(owner, without=("session",)):
        assert petra.post("/account/email", {"email": NEW}).status_code == 403


def test_a_wrong_address_and_too_many_are_told_at_the_field(petra: Person, owner: Connection) -> None:
    with nothing_changes(owner, without=("session",)):
        answer = petra.post("/account/email", {"email": "petra@acme.example"})
    assert (answer.status_code, "This is the present address." in text_of(answer)) == (422, True)
    for at in range(5):
        assert petra.post("/account/email", {"email": f"p{at}@x.example"}).status_code == 303
    answer = petra.post("/account/email", {"email": "p9@x.example"})
    assert (answer.status_code, "several times" in text_of(answer)) == (429, True)
    assert 'value="p9@x.example"' in answer.text


@pytest.mark.parametrize("path", [HOME, "/account/email", "/account/email/stop", "/account/email/confirm"])
def test_a_form_of_another_site_changes_nothing(petra: Person, owner: Connection, path: str) -> None:
    with nothing_changes(owner, without=("session",)):
        assert petra.post(path, {"name": "x", "email": NEW}, forged=True).status_code == 403


@pytest.mark.parametrize("path", ["/email-undo", "/account/email/confirm"])
def test_without_a_link_there_is_nothing(petra: Person, path: str) -> None:
    assert petra.get(path).status_code == 404
