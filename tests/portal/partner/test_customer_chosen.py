"""One thing done with many customers: chosen, a page, all that match; undone; taken out as a file."""

import csv
import io
import re
from datetime import date, datetime
from typing import Any
from uuid import UUID

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text

from billing import customers, tags
from billing.tags import TagInput
from db import ids
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Person, customer_id, text_of
from tests.portal.partner.test_customers import Does, add, bill, does, listed
from tests.world import nothing_changes

__all__ = ["does"]

ACTS = ("archive", "restore", "tag", "untag", "export")


def statuses(owner: Connection) -> dict[str, str]:
    return {row.company: row.status for row in owner.execute(text("select company, status from customer"))}


def hidden(page: Response) -> dict[str, Any]:
    """The hidden fields of the page that asks, with the button that confirms."""
    fields = {"_pressed": "confirmed"}
    for part in page.text.partition('class="card confirm"')[2].split('<input type="hidden" name="')[1:]:
        name, _, rest = part.partition('" value="')
        if name != "csrf_token":
            fields[name] = rest.partition('"')[0].replace("&amp;", "&")
    return fields


def flash_undo(page: Response) -> dict[str, str]:
    part = page.text.partition('class="undo">')[2].partition('name="archiving" value="')[2]
    return {"archiving": part.partition('"')[0]}


def rows(answer: Response) -> list[list[str]]:
    """The rows of a file, without its header."""
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))[1:]


def test_archiving_asks_with_the_number_and_the_names(ada: Person, does: Does, owner: Connection) -> None:
    made = [ids.shown("cus", add(does, name)) for name in ("Bluebird", "Harbor", "Zenith")]
    with nothing_changes(owner):
        page = ada.post("/customers/chosen/archive", {"which": "chosen", "customer": made[:2]})
    shown = text_of(page)
    assert page.status_code == 200
    assert "Archive 2 customers?" in shown
    assert "Bluebird, Harbor" in shown
    assert "open invites stop working" in shown
    answer = ada.post("/customers/chosen/archive", hidden(page))
    assert answer.status_code == 303
    found = statuses(owner)
    assert [found[name] for name in ("Bluebird", "Harbor", "Zenith")] == ["ARCHIVED", "ARCHIVED", "ACTIVE"]
    assert "2 customers are archived." in text_of(ada.get("/customers"))


@pytest.mark.parametrize(
    ("status", "offered"), [("", {"archive"}), ("archived", {"restore"}), ("all", {"archive", "restore"})]
)
def test_a_list_offers_what_its_customers_can_become(
    ada: Person, does: Does, status: str, offered: set[str]
) -> None:
    does(customers.archive, customer_id=add(does, "Bluebird"))
    page = ada.get(f"/customers?status={status}").text
    pressed = set(re.findall(r'formaction="[^"]*/customers/chosen/(archive|restore)"', page))
    assert pressed == offered
    # Enter presses what the form itself would do, and that is offered as well.
    assert re.findall(r'action="[^"]*/customers/chosen/(\w+)" data-choosing', page)[0] in offered


def test_archived_customers_are_restored_together(ada: Person, does: Does, owner: Connection) -> None:
    made = {name: add(does, name) for name in ("Bluebird", "Harbor", "Zenith")}
    for name in ("Bluebird", "Harbor"):
        does(customers.archive, customer_id=made[name])
    chosen = [ids.shown("cus", id_) for id_ in made.values()]
    given = {"which": "chosen", "customer": chosen, "narrowing": "status=all"}
    with nothing_changes(owner):
        page = ada.post("/customers/chosen/restore", given)
    shown = text_of(page)
    assert "Restore 2 customers?" in shown
    assert "One customer stays as it is" in shown
    assert "Bluebird, Harbor" in shown
    assert "Harbor, Zenith" not in shown
    answer = ada.post("/customers/chosen/restore", hidden(page))
    assert answer.headers["location"] == f"{ada.home}/customers?status=all"
    assert set(statuses(owner).values()) == {"ACTIVE"}
    assert "2 customers are restored. Invites that were open have to be sent again." in text_of(
        ada.get("/customers?status=all")
    )
    with nothing_changes(owner):
        assert ada.post("/customers/chosen/restore", given).status_code == 303
    assert "None of these is archived." in text_of(ada.get("/customers"))


