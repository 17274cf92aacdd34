"""Tag management in the dashboard."""

import re
from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from billing import invoices, tags
from billing.invoice_fields import InvoiceInput, LineInput
from billing.tags import TagInput
from db import ids
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

VIP = {"name": "VIP", "colour": "#0b7285", "description": "Call first"}
NOBODY = f"tag_{'0' * 32}"


@pytest.fixture
def vip(database: Database, cast: Cast, now: datetime) -> str:
    """The id of Northwind's tag VIP, on both customers and on one draft."""
    ada = cast.ada
    with database.transaction(partner_id=ada.partner_id) as db:
        tag = tags.create(db, ada, fields=TagInput(**VIP), now=now)
        tags.create(db, ada, fields=TagInput(name="Other", colour="#212934"), now=now)
        both = [cast.customers["acme"], cast.customers["globex"]]
        tags.tag_customers(db, ada, tag_ids=[tag.id], customer_ids=both, now=now)
        line = LineInput(description="Visit", quantity="1", unit_price="10.00")
        draft = invoices.create_draft(
            db, ada, customer_id=cast.customers["acme"], fields=InvoiceInput(lines=[line]), now=now
        )
        tags.tag_invoices(db, ada, tag_ids=[tag.id], invoice_ids=[draft.id], now=now)
    return ids.shown("tag", tag.id)


@pytest.fixture
def carls(database: Database, cast: Cast, now: datetime) -> str:
    """The id of a tag of Acme's own, which its partner never sees."""
    with database.transaction(partner_id=cast.carl.partner_id, customer_id=cast.carl.customer_id) as db:
        made = tags.create(db, cast.carl, fields=TagInput(name="Carls own", colour="#212934"), now=now)
    return ids.shown("tag", made.id)


def id_of(owner: Connection, name: str) -> str:
    """The id of the partner's tag of that name."""
    found = owner.execute(
        text("select id from tag where name = :name and owner_id is null"), {"name": name}
    ).scalar_one()
    return ids.shown("tag", found)


def stored(owner: Connection) -> list[tuple]:
    return [
        tuple(row) for row in owner.execute(text("select name, colour, description from tag order by name"))
    ]


def test_a_partner_without_tags_is_told_how_to_begin(ada: Person, rita: Person) -> None:
    assert f'href="{ada.home}/tags/new"' in ada.get("/tags").text
    assert "No tags yet" in text_of(rita.get("/tags"))
    assert "/tags/new" not in rita.get("/tags").text


def test_ada_makes_a_tag(ada: Person, owner: Connection) -> None:
    answer = ada.post("/tags/new", VIP)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ada.home}/tags")
    assert stored(owner) == [("VIP", "#0b7285", "Call first")]
    assert "The tag VIP is created." in text_of(ada.get("/tags"))


def test_the_list_counts_what_carries_each_tag(ada: Person, vip: str, carls: str) -> None:
    shown = ada.get("/tags")
    assert "Carls own" not in shown.text
    deeds = "Edit Other Merge Other into another tag Delete Other"
    assert f"Other 0 0 {deeds} VIP Call first 2 customers tagged VIP 1" in text_of(shown)
    assert f'href="{ada.home}/customers?status=all&amp;tag={vip}"' in shown.text


def test_a_wrong_tag_is_told_at_the_field(ada: Person, vip: str, owner: Connection) -> None:
    with nothing_changes(owner):
        taken = ada.post("/tags/new", {**VIP, "name": "vip"})
        wrong = ada.post("/tags/new", {"name": "", "colour": "blue", "description": "x" * 201})
        slipped = ada.post("/tags/new", {**VIP, "name": "New", "owner_id": "x"})
    assert [answer.status_code for answer in (taken, wrong, slipped)] == [422, 422, 422]
    assert "There is already a tag of this name." in text_of(taken)
    assert 'value="vip"' in taken.text
    for name in ("name", "colour", "description"):
        assert f'id="error-{name}"' in wrong.text


def test_a_tag_is_edited(ada: Person, vip: str, owner: Connection) -> None:
    page = ada.get(f"/tags/{vip}/edit").text
    assert 'value="VIP"' in page
    assert 'value="#0b7285" checked' in page
    answer = ada.post(f"/tags/{vip}/edit", {"name": "Very important", "colour": "#c92a2a", "description": ""})
    assert answer.status_code == 303
    assert stored(owner) == [("Other", "#212934", None), ("Very important", "#c92a2a", None)]
    with nothing_changes(owner):
        again = ada.post(f"/tags/{vip}/edit", {"name": "other", "colour": "#c92a2a"})
    assert again.status_code == 422


def test_deleting_asks_first_and_says_how_much_carries_it(ada: Person, vip: str, owner: Connection) -> None:
    with nothing_changes(owner):
        asked = text_of(ada.get(f"/tags/{vip}/delete"))
    assert "Delete the tag VIP?" in asked
    assert "It is taken off 2 customers and 1 invoice." in asked
    assert ada.post(f"/tags/{vip}/delete").status_code == 303
    assert "The tag is deleted and taken off 2 customers and 1 invoice." in text_of(ada.get("/tags"))
    assert stored(owner) == [("Other", "#212934", None)]
    assert owner.scalar(text("select count(*) from customer_tag")) == 0


