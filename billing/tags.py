"""Tags: coloured labels on customers and invoices.

Surprise: a tag belongs to the partner or to one customer (`owner_id`), and neither sees the other's. So the
audit log, which the partner reads whole, never holds the words of a customer's own tags.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKeyConstraint, Index, func, literal
from sqlalchemy import delete as delete_rows
from sqlalchemy import select as rows_of
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, SQLModel, col, select

from auth import audit
from auth.actors import Action, Actor
from billing.chosen import require_some
from billing.customer_fields import key_of
from billing.customers import Customer, require_acting
from billing.inputs import Input
from billing.invoices import Invoice, InvoiceStatus
from billing.texts import Checks
from billing.told import between
from billing.unique import unique
from db.columns import instant, key, linked, sort_key, tenant
from db.policies import Guard, guarded
from errors import Forbidden, Invalid, NotFound

_COLOUR = re.compile(r"#[0-9a-f]{6}")


class Tag(SQLModel, table=True):
    """A label; its name is unique within its owner, whatever the case. `owner_id` null: the partner's."""

    __tablename__ = "tag"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        ForeignKeyConstraint(["partner_id", "owner_id"], ["customer.partner_id", "customer.id"]),
        CheckConstraint("colour ~ '^#[0-9a-f]{6}$'", name="colour_shape"),
        Index(
            "uq_tag_name", "partner_id", "owner_id", "name_key",
            unique=True, postgresql_nulls_not_distinct=True,
        ),
        Index("ix_tag_name", "partner_id", "owner_id", "name_key", "id"),
        # "owner_id is null" fixes no place in an index' order: the partner's own tags need one without it.
        Index("ix_tag_staff_name", "partner_id", "name_key", "id", postgresql_where="owner_id is null"),
        guarded(Guard.OWN),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    owner_id: UUID | None = None
    name: str
    name_key: str = sort_key()
    colour: str
    description: str | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()


class CustomerTag(SQLModel, table=True):
    """A partner's tag on a customer. `owner_id` is always null: customers don't tag companies."""

    __tablename__ = "customer_tag"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "customer_id"], ["customer.partner_id", "customer.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["partner_id", "tag_id"], ["tag.partner_id", "tag.id"], ondelete="CASCADE"),
        CheckConstraint("owner_id is null", name="partners_only"),
        Index("ix_customer_tag_tag", "partner_id", "tag_id", "customer_id"),
        guarded(Guard.OWN),
    )

    partner_id: UUID = tenant()
    customer_id: UUID = linked()
    tag_id: UUID = linked()
    owner_id: UUID | None = None
    created_at: datetime = instant()


class InvoiceTag(SQLModel, table=True):
    """A tag on an invoice; `owner_id` repeats the tag's, so that each side sees only its own."""

    __tablename__ = "invoice_tag"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "invoice_id"], ["invoice.partner_id", "invoice.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["partner_id", "tag_id"], ["tag.partner_id", "tag.id"], ondelete="CASCADE"),
        CheckConstraint("owner_id is null or owner_id = customer_id", name="owner_is_the_customer"),
        Index("ix_invoice_tag_tag", "partner_id", "tag_id", "invoice_id"),
        guarded(Guard.OWN),
    )

    partner_id: UUID = tenant()
    invoice_id: UUID = linked()
    tag_id: UUID = linked()
    customer_id: UUID
    owner_id: UUID | None = None
    created_at: datetime = instant()


class TagInput(Input):
    """A label as it was typed. For a change, what is not given stays as it is."""

    name: str | None = None
    colour: str | None = None
    description: str | None = None


class TagUsage(NamedTuple):
    """How many things carry a tag."""

    customers: int
    invoices: int


