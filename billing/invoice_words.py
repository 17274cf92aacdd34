"""The words an invoice is found by: of an issued one the customer's too, of a draft the partner's alone.

Surprise: what was kept as a draft's is made anew when it is issued, so that nothing only the partner knew is
left among what the customer finds it by.
"""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session

from billing import search
from billing.customers import Customer

SEARCHED_AS = "invoice"


def keep(db: Session, invoice: Mapping[str, Any], customer: Customer) -> None:
    """Keep what the invoice with these columns is found by: of an issued one without its internal note."""
    draft = invoice["status"] == "DRAFT"
    texts = words_of(invoice, customer)
    for kept in [texts] if draft else [[], texts]:
        search.keep(
            db, partner_id=invoice["partner_id"], customer_id=None if draft else customer.id,
            kind=SEARCHED_AS, subject_id=invoice["id"], texts=kept,
        )  # fmt: skip


def forget(db: Session, invoice: Mapping[str, Any]) -> None:
    """Have a draft that goes away be found by nothing."""
    search.keep(
        db, partner_id=invoice["partner_id"], customer_id=None, kind=SEARCHED_AS, subject_id=invoice["id"],
        texts=(),
    )  # fmt: skip


def words_of(values: Mapping[str, Any], customer: Customer) -> list[str | None]:
    """The texts that an invoice with these columns is found by."""
    return [*(values[name] for name in ("number", "memo", "po_number", "external_id")), customer.company]
