"""Many new customers at once, in a few statements: what an import makes.

Surprise: it leaves the same rows behind as `customers.create` does one by one (customer, log, search words),
and a test compares the two.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col

from auth import audit
from auth.actors import Action, Actor
from billing import search
from billing.customer_fields import Profile
from billing.customers import SEARCHED_AS, Customer, CustomerStatus, words_of
from billing.slugs import random_slug

# Two lists instead of thousands of rows: a customer has about ten words; binding each one costs most.
_WORDS = text("""
    insert into search_token (partner_id, subject_id, kind, token, customer_id)
    select :partner_id, one.id, :kind, one.token, one.id
    from unnest(cast(:ids as uuid[]), cast(:tokens as text[])) as one(id, token)
""")


def create_all(
    db: Session, actor: Actor, *, profiles: Mapping[UUID, Profile], now: datetime
) -> frozenset[UUID]:
    """Make customers in SETUP with these ids; back come those not made: their external id was taken."""
    actor.require(Action.EDIT_CUSTOMERS)
    fixed = {
        "partner_id": actor.partner_id, "status": CustomerStatus.SETUP, "open_minor": 0, "version": 1,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    left: dict[UUID, dict[str, Any]] = {
        id_: {**fixed, "id": id_, **profile.values} for id_, profile in profiles.items()
    }
    made: dict[UUID, dict[str, Any]] = {}
    for _ in range(8):  # a slug that another partner happens to have can't be seen from here: draw again
        if not left:
            break
        rows = [{**row, "slug": random_slug(row["company"])} for row in left.values()]
        written = insert(Customer).on_conflict_do_nothing().returning(col(Customer.id))
        for id_ in db.scalars(written, rows).all():
            made[id_] = left.pop(id_)
    if made:
        tell_all = [(id_, id_) for id_ in made]
        audit.record_many(
            db, actor, action="customer.created", subject_kind="customer", subjects=tell_all, now=now
        )
        _keep_words(db, actor, made)
    return frozenset(left)


def _keep_words(db: Session, actor: Actor, made: Mapping[UUID, Mapping[str, Any]]) -> None:
    words = [(id_, token) for id_, row in made.items() for token in search.words_kept(words_of(row))]
    db.execute(
        _WORDS,
        {
            "partner_id": actor.partner_id, "kind": SEARCHED_AS, "ids": [id_ for id_, _ in words],
            "tokens": [token for _, token in words],
        },
    )  # fmt: skip
