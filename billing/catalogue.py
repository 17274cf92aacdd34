"""The catalogue: products and services that a line of an invoice can be filled from.

Surprise: nothing points from an invoice to here. What is picked is copied to the line, so that changing or
archiving an item changes no invoice. A price is kept for each currency: a customer is invoiced in one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, delete, insert
from sqlmodel import Session, SQLModel, col, select

from auth.actors import Actor
from billing import presets
from billing.customer_fields import key_of
from billing.inputs import Input
from billing.invoice_fields import MOST_TAXES, read_amount
from billing.money import LARGEST_MINOR, Currency
from billing.presets import Kind
from billing.tax_rates import TaxRate
from billing.texts import Checks
from db.columns import count, instant, key, linked, minor, sort_key, tenant
from db.policies import Guard, guarded
from errors import Conflict, Invalid, NotFound
from languages import say

LONGEST_NAME = 100
LONGEST_DESCRIPTION = 500
PRICES = {"usd_price": Currency.USD, "cad_price": Currency.CAD}


class CatalogueItem(SQLModel, table=True):
    """A product or service. Of those not archived the name is unique, whatever the case.

    A price that is null is typed on the line. `owner_id` is always null: only the partner's side has these.
    """

    __tablename__ = "catalogue_item"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        CheckConstraint("owner_id is null", name="partners_only"),
        CheckConstraint(f"usd_minor between 0 and {LARGEST_MINOR}", name="usd_in_range"),
        CheckConstraint(f"cad_minor between 0 and {LARGEST_MINOR}", name="cad_in_range"),
        Index(
            "uq_catalogue_item_name", "partner_id", "name_key",
            unique=True, postgresql_where="archived_at is null",
        ),
        Index("ix_catalogue_item_name", "partner_id", "name_key", "id", postgresql_where="owner_id is null"),
        guarded(Guard.OWN),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    owner_id: UUID | None = None
    name: str
    name_key: str = sort_key()
    description: str | None = None
    usd_minor: int | None = minor(default=None)
    cad_minor: int | None = minor(default=None)
    version: int = count(default=1)
    created_at: datetime = instant()
    updated_at: datetime = instant()
    archived_at: datetime | None = instant(default=None)


class CatalogueItemTax(SQLModel, table=True):
    """A tax that an item brings along to its line."""

    __tablename__ = "catalogue_item_tax"
    __table_args__ = (
        ForeignKeyConstraint(
            ["partner_id", "item_id"], ["catalogue_item.partner_id", "catalogue_item.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["partner_id", "tax_rate_id"], ["tax_rate.partner_id", "tax_rate.id"]),
        CheckConstraint("owner_id is null", name="partners_only"),
        Index("ix_catalogue_item_tax_rate", "partner_id", "tax_rate_id", "item_id"),
        guarded(Guard.OWN),
    )

    partner_id: UUID = tenant()
    item_id: UUID = linked()
    tax_rate_id: UUID = linked()
    owner_id: UUID | None = None


class CatalogueInput(Input):
    """An item as it was typed; prices as "1234.50". For a change, what is not given stays as it is."""

    name: str | None = None
    description: str | None = None
    usd_price: str | None = None
    cad_price: str | None = None


class ItemInUse(Conflict):
    """Another one that is not archived has this name."""

    code = "TAKEN"
    message = "Another product or service has this name. Archive that one first, or rename it."


KIND = Kind("catalogue_item", CatalogueItem, lambda item: {"name": item.name}, ItemInUse)


def create(
    db: Session, actor: Actor, *, fields: CatalogueInput, tax_rate_ids: Sequence[UUID] = (), now: datetime
) -> CatalogueItem:
    """Make an item with the taxes it brings along, five at most.

    Refuses NotFound for a tax that is not there, and at the field: REQUIRED, TOO_LONG, those of read_decimal,
    TOO_MANY (taxes), TAKEN.
    """
    presets.enter(actor)
    values = _checked(fields, tax_rate_ids, new=True)
    item = CatalogueItem(partner_id=actor.partner_id, created_at=now, updated_at=now, **values)
    presets.add(db, KIND, item, taken=_taken())
    _put_taxes(db, actor, item, tax_rate_ids)
    presets.note(db, actor, KIND, item, "created", now)
    return item


def update(
    db: Session,
    actor: Actor,
    *,
    item_id: UUID,
    fields: CatalogueInput,
    tax_rate_ids: Sequence[UUID] | None = None,
    version: int | None = None,
    now: datetime,
) -> CatalogueItem:
    """Change the given fields; taxes are given all together, None leaves them. No invoice changes by it.

    `version` is the one that was shown: another one by now is a Conflict. Refuses as `create` does.
    """
    presets.enter(actor)
    item = presets.held(db, actor, KIND, preset_id=item_id, version=version)
    values = _checked(fields, tax_rate_ids or (), new=False)
    changed = {name: value for name, value in values.items() if value != getattr(item, name)}
    others = tax_rate_ids is not None and set(tax_rate_ids) != set(_taxes(db, item))
    if not changed and not others:
        return item
    presets.change(db, KIND, item, changed, taken=_taken(), now=now)
    if others:
        _put_taxes(db, actor, item, tax_rate_ids or ())
    presets.note(db, actor, KIND, item, "updated", now)
    return item


def archive(db: Session, actor: Actor, *, item_id: UUID, now: datetime) -> CatalogueItem:
    """Offer it no more; twice changes nothing. Refuses NotFound."""
    return presets.archive(db, actor, KIND, preset_id=item_id, now=now)


def restore(db: Session, actor: Actor, *, item_id: UUID, now: datetime) -> CatalogueItem:
    """Offer it again; twice changes nothing. Refuses NotFound, ItemInUse."""
    return presets.restore(db, actor, KIND, preset_id=item_id, now=now)


def _checked(fields: CatalogueInput, tax_rate_ids: Sequence[UUID], *, new: bool) -> dict[str, Any]:
    checks = Checks()
    values: dict[str, Any] = {}
    if new or fields.gives("name"):
        values["name"] = checks.line("name", fields.name, required=True, limit=LONGEST_NAME)
        values["name_key"] = key_of(values["name"])
    if new or fields.gives("description"):
        values["description"] = checks.line(
            "description", fields.description, required=False, limit=LONGEST_DESCRIPTION
        )
    for field, currency in PRICES.items():
        if new or fields.gives(field):
            typed = getattr(fields, field)
            price = read_amount(checks, field, typed, currency, required=False)
            values[f"{currency.lower()}_minor"] = price.minor if (typed or "").strip() else None
    if len(tax_rate_ids) > MOST_TAXES:
        message = say("Put at most {most} taxes on one line.", most=MOST_TAXES)
        checks.refuse("tax_rate_ids", code="TOO_MANY", message=message)
    checks.done()
    return values


def _taxes(db: Session, item: CatalogueItem) -> Sequence[UUID]:
    mine = (CatalogueItemTax.partner_id == item.partner_id, CatalogueItemTax.item_id == item.id)
    return db.exec(select(CatalogueItemTax.tax_rate_id).where(*mine)).all()


def _put_taxes(db: Session, actor: Actor, item: CatalogueItem, tax_rate_ids: Sequence[UUID]) -> None:
    chosen = sorted(set(tax_rate_ids))
    mine = (col(TaxRate.partner_id) == actor.partner_id, col(TaxRate.owner_id).is_(None))
    there = select(TaxRate.id).where(*mine, col(TaxRate.id).in_(chosen)).order_by(col(TaxRate.id))
    if len(db.exec(there.with_for_update(read=True, key_share=True)).all()) != len(chosen):
        raise NotFound
    db.execute(delete(CatalogueItemTax).filter_by(partner_id=item.partner_id, item_id=item.id))
    rows = [
        {"partner_id": item.partner_id, "item_id": item.id, "tax_rate_id": chosen_id} for chosen_id in chosen
    ]
    if rows:
        db.execute(insert(CatalogueItemTax), rows)


def _taken() -> Invalid:
    checks = Checks()
    checks.refuse(
        "name", code="TAKEN", message="Another product or service has this name. Choose another name."
    )
    return Invalid(checks.problems)
