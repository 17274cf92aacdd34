"""Pay links: whoever holds one sees one invoice and pays it, without an account.

Surprise: a link that is expired, revoked, made up or of a closed customer is the same DeadLink. And whoever
comes by one is no user of the customer's: the database shows them this invoice and nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text, update
from sqlmodel import Session, SQLModel, col, select

from auth import audit
from auth.actors import Action, Actor, ActorKind
from auth.tokens import DeadLink, digest_of, link_token
from billing import invoices
from billing.customers import Customer, CustomerStatus
from billing.invoices import Invoice, InvoiceStatus
from billing.partners import Partner
from db.columns import choice, count, digest, instant, key, new_id, tenant
from db.policies import Guard, guarded
from db.session import enter
from errors import Conflict, NotFound

PURPOSE = "pay_link"
# A link made for an invoice that is long past due is still good for a while.
PAST_DUE, AT_LEAST = timedelta(days=90), timedelta(days=30)
MOST_LIVE = 20
# Reloading a page is not looking at the invoice again: the log has one line for each hour of it.
ONE_VISIT = timedelta(hours=1)
_CLOSED = (InvoiceStatus.DRAFT, InvoiceStatus.VOID)


class PayLinkOrigin(StrEnum):
    """STAFF made it; INVOICE: it goes out with the invoice's mails; FRESH: mailed when asked for."""

    STAFF = "STAFF"
    INVOICE = "INVOICE"
    FRESH = "FRESH"


class PayLink(SQLModel, table=True):
    """A link to one invoice. Only the SHA-256 of its token is kept. Dead once revoked or past its time.

    `owner_id` is always null: the guard that keeps a partner's tags from customers keeps these too.
    """

    __tablename__ = "pay_link"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id", "invoice_id"],
            ["invoice.partner_id", "invoice.customer_id", "invoice.id"],
        ),
        UniqueConstraint("token_hash"),
        CheckConstraint("(opened_count = 0) = (last_opened_at is null)", name="opened_has_time"),
        Index("ix_pay_link_invoice", "partner_id", "invoice_id", "created_at", "id"),
        CheckConstraint("owner_id is null", name="partners_only"),
        guarded(Guard.OWN),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    invoice_id: UUID
    owner_id: UUID | None = None
    origin: PayLinkOrigin = choice(PayLinkOrigin, default=PayLinkOrigin.STAFF)
    token_hash: bytes = digest()
    created_at: datetime = instant()
    created_by: UUID | None = None
    created_by_name: str
    expires_at: datetime = instant()
    revoked_at: datetime | None = instant(default=None)
    opened_count: int = count(default=0)
    last_opened_at: datetime | None = instant(default=None)


class NothingToShow(Conflict):
    """Drafts are the partner's own, and of a void invoice nothing is owed."""

    code = "NO_PAY_LINK"
    message = "Pay links are for issued invoices that are not void."


class ManyLinks(Conflict):
    """An invoice has few readers."""

    code = "TOO_MANY_PAY_LINKS"
    message = "This invoice has 20 live pay links. Revoke one of them first."


@dataclass(frozen=True, slots=True)
class Made:
    """A new link with its token, which is told once."""

    link: PayLink
    token: str


@dataclass(frozen=True, slots=True)
class Guest:
    """Who came by a link, and to which invoice."""

    actor: Actor
    invoice_id: UUID
    partner: Partner