def create(db: Session, actor: Actor, *, fields: TagInput, now: datetime) -> Tag:
    """Make a tag: the partner's for staff, the company's own for a customer user.

    Refuses at the field: REQUIRED, TOO_LONG, BAD_COLOUR, and TAKEN for a name its owner has in any case.
    """
    enter(db, actor)
    values = _checked(fields, new=True)
    tag = Tag(
        partner_id=actor.partner_id, owner_id=actor.customer_id, created_at=now, updated_at=now, **values
    )
    with unique(db, "uq_tag_name", _taken()):
        db.add(tag)
    note(db, actor, "tag.created", tag, now)
    return tag


def update(db: Session, actor: Actor, *, tag_id: UUID, fields: TagInput, now: datetime) -> Tag:
    """Change the given fields of a tag. Refuses NotFound, and at the field as `create`."""
    enter(db, actor)
    tag = _found(db, actor, tag_id, key_share=True)
    values = _checked(fields, new=False)
    changed = {name: value for name, value in values.items() if value != getattr(tag, name)}
    if changed:
        kept = between(tag.model_dump(), changed)
        with unique(db, "uq_tag_name", _taken()):
            for name, value in changed.items():
                setattr(tag, name, value)
            tag.updated_at = now
        note(db, actor, "tag.updated", tag, now, **kept)
    return tag


def usage(db: Session, actor: Actor, *, tag_id: UUID) -> TagUsage:
    """How many customers and invoices carry the tag: what the page asks before deleting. Refuses NotFound."""
    actor.require(Action.VIEW_TAGS)
    return _usage(db, _found(db, actor, tag_id))


def delete(db: Session, actor: Actor, *, tag_id: UUID, now: datetime) -> TagUsage:
    """Delete a tag and take it off everything that carries it; the answer says how much that was.

    Refuses NotFound.
    """
    enter(db, actor)
    tag = _found(db, actor, tag_id, key_share=False)
    used = _usage(db, tag)
    note(db, actor, "tag.deleted", tag, now)
    end(db, tag)
    return used


def end(db: Session, tag: Tag) -> None:
    db.delete(tag)  # and with it its place on everything: so end deleting and merging
    db.flush()


def tag_customers(
    db: Session, actor: Actor, *, tag_ids: Sequence[UUID], customer_ids: Sequence[UUID], now: datetime
) -> int:
    """Put each of the partner's tags on each customer; the answer counts the customers that gained one.

    Refuses NotFound if any of them is not the partner's, Forbidden for customer users, and lists that are
    empty or too long (20 tags, 500 customers).
    """
    chosen = _on_customers(db, actor, tag_ids, customer_ids)
    pairs = (
        rows_of(col(Tag.partner_id), col(Customer.id), col(Tag.id), literal(now))
        .select_from(Tag)
        .join(Customer, col(Customer.partner_id) == col(Tag.partner_id))
        .where(*among(actor, tag_ids), *chosen)
        # One order for all: two at once never wait for each other in a circle.
        .order_by(col(Customer.id), col(Tag.id))
    )
    added = (
        insert(CustomerTag)
        .from_select(["partner_id", "customer_id", "tag_id", "created_at"], pairs)
        .on_conflict_do_nothing()
        .returning(col(CustomerTag.customer_id))
    )
    return _note(db, actor, "customer.tagged", _themselves(db.scalars(added)), tag_ids, now)


def untag_customers(
    db: Session, actor: Actor, *, tag_ids: Sequence[UUID], customer_ids: Sequence[UUID], now: datetime
) -> int:
    """Take each of the partner's tags off each customer; the answer counts the customers that lost one.

    Refuses as `tag_customers`.
    """
    _on_customers(db, actor, tag_ids, customer_ids)
    removed = (
        delete_rows(CustomerTag)
        .where(
            col(CustomerTag.partner_id) == actor.partner_id,
            col(CustomerTag.customer_id).in_(customer_ids),
            col(CustomerTag.tag_id).in_(tag_ids),
        )
        .returning(col(CustomerTag.customer_id))
    )
    return _note(db, actor, "customer.untagged", _themselves(db.scalars(removed)), tag_ids, now)


