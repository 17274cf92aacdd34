"""An invoice's taxes, each by name and rate, as Canadian law wants them on what is billed.

Surprise: they are sums of the lines' stored cents, as on paper, never figured anew from a rate.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from billing.money import Money, rate_text
from billing.papers import InvoicePaper

Amount = Mapping[str, str]


class NamedTax(NamedTuple):
    """One tax of an invoice; `amount` as documents have it."""

    name: str
    rate: str
    amount: Amount


def of_lines(lines: Iterable[Mapping[str, Any]]) -> list[NamedTax]:
    """What a document's lines say, in the order in which they name them."""
    sums, currency = Counter[tuple[str, str]](), ""
    for line in lines:
        for tax in line["taxes"]:
            sums[tax["name"], tax["rate"]] += _minor(tax["tax"]["amount"])
            currency = tax["tax"]["currency"]
    return [
        NamedTax(name, rate, {"amount": f"{Decimal(minor).scaleb(-2):.2f}", "currency": currency})
        for (name, rate), minor in sums.items()
    ]


def of_paper(paper: InvoicePaper) -> list[NamedTax]:
    """What an invoice as it stands says."""
    currency = paper.invoice.currency
    return [
        NamedTax(
            name, rate_text(rate_e4),
            {"amount": Money(minor, currency).decimal_text(), "currency": currency.value},
        )
        for (name, rate_e4), minor in paper.named_taxes.items()
    ]  # fmt: skip


def _minor(amount: str) -> int:
    return int(Decimal(amount).scaleb(2))
