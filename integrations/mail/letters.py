"""What each mail says: read from the records when its turn comes.

Surprise: a letter may turn out not to be wanted any more (the invite was revoked, the person removed, the
invoice voided). Then there is no letter, and the mail is dropped with the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from auth import invites, personal_tokens, users
from auth.actors import system
from auth.audit import PersonalEvent
from auth.emails import parse_email
from auth.invites import Invite
from auth.memberships import Membership, MembershipStatus
from auth.personal_tokens import PersonalToken
from auth.users import User
from billing import credit_notes, mailed_links, outside_payments, thread_mails
from billing.access_requests import AccessRequest, AccessStatus
from billing.colours import readable_on
from billing.customers import Customer, CustomerStatus
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
from languages import ENGLISH, Locale, known, mark, speaking


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


class PersonalLetter(Protocol):
    """Writes the letter with a personal link. Raises `NotWanted` for a link that is dead by now."""

    def __call__(
        self, db: Session, *, user: User, token: PersonalToken, link: Link, now: datetime
    ) -> Letter: ...


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


def reset(db: Session, *, user: User, token: PersonalToken, link: Link, now: datetime) -> Letter:
    """The letter with the link that sets a new password."""
    _require_alive(token, now)
    values = {"link": link(f"/reset/{personal_tokens.token_of(db, token)}"), "minutes": 60}
    return Letter("RESET", token.id, user.name, user.email, "Remit", None, locale_of_person(user), values)


def email_change(db: Session, *, user: User, token: PersonalToken, link: Link, now: datetime) -> Letter:
    """The letter to a new address: the link that confirms it; or, if it has an account already, just that."""
    _require_alive(token, now)
    new = parse_email(token.email)
    holder = users.find(db, new.normal)
    if holder is not None and holder != user.id:
        return Letter(
            "EMAIL_TAKEN", token.id, new.address, new.address, "Remit", None, locale_of_person(user),
            {"link": link("/forgot")},
        )  # fmt: skip
    values = {"link": link(f"/email-change/{personal_tokens.token_of(db, token)}"), "new": new.address}
    return Letter(
        "EMAIL_CHANGE", token.id, user.name, new.address, "Remit", None, locale_of_person(user), values
    )


def email_undo(db: Session, *, user: User, token: PersonalToken, link: Link, now: datetime) -> Letter:
    """The letter to the address a person has: another is to take its place, and the link that undoes it."""
    _require_alive(token, now)
    assert token.email is not None
    values = {
        "link": link(f"/email-undo/{personal_tokens.token_of(db, token)}"),
        "until": token.expires_at.date(),
    }
    return Letter(
        "EMAIL_UNDO", token.id, user.name, token.email, "Remit", None, locale_of_person(user), values
    )


def locale_of_person(user: User) -> Locale:
    return known(user.locale) or ENGLISH


def _require_alive(token: PersonalToken, now: datetime) -> None:
    if token.used_at is not None or token.expires_at <= now:
        raise NotWanted("the link is used or expired")


def password_changed(*, user: User, event_id: UUID, link: Link) -> Letter:
    """The letter that tells the owner of a changed password."""
    values = {"link": link("/forgot")}
    return Letter(
        "PASSWORD_CHANGED", event_id, user.name, user.email, "Remit", None, locale_of_person(user), values
    )


_FACTORS_CHANGED = {
    "factor.added": mark(
        "An authenticator app was added to your account: its codes sign in with your password."
    ),
    "factor.removed": mark("An authenticator app was removed from your account: its codes no longer work."),
    "factors.reset": mark(
        "Every passkey, authenticator app and recovery code was taken from your account by whoever runs this "
        "server, because they were said to be lost, and you were signed out everywhere. Sign in with your "
        "password, or ask for a new one, and set up a new second step."
    ),
    "recovery_codes.renewed": mark(
        "New recovery codes were made for your account: the old ones no longer work."
    ),
    "recovery_code.used": mark("A recovery code of your account was used. It will not work again."),
    "passkey.added": mark("A passkey was added to your account: it signs in without your password."),
    "passkey.removed": mark("A passkey was removed from your account: it no longer signs in."),
    "passkey.copied": mark(
        "Somebody tried to sign in with what looks like a copy of one of your passkeys. It was refused. "
        "Remove that passkey, and add a new one."
    ),
}


def factors_changed(*, user: User, event: PersonalEvent, link: Link) -> Letter:
    """The letter that tells the owner what changed in the account's second factors."""
    values = {"what": _FACTORS_CHANGED[event.action], "link": link("/account/factors")}
    return Letter(
        "FACTORS_CHANGED", event.id, user.name, user.email, "Remit", None, locale_of_person(user), values
    )


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
        select(Invoice.number, PaymentAllocation.amount_minor)
        .join(Invoice, col(Invoice.id) == col(PaymentAllocation.invoice_id))
        .where(PaymentAllocation.partner_id == mail.partner_id, PaymentAllocation.payment_id == payment.id)
        .where(Invoice.partner_id == mail.partner_id)
        .order_by(col(Invoice.number))
    ).all()
    partner = db.exec(select(Partner).where(Partner.id == mail.partner_id)).one()
    assert customer is not None
    return {
        "amount": Money(payment.amount_minor, payment.currency),
        "brand": method.brand,
        "last4": method.last4,
        # By the partner's calendar, as on the receipt.
        "paid_on": (payment.settled_at or now).astimezone(ZoneInfo(partner.time_zone)).date(),
        "reason": payment.failure_message,
        "invoices": [(number, Money(minor, payment.currency)) for number, minor in rows],
        "link": link(f"/portal/{customer.slug}/payments/pay_{payment.id.hex}"),
    }


def _outside(db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime) -> dict[str, Any]:
    payment, invoice = outside_payments.of_invoice(db, system(mail.partner_id), payment_id=mail.subject_id)
    if payment.reversed_at is not None:
        raise NotWanted("the payment was taken back")
    assert customer is not None
    return {
        "amount": Money(payment.amount_minor, payment.currency),
        "left": Money(lacking_minor(invoice), invoice.currency),
        "received_on": payment.received_on,
        "reference": payment.reference,
        "number": invoice.number,
        "link": link(f"/portal/{customer.slug}/invoices/inv_{invoice.id.hex}"),
    }


def _taken_back(
    db: Session, mail: Mail, customer: Customer | None, link: Link, now: datetime
) -> dict[str, Any]:
    payment, invoice = outside_payments.of_invoice(db, system(mail.partner_id), payment_id=mail.subject_id)
    assert customer is not None
    return {
        "amount": Money(payment.amount_minor, payment.currency),
        "left": Money(lacking_minor(invoice), invoice.currency),
        "received_on": payment.received_on,
        "reason": payment.reversal_reason,
        "number": invoice.number,
        "link": link(f"/portal/{customer.slug}/invoices/inv_{invoice.id.hex}"),
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
