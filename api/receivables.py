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
from billing.invoice_sums import counts, counts_as_draft, counts_as_void, drafted, invoiced, written_off
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
    *(
        Column(name, BigInteger, nullable=False)
        for name in (
            "total_minor",
            "invoiced_minor",
            "paid_minor",
            "credited_minor",
            "written_off_minor",
            "balance_minor",
            "overdue_minor",
            "drafted_minor",
            "invoice_count",
            "issued_count",
            "draft_count",
            "void_count",
        )
    ),
)


@strawberry.type(description="What is open on the invoices of one currency and age.")
class AgedReceivables:
    """The sum of one currency and age."""

    currency: Currency = col()
    age: Age = col()
    balance: Money = money("balance_minor", "What these invoices still lack.")
    invoice_count: int = col("How many invoices those are.")


@strawberry.type(
    description="What the invoices of one currency come to: `invoiced` is `credited`, `paid`, `writtenOff`"
    " and `balance` together. Drafts and void ones are in none of these sums, and are counted apart."
)
class InvoiceTotals:
    """The sums of one currency."""

    currency: Currency = col()
    invoice_count: int = col("How many were found, drafts and void ones too.")
    issued_count: int = col("How many of them the sums are of: issued, and not void.")
    draft_count: int = col("How many of them are drafts.")
    void_count: int = col("How many of them are void.")
    total: Money = money("total_minor", "Of all that were found, drafts and void ones too. See `invoiced`.")
    invoiced: Money = money("invoiced_minor", "What the issued ones that are not void claim.")
    credited: Money = money("credited_minor", "What credit notes and credit took off them.")
    paid: Money = money("paid_minor", "What was paid of them.")
    written_off: Money = money("written_off_minor", "What was given up as uncollectible.")
    balance: Money = money("balance_minor", "What the open ones still lack.")
    overdue: Money = money("overdue_minor", "What those past their due date lack, by the partner's calendar.")
    drafted: Money = money("drafted_minor", "What the drafts would claim if they were issued.")


def _row(kind: Any, table: Table) -> Noun:
    return Noun(kind.__name__, table, "", None, None, kind, "")


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
            "invoiced_minor": invoiced,
            "paid_minor": "paid_minor",
            "credited_minor": "credited_minor",
            "written_off_minor": written_off,
            "balance_minor": balance,
            "overdue_minor": overdue_balance,
            "drafted_minor": drafted,
            "issued_count": counts,
            "draft_count": counts_as_draft,
            "void_count": counts_as_void,
        },
        counted="invoice_count",
        limit=len(Currency),
    )