def test_archived_ones_among_the_chosen_stay_as_they_are(ada: Person, does: Does, owner: Connection) -> None:
    made = {name: add(does, name) for name in ("Bluebird", "Harbor", "Zenith")}
    for name in ("Bluebird", "Harbor"):
        does(customers.archive, customer_id=made[name])
    chosen = [ids.shown("cus", id_) for id_ in made.values()]
    page = ada.post("/customers/chosen/archive", {"which": "chosen", "customer": chosen})
    assert "Archive 1 customer?" in text_of(page)
    assert "2 customers stay as they are" in text_of(page)
    ada.post("/customers/chosen/archive", hidden(page))
    assert statuses(owner)["Zenith"] == "ARCHIVED"
    assert "1 customer is archived." in text_of(ada.get("/customers"))
    with nothing_changes(owner):
        answer = ada.post("/customers/chosen/archive", {"which": "chosen", "customer": chosen})
    assert answer.status_code == 303
    assert "All of these are archived already." in text_of(ada.get("/customers"))


def test_undo_restores_exactly_what_was_archived(ada: Person, does: Does, owner: Connection) -> None:
    made = {name: add(does, name) for name in ("Before", "Both", "Single", "Again")}
    does(customers.archive, customer_id=made["Before"])
    chosen = [ids.shown("cus", made[name]) for name in ("Before", "Both", "Single", "Again")]
    page = ada.post("/customers/chosen/archive", {"which": "chosen", "customer": chosen})
    ada.post("/customers/chosen/archive", hidden(page))
    undo = flash_undo(ada.get("/customers"))
    # Somebody else restores one since, and archives another once more.
    does(customers.restore, customer_id=made["Single"])
    does(customers.restore, customer_id=made["Again"])
    does(customers.archive, customer_id=made["Again"])
    assert ada.post("/customers/undo-archive", undo).status_code == 303
    found = statuses(owner)
    assert [found[name] for name in made] == ["ARCHIVED", "ACTIVE", "ACTIVE", "ARCHIVED"]
    assert "Both is restored" in text_of(ada.get("/customers"))
    with nothing_changes(owner):
        ada.post("/customers/undo-archive", undo)
    assert "nothing left to undo" in text_of(ada.get("/customers"))


def test_archiving_one_customer_can_be_undone(ada: Person, cast: Cast, owner: Connection) -> None:
    ada.post(f"/customers/{customer_id(cast, 'acme')}/archive")
    assert statuses(owner)["Acme"] == "ARCHIVED"
    page = ada.get(f"/customers/{customer_id(cast, 'acme')}")
    assert "Acme is archived. Undo" in text_of(page)
    ada.post("/customers/undo-archive", flash_undo(page))
    assert statuses(owner)["Acme"] == "ACTIVE"


def test_the_question_says_what_becomes_of_open_invites(ada: Person, does: Does, cast: Cast) -> None:
    made = add(does, "Bluebird", users=("Uma", "Nora"))
    bill(does, made, due=date(2026, 4, 9))
    shown = text_of(ada.get(f"/customers/{ids.shown('cus', made)}/archive"))
    assert "2 people were invited and have not accepted yet: Nora, Uma." in shown
    assert "One open invoice stays open." in shown
    assert "invited" not in text_of(ada.get(f"/customers/{customer_id(cast, 'acme')}/archive"))


