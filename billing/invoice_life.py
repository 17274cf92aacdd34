"""What becomes of an invoice: issued, voided, written off as uncollectible and taken up again.

Surprise: the number is taken here, inside the transaction that issues, with the partner's row locked, so
numbers have no gaps (PRODUCT.md); and nothing of an issued invoice but its status ever changes.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, update
from sqlmodel import Session, SQLModel, col, select

from auth.actors import Action, Actor
from billing import (
    credit_notes,
    invoice_balances,
    invoice_words,
    invoices,
    ledger,
    recurring_words,
    voided_mails,
)
from billing.customers import Customer
from billing.invoice_refusals import IssuedAlready
from billing.invoices import Invoice, InvoiceLine, InvoiceLineTax, InvoiceStatus
from billing.ledger import Account, EntryCause, Leg
from billing.partners import Partner
from billing.texts import Checks
from db.columns import instant, key, minor, new_id, tenant
from db.policies import Guard, guarded
from errors import Conflict
from languages import say


class InvoiceWriteOff(SQLModel, table=True):
    """What was given up of an invoice, and when it was taken up again. The books speak of its id."""

    __tablename__ = "invoice_write_off"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
        ),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        # One at a time stands.
        Index(
            "uq_invoice_write_off_standing", "partner_id", "invoice_id", unique=True,
            postgresql_where="reopened_at is null",
        ),
        guarded(Guard.STAFF),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    amount_minor: int = minor()
    reason: str | None = None
    created_at: datetime = instant()
    reopened_at: datetime | None = instant(default=None)


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


class Credited(Conflict):
    """Voiding it would take back what a credit note took back already."""

    code = "INVOICE_CREDITED"
    message = "This invoice is credited in part, so it can't be voided. Make a credit note for the rest."


class WrittenOff(Conflict):
    """What its payments are can't change while it is written off."""

    code = "INVOICE_WRITTEN_OFF"
    message = "This invoice is written off as uncollectible. Reopen it first."


class NotWrittenOff(Conflict):
    """There is nothing to take up again."""

    code = "INVOICE_NOT_WRITTEN_OFF"
    message = "This invoice is not written off. Look at it again."


