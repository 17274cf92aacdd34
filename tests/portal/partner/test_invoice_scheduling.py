"""Sending a draft on a chosen day, in the dashboard: chosen, moved, taken back, told when refused."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import Connection, text

from db.session import Database
from integrations import rounds
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.portal.partner.test_invoices import LINE, new
from tests.world import world

Arrive = Callable[[str], Person]


def drafted(ada: Person, cast: Cast) -> str:
    made: str = ada.post(new(cast), LINE).headers["location"]
    return made.removeprefix("/partner/northwind")


def test_ada_chooses_a_day_moves_it_and_takes_it_back(
    signed_in: Arrive, cast: Cast, owner: Connection
) -> None:
    ada = signed_in("ada")
    draft = drafted(ada, cast)
    assert "Or send it on a day" in ada.get(f"{draft}/confirm-send").text
    assert ada.post(f"{draft}/schedule", {"send_on": "2026-03-20"}).status_code == 303
    assert "Will be sent on Mar 20, 2026, from 9:00." in ada.get(draft).text
    assert 'value="2026-03-20"' in ada.get(f"{draft}/confirm-send").text
    assert "to be sent on Mar 20, 2026" in ada.get("/invoices?status=planned").text
    assert "set a draft invoice to be sent on Mar 20, 2026" in text_of(ada.get("/audit"))
    ada.post(f"{draft}/schedule", {"send_on": "2026-03-23"})
    assert "Will be sent on Mar 23, 2026, from 9:00." in ada.get(draft).text
    ada.client.cookies.set("remit_language", "fr")
    assert "Sera envoyé le 23 mars 2026, dès 9 h." in ada.get(draft).text
    ada.client.cookies.set("remit_language", "en")
    assert ada.post(f"{draft}/unschedule").status_code == 303
    assert "Will be sent" not in ada.get(draft).text
    assert "No invoice matches" in ada.get("/invoices?status=planned").text


def test_ada_chooses_who_gets_it_on_the_day_and_the_page_says_so(
    signed_in: Arrive, cast: Cast, database: Database, owner: Connection, now: datetime
) -> None:
    ada = signed_in("ada")
    draft = drafted(ada, cast)
    page = ada.get(f"{draft}/confirm-send").text
    for actor, chosen in ((cast.carl, True), (cast.petra, True), (cast.vera, False)):
        found = f'name="planned_ids" type="checkbox" value="usr_{actor.id.hex}" checked'  # type: ignore[union-attr]
        assert (found in page) is chosen, actor.name
    carl, petra, vera = (f"usr_{one.id.hex}" for one in (cast.carl, cast.petra, cast.vera))  # type: ignore[union-attr]
    asked: dict[str, str | list[str]] = {
        "send_on": "2026-03-10", "addressed": "on", "offered_ids": [carl, petra],
    }  # fmt: skip
    # Left as it is offered: whoever is a manager or payer on that day.
    assert ada.post(f"{draft}/schedule", {**asked, "planned_ids": [petra, carl]}).status_code == 303
    assert owner.scalar(text("select send_to from invoice")) == []
    assert "To the managers and payers." in ada.get(draft).text
    none = ada.post(f"{draft}/schedule", asked)
    assert none.status_code == 422
    assert 'id="error-planned_ids"' in none.text
    assert ada.post(f"{draft}/schedule", {**asked, "planned_ids": [vera, carl]}).status_code == 303
    assert "To Vera, Carl." in ada.get(draft).text
    again = ada.get(f"{draft}/confirm-send").text
    assert f'name="planned_ids" type="checkbox" value="{vera}" checked' in again
    assert f'name="planned_ids" type="checkbox" value="{petra}" checked' not in again
    # A page that was open before recipients were asked for moves the day alone.
    ada.post(f"{draft}/schedule", {"send_on": "2026-03-10"})
    assert owner.scalar(text("select send_to from invoice")) == [cast.vera.id, cast.carl.id]
    owner.execute(text("update membership set status = 'REMOVED' where id = :id"), {"id": cast.vera.id})
    assert "To Carl." in ada.get(draft).text
    assert rounds.send_planned(database, now=now) == 1
    history = text_of(ada.get(draft))
    assert "Left out Vera, who can't get a mail any more" in history
    assert "to Carl" in history
    assert "left out Vera, who can't get a mail any more" in text_of(ada.get("/audit"))
    # And where somebody looks, until somebody has.
    said = "Not to Vera, who can get no mail any more. Sent Mar 10, 2026"
    assert said in text_of(ada.get(""))
    assert "Nothing waits for you" not in text_of(ada.get(""))
    assert "It was not sent to Vera." in text_of(ada.get(draft))
    assert "Seen" not in text_of(signed_in("rita").get(draft))
    ada.client.cookies.set("remit_language", "fr")
    assert "Pas à Vera, qui ne peut plus recevoir de courriel." in text_of(ada.get(""))
    ada.client.cookies.set("remit_language", "en")
    pressed = ada.post(f"{draft}/left-out-seen", {"_pressed": "home"})
    assert pressed.headers["location"] == "/partner/northwind"
    assert said not in text_of(ada.get(""))
    assert "It was not sent to" not in text_of(ada.get(draft))
    assert "was sent without some who were to get it" in text_of(ada.get(draft))


def test_a_wrong_day_comes_back_at_its_field(signed_in: Arrive, cast: Cast, owner: Connection) -> None:
    ada = signed_in("ada")
    draft, before = drafted(ada, cast), world(owner)
    answer = ada.post(f"{draft}/schedule", {"send_on": "2026-03-01"})
    assert answer.status_code == 422
    assert 'id="error-send_on"' in answer.text
    assert 'value="2026-03-01"' in answer.text
    assert world(owner) == before


def test_what_was_not_sent_is_told_at_home_on_the_draft_and_in_the_log(
    signed_in: Arrive, cast: Cast, database: Database, owner: Connection, now: datetime
) -> None:
    ada = signed_in("ada")
    draft = drafted(ada, cast)
    ada.post(f"{draft}/schedule", {"send_on": "2026-03-10"})
    owner.execute(text("update membership set status = 'DISABLED' where role in ('MANAGER', 'PAYER')"))
    assert rounds.send_planned(database, now=now) == 0
    home = ada.get("").text
    assert "Invoices not sent on their day" in home
    assert "The customer has no manager or payer to send it to." in home
    assert "This draft was not sent on Mar 10, 2026." in ada.get(draft).text
    assert "not sent on Mar 10, 2026" in ada.get("/invoices?status=unsent").text
    assert (
        "could not send a draft invoice on the day that Ada chose: the customer has no manager or payer"
        in text_of(ada.get("/audit"))
    )


def test_rita_and_mallory_may_not(signed_in: Arrive, cast: Cast, owner: Connection) -> None:
    draft = drafted(signed_in("ada"), cast)
    rita, mallory, before = signed_in("rita"), signed_in("mallory"), world(owner)
    absent = "/invoices/inv_" + "0" * 32
    for path, form in (("/schedule", {"send_on": "2026-03-20"}), ("/unschedule", {}), ("/left-out-seen", {})):
        assert rita.post(draft + path, form).status_code == 403
        theirs, nobodys = mallory.post(draft + path, form), mallory.post(absent + path, form)
        assert (theirs.status_code, theirs.text) == (nobodys.status_code, nobodys.text)
        assert theirs.status_code == 404
    assert world(owner) == before
