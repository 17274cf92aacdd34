"""What becomes of an invoice: issued, voided.

Surprise: the number is taken here, inside the transaction that issues, with the partner's row locked, so
numbers have no gaps (PRODUCT.md); and nothing of an issued invoice but its status ever changes.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import update
from sqlmodel import Session, col

from auth.actors import Action, Actor
from billing import invoices, ledger
from billing.customers import Customer
from billing.invoices import Invoice, InvoiceLine, InvoiceLineTax, InvoiceStatus
from billing.ledger import EntryCause
from billing.partners import Partner
from errors import Conflict
from languages import say


class NotOpen(Conflict):
    """What needs an open invoice met another one."""

    code = "INVOICE_NOT_OPEN"

    def __init__(self, invoice: Invoice) -> None:
        super().__init__(say("Invoice {number} is not open. Look at it again.", number=invoice.number or "–"))


class PaymentUnderWay(Conflict):
    """Money may be moving for it right now."""

    code = "PAYMENT_UNDER_WAY"
    message = "A payment for this invoice is under way. Wait until it is settled, then try again."


class PartlyPaid(Conflict):
    """Voiding it would leave money without a claim."""

    code = "INVOICE_PARTLY_PAID"
    message = "Part of this invoice is paid already, so it can't be voided."


def finalize(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> Invoice:
    """Issue a draft: it takes the partner's next number, is owed from now on and never changes again.

    Numbers have no gaps (PRODUCT.md): the partner's row is locked until this transaction ends. Refuses
    NotFound, NotADraft, a customer in SETUP or ARCHIVED.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id, billable=True, draft=True)
    issue(db, actor, customer, invoice, now)
    return invoice


def issue(db: Session, actor: Actor, customer: Customer, invoice: Invoice, now: datetime) -> None:
    """Number, lines, status and ledger entry together, of a draft that is held; the caller looked at both."""
    taken = db.execute(
        update(Partner)
        .where(col(Partner.id) == actor.partner_id)
        .values(next_invoice_number=col(Partner.next_invoice_number) + 1)
        .returning(col(Partner.invoice_prefix), col(Partner.next_invoice_number) - 1)
        .execution_options(synchronize_session=False)
    ).one()
    invoice.number = f"{taken[0]}{taken[1]:05d}"
    invoice.status = InvoiceStatus.OPEN
    invoice.finalized_at = now
    invoice.send_on = invoice.send_refusal = invoice.scheduled_by = invoice.scheduled_by_name = None
    invoice.updated_at = now
    db.flush()
    for part in (InvoiceLine, InvoiceLineTax):
        rows = update(part).filter_by(partner_id=actor.partner_id, invoice_id=invoice.id)
        db.execute(rows.values(issued=True))
    net, tax = invoice.net_minor, invoice.tax_minor
    ledger.post(
        db, actor, cause=EntryCause.INVOICE_FINALIZED, subject_id=invoice.id, customer_id=customer.id,
        legs=ledger.claim(invoice.id, invoice.currency, net_minor=net, tax_minor=tax), now=now,
    )  # fmt: skip
    invoices.keep_words(db, invoice, customer)
    invoices.record(db, actor, invoice, "invoice.finalized", now)


def void(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> Invoice:
    """Take back an open invoice nobody has paid anything of; its number stays used.

    Refuses NotFound, NotOpen, PartlyPaid, PaymentUnderWay (GUARANTEES M-17). Voiding twice changes nothing.
    """
    actor.require(Action.VOID_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id)
    if invoice.status is InvoiceStatus.VOID:
        return invoice
    if invoice.status is not InvoiceStatus.OPEN:
        raise NotOpen(invoice)
    if invoice.paid_minor:
        raise PartlyPaid
    if invoice.reserved_minor:
        raise PaymentUnderWay
    invoice.status = InvoiceStatus.VOID
    invoice.voided_at = now
    invoice.updated_at = now
    db.flush()
    net, tax = -invoice.net_minor, -invoice.tax_minor
    ledger.post(
        db, actor, cause=EntryCause.INVOICE_VOIDED, subject_id=invoice.id, customer_id=customer.id,
        legs=ledger.claim(invoice.id, invoice.currency, net_minor=net, tax_minor=tax), now=now,
    )  # fmt: skip
    invoices.record(db, actor, invoice, "invoice.voided", now)
    return invoice
