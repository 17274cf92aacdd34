"""The ledger: every movement of money is an entry whose postings sum to zero.

Surprise: nothing here is ever changed or deleted, the database refuses it; a mistake is corrected by
another entry. The sum is checked by the database when the transaction commits. What a customer owes
(`customer.open_minor`) and has in credit (`credit_minor`) is moved here and nowhere else.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKeyConstraint,
    Index,
    UniqueConstraint,
    func,
    insert,
    text,
    update,
)
from sqlmodel import Session, SQLModel, col

from auth.actors import Actor
from billing.credit_checks import CREDITS
from billing.customers import Customer
from billing.money import Currency
from billing.outside_checks import OUTSIDE
from db.columns import choice, instant, key, minor, new_id, tenant
from db.policies import Guard, guarded


class Account(StrEnum):
    """The chart of accounts. Debits are positive."""

    RECEIVABLE = "RECEIVABLE"
    SALES = "SALES"
    TAX_PAYABLE = "TAX_PAYABLE"
    GATEWAY_CLEARING = "GATEWAY_CLEARING"
    OUTSIDE_CLEARING = "OUTSIDE_CLEARING"
    WRITTEN_OFF = "WRITTEN_OFF"
    CUSTOMER_CREDIT = "CUSTOMER_CREDIT"


class EntryCause(StrEnum):
    """Why money moved."""

    INVOICE_FINALIZED = "INVOICE_FINALIZED"
    INVOICE_VOIDED = "INVOICE_VOIDED"
    INVOICE_WRITTEN_OFF = "INVOICE_WRITTEN_OFF"
    INVOICE_REOPENED = "INVOICE_REOPENED"
    PAYMENT_SUCCEEDED = "PAYMENT_SUCCEEDED"
    OUTSIDE_PAYMENT_RECORDED = "OUTSIDE_PAYMENT_RECORDED"
    OUTSIDE_PAYMENT_REVERSED = "OUTSIDE_PAYMENT_REVERSED"
    CREDIT_NOTE_ISSUED = "CREDIT_NOTE_ISSUED"
    CREDIT_APPLIED = "CREDIT_APPLIED"


class LedgerEntry(SQLModel, table=True):
    """One movement: cause, actor and time. A cause moves money for a subject once."""

    __tablename__ = "ledger_entry"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "customer_id"], ["customer.partner_id", "customer.id"]),
        UniqueConstraint("partner_id", "customer_id", "id"),
        UniqueConstraint("partner_id", "cause", "subject_id"),
        Index("ix_ledger_entry_at", "partner_id", "at", "id"),
        Index("ix_ledger_entry_customer_at", "partner_id", "customer_id", "at", "id"),
        guarded(Guard.CUSTOMER, append_only=True),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    cause: EntryCause = choice(EntryCause)
    subject_id: UUID
    actor_kind: str
    actor_id: UUID | None = None
    at: datetime = instant()


class LedgerPosting(SQLModel, table=True):
    """One leg. `amount_minor` is signed: debit positive, credit negative, never zero."""

    __tablename__ = "ledger_posting"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "entry_id"],
            ["ledger_entry.partner_id", "ledger_entry.customer_id", "ledger_entry.id"],
        ),
        CheckConstraint("amount_minor <> 0", name="amount_moves"),
        Index("ix_ledger_posting_entry", "partner_id", "entry_id"),
        Index("ix_ledger_posting_invoice", "partner_id", "invoice_id", "account"),
        guarded(Guard.CUSTOMER, append_only=True),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    entry_id: UUID
    account: Account = choice(Account)
    amount_minor: int = minor()
    currency: Currency = choice(Currency)
    invoice_id: UUID | None = None
    payment_id: UUID | None = None


class Unbalanced(ValueError):
    """Legs that don't sum to zero were about to be posted. A bug, so not a refusal."""


class Leg(NamedTuple):
    """One leg of an entry to be: debit positive, credit negative, in minor units."""

    account: Account
    amount_minor: int
    currency: Currency
    invoice_id: UUID | None = None
    payment_id: UUID | None = None