def create(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> Made:
    """A new link to an issued invoice, good until 90 days past due by the partner's calendar, 30 at least.

    Refuses NotFound, MissingRight, NothingToShow, ManyLinks.
    """
    actor.require(Action.EDIT_INVOICES)
    if not actor.is_staff_side:
        raise NotFound
    _, invoice = invoices.locked(db, actor, invoice_id=invoice_id, billable=True)
    if invoice.status in _CLOSED:
        raise NothingToShow
    if len(live_of(db, actor, invoice_id=invoice.id, now=now)) >= MOST_LIVE:
        raise ManyLinks
    link = added(db, actor, invoice, PayLinkOrigin.STAFF, now=now)
    _record(db, actor, link, invoice, "pay_link.created", now)
    return Made(link, token_of(db, link))


def added(db: Session, actor: Actor, invoice: Invoice, origin: PayLinkOrigin, *, now: datetime) -> PayLink:
    """One more link to an issued invoice; whoever calls has looked whether there may be one."""
    link = PayLink(
        partner_id=actor.partner_id, id=new_id(), customer_id=invoice.customer_id, invoice_id=invoice.id,
        origin=origin, token_hash=b"", created_at=now, created_by=None if actor.is_guest else actor.id,
        created_by_name=actor.name, expires_at=_expiry(db, invoice, now),
    )  # fmt: skip
    link.token_hash = digest_of(token_of(db, link))
    db.add(link)
    db.flush()
    return link


def token_of(db: Session, link: PayLink) -> str:
    """What opens a link: derived anew for each of its mails, kept nowhere."""
    return link_token(db, PURPOSE, link.partner_id, link.id)


def revoke(db: Session, actor: Actor, *, link_id: UUID, now: datetime) -> PayLink:
    """Have a link open nothing from now on; twice changes nothing. Refuses NotFound, MissingRight."""
    actor.require(Action.EDIT_INVOICES)
    if not actor.is_staff_side:
        raise NotFound
    mine = (PayLink.partner_id == actor.partner_id, PayLink.id == link_id)
    wanted = select(PayLink).where(*mine).with_for_update()
    link = db.exec(wanted.execution_options(populate_existing=True)).one_or_none()
    if link is None:
        raise NotFound
    if link.revoked_at is None:
        link.revoked_at = now
        db.flush()
        _record(db, actor, link, _invoice_of(db, link), "pay_link.revoked", now)
    return link


def path_of(token: str) -> str:
    """Where a link leads, below this installation's address."""
    return f"/pay/{token}"


def live_of(db: Session, actor: Actor, *, invoice_id: UUID, now: datetime) -> Sequence[PayLink]:
    """The links of an invoice that still open it, the newest first."""
    mine = (PayLink.partner_id == actor.partner_id, PayLink.invoice_id == invoice_id)
    alive = (col(PayLink.revoked_at).is_(None), col(PayLink.expires_at) > now)
    newest = (col(PayLink.created_at).desc(), col(PayLink.id).desc())
    return db.exec(select(PayLink).where(*mine, *alive).order_by(*newest)).all()


def open_link(db: Session, *, token: str, is_counted: bool, now: datetime) -> Guest:
    """The guest whom a live link lets in; from here on `db` shows its one invoice, to read.

    A counted opening is written on the link, and into the log once an hour. Refuses DeadLink, the same
    for every reason.
    """
    link, guest = _live(db, token, now)
    if is_counted:
        _count(db, guest.actor, link, now)
    # The link's id is no customer's: what customers see of their own stays shut.
    enter(
        db, partner_id=link.partner_id, customer_id=link.id, invoice_id=link.invoice_id,
        billed_id=link.customer_id,
    )  # fmt: skip
    return guest


def let_in_to_pay(db: Session, *, token: str, link_id: UUID, now: datetime) -> Guest:
    """As `open_link`, to pay: `db` is the customer's from here on, but for what a guest may not write.

    `link_id` is whose the token must be. No document is read here, only what a payment's rules ask for.
    Refuses DeadLink.
    """
    link, guest = _live(db, token, now)
    if link.id != link_id:
        raise DeadLink
    enter(db, **guest.actor.reach)
    return guest


def known(db: Session, *, token: str) -> tuple[PayLink, Customer]:
    """The link of a token, live or not, and whose it is; `db` is the partner's then. Refuses DeadLink."""
    found = db.execute(
        text("select partner_id, link_id from find_pay_link(:hash)"), {"hash": digest_of(token)}
    ).one_or_none()
    if found is None:
        raise DeadLink
    enter(db, partner_id=found.partner_id)
    mine = (PayLink.partner_id == found.partner_id, PayLink.id == found.link_id)
    link = db.exec(select(PayLink).where(*mine)).one()
    ours = (Customer.partner_id == link.partner_id, Customer.id == link.customer_id)
    return link, db.exec(select(Customer).where(*ours)).one()


def _live(db: Session, token: str, now: datetime) -> tuple[PayLink, Guest]:
    link, customer = known(db, token=token)
    if link.revoked_at is not None or link.expires_at <= now or customer.status is CustomerStatus.ARCHIVED:
        raise DeadLink
    partner = db.exec(select(Partner).where(Partner.id == link.partner_id)).one()
    actor = Actor(
        ActorKind.GUEST, link.partner_id, id=link.id, customer_id=link.customer_id, name="Pay link",
        invoice_id=link.invoice_id,
        # Whoever came by a fresh one reads the company's mail.
        proved_at=link.created_at if link.origin is PayLinkOrigin.FRESH else None,
    )  # fmt: skip
    return link, Guest(actor, link.invoice_id, partner)


def _count(db: Session, actor: Actor, link: PayLink, now: datetime) -> None:
    # The row is kept until the end: of two who open at once, one writes the log's line.
    mine = (col(PayLink.partner_id) == link.partner_id, col(PayLink.id) == link.id)
    before = db.exec(select(PayLink.last_opened_at).where(*mine).with_for_update(key_share=True)).one()
    db.execute(
        update(PayLink).where(*mine).values(opened_count=col(PayLink.opened_count) + 1, last_opened_at=now)
    )
    if before is None or now - before >= ONE_VISIT:
        _record(db, actor, link, _invoice_of(db, link), "invoice.viewed", now)


def _expiry(db: Session, invoice: Invoice, now: datetime) -> datetime:
    zone = db.exec(select(Partner.time_zone).where(Partner.id == invoice.partner_id)).one()
    last = datetime.combine(invoice.due_on + PAST_DUE, time.max, ZoneInfo(zone))
    return max(last, now + AT_LEAST)


def _invoice_of(db: Session, link: PayLink) -> Invoice:
    mine = (Invoice.partner_id == link.partner_id, Invoice.id == link.invoice_id)
    return db.exec(select(Invoice).where(*mine)).one()


def _record(db: Session, actor: Actor, link: PayLink, invoice: Invoice, action: str, now: datetime) -> None:
    audit.record(
        db, actor, action=action, subject_kind="invoice", subject_id=invoice.id,
        customer_id=link.customer_id, now=now, number=invoice.number,
    )  # fmt: skip
