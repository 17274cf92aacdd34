"""The portal's own tags: Acme's labels, which nobody else ever sees."""

import re

import pytest
from sqlalchemy import Connection, text

from db import ids
from tests.portal.conftest import Person, text_of
from tests.portal.customer.conftest import NOBODYS, Bill
from tests.world import nothing_changes

HEAD_OFFICE = {"name": "Head office", "colour": "#0b7285", "description": "Cost center 4711"}


def make(person: Person, owner: Connection, **fields: str) -> str:
    """A tag made in the portal: its id."""
    assert person.post("/tags/new", {**HEAD_OFFICE, **fields}).status_code == 303
    return ids.shown(
        "tag", owner.scalar(text("select id from tag order by created_at desc, id desc limit 1"))
    )


def test_petra_makes_changes_and_deletes_a_tag(petra: Person, bill: Bill, owner: Connection):
    assert "No tags yet" in text_of(petra.get("/tags"))
    tag = make(petra, owner)
    invoice = bill("10.00")
    petra.post(f"/invoices/{invoice}/tags", {"tag": tag})
    page = petra.get("/tags")
    assert "The tag Head office is created." in text_of(page)
    assert re.search(r"Head office\s+Cost center 4711\s+1\s", text_of(page))
    form = petra.get(f"/tags/{tag}/edit")
    assert 'value="Head office"' in form.text
    assert petra.post(f"/tags/{tag}/edit", {**HEAD_OFFICE, "name": "Annex"}).status_code == 303
    assert "Annex" in petra.get(f"/invoices/{invoice}").text
    assert "It is taken off 1 invoice." in text_of(petra.get(f"/tags/{tag}/delete"))
    done = petra.get(petra.post(f"/tags/{tag}/delete").headers["location"])
    assert "The tag is deleted and taken off 1 invoice." in text_of(done)
    assert owner.scalar(text("select count(*) from tag")) == 0


def test_wrong_fields_come_back_with_what_was_typed(petra: Person, owner: Connection):
    tag = make(petra, owner)
    with nothing_changes(owner):
        for path, fields in (
            ("/tags/new", {**HEAD_OFFICE, "name": "HEAD OFFICE"}),
            ("/tags/new", {**HEAD_OFFICE, "name": ""}),
            (f"/tags/{tag}/edit", {**HEAD_OFFICE, "name": "x" * 51}),
        ):
            wrong = petra.post(path, fields)
            assert wrong.status_code == 422
            assert 'id="error-name"' in wrong.text
            assert "Cost center 4711" in wrong.text
        # A field the form does not have is refused, not ignored.
        assert petra.post("/tags/new", {**HEAD_OFFICE, "owner_id": "x"}).status_code == 422


def test_vera_sees_the_tags_and_may_change_none(vera: Person, petra: Person, owner: Connection):
    tag = make(petra, owner)
    assert "Head office" in text_of(vera.get("/tags"))
    assert "New tag" not in text_of(vera.get("/tags"))
    with nothing_changes(owner):
        for path in ("/tags/new", f"/tags/{tag}/edit", f"/tags/{tag}/delete", f"/tags/{tag}/merge"):
            assert vera.get(path).status_code == 403
            assert vera.post(path, {**HEAD_OFFICE, "into": tag}).status_code == 403


@pytest.mark.parametrize("stranger", ["gus", "ines", "ada"])
def test_acmes_tag_looks_like_none_to_everybody_else(
    stranger: str, signed_in, petra: Person, owner: Connection
):
    tag, other = make(petra, owner), signed_in(stranger)
    assert "Head office" not in other.get("/tags").text
    with nothing_changes(owner):
        for path in ("edit", "delete", "merge"):
            theirs, absent = (other.get(f"/tags/{id_}/{path}") for id_ in (tag, f"tag_{NOBODYS}"))
            assert (theirs.status_code, theirs.text) == (404, absent.text)
            theirs, absent = (
                other.post(f"/tags/{id_}/{path}", HEAD_OFFICE) for id_ in (tag, f"tag_{NOBODYS}")
            )
            assert (theirs.status_code, theirs.text) == (404, absent.text)


def test_two_companies_may_have_a_tag_of_the_same_name(petra: Person, gus: Person, owner: Connection):
    assert make(petra, owner) != make(gus, owner)
    assert owner.scalar(text("select count(distinct owner_id) from tag")) == 2


def test_a_forged_form_changes_no_tag(petra: Person, owner: Connection):
    tag = make(petra, owner)
    with nothing_changes(owner):
        for path in ("/tags/new", f"/tags/{tag}/edit", f"/tags/{tag}/delete", f"/tags/{tag}/merge"):
            assert petra.post(path, HEAD_OFFICE, forged=True).status_code == 403


def test_petra_merges_two_tags_of_her_company(petra: Person, bill: Bill, owner: Connection):
    annex, office = make(petra, owner, name="Annex"), make(petra, owner)
    first, second = bill("10.00"), bill("20.00")
    for invoice, tags in ((first, (annex,)), (second, (annex, office))):
        for tag in tags:
            petra.post(f"/invoices/{invoice}/tags", {"tag": tag})
    assert f'<option value="{office}">Head office</option>' in petra.get(f"/tags/{annex}/merge").text
    with nothing_changes(owner):
        asked = text_of(petra.get(f"/tags/{annex}/merge?into={office}"))
        assert petra.post(f"/tags/{annex}/merge", {"into": annex}).status_code == 422
        assert petra.post(f"/tags/{annex}/merge", {"into": f"tag_{NOBODYS}"}).status_code == 404
    assert "The tag Head office goes on 1 invoice. What carries both keeps Head office: 1 invoice." in asked
    done = petra.get(petra.post(f"/tags/{annex}/merge", {"into": office}).headers["location"])
    assert "The tag is merged into Head office, which 1 invoice gained." in text_of(done)
    assert owner.execute(text("select count(*), count(distinct invoice_id) from invoice_tag")).one() == (2, 2)
    assert owner.scalars(text("select name from tag")).all() == ["Head office"]


def test_acmes_tags_are_not_merged_with_anybody_elses(petra: Person, gus: Person, owner: Connection):
    mine, theirs = make(petra, owner), make(gus, owner)
    with nothing_changes(owner):
        for gone, into in ((mine, theirs), (theirs, mine)):
            assert petra.post(f"/tags/{gone}/merge", {"into": into}).status_code == 404
        assert petra.get(f"/tags/{mine}/merge?into={theirs}").status_code == 422
