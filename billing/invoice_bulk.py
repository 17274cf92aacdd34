"""Many invoices at once: sent, each with an outcome of its own.

Surprise: unlike archiving customers this is not all or nothing. One company without a payer must not hold the
month's other invoices back, so each is sent or refused by itself, in one transaction that locks all their
customers first: whoever sends a single one takes its customer before the partner's next number, too.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlmodel import Session, col, select

from auth.actors import Action, Actor
from billing import invoice_sending
from billing.chosen import require_some
from billing.customers import Customer
from billing.invoices import Invoice
from errors import Conflict, Invalid, NotFound, Problem


class Outcome(NamedTuple):
    """What became of one: its number if it has one, its company, and why it was not sent, if so."""

    invoice_id: UUID
    number: str
    company: str
    problem: Problem | None


def send(
    db: Session, actor: Actor, *, invoice_ids: Sequence[UUID], asked_at: datetime | None = None, now: datetime
) -> tuple[Outcome, ...]:
    """Send each of these invoices, as `invoice_sending.send` does one; in the order they are given.

    One that somebody sent at or after `asked_at` is not sent again: the same form may come twice. Refuses
    NotFound if any of them is not the partner's, and no invoice at all or more than 500 of them.
    """
    actor.require(Action.EDIT_INVOICES)
    require_some(invoice_ids=invoice_ids)
    found = _held(db, actor, invoice_ids)
    return tuple(_sent(db, actor, *found[one], asked_at, now) for one in dict.fromkeys(invoice_ids))


def _held(db: Session, actor: Actor, invoice_ids: Sequence[UUID]) -> dict[UUID, tuple[UUID, Customer]]:
    """Each invoice's customer, locked in one order for all, so that two at once never wait in a circle."""
    owned = select(Invoice.id, Invoice.customer_id).where(
        Invoice.partner_id == actor.partner_id, col(Invoice.id).in_(invoice_ids)
    )
    owners = dict(db.exec(owned).all())
    if len(owners) != len(set(invoice_ids)):
        raise NotFound
    mine = (Customer.partner_id == actor.partner_id, col(Customer.id).in_(set(owners.values())))
    wanted = select(Customer).where(*mine).order_by(col(Customer.id)).with_for_update(key_share=True)
    customers = {one.id: one for one in db.exec(wanted.execution_options(populate_existing=True)).all()}
    return {invoice_id: (invoice_id, customers[owners[invoice_id]]) for invoice_id in invoice_ids}


def _sent(
    db: Session, actor: Actor, invoice_id: UUID, customer: Customer, asked_at: datetime | None, now: datetime
) -> Outcome:
    company = customer.company
    mine = select(Invoice).where(Invoice.partner_id == actor.partner_id, Invoice.id == invoice_id)
    invoice = db.exec(mine.execution_options(populate_existing=True)).one_or_none()
    if invoice is None:  # a draft that was deleted while we waited for its customer
        return Outcome(invoice_id, "", company, Problem(NotFound.code, (), NotFound.message))
    number = invoice.number
    if asked_at is not None and invoice_sending.was_asked(db, invoice, since=asked_at):
        return Outcome(invoice_id, number, company, None)
    try:
        with db.begin_nested():
            number = invoice_sending.send(db, actor, invoice_id=invoice_id, now=now).number
    except Conflict as refusal:
        return Outcome(invoice_id, number, company, Problem(refusal.code, (), refusal.message))
    except Invalid as wrong:
        return Outcome(invoice_id, number, company, wrong.problems[0])
    return Outcome(invoice_id, number, company, None)
