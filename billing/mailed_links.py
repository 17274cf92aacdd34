"""Pay links that are mailed: one with each invoice, and a fresh one to the addresses on file for the asking.

Surprise: whoever asks is never told what became of it. A link that ran out, one that was revoked and one that
was made up are asked about alike, and mail goes to the customer's own people or to nobody (GUARANTEES C-10).
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from auth import audit, throttle
from auth.actors import Actor, ActorKind
from auth.memberships import Membership, MembershipStatus, Role
from auth.throttle import Limit, bucket_of, network_of
from auth.tokens import DeadLink
from billing import mails, pay_links
from billing.customers import CustomerStatus
from billing.invoices import Invoice, InvoiceStatus
from billing.mails import MailKind
from billing.pay_links import PayLink, PayLinkOrigin

# Who is written to about invoices: the customer's people who can pay.
TOLD = frozenset({Role.MANAGER, Role.PAYER})
ASKED_FROM = Limit("fresh pay links asked from address", 20, timedelta(hours=1))
_OF_INVOICE = Limit("fresh pay link of invoice", 1, timedelta(hours=1))


def with_invoice(db: Session, actor: Actor, *, invoice: Invoice, now: datetime) -> PayLink:
    """The link that goes out with an open invoice's mails: the live one of earlier mails, else a new one."""
    live = _live(db, invoice.partner_id, invoice.id, PayLinkOrigin.INVOICE, now)
    return live or pay_links.added(db, actor, invoice, PayLinkOrigin.INVOICE, now=now)


def path_in_mail(db: Session, *, partner_id: UUID, invoice_id: UUID, now: datetime) -> str | None:
    """Where the link in an invoice's mail leads; None once it was revoked or nothing is to pay."""
    mine = (Invoice.partner_id == partner_id, Invoice.id == invoice_id)
    if db.exec(select(Invoice.status).where(*mine)).one() is not InvoiceStatus.OPEN:
        return None
    link = _live(db, partner_id, invoice_id, PayLinkOrigin.INVOICE, now)
    return pay_links.path_of(pay_links.token_of(db, link)) if link else None


def ask_fresh(db: Session, *, token: str, address: str, now: datetime) -> None:
    """Mail a fresh link to the customer's managers and payers, if the token's link was not ended by anybody.

    At most one an hour for an invoice, and only while something of it is to be paid. Says nothing of what it
    did. Refuses TooMany, which counts whatever is asked for from `address`.
    """
    throttle.count_all(db, [bucket_of(db, ASKED_FROM, network_of(address))], now=now)
    try:
        link, customer = pay_links.known(db, token=token)
    except DeadLink:
        return
    mine = (Invoice.partner_id == link.partner_id, Invoice.id == link.invoice_id)
    invoice = db.exec(select(Invoice).where(*mine)).one()
    if link.revoked_at is not None or invoice.status is not InvoiceStatus.OPEN:
        return
    if customer.status is not CustomerStatus.ACTIVE:
        return
    if not throttle.is_first(db, bucket_of(db, _OF_INVOICE, link.partner_id, invoice.id), now=now):
        return
    asker = Actor(ActorKind.GUEST, link.partner_id, id=link.id, name="Pay link")
    live = _live(db, link.partner_id, invoice.id, PayLinkOrigin.FRESH, now)
    fresh = live or pay_links.added(db, asker, invoice, PayLinkOrigin.FRESH, now=now)
    for member_id in _addressed(db, link):
        mails.queue(
            db, partner_id=link.partner_id, kind=MailKind.PAY_LINK, membership_id=member_id,
            subject_id=fresh.id, customer_id=link.customer_id, now=now,
        )  # fmt: skip
    audit.record(
        db, asker, action="pay_link.mailed", subject_kind="invoice", subject_id=invoice.id,
        customer_id=link.customer_id, now=now, number=invoice.number,
    )  # fmt: skip


def of_mail(db: Session, *, partner_id: UUID, link_id: UUID, now: datetime) -> tuple[Invoice, str | None]:
    """The invoice a fresh link is to, and where it leads; None if it opens nothing by now."""
    mine = (PayLink.partner_id == partner_id, PayLink.id == link_id)
    link = db.exec(select(PayLink).where(*mine)).one()
    invoice = db.exec(
        select(Invoice).where(Invoice.partner_id == partner_id, Invoice.id == link.invoice_id)
    ).one()
    is_live = link.revoked_at is None and link.expires_at > now
    return invoice, pay_links.path_of(pay_links.token_of(db, link)) if is_live else None


def _live(
    db: Session, partner_id: UUID, invoice_id: UUID, origin: PayLinkOrigin, now: datetime
) -> PayLink | None:
    wanted = (
        select(PayLink)
        .where(
            PayLink.partner_id == partner_id,
            PayLink.invoice_id == invoice_id,
            PayLink.origin == origin,
            col(PayLink.revoked_at).is_(None),
            col(PayLink.expires_at) > now,
        )
        .order_by(col(PayLink.created_at).desc(), col(PayLink.id).desc())
        .limit(1)
    )
    return db.exec(wanted).one_or_none()


def _addressed(db: Session, link: PayLink) -> list[UUID]:
    reachable = (MembershipStatus.INVITED, MembershipStatus.ACTIVE)
    wanted = (
        select(Membership.id)
        .where(
            Membership.partner_id == link.partner_id,
            Membership.customer_id == link.customer_id,
            col(Membership.status).in_(reachable),
            col(Membership.role).in_(TOLD),
        )
        .order_by(col(Membership.created_at), col(Membership.id))
    )
    return list(db.exec(wanted).all())
