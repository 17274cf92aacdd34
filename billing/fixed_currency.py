"""A customer's currency, which is fixed once it has an invoice.

Surprise: the table is named as text, because the rules for invoices stand on those for customers.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from billing.money import Currency
from errors import Invalid
from languages import say

_INVOICED = text("select 1 from invoice where partner_id = :partner_id and customer_id = :id limit 1")


def require_currency(db: Session, before: Mapping[str, Any], currency: Currency) -> None:
    """Refuse another currency than that of the stored columns `before`, once there is an invoice.

    Refuses at ("currency",): CURRENCY_FIXED.
    """
    if currency == before["currency"]:
        return
    if db.scalar(_INVOICED, {"partner_id": before["partner_id"], "id": before["id"]}) is not None:
        message = say(
            "This customer has invoices in {currency}: its currency can't change any more.",
            currency=before["currency"],
        )
        raise Invalid.at("currency", code="CURRENCY_FIXED", message=message)
