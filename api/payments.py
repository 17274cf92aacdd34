"""Payments in the API: attempts to move money, and which invoices they are for."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from api.changes import (
    Doing,
    Given,
    Later,
    MoneyInput,
    Outcome,
    amount_of,
    change,
    changed,
    gives,
    id_of,
    opt,
    takes,
)
from api.customers import Customer
from api.nouns import Connection, Money, Node, by_id, col, lazy, money, noun, one, page, sql
from api.reads import STAFF
from api.return_urls import return_url, with_query
from api.users import User
from auth.actors import Action
from billing import payments as t
from billing.derived import receipt_path
from billing.money import Currency
from billing.payment_orders import Share
from billing.texts import Checks
from db import ids
from db.columns import new_id
from integrations import paying

if TYPE_CHECKING:
    from api.invoices import Invoice
    from api.payment_methods import PaymentMethod


strawberry.enum(t.PaymentStatus, description="The life of an attempt. UNKNOWN is never the same as FAILED.")
strawberry.enum(t.AllocationStatus, description="RESERVED while the attempt is open.")


@noun(t.Payment, "pay", needs=Action.VIEW_PAYMENTS, order="-created_at", search=t.SEARCHED_AS)
class Payment(Node):
    """One attempt to move money for one or more invoices."""

    status: t.PaymentStatus = col(where=True)
    amount: Money = money("amount_minor", where=True, order=True)
    currency: Currency = col(where=True)
    gateway: str = col(see=STAFF)
    gateway_ref: str | None = col("What the gateway calls it.", where=True, see=STAFF)
    action_url: str | None = col("Where the payer goes on, while it REQUIRES_ACTION.")
    failure_code: str | None = col()
    failure_message: str | None = col(
        "Why it failed, in the gateway’s words to the payer; go by `failureCode`."
    )
    created_at: datetime = col(where=True, order=True)
    updated_at: datetime = col(where=True, order=True)
    settled_at: datetime | None = col(where=True)
    receipt_path: str | None = sql(
        receipt_path, "The receipt as a PDF, as `Invoice.pdfPath`; null unless it succeeded."
    )
    customer: Customer = one("customer_id", where=True)
    payment_method: Annotated["PaymentMethod", lazy("api.payment_methods")] = one("payment_method_id")
    asked_by: User | None = one("asked_by", "Null for keys, guests, and people of the other side.")
    asked_by_kind: str = col(
        "What asked for it: `STAFF`, `CUSTOMER_USER`, `API_KEY`, `PORTAL_TOKEN`, `GUEST` (by a pay link) or"
        " `SYSTEM`.",
        where=True,
    )
    allocations: Connection[Annotated["PaymentAllocation", lazy("api.payments")]] = page(
        "payment_id", "What it is for.", where=True
    )


@noun(t.PaymentAllocation, "alc", needs=Action.VIEW_PAYMENTS, order="id")
class PaymentAllocation(Node):
    """How much of a payment is for which invoice."""

    amount: Money = money("amount_minor", through=("invoice_id", "Invoice"))
    status: t.AllocationStatus = col()
    payment: Payment = one("payment_id")
    invoice: Annotated["Invoice", lazy("api.invoices")] = one("invoice_id", where=True)


@strawberry.type
class PaymentQueries:
    """Root fields about payments."""

    payment: Payment | None = by_id()
    payments: Connection[Payment] = page()


@strawberry.input(description="How much of an invoice to pay.")
class PaymentAllocationInput:
    """How much of an invoice to pay."""

    invoice_id: strawberry.ID
    amount: MoneyInput


@takes(dry_run=True, needs_key=True)
class PayInvoicesInput:
    """What to pay, with what. Amounts are what the payer was shown: another total is refused."""

    customer_id: strawberry.ID
    payment_method_id: strawberry.ID
    allocations: list[PaymentAllocationInput] = strawberry.field(description="1 to 200, each invoice once.")
    expected_total: MoneyInput
    return_url: str | None = opt(
        "Where the payer comes back to after confirming at the bank; it gets `?payment=` and the id added. "
        "Left out: nobody is there to confirm, and a card that needs it fails."
    )


@gives
class PayInvoicesPayload:
    """The payment as it stood when the gateway had answered, or had not (UNKNOWN); ask again later."""

    payment: Payment | None = changed()


def _pay(doing: Doing, given: Given) -> Later | Outcome:
    back = return_url(doing, given["return_url"]) if given.get("return_url") else None
    checks = Checks()
    order: dict[str, Any] = {
        "customer_id": given.record("customer_id", "cus"),
        "payment_method_id": given.record("payment_method_id", "pm"),
        "shares": [
            _share(checks.under("allocations", row), one) for row, one in enumerate(given["allocations"])
        ],
        "expected_total": amount_of(checks, "expected_total", given["expected_total"]),
        "idempotency_key": doing.key,
        "return_url": back and (lambda id_: with_query(back, payment=ids.shown("pay", id_))),
    }
    checks.done()
    if given.get("dry_run"):
        # Under a key of its own: what was paid under the given one is not what is asked about.
        tried = t.begin(doing.db, doing.actor, **{**order, "idempotency_key": new_id().hex}, now=doing.now)
        return {"payment": tried.id}

    def ask() -> Outcome:
        means = doing.means
        paid = paying.pay(
            means.database, means.gateway, doing.actor, **order, clock=means.clock, reached=means.reached
        )
        return {"payment": paid.id}

    return Later(ask)


def _share(checks: Checks, given: Mapping[str, Any]) -> Share:
    return Share(id_of(given["invoice_id"], "inv"), amount_of(checks, "amount", given["amount"]))


@strawberry.type
class PaymentMutations:
    """Changes of payments."""

    pay_invoices: PayInvoicesPayload | None = change(
        _pay, PayInvoicesInput, Action.PAY, alone=True,
        about="Pay invoices of one customer in one payment. However often it is sent, it pays once. A dry run"
        " asks no gateway, and answers with the payment as it would be begun: PENDING.",
    )  # fmt: skip
