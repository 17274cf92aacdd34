"""What each mail to somebody's place at a tenant says: read from the records when its turn comes.

Surprise: a letter may turn out not to be wanted any more (the invite was revoked, the person removed, the
invoice voided). Then there is no letter, and the mail is dropped with the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from auth import invites
from auth.actors import system
from auth.invites import Invite
from auth.memberships import Membership, MembershipStatus
from billing import credit_notes, mailed_links, outside_payments, thread_mails, voided_mails
from billing.access_requests import AccessRequest, AccessStatus
from billing.card_brands import brand_text
from billing.colours import readable_on
from billing.customers import Customer, CustomerStatus
from billing.declines import why_failed
from billing.invoice_balances import lacking_minor
from billing.invoice_threads import ThreadKind
from billing.invoices import Invoice, InvoiceStatus
from billing.mails import Mail, MailKind
from billing.money import Money
from billing.partners import Partner
from billing.payment_methods import PaymentMethod
from billing.payments import Payment, PaymentAllocation
from integrations.pdf.credit_notes import credit_note_sheet
from integrations.pdf.invoices import invoice_sheet
from integrations.pdf.press import Sheet
from integrations.pdf.receipts import outside_receipt_sheet, receipt_sheet
from languages import ENGLISH, Locale, known, speaking


class NotWanted(Exception):
    """The mail's reason is gone; the message says which."""


@dataclass(frozen=True)
class Letter:
    """One mail's content, before it becomes text in the language `locale`; `sheet` is attached as a PDF."""

    kind: str
    mail_id: UUID
    to_name: str
    to_address: str
    sender_name: str
    reply_to: str | None
    locale: Locale
    values: dict[str, Any] = field(repr=False)
    sheet: Sheet | None = field(default=None, repr=False)


Link = Callable[[str], str]


def to_member(db: Session, mail: Mail, link: Link, *, now: datetime) -> Letter:
    """The letter behind a queued mail. Raises `NotWanted` if it should not be sent any more."""
    partner = db.exec(select(Partner).where(Partner.id == mail.partner_id)).one()
    member = db.exec(
        select(Membership).where(
            Membership.partner_id == mail.partner_id, Membership.id == mail.membership_id
        )
    ).one()
    if member.status in (MembershipStatus.REMOVED, MembershipStatus.DISABLED):
        raise NotWanted("the person no longer has access")
    customer = None
    if mail.customer_id is not None:
        theirs = (Customer.partner_id == mail.partner_id, Customer.id == mail.customer_id)
        customer = db.exec(select(Customer).where(*theirs)).one()
        if customer.status is CustomerStatus.ARCHIVED:
            raise NotWanted("the customer is archived")
    values = _VALUES[mail.kind](db, mail, customer, link, now)
    locale = known(member.locale) or locale_of(partner)
    with speaking(locale):
        attach = _PAPERS.get(mail.kind)
        sheet = attach(db, mail) if attach else None
    return Letter(
        kind=mail.kind.value,
        mail_id=mail.id,
        to_name=member.name,
        to_address=member.email,
        sender_name=partner.name,
        reply_to=partner.support_email,
        locale=locale,
        sheet=sheet,
        values={
            "company": customer.company if customer else partner.name,
            "support": reached(partner) if customer else (),
            **colours(partner.accent),
            **values,
        },
    )


def locale_of(partner: Partner) -> Locale:
    """What the partner writes in to people who chose no language."""
    return known(partner.locale) or ENGLISH


def reached(partner: Partner) -> tuple[str, ...]:
    """How the partner is reached, in the words that stand at a mail's foot."""
    return tuple(filter(None, (partner.support_email, partner.support_phone, partner.support_url)))


def colours(accent: str | None) -> dict[str, str]:
    """What a mail's button is filled with and what stands on it; nothing for Remit's own."""
    return {"accent": accent, "on_accent": readable_on(accent)} if accent else {}


def _invite(db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime) -> dict[str, Any]:
    mine = (Invite.partner_id == mail.partner_id, Invite.id == mail.subject_id)
    invite = db.exec(select(Invite).where(*mine)).one()
    if invite.accepted_at or invite.revoked_at or invite.expires_at <= now:
        raise NotWanted("the invite is used, revoked or expired")
    return {
        "link": link(f"/invite/{invites.token_of(db, invite)}"),
        "expires_on": invite.expires_at.date(),
        "is_staff": customer is None,
    }


