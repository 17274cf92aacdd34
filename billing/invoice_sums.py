"""What the sums over a list of invoices count, as SQL over an invoice's columns (as `billing.derived`).

Surprise: drafts and void invoices are in none of them: nothing is claimed by a draft, and nothing any more by
a void one. They are told apart, so that a reader sees why a list of five comes to what three of them say.
What is counted adds up: invoiced = credited + paid + written off + still open.
"""

from typing import Any

from sqlalchemy import ColumnElement, case

from billing.derived import Moment
from billing.invoices import InvoiceStatus

COUNTED = (InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE)


def invoiced(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """What an invoice claims, in minor units; nothing of a draft or a void one."""
    return case((invoice.status.in_(COUNTED), invoice.total_minor), else_=0)


def written_off(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """What was given up of an invoice, in minor units."""
    given_up = invoice.total_minor - invoice.paid_minor - invoice.credited_minor
    return case((invoice.status == InvoiceStatus.UNCOLLECTIBLE, given_up), else_=0)


def drafted(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """What a draft would claim, in minor units."""
    return case((invoice.status == InvoiceStatus.DRAFT, invoice.total_minor), else_=0)


def counts(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """1 for an invoice that the sums count."""
    return case((invoice.status.in_(COUNTED), 1), else_=0)


def counts_as_draft(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """1 for a draft."""
    return case((invoice.status == InvoiceStatus.DRAFT, 1), else_=0)


def counts_as_void(invoice: Any, at: Moment) -> ColumnElement[Any]:
    """1 for a void invoice."""
    return case((invoice.status == InvoiceStatus.VOID, 1), else_=0)
