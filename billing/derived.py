"""What is shown but never stored, as SQL over a table's columns: overdue, balance, shown status.

Each function takes a table's columns (a model, or an alias' `.c`) and the `Moment` of the request: the clock
is never read in SQL. The surprise: the API pastes these into its statements, so every other table in here
must be tied to the row's partner and customer by the expression itself; there is no plan otherwise.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    String,
    and_,
    case,
    exists,
    false,
    func,
    select,
    true,
    type_coerce,
)

from auth.roles import Membership, MembershipStatus
from billing.credit_notes import CreditNoteLine
from billing.invoice_threads import InvoiceThread, ThreadKind, ThreadState
from billing.invoices import Invoice, InvoiceStatus
from billing.mails import Mail, MailKind, MailStatus
from billing.payment_methods import MethodKind
from billing.payments import RECEIVED
from billing.recurrences import PREVIEWED, upcoming
from billing.tags import CustomerTag, InvoiceTag


@dataclass(frozen=True)
class Moment:
    """When the request happens: the instant, and the partner's calendar day, as SQL."""

    now: ColumnElement[Any]
    today: ColumnElement[Any]


Expression = Callable[[Any, Moment], ColumnElement[Any]]


class Age(StrEnum):
    """How long an open invoice is past its due date, in days. In the order of their names, too."""

    CURRENT = "CURRENT"
    DAYS_1_TO_30 = "DAYS_1_TO_30"
    DAYS_31_TO_60 = "DAYS_31_TO_60"
    DAYS_61_TO_90 = "DAYS_61_TO_90"
    OVER_90_DAYS = "OVER_90_DAYS"


OLDEST: dict[Age, int] = {
    Age.CURRENT: 0,
    Age.DAYS_1_TO_30: 30,
    Age.DAYS_31_TO_60: 60,
    Age.DAYS_61_TO_90: 90,
}
"""The most days past the due date of each age; there is no most for the last one."""


class ShownStatus(StrEnum):
    """An invoice's status as people see it: what is stored, and what an open one may also be."""

    DRAFT = "DRAFT"
    OPEN = "OPEN"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    OVERDUE = "OVERDUE"
    PAID = "PAID"
    VOID = "VOID"
    UNCOLLECTIBLE = "UNCOLLECTIBLE"


class KeyStatus(StrEnum):
    """What an API key is good for: a ROTATED one works until it expires, beside its successor."""

    ACTIVE = "ACTIVE"
    ROTATED = "ROTATED"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class InviteStatus(StrEnum):
    """What became of an invite."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    REVOKED = "REVOKED"
    EXPIRED = "EXPIRED"


def balance(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """What an invoice still lacks, in minor units; nothing is owed on a draft or a void one."""
    return case((invoice.status == InvoiceStatus.OPEN, _lacks(invoice)), else_=0)


def payable(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """What may be paid now: the balance without what payments under way are for."""
    left = _lacks(invoice) - invoice.reserved_minor
    return case((invoice.status == InvoiceStatus.OPEN, left), else_=0)


def _lacks(invoice: Any) -> ColumnElement[Any]:
    """Neither paid nor credited."""
    rest: ColumnElement[Any] = invoice.total_minor - invoice.paid_minor - invoice.credited_minor
    return rest


def kept_minor(note: Any, at: Moment) -> ColumnElement[Any]:
    """What of a credit note became the customer's credit, in minor units."""
    rest: ColumnElement[Any] = note.total_minor - note.applied_minor
    return rest


def creditable_minor(line: Any, at: Moment) -> ColumnElement[Any]:
    """What of an invoice's line no credit note took back yet, in minor units."""
    c = CreditNoteLine.__table__.alias("credited_line").c  # type: ignore[attr-defined]
    mine = (c.partner_id == line.partner_id, c.customer_id == line.customer_id, c.line_id == line.id)
    gone = select(func.coalesce(func.sum(c.total_minor), 0).cast(BigInteger)).where(*mine).scalar_subquery()
    rest: ColumnElement[Any] = line.total_minor - gone
    return rest