def claim(invoice_id: UUID, currency: Currency, *, net_minor: int, tax_minor: int) -> list[Leg]:
    """What issuing an invoice moves: the total is owed, out of sales and tax. Negative to take it back."""
    sums = {
        Account.RECEIVABLE: net_minor + tax_minor,
        Account.SALES: -net_minor,
        Account.TAX_PAYABLE: -tax_minor,
    }
    return [Leg(account, amount, currency, invoice_id=invoice_id) for account, amount in sums.items()]


def post(
    db: Session,
    actor: Actor,
    *,
    cause: EntryCause,
    subject_id: UUID,
    customer_id: UUID,
    legs: Sequence[Leg],
    now: datetime,
) -> UUID:
    """Write an entry and move what the customer owes by its RECEIVABLE legs, and its credit; the entry's id.

    Legs of zero are left out. Raises Unbalanced unless the rest sums to zero per currency; the database
    refuses a second entry for the same cause and subject (GUARANTEES I1, I7).
    """
    moving = [leg for leg in legs if leg.amount_minor]
    sums = Counter[Currency]()
    for leg in moving:
        sums[leg.currency] += leg.amount_minor
    if not moving or any(sums.values()):
        raise Unbalanced(f"{cause} for {subject_id}: {dict(sums)}")
    entry = {"partner_id": actor.partner_id, "id": new_id(), "customer_id": customer_id}
    db.execute(
        insert(LedgerEntry).values(
            **entry,
            cause=cause,
            subject_id=subject_id,
            actor_kind=actor.kind.value,
            actor_id=actor.id,
            at=now,
        )
    )
    shared = {"partner_id": actor.partner_id, "customer_id": customer_id, "entry_id": entry["id"]}
    db.execute(insert(LedgerPosting), [{**shared, "id": new_id(), **leg._asdict()} for leg in moving])
    by = {account: sum(leg.amount_minor for leg in moving if leg.account is account) for account in Account}
    _move_customer(db, actor, customer_id=customer_id, by=by, now=now)
    return entry["id"]


def _move_customer(
    db: Session, actor: Actor, *, customer_id: UUID, by: Mapping[Account, int], now: datetime
) -> None:
    """Surprise: the customer's version stays, or a payment would spoil the form somebody has open."""
    db.execute(
        update(Customer)
        .where(col(Customer.partner_id) == actor.partner_id, col(Customer.id) == customer_id)
        .values(
            open_minor=col(Customer.open_minor) + by[Account.RECEIVABLE],
            credit_minor=col(Customer.credit_minor) - by[Account.CUSTOMER_CREDIT],
            updated_at=func.greatest(col(Customer.updated_at), now),
        )
        .execution_options(synchronize_session=False)
    )


# What must hold between ledger, invoices, payments and mails: each statement lists what does not.
_SETTLED = "('SUCCEEDED', 'RETURNED', 'DISPUTED', 'REFUNDED', 'PARTIALLY_REFUNDED')"
_UNDER_WAY = "('SCHEDULED', 'PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'UNKNOWN')"

_OWED = """
  owed as (select partner_id, invoice_id, sum(amount_minor) as minor from ledger_posting
           where account = 'RECEIVABLE' group by 1, 2),
  shares as (select partner_id, invoice_id,
               coalesce(sum(amount_minor) filter (where status = 'APPLIED'), 0) as applied,
               coalesce(sum(amount_minor) filter (where status = 'RESERVED'), 0) as reserved
             from payment_allocation group by 1, 2),
  outside as (select a.partner_id, a.invoice_id, sum(a.amount_minor) as minor
             from outside_payment_allocation a
             join outside_payment x on x.partner_id = a.partner_id and x.id = a.payment_id
             where x.reversed_at is null group by 1, 2),
  noted as (select partner_id, invoice_id, sum(applied_minor) as applied, sum(total_minor) as total
             from credit_note group by 1, 2),
  credits as (select partner_id, invoice_id, sum(amount_minor) as minor
             from credit_application group by 1, 2),
  written_off as (select partner_id, invoice_id, sum(amount_minor) as minor
             from invoice_write_off where reopened_at is null group by 1, 2),
  parts as (select partner_id, payment_id, sum(amount_minor) as minor, array_agg(distinct status) as statuses
            from payment_allocation group by 1, 2),
  captured as (select partner_id, payment_id, sum(amount_minor) as minor from ledger_posting
               where account = 'GATEWAY_CLEARING' group by 1, 2),
  lines as (select partner_id, invoice_id, sum(net_minor) as net, sum(tax_minor) as tax,
              sum(total_minor) as total, bool_and(issued) as all_issued, bool_or(issued) as any_issued
            from invoice_line group by 1, 2),
  taxed as (select l.partner_id, l.invoice_id, l.id, l.tax_minor, l.issued,
              coalesce(sum(t.tax_minor), 0) as minor, bool_and(t.issued = l.issued) as alike
            from invoice_line l
            left join invoice_line_tax t on t.partner_id = l.partner_id and t.line_id = l.id
            group by l.partner_id, l.id)"""

