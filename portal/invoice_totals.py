"""The figures of a list of invoices as templates take them, at both doors.

Surprise: a customer never sees a draft, so the portal's document does not ask for them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from languages import grouped


def written(totals: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """A document's `invoiceTotals`, each with its number of invoices as people write it: `count`."""
    apart = {"draftCount": 0, "drafted": None}
    return [{**apart, **one, "count": grouped(one["issuedCount"])} for one in totals]
