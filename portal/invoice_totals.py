"""The figures of a list of invoices as templates take them, at both doors."""

from collections.abc import Iterable, Mapping
from typing import Any

from languages import grouped


def written(totals: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A document's `invoiceTotals`, each with its number of invoices as people write it: `count`."""
    return [{**one, "count": grouped(one["invoiceCount"])} for one in totals]
