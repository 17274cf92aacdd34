"""Invoices from a CSV file, in the dashboard: the pages of all imports (`imports.py`)."""

from starlette.requests import Request

from auth.actors import Action
from billing import invoice_imports
from billing.invoice_imports import EXAMPLES, FIELDS
from languages import mark
from portal.house import place
from portal.partner.imports import Imported
from portal.shell import Link


def trail(request: Request, *steps: tuple[str, str | None]) -> list[Link]:
    """Accounts Receivable / Invoices / `steps`; a step is its label and address."""
    invoices = Link(mark("Invoices"), f"{place(request).home}/invoices")
    return [Link(mark("Accounts Receivable")), invoices, *(Link(*step) for step in steps)]


INVOICES = Imported(
    rules=invoice_imports,
    folder="invoices",
    templates="partner/invoice_imports",
    parameter="invoice_import_id",
    prefix="iim",
    record="inv",
    record_label="Invoice id",
    right=Action.EDIT_INVOICES,
    canceled=mark("The import of {file_name} is canceled. No invoice was changed."),
    made=lambda row: row.invoice_id,
    crumbs=trail,
    fields=FIELDS,
    offered=FIELDS,
    examples=EXAMPLES,
    seen=lambda begun: begun.seen,
)
ROUTES = INVOICES.routes()
