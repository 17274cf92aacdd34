"""How many records one act may be about, and what is said to whoever chose none of them or too many."""

from collections.abc import Sequence
from uuid import UUID

from billing.texts import Checks
from languages import mark, say

MOST_AT_ONCE = 500
MOST_TAGS_AT_ONCE = 20
_SAID = {
    "tag_ids": (mark("Choose at least one tag."), mark("Choose at most {most} tags at once.")),
    "customer_ids": (mark("Choose at least one customer."), mark("Choose at most {most} customers at once.")),
    "invoice_ids": (mark("Choose at least one invoice."), mark("Choose at most {most} invoices at once.")),
}


def require_some(**chosen: Sequence[UUID]) -> None:
    """Refuse (Invalid) at each field of ids that holds none (REQUIRED) or too many at once (TOO_MANY)."""
    checks = Checks()
    for field, ids in chosen.items():
        none, too_many = _SAID[field]
        most = MOST_TAGS_AT_ONCE if field == "tag_ids" else MOST_AT_ONCE
        if not ids:
            checks.refuse(field, code="REQUIRED", message=none)
        elif len(ids) > most:
            checks.refuse(field, code="TOO_MANY", message=say(too_many, most=most))
    checks.done()