def finalize(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> Invoice:
    """Issue a draft: it takes the partner's next number, is owed from now on and never changes again.

    Numbers have no gaps (PRODUCT.md): the partner's row is locked until this transaction ends. Refuses
    NotFound, IssuedAlready, a customer in SETUP or ARCHIVED.
    """
    actor.require(Action.EDIT_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id, billable=True, draft=IssuedAlready)
    issue(db, actor, customer, invoice, now)
    return invoice


def issue(db: Session, actor: Actor, customer: Customer, invoice: Invoice, now: datetime) -> None:
    """Number, lines, status and ledger entry together, of a draft that is held; the caller looked at both.

    Refuses Pattern.
    """
    described = [line.description for line in invoices.lines_of(db, invoice)]
    recurring_words.require_issuable(db, actor, invoice.id, described)
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
    invoice.send_to = []
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
    invoice_words.keep(db, invoice.model_dump(), customer)
    invoices.record(db, actor, invoice, "invoice.finalized", now)


def void(
    db: Session,
    actor: Actor,
    *,
    invoice_id: UUID,
    reason: str | None = None,
    tell: bool = True,
    now: datetime,
) -> Invoice:
    """Take back an open invoice nobody has paid anything of; its number stays used.

    `reason` is for the customer to read, too. `tell`: whoever was sent the invoice is mailed that nothing is
    owed for it. Refuses NotFound, NotOpen, PartlyPaid, Credited, PaymentUnderWay (GUARANTEES M-17), and at
    ("reason",) TOO_LONG, CARD_NUMBER. Voiding twice changes nothing.
    """
    actor.require(Action.VOID_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id)
    if invoice.status is InvoiceStatus.VOID:
        return invoice
    _require_voidable(db, invoice)
    why = _read(reason)
    invoice.status = InvoiceStatus.VOID
    invoice.voided_at, invoice.void_reason = now, why
    invoice.updated_at = now
    db.flush()
    net, tax = -invoice.net_minor, -invoice.tax_minor
    ledger.post(
        db, actor, cause=EntryCause.INVOICE_VOIDED, subject_id=invoice.id, customer_id=customer.id,
        legs=ledger.claim(invoice.id, invoice.currency, net_minor=net, tax_minor=tax), now=now,
    )  # fmt: skip
    invoices.record(db, actor, invoice, "invoice.voided", now, **({"reason": why} if why else {}))
    if tell:
        voided_mails.tell(db, actor, customer=customer, invoice=invoice, now=now)
    return invoice


def write_off(db: Session, actor: Actor, *, invoice_id: UUID, reason: str | None, now: datetime) -> Invoice:
    """Give up what an open invoice still lacks: it is UNCOLLECTIBLE, and no longer owed in the books.

    What was paid of it stays paid. Writing off twice changes nothing. Refuses NotFound, NotOpen,
    PaymentUnderWay, and at ("reason",) TOO_LONG.
    """
    actor.require(Action.VOID_INVOICES)
    customer, invoice = invoices.locked(db, actor, invoice_id=invoice_id)
    if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
        return invoice
    if invoice.status is not InvoiceStatus.OPEN:
        raise NotOpen(invoice)
    if invoice.reserved_minor:
        raise PaymentUnderWay
    why = _read(reason)
    made = InvoiceWriteOff(
        partner_id=actor.partner_id, id=new_id(), customer_id=customer.id, invoice_id=invoice.id,
        amount_minor=invoice_balances.lacking_minor(invoice), reason=why, created_at=now,
    )  # fmt: skip
    db.add(made)
    invoice.status = InvoiceStatus.UNCOLLECTIBLE
    invoice.updated_at = now
    db.flush()
    _give_up(db, actor, EntryCause.INVOICE_WRITTEN_OFF, made, invoice, made.amount_minor, now)
    invoices.record(db, actor, invoice, "invoice.written_off", now)
    return invoice


def reopen(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> Invoice:
    """Take up again what was written off: the invoice is open and owed as before. Refuses NotFound,
    NotWrittenOff."""
    actor.require(Action.VOID_INVOICES)
    _, invoice = invoices.locked(db, actor, invoice_id=invoice_id)
    if invoice.status is not InvoiceStatus.UNCOLLECTIBLE:
        raise NotWrittenOff
    wanted = select(InvoiceWriteOff).where(
        InvoiceWriteOff.partner_id == actor.partner_id,
        InvoiceWriteOff.invoice_id == invoice.id,
        col(InvoiceWriteOff.reopened_at).is_(None),
    )
    given_up = db.exec(wanted).one()
    given_up.reopened_at = now
    invoice.status = InvoiceStatus.OPEN
    invoice.archived_at = invoice.archiving_id = None
    invoice.updated_at = now
    db.flush()
    _give_up(db, actor, EntryCause.INVOICE_REOPENED, given_up, invoice, -given_up.amount_minor, now)
    invoices.record(db, actor, invoice, "invoice.taken_up", now)
    return invoice


def _require_voidable(db: Session, invoice: Invoice) -> None:
    if invoice.status is not InvoiceStatus.OPEN:
        raise NotOpen(invoice)
    if invoice.paid_minor:
        raise PartlyPaid
    if invoice.credited_minor or credit_notes.noted_minor(db, invoice):
        raise Credited
    if invoice.reserved_minor:
        raise PaymentUnderWay


def _read(reason: str | None) -> str | None:
    checks = Checks()
    why = checks.line("reason", reason, required=False, limit=300)
    checks.done()
    return why


def _give_up(
    db: Session, actor: Actor, cause: EntryCause, row: InvoiceWriteOff, invoice: Invoice, minor_: int,
    now: datetime,
) -> None:  # fmt: skip
    legs = [
        Leg(Account.WRITTEN_OFF, minor_, invoice.currency, invoice_id=invoice.id),
        Leg(Account.RECEIVABLE, -minor_, invoice.currency, invoice_id=invoice.id),
    ]
    ledger.post(
        db, actor, cause=cause, subject_id=row.id, customer_id=invoice.customer_id, legs=legs, now=now
    )
