"""A-2: past row-level security, Contoso and Globex reach nothing of what Northwind and Acme have.

`python -m tests.predicates billing` takes a tenant predicate away at a time. What finds two rows among twins
is noticed by everyday tests; what asks for one of many, counts, or reads words is asked here, as a stranger.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlmodel import Session

from auth.actors import Actor, system
from billing import (
    access_requests,
    credit_notes,
    customer_bulk,
    customer_import_reading,
    customer_import_users,
    customer_imports,
    customer_rows,
    customers,
    duplicates,
    fixed_currency,
    guest_payments,
    impersonations,
    invite_reminders,
    invoice_archiving,
    invoice_balances,
    invoice_bulk,
    invoice_import_reading,
    invoice_imports,
    invoice_rows,
    invoice_scheduling,
    invoice_sending,
    invoice_threads,
    outside_payments,
    papers,
    payment_methods,
    payments,
    pending_invites,
    recurring_invoices,
    recurring_making,
    recurring_words,
    statements,
    tags,
    telling,
)  # fmt: skip
from billing.customer_bulk import NothingToUndo
from billing.invoice_threads import Opening, ThreadKind
from billing.money import Currency
from billing.recurrences import RecurringInvoice
from db.session import Database
from errors import NotFound
from tests.billing.access_steps import ZOE
from tests.billing.acting import acting
from tests.billing.shelf import Things
from tests.billing.shelf import database_url as database_url
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.world import nothing_changes

LATER = timedelta(days=40)
SOON = timedelta(hours=50)  # an invite is reminded of by then, and not over


Attempt = Callable[[Session, Things], object]
# What a stranger's partner id finds of Northwind's things, and what is answered or refused.
OF_CONTOSO: dict[str, tuple[Attempt, object]] = {
    "access_requests.place_of": (
        lambda db, t: access_requests.place_of(db, partner_id=t.contoso, email_key="petra@acme.example"), None
    ),
    "access_requests.tidy": (
        lambda db, t: access_requests.tidy(db, system(t.contoso), now=t.now + LATER), 0
    ),
    "access_requests.erase": (
        lambda db, t: access_requests.erase(db, partner_id=t.contoso, email_key=ZOE), 0
    ),
    "customer_bulk.undo_archiving": (
        lambda db, t: customer_bulk.undo_archiving(
            db, t.cast.mallory, archiving_id=t.ids["archiving"], now=t.now
        ), NothingToUndo
    ),
    "customer_import_reading.matches_of": (
        lambda db, t: customer_import_reading.matches_of(db, t.contoso, ["t:123456789"]), {}
    ),
    "customer_rows.create_staged": (
        lambda db, t: customer_rows.create_staged(
            db, t.cast.mallory, import_id=t.ids["import"], new={2: t.ids["import"]}, now=t.now
        ), frozenset([2])
    ),
    "customer_import_users.known_people": (
        lambda db, t: customer_import_users.known_people(db, t.contoso, [t.ids["acme"]]), {}
    ),
    "customer_imports.newest": (lambda db, t: customer_imports.newest(db, t.cast.mallory), []),
    "customer_imports.clear_old": (
        lambda db, t: customer_imports.clear_old(db, system(t.contoso), now=t.now + LATER), 0
    ),
    "invoice_imports.newest": (lambda db, t: invoice_imports.newest(db, t.cast.mallory), []),
    "invoice_imports.clear_old": (
        lambda db, t: invoice_imports.clear_old(db, system(t.contoso), now=t.now + LATER), 0
    ),
    "invoice_imports.find": (
        lambda db, t: invoice_imports.find(db, t.cast.mallory, import_id=t.ids["bills"]), NotFound
    ),
    "invoice_imports.cancel": (
        lambda db, t: invoice_imports.cancel(db, t.cast.mallory, import_id=t.ids["bills"], now=t.now),
        NotFound,
    ),
    "invoice_rows.create_staged": (
        lambda db, t: invoice_rows.create_staged(
            db, t.cast.mallory, import_id=t.ids["bills"], new={2: t.ids["bills"]}, now=t.now
        ), frozenset([2])
    ),
    "invoice_import_reading.invoices_of": (
        lambda db, t: invoice_import_reading.invoices_of(db, t.contoso, [t.invoice.number]), {}
    ),
    "customers.members_of": (lambda db, t: customers.members_of(db, _as_contosos(t)), []),
    "duplicates.possible_duplicates": (
        lambda db, t: duplicates.possible_duplicates(
            db, partner_id=t.contoso, values=t.customer.model_dump(), except_id=None
        ), ()
    ),
    "duplicates.possible_duplicates of a tax id": (
        lambda db, t: duplicates.possible_duplicates(
            db, partner_id=t.contoso, except_id=None,
            values={"tax_id": "123456789", "company_key": "none", "country": "US", "postal_code": ""},
        ), ()
    ),
    "fixed_currency.require_currency": (
        lambda db, t: fixed_currency.require_currency(db, _as_contosos(t).model_dump(), Currency.CAD), None
    ),
    "guest_payments.can_pay": (
        lambda db, t: guest_payments.can_pay(
            db, replace(t.cast.mallory, partner_id=t.ids["acme"]), invoice=t.invoice
        ), False
    ),
    "invite_reminders.remind": (
        lambda db, t: invite_reminders.remind(db, system(t.contoso), now=t.now + SOON), 0
    ),
    "invoice_archiving.undo_archiving": (
        lambda db, t: invoice_archiving.undo_archiving(
            db, t.cast.mallory, archiving_id=t.ids["put_away"], now=t.now
        ), NothingToUndo
    ),
    "invoice_balances.find": (
        lambda db, t: invoice_balances.find(
            db, t.cast.mallory, customer_id=t.ids["acme"], ids=[t.ids["invoice"]], lock=False
        ), NotFound
    ),
    "invoice_bulk.send": (
        lambda db, t: invoice_bulk.send(db, t.cast.mallory, invoice_ids=[t.ids["invoice"]], now=t.now),
        NotFound,
    ),
    "invoice_scheduling.due": (
        lambda db, t: invoice_scheduling.due(db, system(t.contoso), now=t.now + LATER), []
    ),
    "invoice_sending.note_taken": (
        lambda db, t: invoice_sending.note_taken(
            db, partner_id=t.contoso, invoice_id=t.ids["invoice"], now=t.now + LATER
        ), None
    ),
    "outside_payments.with_invoices": (
        lambda db, t: outside_payments.with_invoices(db, t.cast.mallory, payment_id=t.ids["check"]), NotFound
    ),
    "papers.invoice_paper": (
        lambda db, t: papers.invoice_paper(db, t.cast.mallory, invoice_id=t.ids["invoice"]), NotFound
    ),
    "papers.receipt_paper": (
        lambda db, t: papers.receipt_paper(db, t.cast.mallory, payment_id=t.ids["payment"]), NotFound
    ),
    "pending_invites.resend": (
        lambda db, t: pending_invites.resend(
            db, t.cast.mallory, membership_ids=[t.ids["invited"]], now=t.now
        ), NotFound
    ),
    "recurring_making.due": (
        lambda db, t: recurring_making.due(db, system(t.contoso), now=t.now + LATER), []
    ),
    "recurring_words.is_repeated": (
        lambda db, t: recurring_words.is_repeated(db, t.cast.mallory, t.ids["draft"]), False
    ),
    "telling.first_to_tell": (
        lambda db, t: telling.first_to_tell(db, partner_id=t.contoso, customer_id=t.ids["acme"]), None
    ),
}  # fmt: skip
# What Globex's manager finds of Acme's things, or whoever acts for Globex.
OF_GLOBEX: dict[str, tuple[Attempt, object]] = {
    "credit_notes.note_of": (
        lambda db, t: credit_notes.note_of(db, t.cast.gus, note_id=t.ids["credit_note"]), NotFound
    ),
    "customer_import_users.known_people": (
        lambda db, t: {
            place for place, _ in customer_import_users.known_people(
                db, t.cast.ada.partner_id, [t.cast.customers["globex"]]
            )
        }, {"GLOBEX"}
    ),
    "customers.members_of": (
        lambda db, t: [one.name for one in customers.members_of(db, _as_globex(t))], ["Gus"]
    ),
    "fixed_currency.require_currency": (
        lambda db, t: fixed_currency.require_currency(db, _as_globex(t).model_dump(), Currency.CAD), None
    ),
    "impersonations.start": (
        lambda db, t: impersonations.start(
            db, replace(t.cast.ada, session_id=t.ids["acme"], proved_at=t.now), viewed_id=t.ids["petra"],
            customer_id=t.cast.customers["globex"], now=t.now,
        ), NotFound
    ),
    "invoice_balances.find": (
        lambda db, t: invoice_balances.find(
            db, t.cast.gus, customer_id=t.cast.customers["globex"], ids=[t.ids["invoice"]], lock=False
        ), NotFound
    ),
    "invoice_threads.open_thread": (
        lambda db, t: invoice_threads.open_thread(
            db, t.cast.gus, invoice_id=t.ids["invoice"], fields=Opening(ThreadKind.QUESTION, "?"), now=t.now
        ), NotFound
    ),
    "invoice_threads.reply": (
        lambda db, t: invoice_threads.reply(
            db, t.cast.gus, thread_id=t.ids["thread"], text="Mine", now=t.now
        ), NotFound
    ),
    "outside_payments.with_invoices": (
        lambda db, t: outside_payments.with_invoices(db, t.cast.gus, payment_id=t.ids["check"]), NotFound
    ),
    "payment_methods.set_default": (
        lambda db, t: payment_methods.set_default(
            db, t.cast.gus, method_id=t.ids["card"], now=t.now
        ), NotFound
    ),
    "payment_methods.usable": (
        lambda db, t: payment_methods.usable(
            db, t.cast.ada, customer_id=t.cast.customers["globex"], method_id=t.ids["card"]
        ), NotFound
    ),
    "payments.find": (lambda db, t: payments.find(db, t.cast.gus, payment_id=t.ids["payment"]), NotFound),
    "recurring_invoices.repeated": (
        lambda db, t: recurring_invoices.repeated(db, _globexs_order(t), t.ids["draft"]), NotFound
    ),
    "statements.statement": (
        lambda db, t: _moved(statements.statement(
            db, t.cast.gus, customer_id=t.cast.customers["globex"], first=None, last=None, now=t.now
        )), ([], 0)
    ),
    "tags.tag_invoices": (
        lambda db, t: tags.tag_invoices(
            db, t.cast.gus, tag_ids=[t.ids["theirs"]], invoice_ids=[t.ids["invoice"]], now=t.now
        ), NotFound
    ),
    "tags.usage": (lambda db, t: tags.usage(db, t.cast.gus, tag_id=t.ids["ours"]), NotFound),
    "telling.first_to_tell": (
        lambda db, t: _name(telling.first_to_tell(
            db, partner_id=t.cast.ada.partner_id, customer_id=t.cast.customers["globex"],
            rather=t.ids["petra"],
        )), "Gus"
    ),
}  # fmt: skip


def _as_contosos(things: Things) -> customers.Customer:
    """As a customer of Contoso's would be that has Acme's id."""
    return customers.Customer(**{**things.customer.model_dump(), "partner_id": things.contoso})


def _as_globex(things: Things) -> customers.Customer:
    return customers.Customer(**{**things.customer.model_dump(), "id": things.cast.customers["globex"]})


def _globexs_order(things: Things) -> RecurringInvoice:
    changes = {"customer_id": things.cast.customers["globex"]}
    return RecurringInvoice(**{**things.order.model_dump(), **changes})


def _moved(account: statements.Statement) -> tuple[object, int]:
    return account.movements, account.credit_minor


def _name(member: Any) -> str | None:
    return None if member is None else member.name


@pytest.mark.parametrize("name", OF_CONTOSO)
def test_contoso_reaches_nothing_of_northwinds(
    things: Things, unguarded: Database, owner: Connection, name: str
) -> None:
    _tried(*OF_CONTOSO[name], things, unguarded, owner, things.cast.mallory)


@pytest.mark.parametrize("name", OF_GLOBEX)
def test_globex_reaches_nothing_of_acmes(
    things: Things, unguarded: Database, owner: Connection, name: str
) -> None:
    _tried(*OF_GLOBEX[name], things, unguarded, owner, things.cast.gus)


def _tried(
    attempt: Attempt, answer: Any, things: Things, unguarded: Database, owner: Connection, who: Actor
) -> None:
    if answer == {"GLOBEX"}:
        answer = {things.cast.customers["globex"]}
    with nothing_changes(owner):
        if isinstance(answer, type):
            with pytest.raises(answer), acting(unguarded, who) as db:
                attempt(db, things)
        else:
            with acting(unguarded, who) as db:
                assert attempt(db, things) == answer
