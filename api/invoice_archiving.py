"""Archiving invoices in the API: one, or up to 500 at once."""

from typing import Annotated

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, changed_list, gives, said, takes
from api.invoices import Invoice
from api.nouns import lazy
from auth.actors import Action
from billing import invoice_archiving as t

SHOWN = 50  # of the invoices that were changed: with their tags and more they are many records
Invoices = list[Annotated["Invoice", lazy("api.invoices")]]


@takes(dry_run=True)
class ArchiveInvoiceInput:
    """A paid, void or uncollectible invoice."""

    id: strawberry.ID


@takes(dry_run=True)
class RestoreInvoiceInput:
    """An invoice to put into the lists again."""

    id: strawberry.ID


@takes(dry_run=True)
class ArchiveInvoicesInput:
    """Paid, void or uncollectible invoices: all of them, or nothing is done."""

    invoice_ids: list[strawberry.ID] = strawberry.field(description="1 to 500.")


@takes(dry_run=True)
class RestoreInvoicesInput:
    """Invoices to put into the lists again: all of them, or nothing is done."""

    invoice_ids: list[strawberry.ID] = strawberry.field(description="1 to 500.")


@gives
class ArchiveInvoicePayload:
    """The invoice as it is now."""

    invoice: Invoice | None = changed()


@gives
class RestoreInvoicePayload:
    """The invoice as it is now."""

    invoice: Invoice | None = changed()


@gives
class ArchiveInvoicesPayload:
    """What was done to the invoices."""

    invoices: Invoices = changed_list(SHOWN, "The first 50 of those named.")
    changed_count: int | None = said("How many of them were not archived before.")


@gives
class RestoreInvoicesPayload:
    """What was done to the invoices."""

    invoices: Invoices = changed_list(SHOWN, "The first 50 of those named.")
    changed_count: int | None = said("How many of them were archived before.")


def _archive_one(doing: Doing, given: Given) -> Outcome:
    invoice_id = given.record("id", "inv")
    t.archive(doing.db, doing.actor, invoice_ids=[invoice_id], now=doing.now)
    return {"invoice": invoice_id}


def _restore_one(doing: Doing, given: Given) -> Outcome:
    invoice_id = given.record("id", "inv")
    t.restore(doing.db, doing.actor, invoice_ids=[invoice_id], now=doing.now)
    return {"invoice": invoice_id}


def _archive(doing: Doing, given: Given) -> Outcome:
    invoice_ids = given.records("invoice_ids", "inv")
    done = t.archive(doing.db, doing.actor, invoice_ids=invoice_ids, now=doing.now)
    return {"invoices": invoice_ids, "changed_count": len(done.invoices)}


def _restore(doing: Doing, given: Given) -> Outcome:
    invoice_ids = given.records("invoice_ids", "inv")
    done = t.restore(doing.db, doing.actor, invoice_ids=invoice_ids, now=doing.now)
    return {"invoices": invoice_ids, "changed_count": len(done)}


@strawberry.type
class InvoiceArchivingMutations:
    """What leaves the dashboard's lists, and comes back."""

    archive_invoice: ArchiveInvoicePayload | None = change(
        _archive_one, ArchiveInvoiceInput, Action.EDIT_INVOICES,
        about="Put it out of the dashboard's lists. Its customer sees it as before.",
    )  # fmt: skip
    restore_invoice: RestoreInvoicePayload | None = change(
        _restore_one, RestoreInvoiceInput, Action.EDIT_INVOICES, about="Put it into the lists again."
    )
    archive_invoices: ArchiveInvoicesPayload | None = change(
        _archive, ArchiveInvoicesInput, Action.EDIT_INVOICES,
        about="Put each out of the dashboard's lists. Their customers see them as before.",
    )  # fmt: skip
    restore_invoices: RestoreInvoicesPayload | None = change(
        _restore, RestoreInvoicesInput, Action.EDIT_INVOICES, about="Put each into the lists again."
    )
