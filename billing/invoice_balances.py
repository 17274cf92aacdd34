"""What payments and credit do to invoices: reserve a part, let it go, take it as paid or credited, give back.

Surprise: a reserved part does not block the rest, so two people may each pay half of an invoice at once.
What is left is the total less paid, credited and reserved, and the database refuses to let it go below zero.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ColumnElement, Uuid, Values, case, column, update, values
from sqlmodel import Session, col, select

from auth.actors import Actor
from billing.invoices import Invoice, InvoiceStatus
from errors import NotFound

_PAID, _RESERVED, _CREDITED = (
    col(Invoice.paid_minor), col(Invoice.reserved_minor), col(Invoice.credited_minor)
)  # fmt: skip
# What of an invoice payments have to cover.
_DUE = col(Invoice.total_minor) - _CREDITED


def left_minor(invoice: Invoice) -> int:
    """What can still be paid of it: neither paid nor credited, and not part of a payment under way."""
    return lacking_minor(invoice) - invoice.reserved_minor if invoice.status is InvoiceStatus.OPEN else 0


def lacking_minor(invoice: Invoice) -> int:
    """What is neither paid nor credited of it, whatever its status."""
    return invoice.total_minor - invoice.paid_minor - invoice.credited_minor


def find(db: Session, actor: Actor, *, customer_id: UUID, ids: Collection[UUID], lock: bool) -> list[Invoice]:
    """The customer's issued invoices of these ids, ordered by id; NotFound if one of them is none of its.

    `lock` holds their rows until the transaction ends. The caller holds the customer's row already, so the
    order can't make two payers wait for each other.
    """
    if actor.customer_id not in (None, customer_id):
        raise NotFound
    wanted = (
        select(Invoice)
        .where(
            Invoice.partner_id == actor.partner_id,
            Invoice.customer_id == customer_id,
            Invoice.status != InvoiceStatus.DRAFT,
            col(Invoice.id).in_(ids),
        )
        .order_by(col(Invoice.id))
        .execution_options(populate_existing=True)
    )
    found = db.exec(wanted.with_for_update(key_share=True) if lock else wanted).all()
    if len(found) != len(set(ids)):
        raise NotFound
    return list(found)


def reserve(db: Session, actor: Actor, *, shares: Mapping[UUID, int], now: datetime) -> None:
    """Set aside `shares` (minor units by invoice) of what is left. The rows are locked and were looked at."""
    share = _shares(shares)
    room = share.c.minor <= _DUE - _PAID - _RESERVED
    _move(db, actor, share, len(shares), now, room, reserved_minor=_RESERVED + share.c.minor)


def release(db: Session, actor: Actor, *, shares: Mapping[UUID, int], now: datetime) -> None:
    """Let what was reserved be paid by others."""
    share = _shares(shares)
    _move(
        db, actor, share, len(shares), now, share.c.minor <= _RESERVED,
        reserved_minor=_RESERVED - share.c.minor,
    )  # fmt: skip


def take(db: Session, actor: Actor, *, shares: Mapping[UUID, int], now: datetime) -> None:
    """Turn what was reserved into paid; in full, the invoice is PAID. Only together with a posting."""
    share = _shares(shares)
    full = _PAID + share.c.minor == _DUE
    _move(
        db, actor, share, len(shares), now, share.c.minor <= _RESERVED,
        reserved_minor=_RESERVED - share.c.minor,
        paid_minor=_PAID + share.c.minor,
        status=case((full, InvoiceStatus.PAID), else_=col(Invoice.status)),
        paid_at=case((full, now), else_=col(Invoice.paid_at)),
    )  # fmt: skip


def settle(db: Session, actor: Actor, *, shares: Mapping[UUID, int], now: datetime) -> None:
    """Take as paid what nobody had reserved: it came in past any gateway. Only together with a posting."""
    share = _shares(shares)
    full = _PAID + share.c.minor == _DUE
    _move(
        db, actor, share, len(shares), now, share.c.minor <= _DUE - _PAID - _RESERVED,
        paid_minor=_PAID + share.c.minor,
        status=case((full, InvoiceStatus.PAID), else_=col(Invoice.status)),
        paid_at=case((full, now), else_=col(Invoice.paid_at)),
    )  # fmt: skip


def credit(db: Session, actor: Actor, *, shares: Mapping[UUID, int], now: datetime) -> None:
    """Take off what need not be paid any more; with nothing left, the invoice is PAID. Only together with a
    posting."""
    share = _shares(shares)
    full = _PAID + share.c.minor == _DUE
    _move(
        db, actor, share, len(shares), now, share.c.minor <= _DUE - _PAID - _RESERVED,
        credited_minor=_CREDITED + share.c.minor,
        status=case((full, InvoiceStatus.PAID), else_=col(Invoice.status)),
        paid_at=case((full, now), else_=col(Invoice.paid_at)),
    )  # fmt: skip


def give_back(db: Session, actor: Actor, *, shares: Mapping[UUID, int], now: datetime) -> None:
    """Take back what was paid: the invoices are open again. Only together with a posting."""
    share = _shares(shares)
    _move(
        db, actor, share, len(shares), now, share.c.minor <= _PAID,
        statuses=(InvoiceStatus.OPEN, InvoiceStatus.PAID),
        paid_minor=_PAID - share.c.minor,
        status=InvoiceStatus.OPEN,
        paid_at=None,
        archived_at=None,  # what is owed again is in the lists again
        archiving_id=None,
    )  # fmt: skip


def _shares(shares: Mapping[UUID, int]) -> Values:
    listed = values(column("id", Uuid), column("minor", BigInteger), name="share")
    return listed.data(list(shares.items()))


def _move(
    db: Session,
    actor: Actor,
    share: Values,
    expected: int,
    now: datetime,
    room: ColumnElement[bool],
    statuses: tuple[InvoiceStatus, ...] = (InvoiceStatus.OPEN,),
    **changes: object,
) -> None:
    """One statement for all of them. Fewer rows than shares would be a bug: nothing of it may stay."""
    moved = db.execute(
        update(Invoice)
        .where(
            col(Invoice.partner_id) == actor.partner_id,
            col(Invoice.id) == share.c.id,
            col(Invoice.status).in_(statuses),
            room,
        )
        .values(**changes, updated_at=now)
        .returning(col(Invoice.id))
        .execution_options(synchronize_session=False)
    ).all()
    if len(moved) != expected:
        raise RuntimeError(f"{len(moved)} of {expected} invoices could be moved")