def tag_invoices(
    db: Session, actor: Actor, *, tag_ids: Sequence[UUID], invoice_ids: Sequence[UUID], now: datetime
) -> int:
    """Put each tag on each invoice; the answer counts the invoices that gained one.

    Staff put the partner's tags on any invoice; customer users put their company's own on its own invoices,
    never on a draft. Refuses NotFound for any other, and lists that are empty or too long (20, 500).
    """
    chosen = _on_invoices(db, actor, tag_ids, invoice_ids)
    pairs = (
        rows_of(
            col(Tag.partner_id),
            col(Invoice.id),
            col(Tag.id),
            col(Invoice.customer_id),
            col(Tag.owner_id),
            literal(now),
        )
        .select_from(Tag)
        .join(Invoice, col(Invoice.partner_id) == col(Tag.partner_id))
        .where(*among(actor, tag_ids), *chosen)
        .order_by(col(Invoice.id), col(Tag.id))
    )
    columns = ["partner_id", "invoice_id", "tag_id", "customer_id", "owner_id", "created_at"]
    added = (
        insert(InvoiceTag)
        .from_select(columns, pairs)
        .on_conflict_do_nothing()
        .returning(col(InvoiceTag.invoice_id), col(InvoiceTag.customer_id))
    )
    return _note(db, actor, "invoice.tagged", db.execute(added), tag_ids, now)


def untag_invoices(
    db: Session, actor: Actor, *, tag_ids: Sequence[UUID], invoice_ids: Sequence[UUID], now: datetime
) -> int:
    """Take each tag off each invoice; the answer counts the invoices that lost one. Refuses as
    `tag_invoices`."""
    _on_invoices(db, actor, tag_ids, invoice_ids)
    removed = (
        delete_rows(InvoiceTag)
        .where(
            col(InvoiceTag.partner_id) == actor.partner_id,
            col(InvoiceTag.invoice_id).in_(invoice_ids),
            col(InvoiceTag.tag_id).in_(tag_ids),
        )
        .returning(col(InvoiceTag.invoice_id), col(InvoiceTag.customer_id))
    )
    return _note(db, actor, "invoice.untagged", db.execute(removed), tag_ids, now)


def enter(db: Session, actor: Actor) -> None:
    actor.require(Action.EDIT_TAGS)
    require_acting(db, actor)


def _checked(fields: TagInput, *, new: bool) -> dict[str, Any]:
    checks = Checks()
    values: dict[str, Any] = {}
    if new or fields.gives("name"):
        name = checks.line("name", fields.name, required=True, limit=50)
        values.update(name=name, name_key=key_of(name))
    if new or fields.gives("colour"):
        values["colour"] = (fields.colour or "").strip().lower()
        if not _COLOUR.fullmatch(values["colour"]):
            message = "Choose a colour, or write it as # and six digits, like #1f6feb."
            checks.refuse("colour", code="BAD_COLOUR", message=message)
    if new or fields.gives("description"):
        values["description"] = checks.line("description", fields.description, required=False, limit=200)
    checks.done()
    return values


def _taken() -> Invalid:
    message = "There is already a tag of this name. Choose another name, or use that tag."
    return Invalid.at("name", code="TAKEN", message=message)


def among(actor: Actor, tag_ids: Sequence[UUID]) -> tuple[ColumnElement[bool], ...]:
    """The actor's own tags: a company's for its users, the partner's for everybody else."""
    return (
        col(Tag.partner_id) == actor.partner_id,
        col(Tag.owner_id).is_not_distinct_from(actor.customer_id),
        col(Tag.id).in_(tag_ids),
    )


def _found(db: Session, actor: Actor, tag_id: UUID, *, key_share: bool | None = None) -> Tag:
    """The tag; locked if `key_share` is given. False also waits for whoever is just putting it on a thing."""
    wanted = select(Tag).where(*among(actor, [tag_id])).execution_options(populate_existing=True)
    tag = db.exec(wanted if key_share is None else wanted.with_for_update(key_share=key_share)).one_or_none()
    if tag is None:
        raise NotFound
    return tag


