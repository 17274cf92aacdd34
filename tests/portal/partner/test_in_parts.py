"""One act on all that a filter finds: in parts, one act to undo, told exactly, and why some were left out."""

from datetime import datetime

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text

from billing import customer_bulk, customers, tags
from billing.tags import TagInput
from db import ids
from portal.in_parts import MOST_WAITED_FOR
from portal.partner.invoice_archiving import WHATS
from tests.cast import Cast
from tests.figures import rounds
from tests.portal.conftest import Person, text_of
from tests.portal.partner.test_customer_chosen import flash_undo, hidden, statuses
from tests.portal.partner.test_customers import Does, add, does
from tests.portal.partner.test_invoice_archiving import archived, undo, voided
from tests.portal.partner.test_invoice_list import Things, billed
from tests.portal.partner.test_long_acts import Work, undo_in, work
from tests.portal.test_invoice_export import hidden as invoices_hidden
from tests.world import nothing_changes

__all__ = ["billed", "does", "voided", "work"]
# Like customers of an import: no users yet.
_MANY = text("""
    insert into customer (partner_id, id, slug, company, company_key, address, city, state, postal_code,
      country, currency, status, open_minor, version, created_at, updated_at)
    select :partner, gen_random_uuid(), 'm' || n, 'Many ' || n, 'many ' || n, 'a', 'b', 'NY', '1', 'US',
      'USD', 'SETUP', 0, 1, :now, :now
    from generate_series(1, :many) n
""")

_LEFT = text("""
    select c.status, c.archived_at, c.version, c.updated_at,
      (select count(*) from invite i where i.customer_id = c.id and i.revoked_at is not null),
      (select array_agg((action, subject_kind, actor_name, details, customer_id = c.id,
           concerns_id = c.id)::text
         order by id) from audit_event e where e.subject_id = c.id)
    from customer c where id = :id
""")


def logged(owner: Connection, action: str) -> int:
    counted = text("select count(*) from audit_event where action = :action")
    found: int = owner.execute(counted, {"action": action}).scalar_one()
    return found


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.in_parts.MOST_AT_ONCE", 7)


@pytest.mark.usefixtures("small_parts")
def test_all_that_match_are_one_act_however_many_parts(ada: Person, does: Does, owner: Connection) -> None:
    for number in range(30):
        add(does, f"Client {number:02d}", users=())
    chosen = {"which": "matching", "narrowing": "status=setup"}
    ada.post("/customers/chosen/archive", hidden(ada.post("/customers/chosen/archive", chosen)))
    page = ada.get("/customers")
    assert "30 customers are archived." in text_of(page)
    assert logged(owner, "customer.archived") == 30
    acts = owner.scalars(text("select distinct archiving_id from customer where archiving_id is not null"))
    assert len(acts.all()) == 1
    ada.post("/customers/undo-archive", flash_undo(page))
    assert "30 customers are restored." in text_of(ada.get("/customers"))
    assert set(statuses(owner).values()) == {"ACTIVE", "SETUP"}


@pytest.mark.usefixtures("small_parts")
def test_a_tag_says_how_many_had_it_already(ada: Person, does: Does, owner: Connection) -> None:
    made = [add(does, f"Client {number:02d}", users=()) for number in range(10)]
    tag = does(tags.create, fields=TagInput(name="VIP", colour="#0b7285")).id  # type: ignore[attr-defined]
    does(tags.tag_customers, tag_ids=[tag], customer_ids=made[:3])
    chosen = {"which": "matching", "narrowing": "search=client"}
    given = {"tag": ids.shown("tag", tag)}
    page = ada.post("/customers/chosen/tag", chosen)
    ada.post("/customers/chosen/tag", {**hidden(page), **given})
    assert "7 customers got the tag. 3 had it already." in text_of(ada.get("/customers"))
    assert logged(owner, "customer.tagged") == 10
    does(tags.untag_customers, tag_ids=[tag], customer_ids=made[:4])
    ada.post("/customers/chosen/untag", {**hidden(ada.post("/customers/chosen/untag", chosen)), **given})
    assert "6 customers lost the tag. 4 did not have it." in text_of(ada.get("/customers"))


