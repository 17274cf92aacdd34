"""Making a draft like another invoice of the same customer: once by hand, or again and again.

Surprise: the lines are copied as they are stored, cents too, and not read again: what was right to invoice
once stays so when a check grows stricter. The PO number stays behind. It names one order of the customer's,
and a second claim on that would be refused, or paid by mistake.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import insert
from sqlmodel import Session, col, select

from auth.actors import Action, Actor
from billing import invoice_life, invoices
from billing.customers import Customer
from billing.invoice_fields import DAYS, Draft, InvoiceInput, Line, Terms, read_draft, terms_of
from billing.invoice_life import NotOpen
from billing.invoices import Invoice, InvoiceStatus
from billing.tags import InvoiceTag, Tag

_KEPT = {"net_minor", "tax_minor", "total_minor", "memo", "internal_note"}
_OF_THE_OTHER = {"partner_id", "customer_id", "id", "invoice_id", "line_id", "issued"}


class Duplicate(NamedTuple):
    """The new draft, and how many lines it has."""

    invoice: Invoice
    lines: int


class Days(NamedTuple):
    """When a draft is issued and due."""

    issue_on: date
    due_on: date


def duplicate(
    db: Session, actor: Actor, *, invoice_id: UUID, fields: InvoiceInput | None = None, now: datetime
) -> Duplicate:
    """Make a draft like the invoice: its lines, memo, internal note and the partner's tags.

    Issued today (partner's zone), due as many days later as the other was. `fields`: what somebody made of
    that before it is stored; only the tags come along then. Refuses NotFound, a customer in SETUP or
    ARCHIVED, and wrong `fields` as `invoices.create_draft`.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, original = invoices.locked(db, actor, invoice_id=invoice_id, billable=True)
    if fields is None:
        days = _days_like(db, actor, customer, original, now)
        return copy(db, actor, customer, original, days._asdict(), "invoice.duplicated", now)
    draft = read_draft(db, actor, customer=customer, fields=fields, now=now)
    made = invoices.add_draft(
        db, actor, customer, draft, "invoice.duplicated", now, copy_of=str(original.id)
    )  # fmt: skip
    _carry_tags(db, original, made, now)
    return Duplicate(made, len(draft.lines or ()))


def days_like(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> Days:
    """The days that a duplicate would have; refuses as `duplicate` does, and stores nothing."""
    actor.require(Action.EDIT_INVOICES)
    customer, original = invoices.locked(db, actor, invoice_id=invoice_id, billable=True)
    return _days_like(db, actor, customer, original, now)


def _days_like(db: Session, actor: Actor, customer: Customer, original: Invoice, now: datetime) -> Days:
    terms = terms_of(db, actor, customer=customer, now=now)
    return Days(terms.today, due_like(original, terms.today, terms))


def reissue(
    db: Session,
    actor: Actor,
    *,
    invoice_id: UUID,
    reason: str | None = None,
    tell: bool = True,
    now: datetime,
) -> Duplicate:
    """Void an open invoice and make a draft like it, to be corrected: an issued one never changes.

    Here the PO number comes along, since it is the same order. All or nothing. `reason` and `tell` as
    `invoice_life.void` has them; refuses as that and `duplicate` do, and NotOpen for what is void already.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, original = invoices.locked(db, actor, invoice_id=invoice_id, billable=True)
    if original.status is not InvoiceStatus.OPEN:  # the same form again makes no second draft
        raise NotOpen(original)
    invoice_life.void(db, actor, invoice_id=invoice_id, reason=reason, tell=tell, now=now)
    terms = terms_of(db, actor, customer=customer, now=now)
    values = {
        "issue_on": terms.today, "due_on": due_like(original, terms.today, terms),
        "po_number": original.po_number,
    }  # fmt: skip
    return copy(db, actor, customer, original, values, "invoice.reissued", now)


def copy(
    db: Session, actor: Actor, customer: Customer, original: Invoice, values: Mapping[str, Any], action: str,
    now: datetime, *, worded: Callable[[str], str] = str, **more: str,
) -> Duplicate:  # fmt: skip
    """Store a draft like `original` for a customer that is held, with these columns for the draft's own and
    its lines' descriptions `worded`; `action` and `more` are for the audit log."""
    taxes = invoices.taxes_of(db, original)
    lines = tuple(
        Line(
            {**line.model_dump(exclude=_OF_THE_OTHER), "description": worded(line.description)},
            tuple(tax.model_dump(exclude=_OF_THE_OTHER) for tax in taxes[line.id]),
        )
        for line in invoices.lines_of(db, original)
    )
    draft = Draft({**original.model_dump(include=_KEPT), **values}, lines)
    made = invoices.add_draft(db, actor, customer, draft, action, now, copy_of=str(original.id), **more)
    _carry_tags(db, original, made, now)
    return Duplicate(made, len(lines))


def due_like(original: Invoice, issue_on: date, terms: Terms) -> date:
    """As many days after `issue_on` as the other's; past the last day there is the customer's terms count."""
    days = original.due_on - original.issue_on
    if days > DAYS[1] - issue_on:
        days = timedelta(days=terms.days)
    return min(issue_on + days, DAYS[1])


def _carry_tags(db: Session, original: Invoice, made: Invoice, now: datetime) -> None:
    # Held in one order for all: a tag that is being deleted or merged meanwhile is not there any more.
    held = (
        select(Tag.id)
        .join(InvoiceTag, (col(InvoiceTag.partner_id) == Tag.partner_id) & (col(InvoiceTag.tag_id) == Tag.id))
        .where(
            Tag.partner_id == original.partner_id,
            InvoiceTag.invoice_id == original.id,
            col(Tag.owner_id).is_(None),
        )
        .order_by(col(Tag.id))
        .with_for_update(read=True, key_share=True, of=Tag)
    )
    carried = [
        {
            "partner_id": made.partner_id, "invoice_id": made.id, "tag_id": tag_id,
            "customer_id": made.customer_id, "owner_id": None, "created_at": now,
        }
        for tag_id in db.exec(held).all()
    ]  # fmt: skip
    if carried:
        db.execute(insert(InvoiceTag), carried)
