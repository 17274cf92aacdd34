"""A-2: past row-level security, what lists show of a record counts neither a twin's nor a sibling's.

What a column of a list is made of stands in billing/derived.py, and the check of the books in billing/ledger.
Foreign keys are off here: the conditions have to hold by themselves.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import literal, select, text
from sqlmodel import Session

from auth.memberships import Membership
from billing import bounces, derived, ledger
from billing.customers import Customer
from billing.invoices import Invoice, InvoiceLine
from billing.tags import Tag
from db.session import Database
from tests.billing.shelf import Things
from tests.billing.shelf import alike as alike
from tests.billing.shelf import both as both
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.shelf import twins as twins
from tests.twins import TWIN

CUSTOMER, INVOICE, LINE, MEMBER, TAG = (
    one.__table__  # type: ignore[attr-defined]
    for one in (Customer, Invoice, InvoiceLine, Membership, Tag)
)
Shown = Callable[[Things, derived.Moment], Any]


def _disputed(t: Things, at: derived.Moment) -> Any:
    mine = (INVOICE.c.partner_id == t.cast.ada.partner_id, derived.is_disputed(INVOICE.c, at))
    return select(INVOICE.c.id).where(*mine)


def _undelivered(t: Things, at: derived.Moment) -> Any:
    mine = (INVOICE.c.partner_id == t.cast.ada.partner_id, derived.is_undelivered(INVOICE.c, at))
    return select(INVOICE.c.id).where(*mine)


def _creditable(t: Things, at: derived.Moment) -> Any:
    mine = (LINE.c.partner_id == t.cast.ada.partner_id, LINE.c.invoice_id == t.ids["whole"])
    return select(derived.creditable_minor(LINE.c, at)).where(*mine)


def _bouncing(t: Things, at: derived.Moment) -> Any:
    mine = MEMBER.c.partner_id == t.cast.ada.partner_id
    return select(MEMBER.c.name).where(mine, bounces.is_bouncing(MEMBER.c, at))


def _overdue(t: Things, at: derived.Moment) -> Any:
    mine = CUSTOMER.c.partner_id == t.cast.ada.partner_id
    return select(derived.overdue_minor(CUSTOMER.c, at)).where(mine).order_by(CUSTOMER.c.company)


def _staff(t: Things, at: derived.Moment) -> Any:
    mine = (MEMBER.c.partner_id == t.cast.ada.partner_id, MEMBER.c.status == "ACTIVE")
    return select(MEMBER.c.name).where(*mine, derived.is_staff(MEMBER.c, at)).order_by(MEMBER.c.name)


def _tagged(t: Things, at: derived.Moment) -> Any:
    both = derived.customers_tagged(TAG.c, at) + derived.invoices_tagged(TAG.c, at)
    return select(both).where(TAG.c.partner_id == t.cast.ada.partner_id, TAG.c.id == t.ids["ours"])


_CAME_BACK = (
    "update membership set email = 'here'; "
    "update mail set address = 'here', status = 'BOUNCED', sent_at = now(), bounced_at = now()"
)

# What is done to the twin or to a sibling first, what is asked, and what is shown all the same.
SHOWN: dict[str, tuple[str, Shown, Callable[[Things], Sequence[object]]]] = {
    "a twin's dispute": (
        "update invoice_thread set invoice_id = :paid where partner_id = :twin;"
        "update invoice set status = 'OPEN' where id = :paid",
        _disputed, lambda t: [t.ids["invoice"]],
    ),
    "a sibling's dispute": (
        "update invoice_thread set customer_id = :globex where partner_id = :own", _disputed, lambda t: []
    ),
    "a twin's lost mail": (
        "delete from mail where partner_id = :own; update mail set status = 'DEAD' where partner_id = :twin",
        _undelivered, lambda t: [],
    ),
    "a sibling's lost mail": (
        "update mail set customer_id = :globex, status = 'DEAD' where partner_id = :own",
        _undelivered, lambda t: [],
    ),
    "a twin's mail that came back": (
        "delete from mail where partner_id = :own;" + _CAME_BACK + " where partner_id = :twin",
        _bouncing, lambda t: [],
    ),
    "a twin's mail that was taken since": (
        _CAME_BACK + " where partner_id = :own and kind = 'INVOICE';"
        "delete from mail where partner_id = :own and kind <> 'INVOICE';"
        "update mail set address = 'here', status = 'SENT', sent_at = now(), bounced_at = null,"
        " created_at = now() + interval '9 days' where partner_id = :twin",
        _bouncing, lambda t: ["Vera"],
    ),
    "a twin's and a sibling's debt": ("select 1", _overdue, lambda t: [9_900, 0, 0]),
    "a twin's credit note": (
        "update credit_note_line set net_minor = 2, total_minor = 2 where partner_id = :twin", _creditable,
        lambda t: [0],
    ),
    "a sibling's credit note": (
        "update credit_note_line set customer_id = :globex where partner_id = :own", _creditable,
        lambda t: [500],
    ),
    "a customer's people": ("select 1", _staff, lambda t: ["Ada", "Clem", "Rita"]),
    "a twin's tagged things": ("select 1", _tagged, lambda t: [2]),
    "what a customer tagged": (
        "update invoice_tag set owner_id = :acme where partner_id = :own and tag_id = :ours",
        _tagged, lambda t: [1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SHOWN)
def test_a_list_shows_nothing_of(both: tuple[Database, Database], things: Things, name: str) -> None:
    change, shown, expected = SHOWN[name]
    later = things.now + timedelta(days=400)
    with both[1].transaction() as db:
        _change(db, things, change)
        found = db.execute(shown(things, derived.Moment(literal(later), literal(later.date()))))
        assert list(found.scalars()) == expected(things)


# What is made wrong in the twin's books, the sentence that says so, and of how many things it is said.
WRONG = {
    "nothing": ("select 1", "", 0),
    "a leg": (
        "delete from ledger_posting where partner_id = :twin and payment_id = :payment"
        " and account = 'GATEWAY_CLEARING'", "has fewer than two legs", 1,
    ),
    "an invoice's customer": (
        "update invoice set customer_id = :globex where partner_id = :twin and id = :paid", "I8: a leg", 3
    ),
    "a payment's customer": (
        "update payment set customer_id = :globex where partner_id = :twin and id = :payment", "I8: a leg", 2
    ),
    "shares": (
        "update payment_allocation set amount_minor = amount_minor + 1 where partner_id = :twin", "I2:", 1
    ),
    "shares of a payment": (
        "update payment_allocation set amount_minor = amount_minor + 1 where partner_id = :twin", "I6:", 2
    ),
    "reserved shares": (
        "update payment_allocation set amount_minor = amount_minor + 1 where partner_id = :twin",
        "M-4: invoice", 1,
    ),
    "a check": (
        "update outside_payment set amount_minor = amount_minor + 1 where partner_id = :twin",
        "I3: outside payment", 2,
    ),
    "what a check is for": (
        "update outside_payment_allocation set amount_minor = amount_minor + 1 where partner_id = :twin",
        "I2:", 2,
    ),
    "what a check's shares make": (
        "update outside_payment_allocation set amount_minor = amount_minor + 1 where partner_id = :twin",
        "I3: the shares of outside payment", 2,
    ),
    "a claim": (
        "update ledger_posting set amount_minor = amount_minor + 1 where partner_id = :twin"
        " and invoice_id = :paid and payment_id is not null", "the ledger says", 1,
    ),
    "a write-off": (
        "update invoice_write_off set amount_minor = amount_minor - 1 where partner_id = :twin",
        "written off", 1,
    ),
    "what a note took off": (
        "update credit_note set applied_minor = applied_minor - 1 where partner_id = :twin"
        " and id = :credit_note", " credit", 3,
    ),
    "applied credit": (
        "update credit_application set amount_minor = amount_minor + 1 where partner_id = :twin", " credit", 3
    ),
    "a customer's credit": (
        "update ledger_posting set amount_minor = amount_minor - 1 where partner_id = :twin"
        " and account = 'CUSTOMER_CREDIT' and amount_minor < 0", " credit", 2,
    ),
    "a line": (
        "update invoice_line set net_minor = net_minor + 1, total_minor = total_minor + 1"
        " where partner_id = :twin and invoice_id = :paid", "I3: the lines", 1,
    ),
    "what was captured": (
        "update ledger_posting set amount_minor = amount_minor + 1 where partner_id = :twin"
        " and payment_id = :payment and account = 'GATEWAY_CLEARING'", "I5:", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_the_books_are_compared_partner_by_partner(alike: Database, things: Things, name: str) -> None:
    """Else Northwind's would be wrong, too, or what is wrong with its twin's not be seen."""
    change, sentence, many = WRONG[name]
    with alike.transaction() as db:
        _change(db, things, change)
        found = ledger.check(db)
    assert sum(sentence in one for one in found) == many, found


def _change(db: Session, things: Things, change: str) -> None:
    places = {"twin": TWIN, "own": things.cast.ada.partner_id, "globex": things.cast.customers["globex"]}
    db.execute(text("set local session_replication_role = replica"))
    for one in change.split(";"):
        asked = {name: value for name, value in {**things.ids, **places}.items() if f":{name}" in one}
        db.execute(text(one), asked)
    db.execute(text("set local session_replication_role = origin"))
