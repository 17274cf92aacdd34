"""Merging tags: what carried one carries another, and the one is gone.

Surprise: what carried both counts as nothing moved. It keeps the tag that stays, once, as it was put on it.
Saved views that asked for the one ask for the other from then on.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import literal, text
from sqlalchemy import select as rows_of
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, select

from auth.actors import Actor
from billing.tags import CustomerTag, InvoiceTag, Tag, among, end, enter, note
from errors import Invalid, NotFound

_KEPT = ("partner_id", "owner_id", "created_at")


class Merged(NamedTuple):
    """The tag that stays, and how many customers and invoices gained it."""

    tag: Tag
    customers: int
    invoices: int


def merge(db: Session, actor: Actor, *, tag_id: UUID, into_id: UUID, now: datetime) -> Merged:
    """Put the tag `into_id` on all that carries `tag_id`, and delete that one.

    Both are of the actor's own side. Refuses: NotFound, and at `into_id` SAME_TAG.
    """
    enter(db, actor)
    if tag_id == into_id:
        message = "Choose another tag. This is the one that would go away."
        raise Invalid.at("into_id", code="SAME_TAG", message=message)
    # Held in one order for all, and against whoever is just putting one of them on a thing.
    wanted = select(Tag).where(*among(actor, [tag_id, into_id])).order_by(col(Tag.id)).with_for_update()
    found = {tag.id: tag for tag in db.exec(wanted.execution_options(populate_existing=True))}
    if len(found) != 2:
        raise NotFound
    gone, stays = found[tag_id], found[into_id]
    moved = Merged(
        stays,
        _move(db, CustomerTag, ("customer_id",), gone, stays),
        _move(db, InvoiceTag, ("invoice_id", "customer_id"), gone, stays),
    )
    if actor.is_staff_side:
        # A function of the database: saved views of colleagues ask for tags too, and nobody else sees those.
        merged = {"gone": gone.id, "stays": stays.id, "now": now}
        db.execute(text("select merge_tag_in_views(:gone, :stays, :now)"), merged)
    stays.updated_at = now
    note(db, actor, "tag.merged", gone, now, into=stays.name)
    end(db, gone)
    return moved


def _move(
    db: Session, link: type[CustomerTag] | type[InvoiceTag], things: tuple[str, ...], gone: Tag, stays: Tag
) -> int:
    """How many things gained the tag that stays; since when is kept."""
    table = link.__table__  # type: ignore[union-attr]
    names = [*_KEPT, *things]
    carrying = (
        rows_of(*(table.c[name] for name in names), literal(stays.id))
        .where(table.c.partner_id == gone.partner_id, table.c.tag_id == gone.id)
        # One order for all: two at once never wait for each other in a circle.
        .order_by(table.c[things[0]])
    )
    added = (
        insert(table)
        .from_select([*names, "tag_id"], carrying)
        .on_conflict_do_nothing()
        .returning(table.c[things[0]])
    )
    return len(db.execute(added).all())
