"""Mails that come back: what a delivery notice changes, and whose address is known to give mails back.

Surprise: an invoice stays sent when its mail comes back. A server took it at that time, and who read it
meanwhile nobody knows; that nobody has it is asked otherwise (`derived.is_undelivered`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy import false as no
from sqlmodel import Session
from sqlmodel import select as select_rows

from auth import audit
from auth.actors import Actor
from auth.emails import normal_form
from billing import invoice_sending
from billing.derived import Moment
from billing.invoices import Invoice
from billing.mails import Mail, MailKind, MailStatus


def note(
    db: Session,
    actor: Actor,
    *,
    mail_id: UUID,
    addresses: Sequence[str],
    is_final: bool,
    words: str,
    now: datetime,
) -> bool:
    """Write down that a server gave a mail back (`is_final`), or still tries to deliver it; whether that was
    news.

    `addresses` are normal forms of those the notice is about: a mail that went to none of them is left as it
    is, as is one that came back already, or that no server was ever asked to take. `words` are the server's.
    """
    mine = (Mail.partner_id == actor.partner_id, Mail.id == mail_id)
    mail = db.exec(select_rows(Mail).where(*mine).with_for_update()).one_or_none()
    if mail is None or mail.address is None or normal_form(mail.address) not in addresses:
        return False
    if not is_final:
        return _note_delay(mail, words, now)
    if mail.status not in (MailStatus.QUEUED, MailStatus.SENT):
        return False
    # A server had it, though whoever handed it over did not live to write that down.
    is_new = mail.sent_at is None
    mail.status, mail.answer, mail.bounced_at = MailStatus.BOUNCED, words, now
    mail.sent_at = mail.sent_at or now
    if mail.kind is MailKind.INVOICE and is_new:
        invoice_sending.note_taken(db, partner_id=mail.partner_id, invoice_id=mail.subject_id, now=now)
    _record(db, actor, mail, now)
    return True


def _note_delay(mail: Mail, words: str, now: datetime) -> bool:
    if mail.status is not MailStatus.SENT or (mail.delayed_at is not None and mail.answer == words):
        return False
    mail.delayed_at, mail.answer = now, words
    return True


def _record(db: Session, actor: Actor, mail: Mail, now: datetime) -> None:
    if mail.kind is MailKind.INVOICE:
        mine = (Invoice.partner_id == mail.partner_id, Invoice.id == mail.subject_id)
        number = db.exec(select_rows(Invoice.number).where(*mine)).one()
        audit.record(
            db, actor, action="invoice.bounced", subject_kind="invoice", subject_id=mail.subject_id,
            customer_id=mail.customer_id, now=now, number=number,
        )  # fmt: skip
    else:
        audit.record(
            db, actor, action="user.mail_bounced", subject_kind="user", subject_id=mail.membership_id,
            customer_id=mail.customer_id, now=now,
        )  # fmt: skip


def is_bouncing(member: Any, at: Moment) -> ColumnElement[Any]:
    """Did the last mail to their present address come back? As a condition, for lists."""
    bouncing: ColumnElement[bool] = _came_back(member).exists()
    return bouncing


def shows_bouncing(member: Any, at: Moment) -> ColumnElement[Any]:
    """The same as a value."""
    return func.coalesce(_came_back(member).with_only_columns(true()).limit(1).scalar_subquery(), no())


def is_bounced(mail: Any, at: Moment) -> ColumnElement[Any]:
    """A mail that came back."""
    came_back: ColumnElement[bool] = mail.status == MailStatus.BOUNCED
    return came_back


def _came_back(member: Any) -> Any:
    t = Mail.__table__.alias("came_back").c  # type: ignore[attr-defined]
    later = Mail.__table__.alias("taken_since").c  # type: ignore[attr-defined]
    since = (
        later.partner_id == t.partner_id,
        later.membership_id == t.membership_id,
        later.address == t.address,
        later.status == MailStatus.SENT,
        later.created_at > t.created_at,
    )
    return select(t.id).where(
        t.partner_id == member.partner_id,
        t.membership_id == member.id,
        t.address == member.email,
        t.status == MailStatus.BOUNCED,
        ~select(later.id).where(*since).exists(),
    )
