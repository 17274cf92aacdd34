"""Many new customers at once, in a few statements: what an import makes.

Surprise: it leaves the same rows behind as `customers.create` does one by one (customer, log, search words),
and a test compares the two. What is written stands finished in the import's rows (`staged`), so that no value
of it travels a second time.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from auth import audit
from auth.actors import Action, Actor
from billing import search
from billing.customer_fields import Profile
from billing.customers import SEARCHED_AS, words_of
from billing.import_files import insert_free
from billing.slugs import random_slug
from db.arrays import numbers

_MADE = text("""
    insert into customer (partner_id, id, slug, company, company_key, legal_name, tax_id, address, address2,
      city, state, postal_code, country, currency, time_zone, terms_days, external_id, status, open_minor,
      version, created_at, updated_at)
    select :partner_id, r.customer_id, one.slug, one.company, one.company_key, one.legal_name, one.tax_id,
      one.address, one.address2, one.city, one.state, one.postal_code, one.country, one.currency,
      one.time_zone, one.terms_days, one.external_id, 'SETUP', 0, 1, :now, :now
    from customer_import_row r cross join lateral jsonb_populate_record(null::customer, r.made) as one
    where r.partner_id = :partner_id and r.import_id = :import_id
      and r.position = any(cast(:positions as int[]))
    returning id
""")
_OTHER_SLUGS = text("""
    update customer_import_row r set made = r.made || jsonb_build_object('slug', one.slug)
    from unnest(cast(:positions as int[]), cast(:slugs as text[])) as one(position, slug)
    where r.partner_id = :partner_id and r.import_id = :import_id and r.position = one.position
""")
_COMPANIES = text("""
    select r.position, r.made->>'company' as company from customer_import_row r
    where r.partner_id = :partner_id and r.import_id = :import_id
      and r.position = any(cast(:positions as int[]))
""")
_WORDS = text("""
    insert into search_token (partner_id, subject_id, kind, token, customer_id)
    select :partner_id, r.customer_id, :kind, one.token, r.customer_id
    from customer_import_row r cross join lateral unnest(r.words) as one(token)
    where r.partner_id = :partner_id and r.import_id = :import_id
      and r.position = any(cast(:positions as int[]))
""")


def staged(profile: Profile) -> dict[str, Any]:
    """What a row keeps of a customer that is to be made: its columns, and the words it is found by."""
    values = profile.values
    made = {**values, "slug": random_slug(values["company"])}
    return {"made": made, "words": sorted(search.words_kept(words_of(values)))}


def create_staged(
    db: Session, actor: Actor, *, import_id: UUID, new: Mapping[int, UUID], now: datetime
) -> frozenset[int]:
    """Make the customers of these rows (position: id), in SETUP, as `staged` has them.

    Back come the rows of those not made: their external id was taken. Refuses MissingRight.
    """
    actor.require(Action.EDIT_CUSTOMERS)
    mine = {"partner_id": actor.partner_id, "import_id": import_id}
    left = {id_: position for position, id_ in new.items()}
    made: dict[UUID, int] = {}
    for again in range(8):  # a slug that another partner happens to have can't be seen from here: draw again
        if not left:
            break
        rows = {**mine, "positions": numbers(left.values())}
        if again:
            slugs = {one.position: random_slug(one.company) for one in db.execute(_COMPANIES, rows)}
            db.execute(_OTHER_SLUGS, {**mine, "positions": numbers(slugs), "slugs": list(slugs.values())})
        for one in insert_free(db, _MADE, {**mine, "now": now}, [*left.values()]):
            made[one.id] = left.pop(one.id)
    if made:
        tell_all = [(id_, id_) for id_ in made]
        audit.record_many(
            db, actor, action="customer.created", subject_kind="customer", subjects=tell_all, now=now
        )
        db.execute(_WORDS, {**mine, "positions": numbers(made.values()), "kind": SEARCHED_AS})
    return frozenset(left.values())
