"""Tax rates a partner picks from: a name and a percentage.

Surprise: picking one copies it to the line. Changing or archiving a rate later changes no invoice; a rate
that is archived is not put on new lines, also where a product has it among its taxes.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Session, SQLModel

from auth.actors import Actor
from billing import presets
from billing.customer_fields import key_of
from billing.inputs import Input
from billing.money import parse_rate, rate_text
from billing.presets import Kind
from billing.texts import Checks
from db.columns import count, instant, key, sort_key, tenant
from db.policies import Guard, guarded
from errors import Conflict, Invalid

LONGEST_NAME = 50


class TaxRate(SQLModel, table=True):
    """A tax: `rate_e4` in ten-thousandths of a percent. Of those not archived, name and rate are unique.

    `owner_id` is always null: the guard that keeps a partner's tags from customers keeps these too.
    """

    __tablename__ = "tax_rate"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        CheckConstraint("owner_id is null", name="partners_only"),
        CheckConstraint("rate_e4 between 0 and 1000000", name="rate_is_a_percentage"),
        Index(
            "uq_tax_rate_name", "partner_id", "name_key", "rate_e4",
            unique=True, postgresql_where="archived_at is null",
        ),
        Index("ix_tax_rate_name", "partner_id", "name_key", "id", postgresql_where="owner_id is null"),
        guarded(Guard.OWN),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    owner_id: UUID | None = None
    name: str
    name_key: str = sort_key()
    rate_e4: int = count()
    version: int = count(default=1)
    created_at: datetime = instant()
    updated_at: datetime = instant()
    archived_at: datetime | None = instant(default=None)


class TaxRateInput(Input):
    """A tax as it was typed, its rate in percent, "9.975". For a change, what is not given stays."""

    name: str | None = None
    rate: str | None = None


class RateInUse(Conflict):
    """Another one that is not archived has this name and rate."""

    code = "TAKEN"
    message = "Another tax rate has this name and percentage. Archive that one first."


KIND = Kind("tax_rate", TaxRate, lambda rate: {"name": rate.name, "rate": rate_text(rate.rate_e4)}, RateInUse)


def create(db: Session, actor: Actor, *, fields: TaxRateInput, now: datetime) -> TaxRate:
    """Make a tax rate. Refuses at the field: REQUIRED, TOO_LONG, those of read_decimal, and TAKEN."""
    presets.enter(actor)
    values = _checked(fields, new=True)
    rate = TaxRate(partner_id=actor.partner_id, created_at=now, updated_at=now, **values)
    presets.add(db, KIND, rate, taken=_taken())
    presets.note(db, actor, KIND, rate, "created", now)
    return rate


def update(
    db: Session,
    actor: Actor,
    *,
    tax_rate_id: UUID,
    fields: TaxRateInput,
    version: int | None = None,
    now: datetime,
) -> TaxRate:
    """Change the given fields; lines that have it stay. `version`: the one shown, another is a Conflict.

    Refuses NotFound, and at the field as `create`.
    """
    presets.enter(actor)
    rate = presets.held(db, actor, KIND, preset_id=tax_rate_id, version=version)
    values = _checked(fields, new=False)
    changed = {name: value for name, value in values.items() if value != getattr(rate, name)}
    if changed:
        presets.change(db, KIND, rate, changed, taken=_taken(), now=now)
        presets.note(db, actor, KIND, rate, "updated", now)
    return rate


def archive(db: Session, actor: Actor, *, tax_rate_id: UUID, now: datetime) -> TaxRate:
    """Offer it no more; twice changes nothing. Refuses NotFound."""
    return presets.archive(db, actor, KIND, preset_id=tax_rate_id, now=now)


def restore(db: Session, actor: Actor, *, tax_rate_id: UUID, now: datetime) -> TaxRate:
    """Offer it again; twice changes nothing. Refuses NotFound, RateInUse."""
    return presets.restore(db, actor, KIND, preset_id=tax_rate_id, now=now)


def _checked(fields: TaxRateInput, *, new: bool) -> dict[str, Any]:
    checks = Checks()
    values: dict[str, Any] = {}
    if new or fields.gives("name"):
        values["name"] = checks.line("name", fields.name, required=True, limit=LONGEST_NAME)
        values["name_key"] = key_of(values["name"])
    if new or fields.gives("rate"):
        values["rate_e4"] = checks.read("rate", parse_rate, fields.rate, otherwise=0)
    checks.done()
    return values


def _taken() -> Invalid:
    checks = Checks()
    checks.refuse(
        "name", code="TAKEN", message="Another tax rate has this name and percentage. Change one of the two."
    )
    return Invalid(checks.problems)