def is_open(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """Issued, and neither paid, void nor written off."""
    still: ColumnElement[bool] = invoice.status == InvoiceStatus.OPEN
    return still


def age_of(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """How long an open invoice is past its due date, by the partner's calendar."""
    # Whole days apart: neither clock nor summer time has a say.
    cases = [(invoice.due_on >= at.today - days, age.value) for age, days in OLDEST.items()]
    return case(*cases, else_=Age.OVER_90_DAYS.value)


def is_overdue(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """Open, and due before the partner's today."""
    return and_(invoice.status == InvoiceStatus.OPEN, invoice.due_on < at.today)


def overdue_balance(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """What an invoice past its due date still lacks, in minor units; nothing of another one."""
    return case((is_overdue(invoice, at), _lacks(invoice)), else_=0)


def is_partially_paid(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """Open, and some of it is paid."""
    return and_(invoice.status == InvoiceStatus.OPEN, invoice.paid_minor > 0)


def is_disputed(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """Does the customer dispute it, and is that not settled? Then nothing is done about it unasked.

    Whatever reminds, or pays by itself, leaves such an invoice out. As a condition, for lists.
    """
    return exists().where(*_disputes(invoice))


def shows_disputed(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """The same as a value."""
    return _some(_disputes(invoice))


def is_asked_about(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """Is a conversation on it open, be it a question or a dispute? As a condition, for lists."""
    return exists().where(*_open_threads(invoice, "asking"))


def shows_asked_about(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """The same as a value."""
    return _some(_open_threads(invoice, "asking"))


def _disputes(invoice: Any) -> Sequence[ColumnElement[bool]]:
    return _open_threads(invoice, "dispute", ThreadKind.DISPUTE)


def _open_threads(invoice: Any, name: str, *kinds: ThreadKind) -> Sequence[ColumnElement[bool]]:
    t = InvoiceThread.__table__.alias(name).c  # type: ignore[attr-defined]
    mine = (t.partner_id == invoice.partner_id, t.customer_id == invoice.customer_id)
    of_kind = (t.kind == kind for kind in kinds)
    return *mine, t.invoice_id == invoice.id, *of_kind, t.state == ThreadState.OPEN


def is_undelivered(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """Open, a mail of it was refused, given up or came back, and no other was taken nor still may be. As a
    condition.
    """
    return _nobody_has(invoice, lambda mails: exists().where(*mails))


def shows_undelivered(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """The same as a value."""
    return _nobody_has(invoice, _some)


def _nobody_has(
    invoice: Any, some: Callable[[Sequence[ColumnElement[bool]]], ColumnElement[Any]]
) -> ColumnElement[Any]:
    t = Mail.__table__.alias("bringing").c  # type: ignore[attr-defined]
    mine = (t.partner_id == invoice.partner_id, t.customer_id == invoice.customer_id)
    mails = (*mine, t.subject_id == invoice.id, t.kind == MailKind.INVOICE)
    # Lost ones are few and have an index of their own: lists begin with them.
    lost = t.status.in_((MailStatus.REFUSED, MailStatus.DEAD, MailStatus.BOUNCED))
    hopeful = t.status.in_((MailStatus.SENT, MailStatus.QUEUED))
    return and_(invoice.status == InvoiceStatus.OPEN, some((*mails, lost)), ~some((*mails, hopeful)))


def shown_status(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """The status people see. Overdue says more than partially paid."""
    return case(
        (is_overdue(invoice, at), ShownStatus.OVERDUE.value),
        (is_partially_paid(invoice, at), ShownStatus.PARTIALLY_PAID.value),
        else_=type_coerce(invoice.status, String),
    )


def number_if_any(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """An invoice's number; null until it has one."""
    return func.nullif(invoice.number, "")


def next_days(order: Any, at: Moment) -> ColumnElement[Any]:
    """The days of a recurring invoice's next six, from the earliest."""
    return upcoming(order, PREVIEWED)


def pdf_path(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """Where an invoice's PDF is, below the installation's address."""
    return _file("invoices", "inv", invoice)


def receipt_path(payment: Any, at: Moment) -> ColumnElement[Any]:
    """Where the receipt of a payment that succeeded is; null for another one."""
    return case((payment.status.in_(RECEIVED), _file("payments", "pay", payment)))


def outside_receipt_path(payment: Any, at: Moment) -> ColumnElement[Any]:
    """Where the receipt of a payment from outside is; one that was taken back says so."""
    return _file("outside-payments", "opm", payment)


def credit_note_path(note: Any, at: Moment) -> ColumnElement[Any]:
    """Where a credit note's PDF is."""
    return _file("credit-notes", "crn", note)


def statement_path(customer: Any, at: Moment) -> ColumnElement[Any]:
    """Where a customer's statement of account is, without the ending that says how it is wanted."""
    return func.concat("/files/customers/cus_", _hexadecimal(customer), "/statement")


def _file(folder: str, prefix: str, record: Any) -> ColumnElement[Any]:
    return func.concat(f"/files/{folder}/{prefix}_", _hexadecimal(record), ".pdf")


def _hexadecimal(record: Any) -> ColumnElement[Any]:
    return func.replace(type_coerce(record.id, String).cast(String), "-", "")


def overdue_minor(customer: Any, at: Moment) -> ColumnElement[Any]:
    """What a customer owes on invoices past their due date, in minor units of the customer's currency."""
    i = Invoice.__table__.alias("overdue_invoice").c  # type: ignore[attr-defined]
    owed = func.coalesce(func.sum(_lacks(i)), 0).cast(BigInteger)
    return select(owed).where(*_of(customer, i), is_overdue(i, at)).scalar_subquery()


def has_overdue(customer: Any, at: Moment) -> ColumnElement[Any]:
    """Is any of the customer's invoices overdue? As a condition, for lists that are narrowed by it."""
    return exists().where(*_overdue(customer, at))


def shows_overdue(customer: Any, at: Moment) -> ColumnElement[Any]:
    """The same as a value, for customers that are shown."""
    return _some(_overdue(customer, at))


def has_invited(customer: Any, at: Moment) -> ColumnElement[Any]:
    """Has one of the customer's users not accepted the invite yet? As a condition."""
    return exists().where(*_invited(customer))


def shows_invited(customer: Any, at: Moment) -> ColumnElement[Any]:
    """The same as a value."""
    return _some(_invited(customer))


def _some(conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[Any]:
    """Is there a row? Each time a look at an index; an `exists` may be answered by gathering all rows first,
    which a page of fifty does not earn back."""
    return func.coalesce(select(true()).where(*conditions).limit(1).scalar_subquery(), false())


def _overdue(customer: Any, at: Moment) -> Sequence[ColumnElement[bool]]:
    i = Invoice.__table__.alias("overdue_invoice").c  # type: ignore[attr-defined]
    return *_of(customer, i), is_overdue(i, at)


def _invited(customer: Any) -> Sequence[ColumnElement[bool]]:
    m = Membership.__table__.alias("invited_user").c  # type: ignore[attr-defined]
    return *_of(customer, m), m.status == MembershipStatus.INVITED


def _of(customer: Any, i: Any) -> tuple[ColumnElement[bool], ...]:
    return i.partner_id == customer.partner_id, i.customer_id == customer.id


def invite_status(invite: Any, at: Moment) -> ColumnElement[Any]:
    """What became of an invite by now."""
    return case(
        (invite.accepted_at.is_not(None), InviteStatus.ACCEPTED.value),
        (invite.revoked_at.is_not(None), InviteStatus.REVOKED.value),
        (invite.expires_at <= at.now, InviteStatus.EXPIRED.value),
        else_=InviteStatus.PENDING.value,
    )


def is_open_invite(invite: Any, at: Moment) -> ColumnElement[Any]:
    """Neither accepted nor revoked; it may have expired."""
    return and_(invite.accepted_at.is_(None), invite.revoked_at.is_(None))


def key_status(key: Any, at: Moment) -> ColumnElement[Any]:
    """What an API key is good for by now."""
    return case(
        (key.revoked_at.is_not(None), KeyStatus.REVOKED.value),
        (and_(key.expires_at.is_not(None), key.expires_at <= at.now), KeyStatus.EXPIRED.value),
        (key.replaced_at.is_not(None), KeyStatus.ROTATED.value),
        else_=KeyStatus.ACTIVE.value,
    )


def key_scope(key: Any, at: Moment) -> ColumnElement[Any]:
    """The scopes of an API key, one text."""
    joined: ColumnElement[Any] = func.array_to_string(key.scopes, " ")
    return joined


def is_staff(membership: Any, at: Moment) -> ColumnElement[Any]:
    """Works for the partner."""
    staff: ColumnElement[bool] = membership.customer_id.is_(None)
    return staff


def is_customers_user(membership: Any, at: Moment) -> ColumnElement[Any]:
    """Is one of a customer's people."""
    outside: ColumnElement[bool] = membership.customer_id.is_not(None)
    return outside


def is_expired(method: Any, at: Moment) -> ColumnElement[Any]:
    """A card past the last day of its month, in the partner's calendar."""
    # Not extract(… from …): whatever stands after a FROM has to be a table with a partner.
    months = func.date_part("year", at.today) * 12 + func.date_part("month", at.today)
    past: ColumnElement[bool] = func.coalesce(method.exp_year * 12 + method.exp_month < months, False)
    is_card: ColumnElement[bool] = method.kind == MethodKind.CARD
    return and_(is_card, past)


def customers_tagged(tag: Any, at: Moment) -> ColumnElement[Any]:
    """How many customers carry a tag."""
    link = CustomerTag.__table__.alias("tagged_customer").c  # type: ignore[attr-defined]
    return _tagged(tag, link)


def invoices_tagged(tag: Any, at: Moment) -> ColumnElement[Any]:
    """How many invoices carry a tag."""
    link = InvoiceTag.__table__.alias("tagged_invoice").c  # type: ignore[attr-defined]
    return _tagged(tag, link)


def _tagged(tag: Any, link: Any) -> ColumnElement[Any]:
    mine = (
        link.partner_id == tag.partner_id,
        link.owner_id.is_not_distinct_from(tag.owner_id),
        link.tag_id == tag.id,
    )
    return select(func.count()).where(*mine).scalar_subquery()
