"""What documents on paper are made of: an invoice or a payment with everything that is printed beside it.

Surprise: nothing is computed here. A document says the cents that are stored, like every page (GUARANTEES
M-15), and whoever asks sees what the actor may see: of drafts, the partner alone.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from auth.actors import Action, Actor
from billing import invoices, payments
from billing.customers import Customer
from billing.invoices import Invoice, InvoiceLine, InvoiceLineTax, InvoiceStatus
from billing.ledger import LedgerEntry, LedgerPosting
from billing.partners import Partner, PartnerLogo
from billing.payment_methods import PaymentMethod
from billing.payments import RECEIVED, Payment, PaymentAllocation
from errors import NotFound


@dataclass(frozen=True)
class Letterhead:
    """Who sends a document: the partner, and its logo if it has one."""

    partner: Partner
    logo: bytes | None


@dataclass(frozen=True)
class InvoicePaper:
    """An invoice with its lines from the top, and their taxes by the line's id."""

    head: Letterhead
    customer: Customer
    invoice: Invoice
    lines: Sequence[InvoiceLine]
    taxes: Mapping[UUID, Sequence[InvoiceLineTax]]

    @property
    def named_taxes(self) -> Mapping[tuple[str, int], int]:
        """Each tax by name and rate (`rate_e4`), as Canadian law wants it: sums of the lines' stored cents,
        never figured anew."""
        sums = Counter[tuple[str, int]]()
        for line in self.lines:
            for tax in self.taxes.get(line.id, ()):
                sums[tax.name, tax.rate_e4] += tax.tax_minor
        return sums


@dataclass(frozen=True)
class ReceiptPaper:
    """A payment that succeeded, how it was made, and what of it went to which invoice."""

    head: Letterhead
    customer: Customer
    payment: Payment
    received_at: datetime
    method: PaymentMethod
    shares: Sequence[tuple[str, int, int]]


def invoice_paper(db: Session, actor: Actor, *, invoice_id: UUID) -> InvoicePaper:
    """An invoice as it stands. Refuses NotFound, to a customer also for a draft."""
    actor.require(Action.VIEW_INVOICES)
    mine = [col(Invoice.partner_id) == actor.partner_id, col(Invoice.id) == invoice_id]
    if actor.customer_id is not None:
        mine += [col(Invoice.customer_id) == actor.customer_id, col(Invoice.status) != InvoiceStatus.DRAFT]
    invoice = db.exec(select(Invoice).where(*mine)).one_or_none()
    if invoice is None:
        raise NotFound
    lines, taxes = invoices.lines_of(db, invoice), invoices.taxes_of(db, invoice)
    customer = customer_of(db, actor, invoice.customer_id)
    return InvoicePaper(letterhead(db, actor), customer, invoice, lines, taxes)


def receipt_paper(db: Session, actor: Actor, *, payment_id: UUID) -> ReceiptPaper:
    """A payment that succeeded once, whatever became of it later; else NotFound."""
    actor.require(Action.PAY if actor.is_guest else Action.VIEW_PAYMENTS)
    mine = [*payments.of(actor), col(Payment.id) == payment_id]
    payment = db.exec(select(Payment).where(*mine)).one_or_none()
    if payment is None:
        raise NotFound
    received_at = _received_at(db, payment)
    if received_at is None:
        raise NotFound
    here = (PaymentMethod.partner_id == actor.partner_id, PaymentMethod.id == payment.payment_method_id)
    shares = db.exec(
        select(Invoice.number, Invoice.total_minor, PaymentAllocation.amount_minor)
        .join(Invoice, col(Invoice.id) == col(PaymentAllocation.invoice_id))
        .where(PaymentAllocation.partner_id == actor.partner_id, PaymentAllocation.payment_id == payment.id)
        .where(Invoice.partner_id == actor.partner_id)
        .order_by(col(Invoice.number))
    ).all()
    return ReceiptPaper(
        head=letterhead(db, actor),
        customer=customer_of(db, actor, payment.customer_id),
        payment=payment,
        received_at=received_at,
        method=db.exec(select(PaymentMethod).where(*here)).one(),
        shares=shares,
    )


def letterhead(db: Session, actor: Actor) -> Letterhead:
    """The actor's partner as it stands on paper."""
    partner = db.exec(select(Partner).where(Partner.id == actor.partner_id)).one()
    logo = db.exec(select(PartnerLogo.png).where(PartnerLogo.partner_id == partner.id)).one_or_none()
    return Letterhead(partner, logo)


def customer_of(db: Session, actor: Actor, customer_id: UUID) -> Customer:
    """A customer of the actor's, for a customer only its own company; else NotFound."""
    if actor.customer_id not in (None, customer_id):
        raise NotFound
    mine = (Customer.partner_id == actor.partner_id, Customer.id == customer_id)
    found = db.exec(select(Customer).where(*mine)).one_or_none()
    if found is None:
        raise NotFound
    return found


def _received_at(db: Session, payment: Payment) -> datetime | None:
    """When it first moved money, by the ledger: that stays, whatever becomes of the payment later."""
    if payment.status not in RECEIVED:
        return None
    mine = (LedgerPosting.partner_id == payment.partner_id, LedgerPosting.payment_id == payment.id)
    entries = (
        select(LedgerEntry.at)
        .join(LedgerPosting, col(LedgerPosting.entry_id) == col(LedgerEntry.id))
        .where(LedgerEntry.partner_id == payment.partner_id, *mine)
        .order_by(col(LedgerEntry.at))
    )
    return db.exec(entries).first()