def test_many_leave_behind_what_one_does(does: Does, cast: Cast, owner: Connection) -> None:
    one, two = (add(does, name, users=("Uma", "Nora")) for name in ("One", "Two"))
    empty = add(does, "Empty", users=())

    def left(customer: object) -> list[object]:
        found = owner.execute(_LEFT, {"id": customer})
        return list(found.one())

    does(customers.archive, customer_id=one)
    does(customer_bulk.archive, customer_ids=[two, empty])
    assert left(two) == left(one)
    assert left(two)[4] == 2
    does(customers.restore, customer_id=one)
    does(customer_bulk.restore, customer_ids=[two, empty])
    assert left(two) == left(one)
    assert (left(two)[0], left(empty)[0]) == ("ACTIVE", "SETUP")


@pytest.mark.usefixtures("small_parts")
def test_all_shown_invoices_are_archived_as_they_are_by_then(
    ada: Person, voided: Things, owner: Connection
) -> None:
    page = ada.get("/invoices/archive?status=void")
    fields = invoices_hidden(page)
    assert (fields["count"], "chosen" in fields) == ("2", False)
    ada.post(f"/invoices/{voided['three']}/void")
    with nothing_changes(owner):
        again = ada.post("/invoices/archive", fields)
        # A form without the number was never asked: it is asked now.
        asked = ada.post("/invoices/archive", {"narrowing": "status=void"})
    assert "Other invoices match now than when you were asked" in text_of(again)
    assert "Archive 3 invoices?" in text_of(again)
    assert ("Archive 3 invoices?" in text_of(asked), "match now" in text_of(asked)) == (True, False)
    ada.post("/invoices/archive", invoices_hidden(again))
    page = ada.get("/invoices")
    assert "3 invoices are archived." in text_of(page)
    assert archived(owner) == 3
    ada.post("/invoices/undo-archive", undo(page.text))
    assert archived(owner) == 0


def test_what_a_rule_refuses_in_the_meantime_is_told_and_the_rest_is_done(
    ada: Person, voided: Things, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.in_parts.MOST_AT_ONCE", 1)
    # As if they had been ended when they were looked up.
    monkeypatch.setitem(WHATS, "archive", WHATS["archive"]._replace(fits=lambda _: True))
    ada.post("/invoices/archive", invoices_hidden(ada.get("/invoices/archive?search=acme")))
    said = text_of(ada.get("/invoices"))
    assert "2 invoices are archived. 2 of them were left out: Invoice " in said
    assert "can't be archived. Only paid, void and uncollectible ones can." in said
    assert archived(owner) == 2


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_thousands_are_tagged_archived_and_restored(
    ada: Person, does: Does, cast: Cast, owner: Connection, work: Work, now: datetime
) -> None:
    """At once, or at the full figures by the worker: the same is done and said."""
    many = rounds(1_100, 100_000)
    owner.execute(_MANY, {"partner": cast.partners["northwind"], "now": now, "many": many})
    owner.execute(text("analyze customer"))
    tag = does(tags.create, fields=TagInput(name="All", colour="#0b7285")).id  # type: ignore[attr-defined]
    given = {"tag": ids.shown("tag", tag)}

    def shown(answer: Response) -> Response:
        work()
        return ada.get(answer.headers["location"])

    for act, narrowing, said in (
        ("tag", "status=setup", "customers got the tag."),
        ("untag", "status=setup", "customers lost the tag."),
        ("archive", "status=setup", "customers are archived."),
        ("restore", "status=archived", "customers are restored."),
    ):  # fmt: skip
        page = ada.post(f"/customers/chosen/{act}", {"which": "matching", "narrowing": narrowing})
        asked = text_of(page)
        assert (f"{many:,} customers" in asked, "customers or more" in asked) == (True, False), act
        assert ("So many at once take a while" in asked) == (many > MOST_WAITED_FOR), act
        page = shown(ada.post(f"/customers/chosen/{act}", {**hidden(page), **given}))
        assert f"{many:,} {said}" in text_of(page), act
        if act == "archive":
            page = shown(ada.post("/customers/undo-archive", undo_in(page)))
            assert f"{many:,} customers are restored." in text_of(page)
            customers_of = {"which": "matching", "narrowing": narrowing}
            again = hidden(ada.post("/customers/chosen/archive", customers_of))
            shown(ada.post("/customers/chosen/archive", again))
    for action, times in (("tagged", 1), ("untagged", 1), ("archived", 2), ("restored", 2)):
        assert logged(owner, f"customer.{action}") == times * many
    assert set(statuses(owner).values()) == {"ACTIVE", "SETUP"}
