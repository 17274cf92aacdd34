"""Tax rates in the API: for the partner's side only."""

from datetime import datetime
from decimal import Decimal

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, opt, takes
from api.nouns import Connection, Node, by_id, col, noun, page
from api.reads import STAFF
from auth.actors import Action
from billing import tax_rates as t
from billing.customer_fields import key_of


@noun(t.TaxRate, "txr", needs=Action.VIEW_INVOICES, order="name")
class TaxRate(Node):
    """A tax to put on lines. What is put there is a copy: no invoice changes with it."""

    name: str = col(where=True, order=True, key="name_key", fold=key_of)
    rate: Decimal = col("In percent.", name="rate_e4", places=4)
    version: int = col("Rises with every change.")
    created_at: datetime = col()
    updated_at: datetime = col(where=True)
    archived_at: datetime | None = col("It is not put on new lines from then on.", where=True)


@strawberry.type
class TaxRateQueries:
    """Root fields about tax rates."""

    tax_rate: TaxRate | None = by_id(see=STAFF)
    tax_rates: Connection[TaxRate] = page(see=STAFF)


@takes(dry_run=True)
class CreateTaxRateInput:
    """A new tax rate."""

    name: str | None = opt("Required. 50 characters at most.")
    rate: Decimal | None = opt("Required. In percent, at most 4 decimals.")


@takes(dry_run=True)
class UpdateTaxRateInput:
    """What is not given stays as it is. Lines that have it stay too."""

    id: strawberry.ID
    version: int | None = opt("The one that was shown: refused if it has changed since.")
    name: str | None = opt()
    rate: Decimal | None = opt("In percent, at most 4 decimals.")


@takes(dry_run=True)
class ArchiveTaxRateInput:
    """Which one."""

    id: strawberry.ID


@takes(dry_run=True)
class RestoreTaxRateInput:
    """Which one."""

    id: strawberry.ID


@gives
class CreateTaxRatePayload:
    """The new one."""

    tax_rate: TaxRate | None = changed()


@gives
class UpdateTaxRatePayload:
    """As it is now."""

    tax_rate: TaxRate | None = changed()


@gives
class ArchiveTaxRatePayload:
    """As it is now."""

    tax_rate: TaxRate | None = changed()


@gives
class RestoreTaxRatePayload:
    """As it is now."""

    tax_rate: TaxRate | None = changed()


def _create(doing: Doing, given: Given) -> Outcome:
    made = t.create(doing.db, doing.actor, fields=given.fields(t.TaxRateInput), now=doing.now)
    return {"tax_rate": made.id}


def _update(doing: Doing, given: Given) -> Outcome:
    kept = t.update(
        doing.db, doing.actor, tax_rate_id=given.record("id", "txr"), fields=given.fields(t.TaxRateInput),
        version=given.get("version"), now=doing.now,
    )  # fmt: skip
    return {"tax_rate": kept.id}


def _archive(doing: Doing, given: Given) -> Outcome:
    kept = t.archive(doing.db, doing.actor, tax_rate_id=given.record("id", "txr"), now=doing.now)
    return {"tax_rate": kept.id}


def _restore(doing: Doing, given: Given) -> Outcome:
    kept = t.restore(doing.db, doing.actor, tax_rate_id=given.record("id", "txr"), now=doing.now)
    return {"tax_rate": kept.id}


@strawberry.type
class TaxRateMutations:
    """Changes of tax rates."""

    create_tax_rate: CreateTaxRatePayload | None = change(
        _create, CreateTaxRateInput, Action.EDIT_INVOICES, about="Make a tax rate."
    )
    update_tax_rate: UpdateTaxRatePayload | None = change(
        _update, UpdateTaxRateInput, Action.EDIT_INVOICES, about="Change a tax rate. No invoice changes."
    )
    archive_tax_rate: ArchiveTaxRatePayload | None = change(
        _archive, ArchiveTaxRateInput, Action.EDIT_INVOICES, about="Put a tax rate on no new lines."
    )
    restore_tax_rate: RestoreTaxRatePayload | None = change(
        _restore, RestoreTaxRateInput, Action.EDIT_INVOICES, about="Offer an archived tax rate again."
    )
