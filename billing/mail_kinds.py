"""Which of the mails with a record are about what, as conditions over a mail's columns, for lists."""

from typing import Any

from sqlalchemy import ColumnElement

from billing.derived import Moment
from billing.mails import MailKind


def is_invoice_mail(mail: Any, at: Moment) -> ColumnElement[Any]:
    """A mail that brings an invoice."""
    return _of(mail, MailKind.INVOICE)


def is_void_mail(mail: Any, at: Moment) -> ColumnElement[Any]:
    """A mail that tells that an invoice is void."""
    return _of(mail, MailKind.INVOICE_VOIDED)


def is_credit_note_mail(mail: Any, at: Moment) -> ColumnElement[Any]:
    """A mail that brings a credit note."""
    return _of(mail, MailKind.CREDIT_NOTE)


def _of(mail: Any, kind: MailKind) -> ColumnElement[Any]:
    about: ColumnElement[bool] = mail.kind == kind
    return about
