"""Products and services in the API: for the partner's side only."""

from datetime import datetime
from decimal import Decimal

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, opt, takes
from api.nouns import Connection, Node, by_id, col, many, noun, page
from api.reads import STAFF
from api.tax_rates import TaxRate
from auth.actors import Action
from billing import catalogue as t
from billing.customer_fields import key_of
from billing.invoice_fields import MOST_TAXES


@noun(t.CatalogueItem, "cit", needs=Action.VIEW_INVOICES, order="name")
class CatalogueItem(Node):
    """A product or service to fill a line from. What the line gets is a copy: no invoice changes with it."""

    name: str = col(where=True, order=True, key="name_key", fold=key_of)
    description: str | None = col("What the line says. Null: the name.")
    usd_price: Decimal | None = col("In US dollars. Null: typed on the line.", name="usd_minor", places=2)
    cad_price: Decimal | None = col("In Canadian dollars.", name="cad_minor", places=2)
    tax_rates: list[TaxRate] = many(
        (t.CatalogueItemTax, "item_id", "tax_rate_id"), "What it brings along. Pass over archived ones.",
        sort="name_key", limit=MOST_TAXES,
    )  # fmt: skip
    version: int = col("Rises with every change.")
    created_at: datetime = col()
    updated_at: datetime = col(where=True)
    archived_at: datetime | None = col("It is offered no more from then on.", where=True)


@strawberry.type
class CatalogueQueries:
    """Root fields about products and services."""

    catalogue_item: CatalogueItem | None = by_id(see=STAFF)
    catalogue_items: Connection[CatalogueItem] = page(see=STAFF)


@takes(dry_run=True)
class CreateCatalogueItemInput:
    """A new product or service."""

    name: str | None = opt("Required. 100 characters at most.")
    description: str | None = opt("What the line says. Left out: the name.")
    usd_price: Decimal | None = opt("In US dollars.")
    cad_price: Decimal | None = opt("In Canadian dollars.")
    tax_rate_ids: list[strawberry.ID] | None = opt("At most 5.")


@takes(dry_run=True)
class UpdateCatalogueItemInput:
    """What is not given stays as it is. Invoices stay too."""

    id: strawberry.ID
    version: int | None = opt("The one that was shown: refused if it has changed since.")
    name: str | None = opt()
    description: str | None = opt("Null takes it away.")
    usd_price: Decimal | None = opt("Null takes it away.")
    cad_price: Decimal | None = opt("Null takes it away.")
    tax_rate_ids: list[strawberry.ID] | None = opt("All of them, at most 5. Null is none.")


@takes(dry_run=True)
class ArchiveCatalogueItemInput:
    """Which one."""

    id: strawberry.ID


@takes(dry_run=True)
class RestoreCatalogueItemInput:
    """Which one."""

    id: strawberry.ID


@gives
class CreateCatalogueItemPayload:
    """The new one."""

    catalogue_item: CatalogueItem | None = changed()


@gives
class UpdateCatalogueItemPayload:
    """As it is now."""

    catalogue_item: CatalogueItem | None = changed()


@gives
class ArchiveCatalogueItemPayload:
    """As it is now."""

    catalogue_item: CatalogueItem | None = changed()


@gives
class RestoreCatalogueItemPayload:
    """As it is now."""

    catalogue_item: CatalogueItem | None = changed()


def _rates(given: Given) -> Given:
    """The input with a list of taxes wherever it was given, null being none."""
    if given.get("tax_rate_ids", ()) is None:
        return Given({**given, "tax_rate_ids": []})
    return given


def _create(doing: Doing, given: Given) -> Outcome:
    rates = _rates(given).records("tax_rate_ids", "txr") if "tax_rate_ids" in given else []
    made = t.create(
        doing.db, doing.actor, fields=given.fields(t.CatalogueInput), tax_rate_ids=rates, now=doing.now
    )
    return {"catalogue_item": made.id}


def _update(doing: Doing, given: Given) -> Outcome:
    rates = _rates(given).records("tax_rate_ids", "txr") if "tax_rate_ids" in given else None
    kept = t.update(
        doing.db, doing.actor, item_id=given.record("id", "cit"), fields=given.fields(t.CatalogueInput),
        tax_rate_ids=rates, version=given.get("version"), now=doing.now,
    )  # fmt: skip
    return {"catalogue_item": kept.id}


def _archive(doing: Doing, given: Given) -> Outcome:
    kept = t.archive(doing.db, doing.actor, item_id=given.record("id", "cit"), now=doing.now)
    return {"catalogue_item": kept.id}


def _restore(doing: Doing, given: Given) -> Outcome:
    kept = t.restore(doing.db, doing.actor, item_id=given.record("id", "cit"), now=doing.now)
    return {"catalogue_item": kept.id}


@strawberry.type
class CatalogueMutations:
    """Changes of products and services."""

    create_catalogue_item: CreateCatalogueItemPayload | None = change(
        _create, CreateCatalogueItemInput, Action.EDIT_INVOICES, about="Make a product or service."
    )
    update_catalogue_item: UpdateCatalogueItemPayload | None = change(
        _update,
        UpdateCatalogueItemInput,
        Action.EDIT_INVOICES,
        about="Change a product or service. No invoice changes.",
    )
    archive_catalogue_item: ArchiveCatalogueItemPayload | None = change(
        _archive, ArchiveCatalogueItemInput, Action.EDIT_INVOICES, about="Offer an item no more."
    )
    restore_catalogue_item: RestoreCatalogueItemPayload | None = change(
        _restore, RestoreCatalogueItemInput, Action.EDIT_INVOICES, about="Offer an archived item again."
    )
