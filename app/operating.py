"""What an operator does from the command line, each in one transaction.

Surprise: the command line acts as the system, so it can make the first partner and the first key, and every
act still stands in the audit log.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlmodel import select

from auth import api_keys, factor_resets, second_factors
from auth.actors import KEY_SCOPES, system
from auth.factor_resets import Reset
from billing import erasing, partners
from billing.erasing import Erased
from billing.partners import Partner
from db.session import Database
from errors import Invalid


def create_partner(
    database: Database, *, name: str, admin_name: str, admin_email: str, time_zone: str, now: datetime
) -> str:
    """Start a partner and mail its first Admin an invite; its slug. Refuses as `partners.create`."""
    with database.transaction() as db:
        made = partners.create(
            db, name=name, admin_name=admin_name, admin_email=admin_email, time_zone=time_zone, now=now
        )
        return made.partner.slug


def create_key(
    database: Database,
    *,
    partner_slug: str,
    name: str,
    scopes: Sequence[str] | None,
    expires_at: datetime | None,
    now: datetime,
) -> str:
    """Make an API key of the partner; its text, which is shown this once. All scopes if none are given."""
    partner_id = find_partner(database, partner_slug)
    with database.transaction(partner_id=partner_id) as db:
        shown = api_keys.create(
            db,
            system(partner_id),
            name=name,
            scopes=list(scopes or sorted(action.value for action in KEY_SCOPES)),
            expires_at=expires_at,
            now=now,
        )
        return shown.token


def reseal(database: Database) -> int:
    """Seal every seed anew that is under another key than the first; how many. A transaction a person."""
    with database.transaction() as db:
        people = second_factors.people(db)
    count = 0
    for user_id in people:
        with database.transaction(user_id=user_id) as db:
            count += second_factors.reseal(db, user_id=user_id)
    return count


def erase_user(database: Database, *, email: str, now: datetime) -> Erased:
    """Erase whoever has the address, everywhere at once. Refuses as `erasing.erase`."""
    with database.transaction() as db:
        return erasing.erase(db, email=email, now=now)


def reset_factors(database: Database, *, email: str, now: datetime) -> Reset:
    """Take every second factor of whoever signs in with the address. Refuses as `factor_resets.reset`."""
    with database.transaction() as db:
        return factor_resets.reset(db, email=email, now=now)


def find_partner(database: Database, slug: str) -> UUID:
    """The partner of that slug. Refuses (Invalid) a slug nobody has."""
    with database.transaction() as db:
        ids: list[UUID] = list(db.execute(text("select * from partner_ids()")).scalars())
    for partner_id in ids:
        with database.transaction(partner_id=partner_id) as db:
            if db.exec(select(Partner.slug).where(Partner.id == partner_id)).one() == slug:
                return partner_id
    raise Invalid.at("partner", code="UNKNOWN_PARTNER", message=f"There is no partner {slug!r}.")
