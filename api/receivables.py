"""What is owed, by age: the root field `receivablesByAge`.

The surprise: it is no list of records but sums over them, in the same one statement. Whoever asks gets the
sums of the invoices it may see, so a customer's user learns what its own company owes.
"""

from typing import Any

import strawberry
from sqlalchemy import BigInteger, Column, MetaData, String, Table

from api.nouns import Money, Noun, col, money, sums
from auth.actors import Action
from billing.derived import Age, age_of, balance, is_open
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


@strawberry.type(description="What is open on the invoices of one currency and age.")
class AgedReceivables:
    """The sum of one currency and age."""

    currency: Currency = col()
    age: Age = col()
    balance: Money = money("balance_minor", "What these invoices still lack.")
    invoice_count: int = col("How many invoices those are.")


def _row() -> Noun:
    kind: Any = AgedReceivables
    return Noun("AgedReceivables", _GROUPS, "", None, None, kind, "")


@strawberry.type
class ReceivableQueries:
    """The root field about what is owed."""

    receivables_by_age: list[AgedReceivables] = sums(
        Invoice,
        "What is open, by currency and age, the youngest first; what has nothing open is left out.",
        row=_row(),
        needs=Action.VIEW_INVOICES,
        only=is_open,
        by={"currency": "currency", "age": age_of},
        totals={"balance_minor": balance},
        counted="invoice_count",
        limit=len(Currency) * len(Age),
    )
