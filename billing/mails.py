"""Mails to people of a tenant: a row each, written in the business transaction, sent by the worker.

Surprise: a row holds no text and no link. Both are made when it is sent, so no dump holds a live link.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, text
from sqlmodel import Session, SQLModel

from db.columns import choice, count, instant, key, tenant
from db.policies import Guard, guarded
from db.session import defer


class MailKind(StrEnum):
    """Which templates folder the text comes from."""

    INVITE = "INVITE"
    INVITE_REMINDER = "INVITE_REMINDER"
    INVOICE = "INVOICE"
    RECEIPT = "RECEIPT"
    OUTSIDE_RECEIPT = "OUTSIDE_RECEIPT"
    OUTSIDE_REVERSED = "OUTSIDE_REVERSED"
    PAYMENT_FAILED = "PAYMENT_FAILED"
    ACCESS_ASKED = "ACCESS_ASKED"
    THREAD_REPLY = "THREAD_REPLY"
    PAY_LINK = "PAY_LINK"
    CREDIT_NOTE = "CREDIT_NOTE"
    INVOICE_VOIDED = "INVOICE_VOIDED"


class MailStatus(StrEnum):
    """SENT only when a server took it; BOUNCED when one gave it back; DEAD after three days of trying;
    DROPPED when its reason was gone.
    """

    QUEUED = "QUEUED"
    SENT = "SENT"
    BOUNCED = "BOUNCED"
    REFUSED = "REFUSED"
    DEAD = "DEAD"
    DROPPED = "DROPPED"


_LOST = "status in ('REFUSED', 'DEAD', 'BOUNCED')"


class Mail(SQLModel, table=True):
    """One mail to one membership about one record. Its id is the Message-ID; `address` is where it was last
    handed over for, null before.
    """

    __tablename__ = "mail"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "membership_id"], ["membership.partner_id", "membership.id"]),
        CheckConstraint("(status in ('SENT', 'BOUNCED')) = (sent_at is not null)", name="sent_has_time"),
        CheckConstraint("(status = 'BOUNCED') = (bounced_at is not null)", name="bounced_has_time"),
        Index("ix_mail_membership", "partner_id", "membership_id", "created_at", "id"),
        Index("ix_mail_bounced", "partner_id", "membership_id", postgresql_where="status = 'BOUNCED'"),
        Index("ix_mail_id", text("(id::text)")),
        Index("ix_mail_subject", "partner_id", "subject_id", "created_at", "id"),
        Index("ix_mail_lost", "partner_id", "subject_id", postgresql_where=_LOST),
        guarded(Guard.CUSTOMER),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID | None = None
    membership_id: UUID
    kind: MailKind = choice(MailKind)
    subject_id: UUID
    status: MailStatus = choice(MailStatus)
    tries: int = count(default=0)
    answer: str | None = None
    created_at: datetime = instant()
    sent_at: datetime | None = instant(default=None)
    address: str | None = None
    delayed_at: datetime | None = instant(default=None)
    bounced_at: datetime | None = instant(default=None)


def queue(
    db: Session,
    *,
    partner_id: UUID,
    kind: MailKind,
    membership_id: UUID,
    subject_id: UUID,
    customer_id: UUID | None,
    now: datetime,
) -> Mail:
    """Have a mail sent to a membership about the record `subject_id`, once this transaction commits.

    The row and the job that sends it live and die together with what the mail is about (GUARANTEES R-4).
    """
    mail = Mail(
        partner_id=partner_id, customer_id=customer_id, membership_id=membership_id, kind=kind,
        subject_id=subject_id, status=MailStatus.QUEUED, created_at=now,
    )  # fmt: skip
    db.add(mail)
    db.flush()
    defer(db, "send_mail", partner_id=partner_id, mail_id=mail.id)
    return mail