def _usage(db: Session, tag: Tag) -> TagUsage:
    def carrying(link: type[CustomerTag] | type[InvoiceTag]) -> int:
        mine = (col(link.partner_id) == tag.partner_id, col(link.tag_id) == tag.id)
        return db.exec(select(func.count()).select_from(link).where(*mine)).one()

    return TagUsage(carrying(CustomerTag), carrying(InvoiceTag))


def hold(db: Session, actor: Actor, tag_ids: Sequence[UUID]) -> None:
    """Have none of these tags deleted before the transaction ends. Refuses NotFound if one is not theirs."""
    held = select(Tag.id).where(*among(actor, tag_ids)).order_by(col(Tag.id))
    if len(db.exec(held.with_for_update(read=True, key_share=True)).all()) != len(set(tag_ids)):
        raise NotFound


def _on_customers(
    db: Session, actor: Actor, tag_ids: Sequence[UUID], customer_ids: Sequence[UUID]
) -> tuple[ColumnElement[bool], ...]:
    """The condition that finds these customers, once it is sure that all of them and the tags are there."""
    actor.require(Action.EDIT_TAGS)
    if not actor.is_staff_side:
        raise Forbidden("Companies are tagged by the business that invoices them.")
    require_some(tag_ids=tag_ids, customer_ids=customer_ids)
    hold(db, actor, tag_ids)
    chosen = (col(Customer.partner_id) == actor.partner_id, col(Customer.id).in_(customer_ids))
    if len(db.exec(select(Customer.id).where(*chosen)).all()) != len(set(customer_ids)):
        raise NotFound
    return chosen


def _on_invoices(
    db: Session, actor: Actor, tag_ids: Sequence[UUID], invoice_ids: Sequence[UUID]
) -> tuple[ColumnElement[bool], ...]:
    """As `_on_customers`, for invoices; a customer user reaches only its own company's issued ones."""
    enter(db, actor)
    require_some(tag_ids=tag_ids, invoice_ids=invoice_ids)
    hold(db, actor, tag_ids)
    chosen = [col(Invoice.partner_id) == actor.partner_id, col(Invoice.id).in_(invoice_ids)]
    if actor.customer_id is not None:
        chosen += [col(Invoice.customer_id) == actor.customer_id, col(Invoice.status) != InvoiceStatus.DRAFT]
    held = select(Invoice.id).where(*chosen).order_by(col(Invoice.id))
    if len(db.exec(held.with_for_update(read=True, key_share=True)).all()) != len(set(invoice_ids)):
        raise NotFound
    return tuple(chosen)


def note(db: Session, actor: Actor, action: str, tag: Tag, now: datetime, **more: object) -> None:
    """Write down what was done to a tag; a customer's own by id only, for the partner reads it too."""
    details = {"name": tag.name, **more} if tag.owner_id is None else {}
    audit.record(
        db, actor, action=action, subject_kind="tag", subject_id=tag.id, customer_id=tag.owner_id,
        now=now, **details,
    )  # fmt: skip
    db.flush()


def _themselves(customer_ids: Iterable[UUID]) -> list[tuple[UUID, UUID]]:
    return [(id_, id_) for id_ in customer_ids]


def _note(
    db: Session, actor: Actor, action: str, subjects: Iterable[Any], tag_ids: Sequence[UUID], now: datetime
) -> int:
    """One audit row per thing that changed (each with whose it is); the answer is how many those are.

    A partner's labels are not for the customer to read, so a row about them is the partner's alone.
    """
    changed: dict[UUID, UUID] = dict(map(tuple, subjects))
    if changed:
        audit.record_many(
            db, actor, action=action, subject_kind=action.partition(".")[0], now=now,
            subjects=[(subject, actor.customer_id) for subject in changed], concerned=list(changed.values()),
            details=[{"tags": sorted(map(str, tag_ids))}] * len(changed),
        )  # fmt: skip
    return len(changed)
