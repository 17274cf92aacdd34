"""Payments that came in past Remit: a check, a wire, cash, written down by the partner's staff.

Surprise: nothing is charged here, so there is no attempt and no gateway; what is written down is believed.
A mistake is reversed by an entry of its own, never deleted, and the invoice is owed again.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Session, SQLModel, col, select

from auth import audit
from auth.actors import Action, Actor
from billing import invoice_balances, invoice_life, invoices, ledger, mails, outside_shares, search
from billing.customers import Customer
from billing.inputs import Input
from billing.invoice_fields import AmountInput, read_amount, read_day, terms_of
from billing.invoices import Invoice, InvoiceStatus
from billing.ledger import Account, EntryCause, Leg
from billing.mails import MailKind
from billing.money import Currency, Money
from billing.outside_shares import CreditUsed, NothingLeft, OneWrittenOff, OutsideShareInput
from billing.payment_orders import OtherRequest
from billing.telling import first_to_tell
from billing.texts import Checks
from db.columns import choice, day, instant, key, minor, new_id, sort_key, tenant
from db.policies import Guard, guarded
from errors import NotFound
from languages import mark

SEARCHED_AS = "outside_payment"


class OutsideKind(StrEnum):
    """How the money came."""

    CHECK = "CHECK"
    WIRE = "WIRE"
    CASH = "CASH"
    OTHER = "OTHER"


WAYS: Mapping[OutsideKind, str] = {
    OutsideKind.CHECK: mark("Check"),
    OutsideKind.WIRE: mark("Wire transfer"),
    OutsideKind.CASH: mark("Cash"),
    OutsideKind.OTHER: mark("Other"),
}


class OutsidePayment(SQLModel, table=True):
    """Money that came in past Remit. Only its reversal is ever added.

    Which invoices it is for say its allocations; `invoice_id` is the first of them. `kept_minor` of it is for
    none: it became the customer's credit. `reference` is a check's or a transfer's number; `note` is the
    partner's own.
    """

    __tablename__ = "outside_payment"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
        ),
        # Target of the allocations' foreign key.
        UniqueConstraint("partner_id", "customer_id", "id"),
        # The same form sent twice is the same payment (GUARANTEES M-3).
        Index(
            "uq_outside_payment_request", "partner_id", "recorded_by", "request_key",
            unique=True, postgresql_nulls_not_distinct=True,
        ),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        CheckConstraint("kept_minor >= 0 and kept_minor < amount_minor", name="kept_within_amount"),
        CheckConstraint("(reversed_at is null) = (reversal_reason is null)", name="reversed_for_a_reason"),
        Index("ix_outside_payment_invoice", "partner_id", "invoice_id", "created_at", "id"),
        Index("ix_outside_payment_customer", "partner_id", "customer_id", "created_at", "id"),
        Index("ix_outside_payment_created", "partner_id", "created_at", "id"),
        Index("ix_outside_payment_amount", "partner_id", "amount_minor", "id"),
        Index("ix_outside_payment_received", "partner_id", "received_on", "id"),
        guarded(Guard.CUSTOMER),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    kind: OutsideKind = choice(OutsideKind)
    reference: str | None = None
    note: str | None = None
    received_on: date = day()
    amount_minor: int = minor()
    kept_minor: int = minor(default=0)
    currency: Currency = choice(Currency)
    recorded_by: UUID | None = None
    request_key: str = sort_key()
    created_at: datetime = instant()
    updated_at: datetime = instant()
    reversed_at: datetime | None = instant(default=None)
    reversal_reason: str | None = None


class OutsideAllocation(SQLModel, table=True):
    """How much of a payment from outside is for which invoice. The database holds that they are all of it."""

    __tablename__ = "outside_payment_allocation"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "payment_id"],
            ["outside_payment.partner_id", "outside_payment.customer_id", "outside_payment.id"],
        ),
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
        ),
        UniqueConstraint("partner_id", "payment_id", "invoice_id"),
        CheckConstraint("amount_minor > 0", name="amount_positive"),
        Index("ix_outside_payment_allocation_payment", "partner_id", "payment_id", "id"),
        Index("ix_outside_payment_allocation_invoice", "partner_id", "invoice_id", "id"),
        guarded(Guard.CUSTOMER, append_only=True),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    payment_id: UUID
    invoice_id: UUID
    amount_minor: int = minor()


class OutsideInput(Input):
    """What was received. The amount left out is all that is left, or all that is shared out among
    `allocations`; the day left out is today. `keep_rest`: what is for no invoice becomes credit."""

    kind: str | None = None
    amount: str | AmountInput | None = None
    allocations: Sequence[OutsideShareInput] | None = None
    keep_rest: bool = False
    received_on: date | str | None = None
    reference: str | None = None
    note: str | None = None
    send_receipt: bool = True


class _Blank(NamedTuple):
    """What the fields stand for that are left out."""

    amount: Money
    received_on: date


def record(
    db: Session, actor: Actor, *, invoice_id: UUID | None = None, fields: OutsideInput, request_key: str,
    now: datetime,
) -> OutsidePayment:  # fmt: skip
    """Write down money received for an open invoice, or for several of one customer; in full, each is PAID.

    The same actor's same `request_key` is the same payment again. A part that a payment under way is for
    stays reserved: both together never exceed the claim (GUARANTEES M-4). What is above all that is left is
    kept as credit if `fields.keep_rest` says so, else refused. Refuses NotFound, NotOpen, NothingLeft,
    LessIsLeft, OtherRequest, and at the field UNKNOWN_KIND, NOT_POSITIVE, OTHER_CURRENCY, BAD_DATE, those of
    `outside_shares`, of clean_line and of read_decimal.
    """
    actor.require(Action.EDIT_INVOICES)
    meant = outside_shares.ids_of(invoice_id, fields.allocations)
    customer, claims = _locked(db, actor, meant)
    earlier = db.exec(
        select(OutsidePayment).where(
            OutsidePayment.partner_id == actor.partner_id,
            col(OutsidePayment.recorded_by).is_not_distinct_from(actor.id),
            OutsidePayment.request_key == request_key,
        )
    ).one_or_none()
    today = terms_of(db, actor, customer=customer, now=now).today
    if earlier is not None:
        if not _is_said_again(db, actor, earlier, fields, claims[0], today, now):
            raise OtherRequest
        return earlier
    for one in claims:
        if one.status is not InvoiceStatus.OPEN:
            raise invoice_life.NotOpen(one)
    left = Money(invoice_balances.left_minor(claims[0]), claims[0].currency)
    if fields.allocations is None and not left.minor:
        raise NothingLeft
    made, typed = _read(actor, fields, claims[0], _Blank(left, today), today, now)
    amount = Money(made.amount_minor, made.currency)
    shares = outside_shares.within(claims, amount, typed, keep_rest=fields.keep_rest)
    made.kept_minor, made.request_key = amount.minor - sum(shares.values()), request_key
    _keep(db, made, shares)
    search.keep(
        db, partner_id=made.partner_id, customer_id=customer.id, kind=SEARCHED_AS, subject_id=made.id,
        texts=(customer.company, *(one.number for one in claims), made.reference),
    )  # fmt: skip
    invoice_balances.settle(db, actor, shares=shares, now=now)
    _post(db, actor, EntryCause.OUTSIDE_PAYMENT_RECORDED, made, shares, 1, now)
    _write_down(db, actor, made, claims, shares, True, now)
    if fields.send_receipt:
        _tell(db, made, MailKind.OUTSIDE_RECEIPT, now)
    return made


def reverse(db: Session, actor: Actor, *, payment_id: UUID, reason: str, now: datetime) -> OutsidePayment:
    """Take back what was written down: the check bounced, or it was a mistake. Its invoices are owed again,
    what was kept of it as credit is gone, and the customer is told.

    Reversing twice changes nothing. Refuses NotFound, WrittenOff, CreditUsed, and at ("reason",) REQUIRED,
    TOO_LONG.
    """
    actor.require(Action.VOID_INVOICES)
    mine = (OutsidePayment.partner_id == actor.partner_id, OutsidePayment.id == payment_id)
    found = db.exec(select(OutsidePayment).where(*mine)).one_or_none()
    if found is None:
        raise NotFound
    shares = shares_of(db, found)
    customer, claims = _locked(db, actor, list(shares))
    wanted = select(OutsidePayment).where(*mine).with_for_update(key_share=True)
    payment = db.exec(wanted.execution_options(populate_existing=True)).one()
    if payment.reversed_at is not None:
        return payment
    for one in claims:
        if one.status is InvoiceStatus.UNCOLLECTIBLE:
            raise invoice_life.WrittenOff if len(claims) == 1 else OneWrittenOff(one)
    if payment.kept_minor > customer.credit_minor:
        kept, credit = (Money(m, payment.currency) for m in (payment.kept_minor, customer.credit_minor))
        raise CreditUsed(kept, credit)
    checks = Checks()
    why = checks.line("reason", reason, required=True, limit=300)
    checks.done()
    invoice_balances.give_back(db, actor, shares=shares, now=now)
    payment.reversed_at = payment.updated_at = now
    payment.reversal_reason = why
    db.flush()
    _post(db, actor, EntryCause.OUTSIDE_PAYMENT_REVERSED, payment, shares, -1, now)
    _write_down(db, actor, payment, claims, shares, False, now)
    _tell(db, payment, MailKind.OUTSIDE_REVERSED, now)
    return payment


def shares_of(db: Session, payment: OutsidePayment) -> dict[UUID, int]:
    """How much of it is for which invoice, in the order in which they were given."""
    its = (OutsideAllocation.partner_id == payment.partner_id, OutsideAllocation.payment_id == payment.id)
    wanted = select(OutsideAllocation.invoice_id, OutsideAllocation.amount_minor).where(*its)
    return dict(db.exec(wanted.order_by(col(OutsideAllocation.id))).all())


def with_invoices(
    db: Session, actor: Actor, *, payment_id: UUID
) -> tuple[OutsidePayment, list[tuple[Invoice, int]]]:
    """One of them with its invoices and what of it is for each, as the actor may see it; else NotFound."""
    actor.require(Action.VIEW_PAYMENTS)
    mine = [col(OutsidePayment.partner_id) == actor.partner_id, col(OutsidePayment.id) == payment_id]
    if actor.customer_id is not None:
        mine.append(col(OutsidePayment.customer_id) == actor.customer_id)
    payment = db.exec(select(OutsidePayment).where(*mine)).one_or_none()
    if payment is None:
        raise NotFound
    its = (OutsideAllocation.partner_id == payment.partner_id, OutsideAllocation.payment_id == payment.id)
    tied = col(Invoice.partner_id) == col(OutsideAllocation.partner_id)
    same = tied & (col(Invoice.id) == col(OutsideAllocation.invoice_id))
    wanted = select(Invoice, OutsideAllocation.amount_minor).join(OutsideAllocation, same).where(*its)
    return payment, [(one, minor_) for one, minor_ in db.exec(wanted.order_by(col(OutsideAllocation.id)))]


def _locked(db: Session, actor: Actor, ids: Sequence[UUID]) -> tuple[Customer, list[Invoice]]:
    """The customer and the invoices, in the order of `ids`: its row first, then theirs. Else NotFound, so too
    for invoices of several customers."""
    customer, first = invoices.locked(db, actor, invoice_id=ids[0])
    if len(ids) == 1:
        return customer, [first]
    found = invoice_balances.find(db, actor, customer_id=customer.id, ids=ids, lock=True)
    return customer, sorted(found, key=lambda one: ids.index(one.id))


def _is_said_again(
    db: Session,
    actor: Actor,
    earlier: OutsidePayment,
    fields: OutsideInput,
    first: Invoice,
    today: date,
    now: datetime,
) -> bool:
    """Whether it is the same payment word for word. What is left out stands for what it stood for then."""
    blank = _Blank(Money(earlier.amount_minor, earlier.currency), earlier.received_on)
    said, shares = _read(actor, fields, first, blank, today, now)
    then = shares_of(db, earlier)
    told = ("kind", "amount_minor", "received_on", "reference", "note")
    return (
        all(getattr(said, name) == getattr(earlier, name) for name in told)
        and (list(then) == [first.id] if shares is None else shares == then)
        and (fields.keep_rest or not earlier.kept_minor)
    )


def _read(
    actor: Actor, fields: OutsideInput, first: Invoice, blank: _Blank, today: date, now: datetime
) -> tuple[OutsidePayment, dict[UUID, int] | None]:
    """A row of what was typed, and the shares if there are any; every wrong field at once."""
    checks = Checks()
    if fields.kind not in OutsideKind.__members__:
        checks.refuse("kind", code="UNKNOWN_KIND", message="Choose check, wire, cash or other.")
    problems = len(checks.problems)
    amount = read_amount(checks, "amount", fields.amount, first.currency, required=False)
    given = isinstance(fields.amount, AmountInput) or bool((fields.amount or "").strip())
    if given and amount.minor == 0 and len(checks.problems) == problems:
        checks.refuse("amount", code="NOT_POSITIVE", message="Enter an amount above zero.")
    shares = outside_shares.read(checks, fields.allocations, first.currency)
    received_on = read_day(checks, "received_on", fields.received_on) or blank.received_on
    if received_on > today:
        checks.refuse("received_on", code="BAD_DATE", message="Choose a day that is not in the future.")
    reference = checks.line("reference", fields.reference, required=False, limit=100)
    note = checks.block("note", fields.note, required=False, limit=2000)
    checks.done()
    left_out = blank.amount.minor if shares is None else sum(shares.values())
    made = OutsidePayment(
        partner_id=actor.partner_id, id=new_id(), customer_id=first.customer_id, invoice_id=first.id,
        kind=OutsideKind(fields.kind or ""), reference=reference, note=note, received_on=received_on,
        amount_minor=amount.minor if given else left_out, currency=first.currency,
        recorded_by=actor.id, request_key="", created_at=now, updated_at=now,
    )  # fmt: skip
    return made, shares


def _keep(db: Session, made: OutsidePayment, shares: Mapping[UUID, int]) -> None:
    db.add(made)
    db.flush()
    db.add_all(
        OutsideAllocation(
            partner_id=made.partner_id, id=new_id(), customer_id=made.customer_id, payment_id=made.id,
            invoice_id=invoice_id, amount_minor=minor_,
        )
        for invoice_id, minor_ in shares.items()
    )  # fmt: skip
    db.flush()


def _post(
    db: Session,
    actor: Actor,
    cause: EntryCause,
    payment: OutsidePayment,
    shares: Mapping[UUID, int],
    sign: int,
    now: datetime,
) -> None:
    """In (`sign` 1) or out again (-1): of each claim its share, and the rest of the customer's credit."""
    legs = [
        leg
        for invoice_id, minor_ in shares.items()
        for leg in (
            Leg(Account.OUTSIDE_CLEARING, sign * minor_, payment.currency, invoice_id=invoice_id),
            Leg(Account.RECEIVABLE, -sign * minor_, payment.currency, invoice_id=invoice_id),
        )
    ]
    kept = sign * payment.kept_minor
    legs += [
        Leg(Account.OUTSIDE_CLEARING, kept, payment.currency),
        Leg(Account.CUSTOMER_CREDIT, -kept, payment.currency),
    ]
    ledger.post(
        db, actor, cause=cause, subject_id=payment.id, customer_id=payment.customer_id, legs=legs, now=now
    )


