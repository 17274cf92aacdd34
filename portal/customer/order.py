"""What somebody is about to pay, as a form holds it and as an address carries it.

Surprise: the review has an address of its own, with the invoices, the amounts, the method and the key that
was made for it. So going back, reloading and a second tab all show the same review, and whichever of them is
confirmed is the same payment (GUARANTEES M-3).
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlencode
from uuid import UUID

from starlette.datastructures import QueryParams

from billing.money import Currency, Money, parse_amount, total
from billing.payment_orders import Share, is_key
from db import ids
from errors import Invalid, NotFound, Problem
from portal.form import Form

# What a list in the API holds at most; a form of 64 KiB has room for it.
MOST_INVOICES = 100
ROWS = "allocations"
METHOD = "payment_method_id"


@dataclass(frozen=True)
class Order:
    """Shares of invoices, a method, and the one key every confirmation of it carries."""

    shares: tuple[Share, ...]
    method_id: UUID
    key: str

    @classmethod
    def typed(cls, form: Form, *, key: str | None = None) -> Self:
        """What the form asks for; a row without an amount is left out. `key` None: a new one.

        Refuses at the field: amounts that are none, and no method at all. NotFound for what is no id.
        """
        currency = _currency(form.value("currency"))
        shares: list[Share] = []
        problems: list[Problem] = []
        for row in form.rows(ROWS):
            if not row.value("amount").strip():
                continue
            try:
                amount = parse_amount(row.value("amount").strip(), currency, path=(ROWS, row.index, "amount"))
                shares.append(Share(ids.parsed(row.value("invoice_id"), "inv"), amount))
            except Invalid as wrong:
                problems += wrong.problems
        if not form.value(METHOD):
            message = "Choose a payment method, or add a card first."
            problems.append(Problem("REQUIRED", (METHOD,), message))
        if problems:
            raise Invalid(problems)
        return cls(tuple(shares), ids.parsed(form.value(METHOD), "pm"), key or secrets.token_urlsafe(16))

    @classmethod
    def of(cls, query: QueryParams) -> Self:
        """What the review's address says. Refuses NotFound for one that we did not make."""
        currency = _currency(query.get("currency", ""))
        shares = []
        for pair in query.getlist("pay")[: MOST_INVOICES + 1]:
            invoice, _, amount = pair.partition("~")
            shares.append(Share(ids.parsed(invoice, "inv"), _exact(amount, currency)))
        key = query.get("key", "")
        if not shares or not is_key(key) or len(shares) > MOST_INVOICES:
            raise NotFound
        return cls(tuple(shares), ids.parsed(query.get("method", ""), "pm"), key)

    @property
    def total(self) -> Money:
        """All shares together. There is at least one."""
        return total((share.amount for share in self.shares), self.shares[0].amount.currency)

    def query(self) -> str:
        """The review's address, after the question mark."""
        pairs = [(shown(share.invoice_id), share.amount.decimal_text()) for share in self.shares]
        return urlencode([
            *(("pay", f"{invoice}~{amount}") for invoice, amount in pairs),
            ("currency", self.total.currency.value),
            ("method", ids.shown("pm", self.method_id)),
            ("key", self.key),
        ], safe="~")  # fmt: skip

    def fields(self) -> dict[str, str]:
        """The review's hidden fields: exactly what is confirmed."""
        rows = {}
        for number, share in enumerate(self.shares):
            rows[f"{ROWS}-{number}-invoice_id"] = shown(share.invoice_id)
            rows[f"{ROWS}-{number}-amount"] = share.amount.decimal_text()
        return rows | {
            "currency": self.total.currency.value,
            "total": self.total.decimal_text(),
            METHOD: ids.shown("pm", self.method_id),
            "key": self.key,
        }


def expected(form: Form) -> Money:
    """The total that was shown on the review. Refuses NotFound if there is none."""
    return _exact(form.value("total"), _currency(form.value("currency")))


def chosen(form: Form) -> str:
    """The choice of a form as the query of the page to choose on: the way back from adding a card."""
    rows = [
        (row.value("invoice_id"), row.value("amount").strip())
        for row in form.rows(ROWS)
        if row.value("amount").strip()
    ]
    return choice(rows)


def choice(rows: Iterable[tuple[str, str]], *, method: str = "") -> str:
    """The query of the page to choose on, for invoices and amounts."""
    pairs = [("pay", f"{invoice}~{amount}") for invoice, amount in rows]
    return urlencode(pairs + [("method", method)] * bool(method), safe="~")


def shown(invoice_id: UUID) -> str:
    """An invoice's id as the outside sees it."""
    return ids.shown("inv", invoice_id)


def _currency(text: str) -> Currency:
    if text not in Currency.__members__:
        raise NotFound
    return Currency(text)


def _exact(text: str, currency: Currency) -> Money:
    """An amount that we wrote ourselves."""
    try:
        return parse_amount(text, currency)
    except Invalid as wrong:
        raise NotFound from wrong
