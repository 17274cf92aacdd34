"""A-2: of two checks that would both refuse a sibling, the first one does, past row-level security.

`python -m tests.predicates` takes a tenant predicate away at a time; the second check would hide the loss.
"""

from typing import Any

import pytest

from auth import authority
from billing import customer_users, customers, invoices, papers, pending_invites
from db.session import Database
from errors import NotFound
from tests.billing.acting import acting
from tests.billing.shelf import Things
from tests.billing.shelf import database_url as database_url
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.test_untied import Attempt

# Where two things would refuse a sibling, the first one does: what would refuse it next is not asked.
FIRST: dict[str, tuple[Any, str, Attempt]] = {
    "invoices.locked": (
        customers, "locked",
        lambda db, t: invoices.locked(db, t.cast.gus, invoice_id=t.ids["invoice"]),
    ),
    "papers.invoice_paper": (
        papers, "customer_of",
        lambda db, t: papers.invoice_paper(db, t.cast.gus, invoice_id=t.ids["invoice"]),
    ),
    "papers.receipt_paper": (
        papers, "customer_of",
        lambda db, t: papers.receipt_paper(db, t.cast.gus, payment_id=t.ids["payment"]),
    ),
    "pending_invites.resend": (
        customer_users, "resend_invite",
        lambda db, t: pending_invites.resend(
            db, t.cast.gus, membership_ids=[t.ids["invited"]], now=t.now
        ),
    ),
    "authority.scoped": (
        authority, "require_managing",
        lambda db, t: authority.scoped(db, t.cast.gus, membership_id=t.ids["invited"]),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FIRST)
def test_the_first_of_two_refuses_already(
    things: Things, unguarded: Database, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    module, second, attempt = FIRST[name]
    monkeypatch.setattr(module, second, lambda *_, **__: pytest.fail("it was found and asked about"))
    with pytest.raises(NotFound), acting(unguarded, things.cast.gus) as db:
        attempt(db, things)
