"""What the invoice in the editor comes to: said by the server, while it is typed or when it is asked for.

Surprise: the script of the page adds nothing up. It sends the form here and shows what comes back.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

from sqlmodel import Session
from starlette.requests import Request

from auth.actors import Actor
from billing import invoice_totals
from billing.invoice_fields import InvoiceInput
from billing.invoice_totals import Tried
from billing.money import Money, rate_text
from db import ids
from languages import say
from portal.door import act, meet
from portal.form import Form
from portal.house import house

TOTALS = "totals"
# What can be chosen as terms, beside a due date of one's own.
_NET = (7, 10, 14, 15, 20, 30, 45, 60, 90)


class Sums(NamedTuple):
    """What the page shows; amounts as the API has them, taxes with their rate."""

    net: Mapping[str, str]
    taxes: list[tuple[str, str, Mapping[str, str]]]
    total: Mapping[str, str]
    left_out: list[int]
    due_on: date | None
    terms: list[tuple[str, str]]


async def sums_of(request: Request, form: Form, customer: str, fields: InvoiceInput) -> Sums:
    """What was typed comes to this, by the rule that will store it."""
    now, customer_id = house(request).clock(), ids.parsed(customer, "cus")

    def work(db: Session, actor: Actor) -> Tried:
        return invoice_totals.try_out(db, actor, customer_id=customer_id, fields=fields, now=now)

    tried = await (act(request, work, form=form) if request.method == "POST" else meet(request, work))

    def money(minor: int) -> Mapping[str, Any]:
        amount = Money(minor, tried.currency)
        return {"amount": amount.decimal_text(), "currency": amount.currency.value}

    counted = tried.counted
    return Sums(
        money(counted.net_minor),
        [(name, rate_text(rate), money(minor)) for (name, rate), minor in counted.taxes.items()],
        money(counted.total_minor), [row + 1 for row in counted.left_out], tried.due_on,
        _terms(tried.terms_days),
    )  # fmt: skip


def _terms(own: int) -> list[tuple[str, str]]:
    """The choices, the customer's own terms among them."""
    return [(str(days), _said(days)) for days in sorted({0, *_NET, own})]


def _said(days: int) -> str:
    return say("Net {days} days", days=days) if days else say("Due on receipt")