_ENTRIES = """
select 'I1: entry ' || entry_id || ' does not balance in ' || currency
from ledger_posting group by partner_id, entry_id, currency having sum(amount_minor) <> 0
union all
select 'I1: entry ' || e.id || ' has fewer than two legs' from ledger_entry e
where (select count(*) from ledger_posting p where p.partner_id = e.partner_id and p.entry_id = e.id) < 2
union all
select 'I7: entry ' || id || ' names nobody' from ledger_entry
where actor_id is null and actor_kind <> 'SYSTEM'
union all
select 'I8: a leg of entry ' || p.entry_id || ' is about another customer or currency'
from ledger_posting p
left join invoice i on i.partner_id = p.partner_id and i.id = p.invoice_id
left join payment y on y.partner_id = p.partner_id and y.id = p.payment_id
where (p.invoice_id is not null and (i.customer_id, i.currency) is distinct from (p.customer_id, p.currency))
  or (p.payment_id is not null and (y.customer_id, y.currency) is distinct from (p.customer_id, p.currency))
  or (p.account = 'RECEIVABLE' and p.invoice_id is null)
  or (p.account = 'GATEWAY_CLEARING' and p.payment_id is null)
  or (p.account = 'CUSTOMER_CREDIT' and (p.invoice_id is not null or p.payment_id is not null))"""

_INVOICES = """
select 'I2: invoice ' || i.id || ' says ' || i.paid_minor || ' paid, its payments say '
  || coalesce(s.applied, 0) + coalesce(e.minor, 0)
from invoice i left join shares s on s.partner_id = i.partner_id and s.invoice_id = i.id
left join outside e on e.partner_id = i.partner_id and e.invoice_id = i.id
where i.paid_minor <> coalesce(s.applied, 0) + coalesce(e.minor, 0)
  or i.paid_minor not between 0 and i.total_minor
union all
select 'I2: invoice ' || i.id || ' says ' || i.credited_minor || ' credited, its credit says '
  || coalesce(n.applied, 0) + coalesce(a.minor, 0)
from invoice i left join noted n on n.partner_id = i.partner_id and n.invoice_id = i.id
left join credits a on a.partner_id = i.partner_id and a.invoice_id = i.id
where i.credited_minor <> coalesce(n.applied, 0) + coalesce(a.minor, 0)
  or i.credited_minor not between 0 and i.total_minor - i.paid_minor
  or coalesce(n.total, 0) > case when i.status in ('DRAFT', 'VOID') then 0 else i.total_minor end
union all
select 'I3: invoice ' || i.id || ' is ' || i.status || ', the ledger says '
  || coalesce(o.minor::text, 'nothing')
from invoice i left join owed o on o.partner_id = i.partner_id and o.invoice_id = i.id
where not coalesce(case i.status
  when 'DRAFT' then o.minor is null
  when 'OPEN' then o.minor = i.total_minor - i.paid_minor - i.credited_minor and o.minor > 0
  when 'PAID' then o.minor = 0 and i.paid_minor + i.credited_minor = i.total_minor and i.paid_at is not null
  when 'VOID' then o.minor = 0 and i.paid_minor = 0 and i.credited_minor = 0
  else o.minor = 0 and i.paid_minor + i.credited_minor < i.total_minor end, false)
union all
select 'I3: invoice ' || i.id || ' is ' || i.status || ' with ' || coalesce(w.minor, 0) || ' written off'
from invoice i left join written_off w on w.partner_id = i.partner_id and w.invoice_id = i.id
where coalesce(w.minor, 0) <>
  case when i.status = 'UNCOLLECTIBLE' then i.total_minor - i.paid_minor - i.credited_minor else 0 end
union all
select 'I3: the lines of invoice ' || i.id || ' do not add up, or are hidden or shown wrongly'
from invoice i left join lines l on l.partner_id = i.partner_id and l.invoice_id = i.id
where (l.net, l.tax, l.total) is distinct from (i.net_minor, i.tax_minor, i.total_minor)
  or (i.status = 'DRAFT' and l.any_issued) or (i.status <> 'DRAFT' and not l.all_issued)
union all
select 'I3: the taxes of line ' || id || ' do not add up, or are hidden or shown wrongly'
from taxed where tax_minor <> minor or not coalesce(alike, true)
union all
select 'I3: customer ' || c.id || ' owes ' || c.open_minor || ' by its row, not by the ledger'
from customer c
where c.open_minor <> coalesce((select sum(o.minor) from owed o join invoice i
  on i.partner_id = o.partner_id and i.id = o.invoice_id
  where i.partner_id = c.partner_id and i.customer_id = c.id), 0)
union all
select 'M-4: invoice ' || i.id || ' says ' || i.reserved_minor || ' reserved, its payments say '
  || coalesce(s.reserved, 0)
from invoice i left join shares s on s.partner_id = i.partner_id and s.invoice_id = i.id
where i.reserved_minor <> coalesce(s.reserved, 0)
  or (i.reserved_minor > 0 and (i.status <> 'OPEN'
    or i.reserved_minor + i.paid_minor + i.credited_minor > i.total_minor))
union all
select 'M-4: the invoice numbers of partner ' || p.id || ' have a gap' from partner p
where p.next_invoice_number - p.first_invoice_number <> (select count(*) from invoice i
  where i.partner_id = p.id and i.number <> '')"""