def test_all_that_match_means_the_filter_also_beyond_the_page(
    ada: Person, does: Does, owner: Connection
) -> None:
    for number in range(30):
        add(does, f"Client {number:02d}", users=())
    chosen = {"which": "matching", "narrowing": "status=setup", "shown": ""}
    page = ada.post("/customers/chosen/archive", chosen)
    shown = text_of(page)
    assert "Archive 30 customers?" in shown
    assert "and 10 more" in shown
    fields = hidden(page)
    # Another one matches by the time it is confirmed: nothing is done, and it is asked again.
    add(does, "Late", users=())
    with nothing_changes(owner):
        again = ada.post("/customers/chosen/archive", fields)
    assert "The list changed in the meantime" in text_of(again)
    answer = ada.post("/customers/chosen/archive", hidden(again))
    assert answer.headers["location"] == f"{ada.home}/customers?status=setup"
    counted = [status for name, status in statuses(owner).items() if name.startswith(("Client", "Late"))]
    assert counted == ["ARCHIVED"] * 31
    assert statuses(owner)["Acme"] == "ACTIVE"
    ada.post("/customers/undo-archive", flash_undo(ada.get("/customers")))
    assert "ARCHIVED" not in statuses(owner).values()


def test_tags_are_put_on_many_and_taken_off(ada: Person, does: Does, cast: Cast, owner: Connection) -> None:
    vip = does(tags.create, fields=TagInput(name="VIP", colour="#0b7285")).id  # type: ignore[attr-defined]
    both = {"which": "page", "shown": " ".join(customer_id(cast, name) for name in ("acme", "globex"))}
    page = ada.post("/customers/chosen/tag", both)
    assert "Add a tag to 2 customers" in text_of(page)
    with nothing_changes(owner):
        wrong = ada.post("/customers/chosen/tag", {**hidden(page), "tag": ""})
    assert (wrong.status_code, "Choose a tag." in text_of(wrong)) == (422, True)
    tag = ids.shown("tag", vip)
    ada.post("/customers/chosen/tag", {**hidden(page), "tag": tag})
    assert "2 customers got the tag." in text_of(ada.get("/customers"))
    assert listed(ada.get(f"/customers?tag={tag}").text) == ["Acme", "Globex"]
    one = {"which": "chosen", "customer": customer_id(cast, "acme")}
    page = ada.post("/customers/chosen/untag", one)
    ada.post("/customers/chosen/untag", {**hidden(page), "tag": tag})
    assert listed(ada.get(f"/customers?tag={tag}").text) == ["Globex"]


@pytest.mark.parametrize("act", ACTS)
def test_nothing_is_done_without_a_choice(ada: Person, owner: Connection, act: str) -> None:
    with nothing_changes(owner):
        answer = ada.post(f"/customers/chosen/{act}", {"which": "chosen", "narrowing": "sort=newest"})
    assert answer.headers["location"] == f"{ada.home}/customers?sort=newest"
    assert "No customer is chosen" in text_of(ada.get("/customers"))


@pytest.mark.parametrize("act", ACTS)
def test_a_strangers_customer_among_them_is_as_good_as_none(
    ada: Person, cast: Cast, owner: Connection, act: str
) -> None:
    answers = []
    with nothing_changes(owner):
        for other in (customer_id(cast, "initech"), f"cus_{'f' * 32}", "nonsense"):
            fields = {
                "which": "chosen", "customer": [customer_id(cast, "acme"), other], "count": "2",
                "_pressed": "confirmed",
            }  # fmt: skip
            answer = ada.post(f"/customers/chosen/{act}", fields)
            answers.append((answer.status_code, answer.text.replace(other, "<id>")))
    assert answers[0][0] == 404
    assert len(set(answers)) == 1


def test_read_only_staff_are_offered_nothing_and_refused(
    rita: Person, clem: Person, cast: Cast, owner: Connection
) -> None:
    page = rita.get("/customers")
    for word in ("chosen/archive", "Add tag", "Export CSV", 'name="customer"', "data-check-all"):
        assert word not in page.text
    fields = {"which": "chosen", "customer": customer_id(cast, "acme"), "count": "1"}
    with nothing_changes(owner):
        for act in ACTS:
            assert rita.post(f"/customers/chosen/{act}", fields).status_code == 403
            confirmed = {**fields, "_pressed": "confirmed", "tag": f"tag_{'f' * 32}"}
            assert rita.post(f"/customers/chosen/{act}", confirmed).status_code == 403
        # A Member edits customers, but takes none out.
        assert "Export CSV" not in clem.get("/customers").text
        assert clem.post("/customers/chosen/export", fields).status_code == 403


