"""Possible duplicates of a company: pointed out to whoever saves it, and never a reason to refuse.

Surprise: the table is named as text, because the rules for customers stand on this module.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from db import ids
from errors import Problem
from languages import mark, say

_SAME_TAX_ID = text("""
    select id, company from customer
    where partner_id = :partner_id and tax_id = :tax_id and id is distinct from :except_id
    order by id limit 1
""")
# A ZIP+4 is the same place as its ZIP; a Canadian postal code counts whole.
_SAME_NAME_AND_PLACE = text("""
    select id, company from customer
    where partner_id = :partner_id and company_key = :company_key and id is distinct from :except_id
      and country = :country
      and case country when 'US' then left(postal_code, 5) = left(:postal_code, 5)
          else postal_code = :postal_code end
    order by id limit 1
""")


def possible_duplicates(
    db: Session, *, partner_id: UUID, values: Mapping[str, Any], except_id: UUID | None
) -> tuple[Problem, ...]:
    """Warnings POSSIBLE_DUPLICATE, for another customer with the tax id, or the name and ZIP, of `values`.

    `values` are a customer's columns; `except_id` is the customer itself, once it is stored.
    """
    warnings = []
    for field, shared, same in [
        ("tax_id", mark("this tax id"), _SAME_TAX_ID),
        ("company", mark("this name and ZIP or postal code"), _SAME_NAME_AND_PLACE),
    ]:
        asked = {name: values[name] for name in ("tax_id", "company_key", "country", "postal_code")}
        other = db.execute(same, {**asked, "partner_id": partner_id, "except_id": except_id}).one_or_none()
        if other is not None:
            message = say(
                "{company} already has {shared}. Check that this is not the same company.",
                company=other.company,
                shared=shared,
            )
            about = ids.shown("cus", other.id)
            warnings.append(Problem("POSSIBLE_DUPLICATE", (field,), message, about))
    return tuple(warnings)