def _tell(db: Session, payment: OutsidePayment, kind: MailKind, now: datetime) -> None:
    told = first_to_tell(db, partner_id=payment.partner_id, customer_id=payment.customer_id)
    if told is not None:
        mails.queue(
            db, partner_id=payment.partner_id, kind=kind, membership_id=told.id, subject_id=payment.id,
            customer_id=payment.customer_id, now=now,
        )  # fmt: skip


def _write_down(
    db: Session,
    actor: Actor,
    payment: OutsidePayment,
    claims: Sequence[Invoice],
    shares: Mapping[UUID, int],
    came: bool,
    now: datetime,
) -> None:
    """For each invoice what of it is that one's, and for the customer what is kept as credit."""
    action, kept = ("recorded", "kept") if came else ("reversed", "kept_back")
    for one in claims:
        audit.record(
            db, actor, action=f"outside_payment.{action}", subject_kind="invoice", subject_id=one.id,
            customer_id=payment.customer_id, now=now, number=one.number, amount_minor=shares[one.id],
            kind=payment.kind.value,
        )  # fmt: skip
    if payment.kept_minor:
        audit.record(
            db, actor, action=f"credit.{kept}", subject_kind="customer", subject_id=payment.customer_id,
            customer_id=payment.customer_id, now=now, amount_minor=payment.kept_minor,
            currency=payment.currency.value, kind=payment.kind.value,
        )  # fmt: skip