def _invoice(db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime) -> dict[str, Any]:
    mine = (Invoice.partner_id == mail.partner_id, Invoice.id == mail.subject_id)
    invoice = db.exec(select(Invoice).where(*mine)).one()
    if invoice.status not in (InvoiceStatus.OPEN, InvoiceStatus.PAID):
        raise NotWanted("the invoice is no longer open")
    # A copy of a paid one is sent because somebody asked for it then, never in place of one that asks to pay.
    if invoice.paid_at is not None and mail.created_at < invoice.paid_at:
        raise NotWanted("the invoice was paid meanwhile")
    assert customer is not None
    member = db.get_one(Membership, (mail.partner_id, mail.membership_id))
    path = mailed_links.path_in_mail(db, partner_id=mail.partner_id, invoice_id=invoice.id, now=now)
    return {
        "number": invoice.number,
        "total": Money(invoice.total_minor, invoice.currency),
        "balance": Money(lacking_minor(invoice), invoice.currency),
        "due_on": invoice.due_on,
        "memo": invoice.memo,
        "is_paid": invoice.status is InvoiceStatus.PAID,
        "link": link(f"/portal/{customer.slug}/invoices/inv_{invoice.id.hex}"),
        "pay_link": link(path) if path else None,
        # Whoever has not accepted their invite can sign in nowhere yet.
        "ask_again": link("/forgot") if member.status is MembershipStatus.INVITED else None,
    }


def _voided(db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime) -> dict[str, Any]:
    mine = (Invoice.partner_id == mail.partner_id, Invoice.id == mail.subject_id)
    invoice = db.exec(select(Invoice).where(*mine)).one()
    if not voided_mails.has_it(
        db, partner_id=mail.partner_id, membership_id=mail.membership_id, invoice_id=invoice.id
    ):
        raise NotWanted("the invoice never reached them")
    assert customer is not None
    return {
        "number": invoice.number,
        "total": Money(invoice.total_minor, invoice.currency),
        "reason": invoice.void_reason,
        "link": link(f"/portal/{customer.slug}/invoices/inv_{invoice.id.hex}"),
    }


def _fresh_link(
    db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime
) -> dict[str, Any]:
    invoice, path = mailed_links.of_mail(db, partner_id=mail.partner_id, link_id=mail.subject_id, now=now)
    if path is None:
        raise NotWanted("the link is revoked")
    if invoice.status is not InvoiceStatus.OPEN:
        raise NotWanted("the invoice is no longer open")
    return {
        "number": invoice.number,
        "balance": Money(lacking_minor(invoice), invoice.currency),
        "due_on": invoice.due_on,
        "link": link(path),
    }


def _payment(db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime) -> dict[str, Any]:
    mine = (Payment.partner_id == mail.partner_id, Payment.id == mail.subject_id)
    payment = db.exec(select(Payment).where(*mine)).one()
    here = (PaymentMethod.partner_id == mail.partner_id, PaymentMethod.id == payment.payment_method_id)
    method = db.exec(select(PaymentMethod).where(*here)).one()
    rows = db.exec(
        select(Invoice, PaymentAllocation.amount_minor)
        .join(PaymentAllocation, col(PaymentAllocation.invoice_id) == col(Invoice.id))
        .where(PaymentAllocation.partner_id == mail.partner_id, PaymentAllocation.payment_id == payment.id)
        .where(Invoice.partner_id == mail.partner_id)
        .order_by(col(Invoice.number))
    ).all()
    left = [(one.number, Money(lacking_minor(one), one.currency)) for one, _ in rows if lacking_minor(one)]
    partner = db.exec(select(Partner).where(Partner.id == mail.partner_id)).one()
    assert customer is not None
    return {
        "amount": Money(payment.amount_minor, payment.currency),
        "brand": brand_text(method.brand),
        "last4": method.last4,
        # By the partner's calendar, as on the receipt.
        "paid_on": (payment.settled_at or now).astimezone(ZoneInfo(partner.time_zone)).date(),
        "reason": why_failed(payment.failure_code, payment.failure_message),
        "invoices": [(invoice.number, Money(minor, payment.currency)) for invoice, minor in rows],
        "still_open": left,
        "link": link(f"/portal/{customer.slug}/payments/pay_{payment.id.hex}"),
    }


def _outside(db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime) -> dict[str, Any]:
    told = _received(db, mail, customer, link)
    if told["payment"].reversed_at is not None:
        raise NotWanted("the payment was taken back")
    return told


def _taken_back(
    db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime
) -> dict[str, Any]:
    return _received(db, mail, customer, link)


