"""What invoices come to: the root fields `receivablesByAge` and `invoiceTotals`.

The surprise: these are no lists of records but sums over them, in the same one statement, narrowed as the
list of invoices is. Whoever asks gets the sums of the invoices it may see, so a customer's user learns what
its own company owes. Each currency stands alone: dollars of two countries are never added.
"""

from typing import Any

import strawberry
from sqlalchemy import BigInteger, Column, MetaData, String, Table

from api.nouns import Money, Noun, col, money, sums
from auth.actors import Action
from billing.derived import Age, age_of, balance, is_open, overdue_balance
from billing.invoices import Invoice
from billing.money import Currency

strawberry.enum(
    Age, name="ReceivableAge", description="How long past its due date, by the partner's calendar."
)

# One row for each currency and age; no table of the database's.
_GROUPS = Table(
    "aged_receivables",
    MetaData(),
    Column("currency", String, nullable=False),
    Column("age", String, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("invoice_count", BigInteger, nullable=False),
)

_TOTALS = Table(
    "invoice_totals",
    MetaData(),
    Column("currency", String, nullable=False),
    Column("total_minor", BigInteger, nullable=False),
    Column("paid_minor", BigInteger, nullable=False),
    Column("credited_minor", BigInteger, nullable=False),
    Column("balance_minor", BigInteger, nullable=False),
    Column("overdue_minor", BigInteger, nullable=False),
    Column("invoice_count", BigInteger, nullable=False),
)


@strawberry.type(description="What is open on the invoices of one currency and age.")
class AgedReceivables:
    """The sum of one currency and age."""

    currency: Currency = col()
    age: Age = col()
    balance: Money = money("balance_minor", "What these invoices still lack.")
    invoice_count: int = col("How many invoices those are.")


@strawberry.type(description="What the invoices of one currency come to, whatever their status.")
class InvoiceTotals:
    """The sums of one currency."""

    currency: Currency = col()
    invoice_count: int = col("How many invoices those are.")
    total: Money = money("total_minor", "Of all of them, drafts and void ones too.")
    paid: Money = money("paid_minor")
    credited: Money = money("credited_minor", "What credit notes and credit took off them.")
    balance: Money = money("balance_minor", "What the open ones still lack.")
    overdue: Money = money("overdue_minor", "What those past their due date lack, by the partner's calendar.")


def _row(kind: Any, table: Table) -> Noun:
    return Noun(kind.__name__, table, "", None, None, "id", kind, "")


@strawberry.type
class ReceivableQueries:
    """The root fields about what is owed."""

    receivables_by_age: list[AgedReceivables] = sums(
        Invoice,
        "What is open, by currency and age, the youngest first; what has nothing open is left out.",
        row=_row(AgedReceivables, _GROUPS),
        needs=Action.VIEW_INVOICES,
        only=is_open,
        by={"currency": "currency", "age": age_of},
        totals={"balance_minor": balance},
        counted="invoice_count",
        limit=len(Currency) * len(Age),
    )
    invoice_totals: list[InvoiceTotals] = sums(
        Invoice,
        "What invoices come to, by currency; a currency without any is left out.",
        row=_row(InvoiceTotals, _TOTALS),
        needs=Action.VIEW_INVOICES,
        by={"currency": "currency"},
        totals={
            "total_minor": "total_minor",
            "paid_minor": "paid_minor",
            "credited_minor": "credited_minor",
            "balance_minor": balance,
            "overdue_minor": overdue_balance,
        },
        counted="invoice_count",
        limit=len(Currency),
    )