@pytest.mark.parametrize("act", ["archive", "tag", "untag", "export"])
def test_a_forged_form_does_nothing(ada: Person, cast: Cast, owner: Connection, act: str) -> None:
    fields = {
        "which": "chosen", "customer": customer_id(cast, "acme"), "count": "1", "_pressed": "confirmed",
        "tag": f"tag_{'f' * 32}",
    }  # fmt: skip
    with nothing_changes(owner):
        assert ada.post(f"/customers/chosen/{act}", fields, forged=True).status_code == 403


def test_another_partners_act_is_not_undone(
    ada: Person, database: Database, cast: Cast, owner: Connection, now: datetime
) -> None:
    with database.transaction(partner_id=cast.mallory.partner_id) as db:
        gone = customers.archive(db, cast.mallory, customer_id=cast.customers["initech"], now=now)
    assert isinstance(gone.archiving_id, UUID)
    with nothing_changes(owner):
        for act in (ids.shown("arc", gone.archiving_id), f"arc_{'f' * 32}"):
            ada.post("/customers/undo-archive", {"archiving": act})
            assert "nothing left to undo" in text_of(ada.get("/customers"))
        assert ada.post("/customers/undo-archive", {"archiving": "nonsense"}).status_code == 404


def test_a_file_holds_what_the_list_shows(ada: Person, does: Does, cast: Cast, owner: Connection) -> None:
    for number in range(90):
        add(does, f"Client {number:02d}", users=())
    bill(does, cast.customers["acme"], due=date(2026, 3, 9))
    evil = '=HYPERLINK("http://x")'
    add(does, evil, users=(), external_id="-5")
    for asked in ("", "status=setup&sort=company-desc", "balance=some", "search=client", "search=zzz"):
        answer = ada.post("/customers/chosen/export", {"which": "matching", "narrowing": asked})
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert "attachment" in answer.headers["content-disposition"]
        names = [row[1] for row in rows(answer)]
        shown: list[str] = []
        page = ada.get(f"/customers?{asked}")
        while True:
            shown += listed(page.text)
            beside = page.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
            if not beside:
                break
            page = ada.get(beside)
        assert [name.removeprefix("'") for name in names] == [name.replace("&#34;", '"') for name in shown]
        logged = owner.execute(
            text("select action, details from audit_event where action ~ 'export' order by id desc limit 2")
        ).all()
        assert logged[0] == ("customer.exported", {"rows": len(names)})
        assert logged[1].action == "customer.export_started"
    found = {row[1]: row for row in rows(ada.post("/customers/chosen/export", {"which": "matching"}))}
    assert found["Acme"][12:14] == ["120.00", "120.00"]
    assert found[f"'{evil}"][17] == "-5"
    assert not any("Initech" in name for name in found)


def test_a_file_of_chosen_customers_holds_those(ada: Person, cast: Cast, owner: Connection) -> None:
    one = {"which": "chosen", "customer": customer_id(cast, "globex")}
    answer = ada.post("/customers/chosen/export", one)
    assert [row[1] for row in rows(answer)] == ["Globex"]
    logged = owner.execute(text("select details from audit_event where action = 'customer.export_started'"))
    assert logged.scalar_one() == {"chosen": [customer_id(cast, "globex")]}


def test_the_addresses_of_forms_lead_back_to_the_list(ada: Person) -> None:
    for path in (*(f"chosen/{act}" for act in ACTS), "undo-archive"):
        page = ada.get(f"/customers/{path}")
        assert page.status_code == 200
        assert page.url.path == f"{ada.home}/customers"


def test_more_than_can_be_done_at_once_is_said(
    ada: Person, does: Does, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.partner.customer_chosen.MOST_MATCHING", 1)
    with nothing_changes(owner):
        ada.post("/customers/chosen/archive", {"which": "matching"})
    assert "More than 1 customers match" in text_of(ada.get("/customers"))