def test_merging_asks_which_tag_stays_and_says_what_moves(
    ada: Person, database: Database, cast: Cast, vip: str, carls: str, owner: Connection, now: datetime
) -> None:
    other = id_of(owner, "Other")
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        acme = cast.customers["acme"]
        given = {"tag_ids": [ids.parsed(other, "tag")], "customer_ids": [acme], "now": now}
        tags.tag_customers(db, cast.ada, **given)
    with nothing_changes(owner):
        chooser = ada.get(f"/tags/{vip}/merge")
        assert f'<option value="{other}">Other</option>' in chooser.text
        assert vip not in re.findall(r'<option value="([^"]*)"', chooser.text)
        asked = text_of(ada.get(f"/tags/{vip}/merge?into={other}"))
        wrong = [ada.get(f"/tags/{vip}/merge?into={into}") for into in ("", vip, carls, NOBODY, "x")]
    assert "Merge VIP into Other?" in asked
    assert "The tag Other goes on 1 customer and 1 invoice." in asked
    assert "What carries both keeps Other: 1 customer. The tag VIP is deleted." in asked
    assert [answer.status_code for answer in wrong] == [422] * 5
    assert all('id="error-into"' in answer.text for answer in wrong)
    answer = ada.post(f"/tags/{vip}/merge", {"into": other})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ada.home}/tags")
    said = "The tag is merged into Other, which 1 customer and 1 invoice gained."
    assert said in text_of(ada.get("/tags"))
    assert stored(owner) == [("Carls own", "#212934", None), ("Other", "#212934", None)]
    assert owner.execute(text("select count(*), count(distinct customer_id) from customer_tag")).one() == (
        2, 2,
    )  # fmt: skip
    assert "merged the tag “VIP” into “Other”" in text_of(ada.get("/audit"))


def test_a_tag_is_not_merged_into_itself_or_into_somebody_elses(
    ada: Person, mallory: Person, rita: Person, vip: str, carls: str, owner: Connection
) -> None:
    other = id_of(owner, "Other")
    with nothing_changes(owner):
        assert ada.post(f"/tags/{vip}/merge", {"into": vip}).status_code == 422
        assert {
            ada.post(f"/tags/{vip}/merge", {"into": into}).status_code for into in (carls, NOBODY, "")
        } == {404}
        assert mallory.post(f"/tags/{vip}/merge", {"into": other}).status_code == 404
        assert rita.get(f"/tags/{vip}/merge").status_code == 403
        assert rita.post(f"/tags/{vip}/merge", {"into": other}).status_code == 403


def test_any_of_more_than_a_hundred_tags_can_be_chosen(
    ada: Person, database: Database, cast: Cast, vip: str, owner: Connection, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        for number in range(230):
            fields = TagInput(name=f"Tag {number:03}", colour="#212934")
            tags.create(db, cast.ada, fields=fields, now=now)
    last, acme = id_of(owner, "Tag 229"), ids.shown("cus", cast.customers["acme"])
    invoice = ids.shown("inv", owner.execute(text("select id from invoice")).scalar_one())
    for path in (
        "/customers", "/invoices", f"/customers/{acme}", f"/tags/{vip}/merge", f"/invoices/{invoice}",
        f"/invoices/tag?invoice={invoice}",
    ):  # fmt: skip
        assert f'value="{last}"' in ada.get(path).text, path
    chosen = ada.post("/customers/chosen/tag", {"customer": acme})
    assert f'value="{last}"' in chosen.text
    assert "Tag: Tag 229" in text_of(ada.get(f"/customers?tag={last}"))


@pytest.mark.parametrize("path", ["edit", "delete", "merge"])
def test_a_tag_that_is_not_ones_own_looks_like_none(
    ada: Person, mallory: Person, rita: Person, vip: str, carls: str, owner: Connection, path: str
) -> None:
    every = {"edit": {"name": "Theirs", "colour": "#212934"}, "merge": {"into": vip}, "delete": {}}
    fields = every[path]
    with nothing_changes(owner):
        answered = [
            [
                ask(f"/tags/{of}/{path}", *more)
                for of in (*tags_of, NOBODY, "tag_1")
                for ask, more in ((person.get, ()), (person.post, (fields,)))
            ]
            for person, tags_of in ((mallory, (vip, carls)), (ada, (carls,)))
        ]
        assert rita.post(f"/tags/{vip}/{path}", fields).status_code == 403
    for answers in answered:
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.text for answer in answers}) == 1


def test_a_form_of_another_site_changes_no_tag(ada: Person, vip: str, owner: Connection) -> None:
    with nothing_changes(owner):
        for path in ("/tags/new", f"/tags/{vip}/edit", f"/tags/{vip}/delete"):
            assert ada.post(path, VIP, forged=True).status_code == 403