def _received(db: Session, mail: Mail, customer: Customer | None, link: Link) -> dict[str, Any]:
    """A payment from outside with its invoices; the link is to the only one, or to all such payments."""
    payment, shares = outside_payments.with_invoices(db, system(mail.partner_id), payment_id=mail.subject_id)
    assert customer is not None
    currency, (first, _) = payment.currency, shares[0]
    page = f"invoices/inv_{first.id.hex}" if len(shares) == 1 else "outside-payments"
    return {
        "payment": payment,
        "amount": Money(payment.amount_minor, currency),
        "kept": Money(payment.kept_minor, currency) if payment.kept_minor else None,
        "invoices": [(one.number, Money(share, currency)) for one, share in shares],
        "left": Money(sum(lacking_minor(one) for one, _ in shares), currency),
        "received_on": payment.received_on,
        "reference": payment.reference,
        "reason": payment.reversal_reason,
        "number": first.number,
        "link": link(f"/portal/{customer.slug}/{page}"),
    }


def _credit_note(
    db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime
) -> dict[str, Any]:
    note, invoice = credit_notes.with_invoice(db, system(mail.partner_id), note_id=mail.subject_id)
    assert customer is not None
    return {
        "number": note.number,
        "invoice_number": invoice.number,
        "total": Money(note.total_minor, note.currency),
        "applied": Money(note.applied_minor, note.currency),
        "kept": Money(note.total_minor - note.applied_minor, note.currency),
        # Nothing is left of one that is not open, whatever it lacks.
        "left": Money(lacking_minor(invoice) if invoice.status is InvoiceStatus.OPEN else 0, note.currency),
        "reason": note.reason,
        "link": link(f"/portal/{customer.slug}/credit-notes/crn_{note.id.hex}"),
    }


def _message(db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime) -> dict[str, Any]:
    message, thread = thread_mails.of_message(db, partner_id=mail.partner_id, message_id=mail.subject_id)
    mine = (Invoice.partner_id == mail.partner_id, Invoice.id == thread.invoice_id)
    number = db.exec(select(Invoice.number).where(*mine)).one()
    partner = db.exec(select(Partner).where(Partner.id == mail.partner_id)).one()
    theirs = (Customer.partner_id == mail.partner_id, Customer.id == thread.customer_id)
    company = db.exec(select(Customer.company).where(*theirs)).one()
    home = f"/portal/{customer.slug}" if customer else f"/partner/{partner.slug}"
    return {
        "who": message.author_name,
        "side": partner.name if message.is_from_partner else company,
        "message": message.text,
        "number": number,
        "is_dispute": thread.kind is ThreadKind.DISPUTE,
        "link": link(f"{home}/invoices/inv_{thread.invoice_id.hex}/threads/thr_{thread.id.hex}"),
    }


def _asked(db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime) -> dict[str, Any]:
    mine = (AccessRequest.partner_id == mail.partner_id, AccessRequest.id == mail.subject_id)
    request = db.exec(select(AccessRequest).where(*mine)).one()
    if request.status is not AccessStatus.OPEN:
        raise NotWanted("the request is resolved")
    slug = db.exec(select(Partner.slug).where(Partner.id == mail.partner_id)).one()
    return {
        "who": request.name, "email": request.email, "their_company": request.company,
        "message": request.message,
        "link": link(f"/partner/{slug}/access-requests/acr_{request.id.hex}"),
    }  # fmt: skip


_VALUES: dict[MailKind, Callable[[Session, Mail, Customer | None, Link, datetime], dict[str, Any]]] = {
    MailKind.INVITE: _invite,
    MailKind.INVITE_REMINDER: _invite,
    MailKind.INVOICE: _invoice,
    MailKind.RECEIPT: _payment,
    MailKind.OUTSIDE_RECEIPT: _outside,
    MailKind.OUTSIDE_REVERSED: _taken_back,
    MailKind.PAYMENT_FAILED: _payment,
    MailKind.ACCESS_ASKED: _asked,
    MailKind.THREAD_REPLY: _message,
    MailKind.PAY_LINK: _fresh_link,
    MailKind.CREDIT_NOTE: _credit_note,
    MailKind.INVOICE_VOIDED: _voided,
}

_PAPERS: dict[MailKind, Callable[[Session, Mail], Sheet]] = {
    MailKind.INVOICE: lambda db, mail: invoice_sheet(db, system(mail.partner_id), invoice_id=mail.subject_id),
    MailKind.RECEIPT: lambda db, mail: receipt_sheet(db, system(mail.partner_id), payment_id=mail.subject_id),
    MailKind.OUTSIDE_RECEIPT: lambda db, mail: outside_receipt_sheet(
        db, system(mail.partner_id), payment_id=mail.subject_id
    ),
    MailKind.CREDIT_NOTE: lambda db, mail: credit_note_sheet(
        db, system(mail.partner_id), note_id=mail.subject_id
    ),
}
"""What comes with a mail, as a PDF."""