_PAYMENTS = f"""
select 'I4: payment ' || y.id || ' is ' || y.status || ' with ' || count(e.id) || ' entries of success'
from payment y left join ledger_entry e on e.partner_id = y.partner_id and e.subject_id = y.id
  and e.cause = 'PAYMENT_SUCCEEDED'
group by y.partner_id, y.id, y.status, y.gateway_ref
having count(e.id) <> (case when y.status in {_SETTLED} then 1 else 0 end)
  or (y.status in {_SETTLED} and y.gateway_ref is null)
union all
select 'I4: charge ' || gateway_ref || ' belongs to several payments'
from payment where gateway_ref is not null group by gateway, gateway_account, gateway_ref having count(*) > 1
union all
select 'I5: payment ' || y.id || ' of ' || y.amount_minor || ' holds ' || coalesce(c.minor, 0)
  || ' at the gateway'
from payment y left join captured c on c.partner_id = y.partner_id and c.payment_id = y.id
where coalesce(c.minor, 0) not between 0 and y.amount_minor
  or (y.status = 'SUCCEEDED' and c.minor is distinct from y.amount_minor)
union all
select 'I6: payment ' || y.id || ' is ' || y.status || ' with shares that are '
  || coalesce(a.statuses::text, 'none')
from payment y left join parts a on a.partner_id = y.partner_id and a.payment_id = y.id
where a.minor is distinct from y.amount_minor::numeric
  or (y.settled_at is null) <> (y.status in {_UNDER_WAY})
  or a.statuses::text[] is distinct from case
    when y.status in {_UNDER_WAY} then array['RESERVED']
    when y.status in ('FAILED', 'CANCELED') then array['RELEASED']
    when y.status in {_SETTLED} then array['APPLIED'] end
union all
select 'I9: payment ' || y.id || ' is ' || y.status || ' with ' || count(m.id) || ' receipts'
from payment y left join mail m on m.partner_id = y.partner_id and m.subject_id = y.id and m.kind = 'RECEIPT'
group by y.partner_id, y.id, y.status
having count(m.id) <> (case when y.status in {_SETTLED} then 1 else 0 end)"""  # noqa: S608 - fixed words only

_ALL = text(f"with {_OWED} " + " union all ".join((_ENTRIES, _INVOICES, _PAYMENTS, OUTSIDE, CREDITS)))


def check(db: Session) -> list[str]:
    """A sentence per contradiction in the books of the partner whose transaction this is (I1 to I9).

    Only reads, mends nothing: somebody must look. What the gateway really moved is not asked here.
    """
    return list(db.scalars(_ALL))
